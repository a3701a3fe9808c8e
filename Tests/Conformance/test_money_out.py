"""The switch that holds all money out, thrown at the command line, for every process at once."""

import pytest

from marketplace import World


@pytest.fixture(scope="module")
def world(deployed):
    return World(deployed, "held")


@pytest.fixture(scope="module")
def beside(deployed):
    """Another process on the same database."""
    other = deployed.beside({})
    yield other
    other.stop()


def test_nothing_leaves_by_any_process_until_it_is_lifted(world, beside):
    souk = world.souk
    order = world.paid_order()
    souk.settle()
    said = souk.run("hold", "--all-money-out", "--reason", "a key was stolen").stdout
    assert "All money out is held" in said and "by shell: a key was stolen" in said
    try:
        refunds = [s.call("POST", f"/v1/orders/{order}/refunds", {"amount": 100}, expect=201) for s in (souk, beside)]
        for refund in refunds:
            assert refund["stripe_refund"] is None
            assert [o["reason"] for o in refund["operations"] if o["kind"] == "refund_charge"] == [
                "all money out is held: a key was stolen"]
        souk.settle()
        assert not [o for o in souk.control("GET", f"objects?souk_order={order}")["data"] if o["object"] == "refund"]
        assert "a key was stolen" in souk.run("doctor", "--books").stdout
        assert souk.call("GET", "/v1/admin/money_out", expect=200)["operations_waiting"] >= 2
    finally:
        assert "Money may leave." in souk.run("hold", "--release", "--reason", "the key is revoked").stdout
    souk.settle()
    for refund in refunds:
        assert souk.call("GET", f"/v1/refunds/{refund['id']}", expect=200)["status"] == "succeeded"
    assert "Money may leave." in souk.run("hold").stdout


def test_the_command_says_what_it_needs(world):
    for arguments in ("--all-money-out",), ("--release",), ("--all-money-out", "--release", "--reason", "x"):
        refused = world.souk.run("hold", *arguments, check=False)
        assert refused.returncode != 0 and "Say" in refused.stderr
