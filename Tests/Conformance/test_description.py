"""openapi/souk.yaml is true: its examples work, each route takes the scope that it names, each answer is described."""

import json

import pytest

from description import SOUK as DESCRIPTION
from marketplace import World

SELLER_OF_THE_EXAMPLES = "sel_01jd7m3c0e8w2v9k4x5y6z7abc"
SCOPES = DESCRIPTION.content["components"]["schemas"]["Scope"]["enum"]


@pytest.fixture(scope="module")
def world(deployed):
    return World(deployed, "described")


def test_no_operation_stands_twice():
    assert len(DESCRIPTION.by_id) == len(DESCRIPTION.operations)


def examples(node, place="#"):
    """(place, schema, value) of every example in the file."""
    if isinstance(node, dict):
        schema = node.get("schema") if "example" in node else node
        for value in node.get("examples", []) if isinstance(node.get("examples"), list) else []:
            yield place, node, value
        if "example" in node:
            yield place, schema, node["example"]
        for name, child in node.items():
            if name not in ("example", "examples"):
                yield from examples(child, f"{place}/{name}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from examples(child, f"{place}/{index}")


def test_every_example_is_what_its_schema_allows():
    found = list(examples(DESCRIPTION.content))
    assert len(found) > 60
    for place, schema, value in found:
        assert DESCRIPTION.first_error(schema, value) is None, (place, value)


@pytest.mark.parametrize("operation", [o for o in DESCRIPTION.operations if o.body_example is not None], ids=repr)
def test_every_example_of_a_request_succeeds(operation, world):
    body = json.loads(json.dumps(operation.body_example).replace(SELLER_OF_THE_EXAMPLES, world.seller))
    path, _ = world.request(operation)
    answer = world.souk.call(operation.method, path, body)
    assert answer.status in (200, 201), answer
    # What would stand in the way of the other tests.
    if operation.id == "hold_seller":
        world.souk.call("POST", path, {"held": False}, expect=200)
    if operation.id == "create_event_destination":
        world.souk.call("DELETE", f"{path}/{answer['id']}", expect=200)
    if operation.id == "set_limit":
        world.souk.call("DELETE", f"{path}/{answer['id']}", expect=200)
    if operation.id == "hold_money_out":
        let_money_leave(world.souk)


def let_money_leave(souk):
    souk.call("POST", "/v1/admin/money_out/release", {"reason": "the next test"}, expect=200)


def test_every_operation_that_takes_a_body_shows_one():
    shown = {o.id for o in DESCRIPTION.operations if o.body_example is not None}
    taking = {o.id for o in DESCRIPTION.operations if "requestBody" in o.content and not o.id.startswith("receive_")}
    assert taking == shown


def grants(scope, needed):
    """As the description says: a write scope includes reading the same things; admin includes everything."""
    if scope in (needed, "admin"):
        return True
    reads, _, word = needed.partition(":")
    beside = {("orders:read", "refunds:write"), ("transfers:read", "payouts:write")}
    return word == "read" and scope == f"{reads}:write" or (needed, scope) in beside


@pytest.fixture(scope="module")
def keys(world):
    return {scope: world.api_key([scope])["key"] for scope in SCOPES}


@pytest.mark.parametrize("operation", [o for o in DESCRIPTION.operations if o.scope], ids=repr)
def test_each_route_takes_its_scope_and_no_other(operation, world, keys):
    for scope in SCOPES:
        bearer = {"Authorization": f"Bearer {keys[scope]}"}
        if grants(scope, operation.scope):
            path, body = world.request(operation)
            answer = world.souk.call(operation.method, path, body, **bearer)
            assert answer.status in (200, 201), (scope, answer)
            if operation.id == "hold_money_out":
                let_money_leave(world.souk)
        else:
            path = operation.path.replace("{id}", "x").replace("{code}", "x")
            answer = world.souk.call(operation.method, path, {} if operation.method == "POST" else None, **bearer)
            assert answer.status == 403 and answer["error"]["code"] == "scope_missing", (scope, answer)
            assert f"'{operation.scope}'" in answer["error"]["message"]


def test_links_that_work_once_are_made_anew_whatever_the_idempotency_key(world):
    souk, seller = world.souk, f"/v1/sellers/{world.seller}"
    headers = {"Idempotency-Key": world.unique("key")}
    for path in f"{seller}/onboarding_links", f"{seller}/login_links":
        first, second = (souk.call("POST", path, {}, expect=201, **headers) for _ in range(2))
        assert first["url"] != second["url"] and "Idempotent-Replayed" not in second.headers
        assert first.headers["Cache-Control"] == "no-store"
    assert souk.sql(f"SELECT count(*) FROM idempotency_keys WHERE key = '{headers['Idempotency-Key']}'").strip() == "0"
    # Other routes give the stored answer.
    made = [souk.call("POST", seller, {"metadata": {"a": "b"}}, expect=200, **headers) for _ in range(2)]
    assert made[0].body == made[1].body and made[1].headers["Idempotent-Replayed"] == "true"
