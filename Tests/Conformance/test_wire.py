"""Every request that Souk makes to Stripe, and every event it is sent, against the official SDK's own types; and
`souk webhooks ensure`, which agrees with Stripe on what is sent."""

import json
import re
import time

import pytest
import stripe

from endpoints import ENDPOINTS
from generate_parameters import Wanted, hash_of, load
from running import ROOT, send
from shapes import class_of, problems
from world import CONNECT, PLATFORM, World, mode

SOURCES = ROOT / "Sources"
CALLS = SOURCES / "StripeAPI/Calls"


@pytest.fixture(scope="module")
def unborn(cluster, tmp_path_factory):
    world = World(cluster, tmp_path_factory.mktemp("wire"))
    yield world
    world.close()


@pytest.fixture(scope="module")
def ensured(unborn):
    """`souk webhooks ensure`, as an operator comes to use it."""
    world, told = unborn, {}
    told["first"] = world.ensure()
    told["second"] = world.ensure()
    platform, connect = sorted(world.api.webhook_endpoints.list().data, key=lambda endpoint: endpoint.url)
    told["made"] = [platform, connect]
    world.api.webhook_endpoints.update(platform.id, params={
        "enabled_events": [t for t in platform.enabled_events if t != "payout.paid"] + ["customer.created"]})
    world.api.webhook_endpoints.update(connect.id, params={"disabled": True})
    told["drifted"] = world.ensure()
    told["mended"] = sorted(world.api.webhook_endpoints.list().data, key=lambda endpoint: endpoint.url)
    told["file"] = world.folder / "secrets.env"
    told["renewed"] = world.ensure("--renew", "--write", str(told["file"]))
    told["quiet"] = world.ensure("--write", str(world.folder / "nothing.env"))
    world.take_secrets(told["file"].read_text())
    return told


@pytest.fixture(scope="module")
def world(unborn, ensured):
    unborn.souk.start()
    unborn.live()
    return unborn


# --- souk webhooks ensure -------------------------------------------------------------------------------------------


def test_ensure_makes_two_endpoints_of_the_handled_types_and_prints_their_secrets_once(unborn, ensured):
    platform, connect = ensured["made"]
    assert platform.url == unborn.from_stripe.address + "/webhooks/stripe"
    assert connect.url == unborn.from_stripe.address + "/webhooks/stripe/connect"
    assert platform.api_version == connect.api_version == stripe.api_version
    assert set(platform.enabled_events) | set(connect.enabled_events) == handled_types()
    assert len(re.findall(r"whsec_\w+", ensured["first"])) == 2 and "shows them once" in ensured["first"]
    assert ensured["first"].count(PLATFORM + "=") == ensured["first"].count(CONNECT + "=") == 1


def test_ensure_again_changes_nothing(ensured):
    assert ensured["second"].count("is as it should be") == 2 and "whsec_" not in ensured["second"]


def test_ensure_shows_and_mends_what_drifted(ensured):
    platform, connect = ensured["drifted"].splitlines()
    assert platform.endswith("corrected: added payout.paid; removed customer.created")
    assert connect.endswith("corrected: switched on again")
    for before, after in zip(ensured["made"], ensured["mended"]):
        assert after.id == before.id and after.status == "enabled"
        assert set(after.enabled_events) == set(before.enabled_events)


def test_ensure_renews_lost_secrets_into_a_file_of_its_owner(unborn, ensured):
    assert mode(ensured["file"]) == 0o600
    assert "whsec_" not in ensured["renewed"] and str(ensured["file"]) in ensured["renewed"]
    now = unborn.api.webhook_endpoints.list().data
    assert len(now) == 2 and not {e.id for e in now} & {e.id for e in ensured["made"]}
    # Nothing new, no file.
    assert not (unborn.folder / "nothing.env").exists() and "whsec_" not in ensured["quiet"]


# --- What Souk asks -------------------------------------------------------------------------------------------------


def handled_types():
    """The one list: what Sources/App/EventTable.swift names, and what it takes from payments, disputes and warnings."""
    names = re.findall(r'"([a-z_]+(?:\.[a-z_]+)+)"', (SOURCES / "App/EventTable.swift").read_text())
    for file in ("Orders/Payment/RefreshOrderPayment.swift", "Orders/Disputes/RefreshDispute.swift", "Orders/FraudWarnings/RefreshFraudWarning.swift"):
        for block in re.findall(r"static let \w+Types = \[(.*?)\]", (SOURCES / file).read_text(), re.S):
            names += re.findall(r'"([a-z_.]+)"', block)
    return set(names)


def calls():
    """Each call of Sources/StripeAPI/Calls: its name, method, a pattern of its path, and the parameters it can send."""
    found = {}
    for file in sorted(CALLS.glob("*.swift")):
        text = file.read_text()
        for name, body in re.findall(r"package struct (\w+): Stripe(?:List)?Call \{(.*?)\n\}", text, re.S):
            method, path = re.search(r'StripeRequest\(\s*\.(\w+), "([^"]+)"', body).groups()
            pattern = re.compile(re.sub(r"\\\(\w+\)", "[^/]+", path))
            names = re.findall(r'form\.set\(\s*"((?:[^"\\]|\\.)+)"', body)
            if "write(to: &form)" in body:
                names += re.findall(r'form\.set\(\s*"(business_profile[^"]+)"', text)
            found[name] = method.upper(), pattern, [re.sub(r"\\\(\w+\)", "*", name) for name in names]
    return found


def of_call(world, name):
    method, pattern, _ = calls()[name]
    return [x for x in world.to_stripe.exchanges if x.method == method and pattern.fullmatch(x.path)]


@pytest.mark.parametrize("name", sorted(calls()))
def test_every_call_is_made(world, name):
    assert of_call(world, name), "nothing in Souk makes this call: use it or delete it"


@pytest.mark.parametrize("name", sorted(calls()))
def test_every_parameter_of_a_call_is_sent(world, name):
    sent = {re.sub(r"\d+", "*", n) for x in of_call(world, name) for n in x.names()}
    sent |= {re.sub(r"\[[^\[]+\]$", "", n) for n in sent if "metadata" in n or n.startswith("evidence") or n.endswith("[*]")}
    wanted = calls()[name][2]
    missing = [n for n in wanted if re.sub(r"\[\*\]", "[*]", n) not in sent and not any_matches(n, sent)]
    assert not missing, "never sent: use them or delete them"


def any_matches(name, sent):
    # A name that begins with a part which the call puts together may begin with anything.
    begin = ".+" if name.startswith("*") else ""
    pattern = re.compile(begin + re.escape(name.removeprefix("*")).replace(r"\*", r"[^\]]+"))
    return any(pattern.fullmatch(n) for n in sent)


def test_no_request_is_put_together_elsewhere():
    strays = [
        f"{file.relative_to(ROOT)}: {line.strip()}"
        for file in SOURCES.rglob("*.swift") if CALLS not in file.parents
        for line in file.read_text().splitlines() if re.search(r"StripeRequest\(\s*\.", line)]
    assert not strays


def test_every_request_has_what_every_request_needs(world):
    assert len(world.to_stripe.exchanges) > 200
    for x in world.to_stripe.exchanges:
        assert x.headers["Authorization"] == "Bearer sk_test_conformance", x
        assert x.headers["Stripe-Version"] == stripe.api_version, x
        if x.method == "POST":
            assert re.fullmatch(r"[\w.:-]{10,255}", x.headers["Idempotency-Key"] or ""), x
            assert x.headers["Content-Type"] == "application/x-www-form-urlencoded", x
            assert not x.query, x
        else:
            assert not x.body, x
        if account := x.headers["Stripe-Account"]:
            assert re.fullmatch(r"acct_\w+", account), x


def test_what_lives_in_a_connected_account_is_asked_of_it(world):
    acting = {x.path.split("/")[2] for x in world.to_stripe.exchanges if x.headers["Stripe-Account"]}
    assert acting == {"balance", "balance_transactions", "events", "payouts", "charges"}
    # Money is moved in the platform's name only, but for a seller's own to the seller's bank.
    assert {x.path for x in world.to_stripe.exchanges if x.method == "POST" and x.headers["Stripe-Account"]} == {"/v1/payouts"}


def test_one_key_stands_for_one_request(world):
    by_key = {}
    for x in world.to_stripe.exchanges:
        if key := x.headers["Idempotency-Key"]:
            by_key.setdefault(key, set()).add((x.path, x.body))
    assert all(len(requests) == 1 for requests in by_key.values())


def test_stripe_refused_nothing_but_what_the_story_has_refused(world):
    refused = [x for x in world.to_stripe.exchanges if x.status and x.status >= 400 and x.status != 503]
    assert all(x.status in (400, 403) and expected(x) for x in refused), refused


def expected(x):
    # The page was paid before it could be closed; the seller had cut the connection.
    return x.path.endswith("/expire") or x.headers["Stripe-Account"] or x.path.startswith("/v1/accounts/")


def route_of(x):
    for route, cls, _ in ENDPOINTS:
        method, pattern = route.split()
        if method == x.method and re.fullmatch(re.sub(r":\w+", "[^/]+", pattern), x.path):
            return route, cls
    return None, None


def fits(value, kind):
    """Whether a value of a form is of a kind, in the notation of generate_parameters.py."""
    if isinstance(kind, dict):
        if "|" in kind:
            return any(fits(value, option) for option in kind["|"])
        if "*" in kind:
            return isinstance(value, dict) and all(fits(inner, kind["*"]) for inner in value.values())
        return isinstance(value, dict) and not differences(value, kind)
    if isinstance(kind, list):
        return isinstance(value, list) and all(fits(inner, kind[0]) for inner in value)
    if kind == "m":
        return isinstance(value, dict) and all(isinstance(inner, str) for inner in value.values())
    if not isinstance(value, str):
        return False
    if kind.startswith("e:"):
        return value in kind[2:].split("|")
    return {
        "s": lambda: True, "i": lambda: re.fullmatch(r"-?\d+", value), "n": lambda: re.fullmatch(r"-?\d+(\.\d+)?", value),
        "b": lambda: value in ("true", "false"),
    }[kind]() not in (None, False)


def differences(values, shape, path=""):
    known = {name.rstrip("!?"): (name, kind) for name, kind in shape.items()}
    found = [f"{path}{name}: unknown to Stripe" for name in values if name not in known]
    for plain, (name, kind) in known.items():
        if plain not in values:
            if name.endswith("!"):
                found.append(f"{path}{plain}: required and not sent")
        elif values[plain] == "" and not name.endswith("?") and kind not in ("s", "m"):
            found.append(f"{path}{plain}: sent empty, and cannot be unset")
        elif values[plain] != "" and not fits(values[plain], kind):
            inner = differences(values[plain], kind, f"{path}{plain}.") if is_hash(values[plain], kind) else []
            found += inner or [f"{path}{plain}: {values[plain]!r} is not {kind}"]
    return found


def is_hash(value, kind):
    return isinstance(value, dict) and isinstance(kind, dict) and not {"|", "*"} & set(kind)


def test_every_request_is_one_that_the_sdk_types_know(world):
    shapes, found = {}, []
    for x in world.to_stripe.exchanges:
        route, cls = route_of(x)
        assert route, f"Stripe has no such endpoint: {x}"
        if route not in shapes:
            shapes[route] = hash_of(load(cls), Wanted({""}))
        found += [f"{route}: {difference}" for difference in differences(x.parameters(), shapes[route])]
    assert not found, "\n".join(sorted(set(found)))
    assert len(shapes) >= 25


def test_the_comparison_notices(world):
    """A request of each kind of mistake is caught: a check that catches nothing is no check."""
    shape = hash_of(load("checkout.SessionCreateParams"), Wanted({""}))
    good = next(x for x in world.to_stripe.exchanges if x.path == "/v1/checkout/sessions" and x.method == "POST").parameters()
    assert not differences(good, shape)
    for mistake in [
            {"mod": "payment"}, {"mode": "buy"}, {"line_items": "one"}, {"expires_at": "soon"},
            {"line_items": [{"quantity": "1", "price_data": {"currency": "usd", "unit_amount": "1.5"}}]},
            {"payment_intent_data": {"application_fee": "5"}}, {"metadata": {"a": {"b": "c"}}}]:
        assert differences(good | mistake, shape), mistake


# --- What Souk is told ----------------------------------------------------------------------------------------------


def test_every_handled_type_is_delivered(world):
    delivered = {json.loads(x.body)["type"] for x in world.from_stripe.exchanges}
    assert handled_types() - delivered == set()
    assert delivered - handled_types() == set(), "what was not asked for is not sent"


def test_every_delivery_is_taken(world):
    assert {x.status for x in world.from_stripe.exchanges} == {200}


def test_every_delivered_event_has_the_shape_of_the_sdk_classes(world):
    found = set()
    for x in world.from_stripe.exchanges:
        event = json.loads(x.body)
        shown = event["data"]["object"]
        if shown["object"] != "application":
            found |= {f"{event['type']}: {p}" for p in problems(shown, class_of(shown))}
        envelope = {k: v for k, v in event.items() if k != "data"} | {"data": {"object": {}}}
        found |= {f"{event['type']}: {p}" for p in problems(envelope, stripe.Event)}
        assert set(event["data"]) <= {"object", "previous_attributes"}
        assert (event.get("account") is not None) == x.path.endswith("/connect"), event["type"]
    assert not found, "\n".join(sorted(found))


def test_every_delivery_is_signed_as_the_sdk_checks_it(world):
    for x in world.from_stripe.exchanges:
        secret = world.secrets[CONNECT if x.path.endswith("/connect") else PLATFORM]
        # Deliveries are as old as the story; everything else is checked as a receiver would.
        event = stripe.Webhook.construct_event(x.body, x.headers["Stripe-Signature"], secret, tolerance=10**9)
        assert event.id == json.loads(x.body)["id"]
    other = world.secrets[PLATFORM if x.path.endswith("/connect") else CONNECT]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(x.body, x.headers["Stripe-Signature"], other, tolerance=10**9)


def signed(body, secret, at=None):
    at = at or int(time.time())
    return f"t={at},v1={stripe.WebhookSignature._compute_signature(f'{at}.{body}', secret)}"


def test_events_signed_by_the_sdk_are_taken(world):
    event = json.loads(world.from_stripe.exchanges[0].body) | {"id": "evt_signed_by_the_sdk"}
    path = world.from_stripe.exchanges[0].path
    secret = world.secrets[CONNECT if path.endswith("/connect") else PLATFORM]
    body = json.dumps(event, indent=2)

    def deliver(signature):
        return send("POST", world.souk.address + path, body.encode(), {"Stripe-Signature": signature})

    assert deliver(signed(body, "whsec_wrong")).status == 400
    assert deliver(signed(body, secret, int(time.time()) - 3600)).status == 400
    assert world.call("GET", "/v1/admin/webhook_events/evt_signed_by_the_sdk").status == 404
    assert deliver(signed(body, secret)).status == 200
    assert world.call("GET", "/v1/admin/webhook_events/evt_signed_by_the_sdk", expect=200)["type"] == event["type"]


# --- What Souk tells ------------------------------------------------------------------------------------------------


def test_souks_own_events_are_signed_as_the_sdk_checks_it(world):
    destination, = world.call("GET", "/v1/event_destinations", expect=200)["data"]
    assert destination["url"] == world.shop.address
    assert {"seller.updated", "order.paid", "order.canceled"} <= {json.loads(body)["type"] for _, body in world.shop.received}
    for headers, body in world.shop.received:
        event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], world.shop.secret, tolerance=10**9)
        assert event.id.startswith("evt_")
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, headers["Stripe-Signature"], "whsec_wrong", tolerance=10**9)


# --- And the books --------------------------------------------------------------------------------------------------


def test_after_all_this_the_books_are_sound(world):
    proof = world.call("GET", "/v1/ledger/proof", expect=200)
    assert proof["sound"] is True, proof
    run = world.reconcile()
    assert run["status"] == "completed" and set(run["difference"].values()) <= {0}, run
