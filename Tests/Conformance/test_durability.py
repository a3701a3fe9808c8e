"""SIGKILL after an answer loses nothing; the SDK retries over it."""

import pytest

from conftest import Control, Sandbox, client


@pytest.mark.parametrize("round", range(3))
def test_what_was_answered_survives_sigkill(tmp_path, round):
    sandbox = Sandbox(tmp_path).start()
    try:
        names = []
        for number in range(5):
            api = client(sandbox.address).v1
            customer = api.customers.create(params={"name": f"{round}-{number}"}, options={"idempotency_key": f"k{number}"})
            names.append(customer.id)
            sandbox.kill()
            sandbox.start()
            api = client(sandbox.address).v1
            assert [c.id for c in api.customers.list().data] == names[::-1]
            again = api.customers.create(params={"name": f"{round}-{number}"}, options={"idempotency_key": f"k{number}"})
            assert again.id == customer.id and again.last_response.headers["Idempotent-Replayed"] == "true"
        assert Control(sandbox.address)("GET", "books")["accounts"]
    finally:
        sandbox.kill()
