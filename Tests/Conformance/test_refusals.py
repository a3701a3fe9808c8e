"""What Souk refuses: every code of its catalogue over HTTP, and that a refusal writes nothing."""

import concurrent.futures
import json
import re
import signal
import subprocess

import pytest

from description import SOUK as DESCRIPTION
from running import SOUK, clean_environment, send, wait_until
from marketplace import World

CODES = DESCRIPTION.content["components"]["schemas"]["ErrorCode"]["enum"]
NOWHERE = "0" * 26


@pytest.fixture(scope="module")
def world(deployed):
    return World(deployed, "refused")


@pytest.fixture(scope="module")
def strict(deployed):
    """Another process of the same Souk, that takes one request a second and no private addresses."""
    beside = deployed.beside({"SOUK_RATE_LIMIT": 1, "SOUK_ALLOW_PRIVATE_ADDRESSES": 0, "SOUK_ROLES": "api"})
    yield beside
    beside.stop()


# --- Every code ---------------------------------------------------------------------------------------------------

def order(**changes):
    return lambda w: w.souk.call("POST", "/v1/orders", w.new_order(**changes))


def line(**changes):
    return lambda w: w.souk.call("POST", "/v1/orders", w.new_order(lines=[{
        "seller": w.seller, "description": "Oak table", "unit_amount": 10000} | changes]))


def get(path):
    return lambda w: w.souk.call("GET", path)


def post(path, body):
    return lambda w: w.souk.call("POST", path, body)


def too_many_lines(w):
    return w.souk.call("POST", "/v1/orders", w.new_order(lines=501 * [{"seller": w.seller, "unit_amount": 100}]))


def expired_key(w):
    key = w.api_key(["admin"])
    w.souk.sql(f"UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = '{key['id']}'")
    return w.souk.call("GET", "/v1/sellers", Authorization=f"Bearer {key['key']}")


def scope_missing(w):
    return w.souk.call("GET", "/v1/sellers", Authorization=f"Bearer {w.api_key(['orders:write'])['key']}")


def idempotency_key_reused(w):
    headers = {"Idempotency-Key": w.unique("key")}
    w.souk.call("POST", "/v1/sellers", w.new_seller(), expect=201, **headers)
    return w.souk.call("POST", "/v1/sellers", w.new_seller(), **headers)


def idempotency_key_in_use(w):
    w.souk.faults({"match": "POST /v1/accounts", "kind": "delay", "milliseconds": 3000})
    body, headers = w.new_seller(), {"Idempotency-Key": w.unique("key")}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(w.souk.call, "POST", "/v1/sellers", body, **headers)
        is_running = f"SELECT count(*) FROM idempotency_keys WHERE key = '{headers['Idempotency-Key']}'"
        wait_until("the first request runs", lambda: w.souk.sql(is_running).strip() == "1")
        second = w.souk.call("POST", "/v1/sellers", body, **headers)
        assert first.result().status == 201
    w.souk.faults()
    return second


def external_id_taken(w):
    body = w.new_seller()
    w.souk.call("POST", "/v1/sellers", body, expect=201)
    return w.souk.call("POST", "/v1/sellers", body | {"email": "other@example.com"})


def stripe_account_taken(w):
    account = w.souk.call("GET", f"/v1/sellers/{w.seller}")["stripe_account"]
    return w.souk.call("POST", "/v1/sellers", {"external_id": w.unique("shop"), "stripe_account": account})


def seller_not_ready(w):
    seller = w.souk.call("POST", "/v1/sellers", w.new_seller(), expect=201)["id"]
    return line(seller=seller)(w)


def second_person_required(w):
    """Who has asked approves."""
    key = w.api_key(["admin"])
    bearer = {"Authorization": f"Bearer {key['key']}"}
    w.souk.call(
        "POST", "/v1/admin/limits", {"api_key": key["id"], "kind": "refund", "currency": "usd", "per_operation": 0}, expect=200)
    refund = w.souk.call("POST", f"/v1/orders/{w.refundable}/refunds", {"amount": 1}, expect=201, **bearer)
    operation = f"/v1/admin/operations/{refund['operations'][0]['id']}"
    refused = w.souk.call("POST", f"{operation}/approve", {"reason": "mine"}, **bearer)
    w.souk.call("POST", f"{operation}/refuse", {"reason": "only tried"}, expect=200)
    return refused


def payout_blocked(w):
    """The bank sent a payout back, and the bank account is still the same."""
    seller = w.onboarded_seller()
    w.fund(seller)
    payout = w.souk.call("POST", f"/v1/sellers/{seller}/payouts", w.new_payout(), expect=201)
    w.souk.control("POST", f"payouts/{payout['stripe_payout']}/fail", {"failure_code": "account_closed"})
    w.souk.settle()
    return w.souk.call("POST", f"/v1/sellers/{seller}/payouts", w.new_payout())


def charge_disputed(w):
    order = w.paid_order()
    w.souk.settle()
    charge = w.souk.call("GET", f"/v1/orders/{order}", expect=200)["charge"]
    dispute = w.souk.control("POST", f"charges/{charge}/dispute", {"reason": "fraudulent"})
    refused = w.souk.call("POST", f"/v1/orders/{order}/refunds", {})
    # Won again, so that nothing of it stays in the books of this world.
    w.souk.control("POST", f"disputes/{dispute['id']}/resolve", {"outcome": "won"})
    return refused


def stripe_refused(w):
    return w.souk.call("POST", "/v1/sellers", {"external_id": w.unique("shop"), "stripe_account": "acct_ofanother"})


def internal_error(w):
    """An answer that was stored is damaged: what nobody foresaw is said without telling what it was."""
    headers, body = {"Idempotency-Key": w.unique("key")}, w.new_seller()
    w.souk.call("POST", "/v1/sellers", body, expect=201, **headers)
    w.souk.sql(f"UPDATE idempotency_keys SET sealed_body = 'damaged' WHERE key = '{headers['Idempotency-Key']}'")
    return w.souk.call("POST", "/v1/sellers", body, **headers)


def stripe_unavailable(w):
    with w.souk.without_stripe():
        return w.souk.call("POST", f"/v1/sellers/{w.seller}/login_links", {})


def database_unavailable(w):
    with w.souk.without_database():
        return w.souk.call("GET", "/v1/sellers")


PROVOCATIONS = {
    "malformed_json": lambda w: w.souk.call("POST", "/v1/sellers", b"{", Content_Type="application/json"),
    "body_too_large": post("/v1/sellers", json.dumps({"external_id": "x" * (1 << 20)}).encode()),
    "unsupported_media_type": lambda w: w.souk.call("POST", "/v1/sellers", b"a=b", Content_Type="text/plain"),
    "parameter_missing": post("/v1/sellers", {"country": "US"}),
    "parameter_invalid": get("/v1/sellers?limit=1000"),
    "parameter_unknown": post("/v1/sellers", {"external_id": "s", "nickname": "x"}),
    "currency_unknown": order(currency="xxx"),
    "country_not_supported": post("/v1/sellers", {"external_id": "s", "country": "KP"}),
    "amount_too_small": line(unit_amount=10),
    "amount_too_large": line(unit_amount=99999999, quantity=2),
    "too_many_lines": too_many_lines,
    "route_not_found": get("/v1/nowhere"),
    "method_not_allowed": lambda w: w.souk.call("PUT", "/v1/sellers", {}),
    "unauthenticated": lambda w: send("GET", w.souk.address + "/v1/sellers"),
    "key_expired": expired_key,
    "scope_missing": scope_missing,
    "seller_not_found": get(f"/v1/sellers/sel_{NOWHERE}"),
    "order_not_found": get(f"/v1/orders/ord_{NOWHERE}"),
    "refund_not_found": get(f"/v1/refunds/ref_{NOWHERE}"),
    "transfer_not_found": get(f"/v1/transfers/trf_{NOWHERE}"),
    "transfer_group_not_found": get(f"/v1/transfer_groups/ord_{NOWHERE}"),
    "dispute_not_found": get(f"/v1/disputes/dis_{NOWHERE}"),
    "fraud_warning_not_found": get(f"/v1/fraud_warnings/frw_{NOWHERE}"),
    "payout_not_found": get(f"/v1/payouts/pay_{NOWHERE}"),
    "adjustment_not_found": get(f"/v1/adjustments/adj_{NOWHERE}"),
    "event_not_found": get(f"/v1/events/evt_{NOWHERE}"),
    "event_destination_not_found": get(f"/v1/event_destinations/edt_{NOWHERE}"),
    "ledger_account_not_found": get("/v1/ledger/accounts/revenue:gifts/entries"),
    "journal_entry_not_found": get(f"/v1/ledger/entries/jen_{NOWHERE}"),
    "commission_invoice_not_found": get(f"/v1/commission_invoices/cin_{NOWHERE}"),
    "reconciliation_not_found": get(f"/v1/admin/reconciliations/rec_{NOWHERE}"),
    "finding_not_found": post(f"/v1/admin/findings/fnd_{NOWHERE}/repair", {"repair": "mark_reviewed", "reason": "x"}),
    "second_person_required": second_person_required,
    "limit_not_found": get(f"/v1/admin/limits/lim_{NOWHERE}"),
    "operation_not_found": get(f"/v1/admin/operations/opn_{NOWHERE}"),
    "webhook_event_not_found": get("/v1/admin/webhook_events/evt_unheard"),
    "api_key_not_found": get(f"/v1/admin/api_keys/key_{NOWHERE}"),
    "onboarding_token_not_found": get(f"/onboarding/{'0' * 64}/refresh"),
    "idempotency_key_reused": idempotency_key_reused,
    "idempotency_key_in_use": idempotency_key_in_use,
    "external_id_taken": external_id_taken,
    "stripe_account_taken": stripe_account_taken,
    "illegal_transition": lambda w: w.souk.call("POST", f"/v1/orders/{w.canceled}/capture", {}),
    "charge_shape_impossible": order(charge_shape="direct"),
    "order_already_paid": lambda w: w.souk.call("POST", f"/v1/orders/{w.paid}/cancel", {}),
    "balance_insufficient": lambda w: w.souk.call(
        "POST", f"/v1/sellers/{w.seller}/payouts", w.new_payout(amount=99999999)),
    "payout_blocked": payout_blocked,
    "charge_disputed": charge_disputed,
    "seller_not_ready": seller_not_ready,
    "stripe_refused": stripe_refused,
    "database_unavailable": database_unavailable,
    "stripe_unavailable": stripe_unavailable,
    "webhook_signature_invalid": lambda w: send(
        "POST", w.souk.address + "/webhooks/stripe", b"{}", {"Stripe-Signature": "t=1,v1=00"}),
    "internal_error": internal_error,
}


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_provoked_and_says_what_to_do(code, world, strict):
    elsewhere = {"address_refused": refuse_address, "rate_limited": refuse_rate}
    if code in elsewhere:
        answer = elsewhere[code](strict, world)
    else:
        assert code in PROVOCATIONS, f"no test provokes {code}"
        answer = PROVOCATIONS[code](world)
    error = answer["error"]
    print(f"{answer.status} {error['type']} {code}: {error['message']}")
    assert error["code"] == code
    assert error["doc_url"].endswith(f"/docs/errors#{code}")
    assert error["request_id"] == answer.headers["Request-Id"]
    assert re.fullmatch(r".{15,}\.", error["message"], re.DOTALL)
    if answer.status in (429, 503) or code == "idempotency_key_in_use":
        assert int(answer.headers["Retry-After"]) >= 1


def refuse_address(strict, world):
    wait_until("a request is taken again", lambda: strict.call("GET", "/v1/events?limit=1").status == 200)
    strict.call("GET", "/healthz")
    return strict.call("POST", "/v1/event_destinations", {"url": "https://127.0.0.1/events"})


def refuse_rate(strict, world):
    answers = [strict.call("GET", "/v1/sellers?limit=1") for _ in range(30)]
    assert answers[-1].status == 429, "a limit of one a second, and thirty requests were taken"
    assert re.fullmatch(r'"key";r=0;t=1', answers[-1].headers["RateLimit"])
    # What is not counted is still answered.
    assert strict.call("GET", "/readyz").status == 200
    assert strict.deliver(world.unhandled_event()).status == 200
    return answers[-1]


# --- Bad input writes nothing -------------------------------------------------------------------------------------

COUNT_ROWS = """
    SELECT table_name, (xpath('/row/c/text()', query_to_xml(
        format('SELECT count(*) AS c FROM %I', table_name), false, true, '')))[1]::text
    FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1"""


def text(pattern, **parts):
    """A body as its bytes, for what no JSON library writes."""
    return lambda w: (pattern % ({"seller": w.seller} | parts)).encode()


LINE = '"lines":[{"seller":"%(seller)s","description":"Oak table","unit_amount":10000}]'
SELLER_ID = '"lines":[{"seller":"ord_' + NOWHERE + '","unit_amount":10000}]'


def amount(value):
    return text('{"currency":"usd","lines":[{"seller":"%(seller)s","unit_amount":' + value + '}]}')


BAD_BODIES = {
    "malformed JSON": (text('{"currency":"usd",'), 400, "malformed_json", None),
    "no JSON object": (text("[1]"), 400, "malformed_json", None),
    "not UTF-8": (lambda w: b'{"currency":"\xff"}', 400, "malformed_json", None),
    "something after the JSON": (text('{"currency":"usd",' + LINE + "} x"), 400, "malformed_json", None),
    "a duplicate key": (text('{"currency":"usd","currency":"eur",' + LINE + "}"), 400, "malformed_json", None),
    "a duplicate key inside": (
        text('{"currency":"usd","lines":[{"seller":"%(seller)s","unit_amount":1000,"unit_amount":9000}]}'),
        400, "malformed_json", None),
    "nested without end": (lambda w: b'{"metadata":' + b"[" * 50000, 400, "malformed_json", None),
    "an unknown field": (text('{"currency":"usd","coupon":"x",' + LINE + "}"), 400, "parameter_unknown", "coupon"),
    "an unknown field inside": (
        text('{"currency":"usd","lines":[{"seller":"%(seller)s","unit_amount":1000,"price":1}]}'),
        400, "parameter_unknown", "lines[0].price"),
    "text for an amount": (amount('"100"'), 400, "parameter_invalid", "lines[0].unit_amount"),
    "true for an amount": (amount("true"), 400, "parameter_invalid", "lines[0].unit_amount"),
    "null for an amount": (amount("null"), 400, "parameter_invalid", "lines[0].unit_amount"),
    "a list for an object": (text('{"currency":"usd","buyer":[],' + LINE + "}"), 400, "parameter_invalid", "buyer"),
    "a number for text": (text('{"currency":840,' + LINE + "}"), 400, "parameter_invalid", "currency"),
    "a fraction": (amount("10.5"), 400, "parameter_invalid", "lines[0].unit_amount"),
    "a whole fraction": (amount("1000.0"), 400, "parameter_invalid", "lines[0].unit_amount"),
    "an exponent": (amount("1e3"), 400, "parameter_invalid", "lines[0].unit_amount"),
    "a negative amount": (amount("-1000"), 400, "parameter_invalid", "lines[0].unit_amount"),
    "nothing to pay": (amount("0"), 400, "amount_too_small", "lines"),
    "below Stripe's least": (amount("49"), 400, "amount_too_small", "lines"),
    "above Stripe's most": (amount("100000000"), 400, "amount_too_large", "lines[0].unit_amount"),
    "past 64 bits": (amount("9223372036854775808"), 400, "parameter_invalid", "lines[0].unit_amount"),
    "the least of 64 bits": (amount("-9223372036854775808"), 400, None, "lines[0].unit_amount"),
    "the most of 64 bits": (amount("9223372036854775807"), 400, None, "lines[0].unit_amount"),
    "a quantity that overflows": (
        text('{"currency":"usd","lines":[{"seller":"%(seller)s","unit_amount":99999999,"quantity":1000000}]}'),
        400, "amount_too_large", None),
    "no quantity at all": (
        text('{"currency":"usd","lines":[{"seller":"%(seller)s","unit_amount":1000,"quantity":0}]}'),
        400, "parameter_invalid", "lines[0].quantity"),
    "an unknown currency": (text('{"currency":"xxx",' + LINE + "}"), 400, "currency_unknown", "currency"),
    "a currency in capitals": (text('{"currency":"USD",' + LINE + "}"), 400, "currency_unknown", "currency"),
    "no lines": (text('{"currency":"usd","lines":[]}'), 400, "parameter_missing", "lines"),
    "501 lines": (
        text('{"currency":"usd","lines":[' + ",".join(501 * ['{"seller":"%(seller)s","unit_amount":100}']) + "]}"),
        400, "too_many_lines", "lines"),
    "a body over the limit": (lambda w: b" " * ((1 << 20) + 1), 413, "body_too_large", None),
    "an id of another kind": (text('{"currency":"usd",' + SELLER_ID + "}"), 400, "parameter_invalid", "lines[0].seller"),
    "an id of nobody": (
        text('{"currency":"usd","lines":[{"seller":"sel_' + NOWHERE + '","unit_amount":1000}]}'),
        404, "seller_not_found", "lines"),
    "a NUL character": (text('{"currency":"usd","external_id":"a\\u0000b",' + LINE + "}"), 400, None, None),
    "half a character": (text('{"currency":"usd","external_id":"a\\ud800",' + LINE + "}"), 400, None, None),
    "an address that is none": (
        text('{"currency":"usd","success_url":"javascript:alert(1)",' + LINE + "}"), 400, "parameter_invalid", "success_url"),
    "too much metadata": (
        text('{"currency":"usd","metadata":{' + ",".join(f'"k{n}":"v"' for n in range(51)) + "}," + LINE + "}"),
        400, "parameter_invalid", "metadata"),
}


def assert_refused(answer, status, code, parameter):
    assert answer.status == status and "error" in answer.json, answer
    error = answer["error"]
    assert code is None or error["code"] == code, answer
    assert parameter is None or error["param"] == parameter, answer


@pytest.fixture
def nothing_written(world):
    """Rows of every table are counted when nothing is under way, before and after."""
    world.souk.settle()
    before = world.souk.sql(COUNT_ROWS)
    assert "orders|" in before and "stripe_operations|" in before
    yield
    assert world.souk.sql(COUNT_ROWS) == before


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_is_refused_and_writes_nothing(name, world, nothing_written):
    body, status, code, parameter = BAD_BODIES[name]
    for headers in {}, {"Idempotency-Key": world.unique("bad")}:
        answer = world.souk.call("POST", "/v1/orders", body(world), Content_Type="application/json", **headers)
        assert_refused(answer, status, code, parameter)
        if headers and status == 404:
            # A refusal by the facts is the answer of its key.
            world.souk.sql(f"DELETE FROM idempotency_keys WHERE key = '{headers['Idempotency-Key']}'")


KEYS = {
    "no key": None, "another scheme": "Basic c291azo=", "no key of ours": "Bearer sk_test_123",
    "an unknown key": "Bearer souk_test_" + "0" * 43, "a live key": "Bearer souk_live_" + "0" * 43,
    "a key with something after it": None,
}


@pytest.mark.parametrize("name", KEYS)
def test_a_missing_or_wrong_key_is_refused_and_writes_nothing(name, world, nothing_written):
    value = f"Bearer {world.souk.key}x" if name.endswith("after it") else KEYS[name]
    answer = send(
        "POST", world.souk.address + "/v1/sellers", world.new_seller(), {"Authorization": value} if value else {})
    DESCRIPTION.by_id["create_seller"].check(answer)
    assert_refused(answer, 401, "unauthenticated", None)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_of_the_wrong_scope_and_one_that_was_revoked_write_nothing(world):
    souk, key = world.souk, world.api_key(["sellers:read"])
    bearer = {"Authorization": f"Bearer {key['key']}"}
    souk.settle()
    before = souk.sql(COUNT_ROWS)
    assert_refused(souk.call("POST", "/v1/sellers", world.new_seller(), **bearer), 403, "scope_missing", None)
    assert souk.sql(COUNT_ROWS) == before
    souk.call("DELETE", f"/v1/admin/api_keys/{key['id']}", expect=200)
    before = souk.sql(COUNT_ROWS)
    assert_refused(souk.call("GET", "/v1/sellers", **bearer), 401, "unauthenticated", None)
    assert souk.sql(COUNT_ROWS) == before


@pytest.mark.parametrize("operation", [o for o in DESCRIPTION.operations if "{id}" in o.path], ids=repr)
def test_an_id_of_another_kind_is_not_found_and_writes_nothing(operation, world, nothing_written):
    path = operation.path.replace("{id}", world.seller if "/sellers/" not in operation.path else world.paid)
    answer = world.souk.call(operation.method, path, operation.body_example)
    assert answer.status == 404 and answer["error"]["code"].endswith("_not_found"), answer


def test_a_reused_idempotency_key_writes_nothing(world):
    souk, headers = world.souk, {"Idempotency-Key": world.unique("key")}
    souk.call("POST", "/v1/orders", world.new_order(), expect=201, **headers)
    souk.settle()
    before = souk.sql(COUNT_ROWS)
    assert_refused(souk.call("POST", "/v1/orders", world.new_order(), **headers), 409, "idempotency_key_reused", None)
    assert souk.sql(COUNT_ROWS) == before


@pytest.mark.parametrize("operation", DESCRIPTION.operations, ids=repr)
def test_a_wrong_method_names_the_right_ones(operation, world, nothing_written):
    path = re.sub(r"\{\w+\}", "x", operation.path)
    answer = world.souk.call("PATCH", path, {})
    assert_refused(answer, 405, "method_not_allowed", None)
    methods = {o.method for o in DESCRIPTION.operations if o.path == operation.path}
    allowed = set(answer.headers["Allow"].split(", "))
    assert methods | ({"HEAD"} if "GET" in methods else set()) <= allowed


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/v1/sellers/x/y/z", "/v2/sellers", "/v1/sellers%2Fx"])
def test_an_unknown_path_is_refused_in_the_same_shape(path, world, nothing_written):
    assert_refused(world.souk.call("GET", path), 404, None, None)


# --- Others away --------------------------------------------------------------------------------------------------

def test_without_stripe_the_caller_learns_what_is_still_to_be_done(world):
    souk = world.souk
    with souk.without_stripe():
        seller = souk.call("POST", "/v1/sellers", world.new_seller(), expect=201)
        placed = souk.call("POST", "/v1/orders", world.new_order(), expect=201)
        assert seller["stripe_account"] is None and placed["checkout_url"] is None
        for path, made in (f"/v1/sellers/{seller['id']}", seller), (f"/v1/orders/{placed['id']}", placed):
            operation = made["operation"]
            assert operation["id"].startswith("opn_") and operation["state"] in ("pending", "sent") and operation["reason"]
            shown = souk.call("GET", path, expect=200)["operation"]
            assert shown["id"] == operation["id"] and shown["state"] in ("pending", "sent")
            kept = souk.call("GET", f"/v1/admin/operations/{operation['id']}", expect=200)
            print(kept["kind"], kept["state"], kept["reason"])
    for made in seller, placed:
        souk.call("POST", f"/v1/admin/operations/{made['operation']['id']}/retry", {"reason": "Stripe is back"}, expect=200)
    souk.settle()
    finished = souk.call("GET", f"/v1/sellers/{seller['id']}", expect=200)
    assert finished["stripe_account"].startswith("acct_") and finished["operation"] is None
    finished = souk.call("GET", f"/v1/orders/{placed['id']}", expect=200)
    assert finished["checkout_url"] and finished["operation"] is None


def test_without_the_database_nothing_is_acknowledged(world):
    souk = world.souk
    event = world.unhandled_event() | {"id": "evt_while_away"}
    with souk.without_database():
        for answer in [
            souk.call("GET", "/v1/sellers"), souk.call("POST", "/v1/orders", world.new_order()),
            souk.deliver(event), souk.deliver(event, "/connect"), souk.call("GET", "/readyz"),
        ]:
            assert answer.status == 503 and int(answer.headers["Retry-After"]) >= 1, answer
        assert souk.call("GET", "/healthz").status == 200
    assert souk.call("GET", "/v1/admin/webhook_events/evt_while_away").status == 404
    assert souk.deliver(event).status == 200
    assert souk.call("GET", "/v1/admin/webhook_events/evt_while_away", expect=200)["type"] == "person.updated"


# --- What Souk refuses to start with ------------------------------------------------------------------------------

DEPLOYED = {
    "DATABASE_URL": "postgresql:///nowhere", "STRIPE_SECRET_KEY": "sk_test_1", "SOUK_ENCRYPTION_KEYS": "0f" * 32,
    "STRIPE_WEBHOOK_SECRETS": "whsec_a", "STRIPE_CONNECT_WEBHOOK_SECRETS": "whsec_b", "SOUK_PORT": "0",
}


@pytest.mark.parametrize("change, says", [
    ({"STRIPE_WEBHOOK_SECRETS": ""}, "`souk webhooks ensure`"),
    ({"STRIPE_CONNECT_WEBHOOK_SECRETS": ""}, "`souk webhooks ensure`"),
    ({"SOUK_SANDBOX": "1", "STRIPE_SECRET_KEY": "sk_live_1"}, "SOUK_SANDBOX=1 is refused with a live Stripe key"),
    ({"SOUK_SANDBOX": "1", "STRIPE_SECRET_KEY": "rk_live_1"}, "SOUK_SANDBOX=1 is refused with a live Stripe key"),
    ({"SOUK_PROT": "8080"}, "Did you mean SOUK_PORT?"),
    ({"SOUK_RATE_LIMT": "5"}, "Did you mean SOUK_RATE_LIMIT?"),
    ({"SOUK_GREETING": "hello"}, "There is no setting SOUK_GREETING"),
    ({"SOUK_ENCRYPTION_KEYS": ""}, "openssl rand -hex 32"),
    ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
    ({"STRIPE_SECRET_KEY": "sk_live_1", "STRIPE_API_BASE": "http://127.0.0.1:1"}, "must begin with https://"),
], ids=lambda value: value if isinstance(value, str) else " ".join(value))
def test_souk_does_not_start_and_says_why(change, says, tmp_path):
    run = subprocess.run(
        [SOUK, "serve"], env=clean_environment(**(DEPLOYED | change), SOUK_DATA_DIR=tmp_path), cwd=tmp_path,
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    print(run.stderr)
    assert run.returncode not in (0, -signal.SIGKILL) and says in run.stdout + run.stderr
    assert "sk_live_1" not in run.stdout + run.stderr
