"""How lists page, what expansion and metadata do, and the shape of every refusal."""

import threading

import pytest

from effects import Caller, intent, unpaid


@pytest.fixture
def caller(sandbox):
    return Caller(sandbox.address)


def ids(page):
    return [item["id"] for item in page["data"]]


def customers(caller, count):
    return [caller.post("/v1/customers", {"name": str(number)})["id"] for number in range(count)][::-1]


# --- Lists ------------------------------------------------------------------------------------------------------------


def test_pages_are_newest_first_in_both_directions(caller):
    made = customers(caller, 7)
    first = caller.get("/v1/customers", {"limit": 3})
    assert ids(first) == made[:3] and first["has_more"] and first["url"] == "/v1/customers"
    assert ids(caller.get("/v1/customers", {"limit": 3, "starting_after": made[2]})) == made[3:6]
    back = caller.get("/v1/customers", {"limit": 2, "ending_before": made[5]})
    assert ids(back) == made[3:5] and back["has_more"]
    top = caller.get("/v1/customers", {"limit": 10, "ending_before": made[2]})
    assert ids(top) == made[:2] and not top["has_more"]
    customers(caller, 4)
    assert len(ids(caller.get("/v1/customers"))) == 10


@pytest.mark.parametrize("form,code,param", [
    ({"limit": 0}, "parameter_invalid_integer", "limit"), ({"limit": 101}, "parameter_invalid_integer", "limit"),
    ({"limit": "ten"}, "parameter_invalid_integer", "limit"),
    ({"starting_after": "cus_none"}, "resource_missing", "starting_after"),
    ({"starting_after": "cus_none", "ending_before": "cus_none"}, "parameters_exclusive", "ending_before"),
], ids=str)
def test_a_page_that_cannot_be_is_refused_by_name(caller, form, code, param):
    status, answer = caller.call("GET", "/v1/customers", form)
    assert (status, answer["error"]["code"], answer["error"]["param"]) == (400, code, param)


def test_walking_while_others_insert_sees_every_older_object_once(caller):
    made = customers(caller, 30)
    stop = threading.Event()

    def insert():
        while not stop.is_set():
            Caller(caller.address).post("/v1/customers", {"name": "new"})

    threads = [threading.Thread(target=insert) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        seen, cursor = [], {}
        while not set(made) <= set(seen):
            page = caller.get("/v1/customers", {"limit": 7} | cursor)
            seen += ids(page)
            cursor = {"starting_after": seen[-1]}
            assert page["has_more"] or set(made) <= set(seen)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert [id for id in seen if id in made] == made and len(seen) == len(set(seen))


def test_a_deleted_customer_leaves_a_stub_and_its_lists(caller):
    customer = customers(caller, 1)[0]
    stub = {"id": customer, "object": "customer", "deleted": True}
    assert caller.call("DELETE", "/v1/customers/" + customer) == (200, stub)
    assert caller.get("/v1/customers/" + customer) == stub
    assert customer not in ids(caller.get("/v1/customers", {"limit": 100}))
    status, answer = caller.call("POST", "/v1/customers/" + customer, {"name": "B"})
    assert status == 404 and answer["error"]["code"] == "resource_missing"


def test_metadata_is_merged_deleted_by_key_and_cleared_as_a_whole(caller):
    customer = caller.post("/v1/customers", {"metadata[a]": "1", "metadata[b]": "2"})["id"]
    path = "/v1/customers/" + customer
    assert caller.post(path, {"metadata[b]": "3", "metadata[c]": 4})["metadata"] == {"a": "1", "b": "3", "c": "4"}
    assert caller.post(path, {"metadata[a]": ""})["metadata"] == {"b": "3", "c": "4"}
    assert caller.post(path, {"name": "N"})["metadata"] == {"b": "3", "c": "4"}
    assert caller.post(path, {"metadata": ""})["metadata"] == {}


@pytest.mark.parametrize("form", [
    {"metadata[" + "k" * 41 + "]": "v"}, {"metadata[k]": "v" * 501},
    {f"metadata[k{number}]": "v" for number in range(51)}], ids=["long key", "long value", "too many"])
def test_metadata_has_bounds(caller, form):
    assert caller.call("POST", "/v1/customers", form)[0] == 400


def test_expansion_puts_objects_in_the_place_of_their_ids_at_every_depth(caller):
    seller = caller.some_seller()
    charge = caller.destination(seller)["id"]
    deep = caller.get("/v1/charges/" + charge, {
        "expand[0]": "balance_transaction", "expand[1]": "transfer.destination_payment.balance_transaction", "expand[2]": "refunds"})
    assert deep["balance_transaction"]["object"] == "balance_transaction"
    assert deep["transfer"]["destination_payment"]["balance_transaction"]["net"] == 9000
    assert deep["refunds"]["object"] == "list"
    listed = caller.get("/v1/charges", {"limit": 1, "expand[]": "data.payment_intent"})
    assert listed["data"][0]["payment_intent"]["object"] == "payment_intent"
    made = caller.post("/v1/payment_intents", intent() | {"expand[]": "latest_charge.balance_transaction"})
    assert made["latest_charge"]["balance_transaction"]["amount"] == 10000
    for wrong in ("amount", "nothing", "a.b.c.d.e"):
        status, answer = caller.call("GET", "/v1/charges/" + charge, {"expand[]": wrong})
        assert status == 400 and answer["error"]["param"].startswith("expand"), wrong


# --- Refusals ---------------------------------------------------------------------------------------------------------


def refusal(answered):
    status, answer = answered
    error = answer["error"]
    return status, error["type"], error.get("code"), error.get("param")


@pytest.mark.parametrize("path,form,param", [
    ("/v1/customers", {"emial": "x"}, "emial"),
    ("/v1/payment_intents", unpaid() | {"payment_method_types[]": "card"}, "payment_method_types"),
    ("/v1/accounts", {"controller[fees][payor]": "application"}, "controller[fees][payor]"),
    ("/v1/checkout/sessions", {"line_items[0][price_data][product_data][nmae]": "x"},
     "line_items[0][price_data][product_data][nmae]"),
], ids=["top", "an old name", "in a hash", "in a list"])
def test_an_unknown_parameter_is_refused_with_its_path_in_brackets(caller, path, form, param):
    assert refusal(caller.call("POST", path, form)) == (400, "invalid_request_error", "parameter_unknown", param)


@pytest.mark.parametrize("form,code,param", [
    ({"currency": "usd"}, "parameter_missing", "amount"),
    ({"amount": "ten", "currency": "usd"}, "parameter_invalid_integer", "amount"),
    ({"amount": "10.5", "currency": "usd"}, "parameter_invalid_integer", "amount"),
    ({"amount": -1, "currency": "usd"}, "parameter_invalid_integer", "amount"),
    ({"amount": 49, "currency": "usd"}, "amount_too_small", "amount"),
    ({"amount": 100_000_000, "currency": "usd"}, "amount_too_large", "amount"),
    ({"amount": 49, "currency": "jpy"}, "amount_too_small", "amount"),
    ({"amount": 1005, "currency": "kwd"}, None, "amount"),
    ({"amount": 1000, "currency": "xyz"}, None, "currency"),
    ({"amount": 1000, "currency": "usd", "confirm": "perhaps"}, None, "confirm"),
    ({"amount": 1000, "currency": "usd", "capture_method": "later"}, None, "capture_method"),
    ({"amount": 1000, "currency": "usd", "description": "x", "currency ": ""}, "parameter_unknown", "currency "),
    ({"amount": 1000, "currency": ""}, "parameter_invalid_empty", "currency"),
], ids=str)
def test_a_wrong_value_is_refused_with_the_name_of_its_parameter(caller, form, code, param):
    assert refusal(caller.call("POST", "/v1/payment_intents", form)) == (400, "invalid_request_error", code, param)


@pytest.mark.parametrize("method,path,kind", [
    ("GET", "/v1/customers/cus_none", "customer"), ("POST", "/v1/refunds/re_none", "refund"),
    ("GET", "/v1/transfers/tr_none", "transfer"), ("GET", "/v1/payouts/po_none", "payout"),
    ("GET", "/v1/events/evt_none", "event"), ("POST", "/v1/payment_intents/pi_none/confirm", "payment_intent")])
def test_an_object_that_the_path_names_is_missing_with_404(caller, method, path, kind):
    status, answer = caller.call(method, path)
    assert refusal((status, answer))[:3] == (404, "invalid_request_error", "resource_missing")
    assert answer["error"]["message"] == f"No such {kind}: '{path.split('/')[3]}'"


@pytest.mark.parametrize("path,form,param", [
    ("/v1/payment_intents", unpaid() | {"customer": "cus_none"}, "customer"),
    ("/v1/payment_intents", unpaid() | {"payment_method": "pm_none"}, "payment_method"),
    ("/v1/payment_intents", unpaid() | {"transfer_data[destination]": "acct_none"}, "transfer_data[destination]"),
    ("/v1/transfers", {"amount": 1, "currency": "usd", "destination": "acct_none"}, "destination"),
    ("/v1/account_links", {"account": "acct_none", "type": "account_onboarding"}, "account")])
def test_an_object_that_a_parameter_names_is_missing_with_400(caller, path, form, param):
    assert refusal(caller.call("POST", path, form)) == (400, "invalid_request_error", "resource_missing", param)


def test_attaching_to_a_missing_customer_or_a_missing_method_is_404(caller):
    answered = caller.call("POST", "/v1/payment_methods/pm_card_visa/attach", {"customer": "cus_none"})
    assert refusal(answered)[0::2] == (404, "resource_missing")
    answered = caller.call("POST", "/v1/payment_methods/pm_none/attach", {"customer": caller.customer()})
    assert refusal(answered) == (404, "invalid_request_error", "resource_missing", "payment_method")


def test_a_decline_carries_its_reasons_and_the_intent_as_it_now_is(caller):
    status, answer = caller.call("POST", "/v1/payment_intents", intent() | {
        "payment_method": "pm_card_chargeDeclinedInsufficientFunds"})
    error = answer["error"]
    assert status == 402 and error["type"] == "card_error"
    assert (error["code"], error["decline_code"], error["advice_code"]) == (
        "card_declined", "insufficient_funds", "try_again_later")
    held = error["payment_intent"]
    assert held["status"] == "requires_payment_method" and held["last_payment_error"]["decline_code"] == "insufficient_funds"
    charge = caller.get("/v1/charges/" + error["charge"])
    assert charge["status"] == "failed" and charge["failure_code"] == "card_declined"
    assert charge["outcome"]["type"] == "issuer_declined" and charge["balance_transaction"] is None
    # A new try on the same intent makes a charge of its own.
    paid = caller.post(f"/v1/payment_intents/{held['id']}/confirm", {
        "payment_method": "pm_card_visa", "return_url": "https://shop.example"})
    assert paid["status"] == "succeeded" and paid["latest_charge"] != error["charge"]
    assert len(caller.get("/v1/charges", {"payment_intent": held["id"]})["data"]) == 2


def test_what_the_state_of_an_intent_forbids_is_refused_with_the_intent(caller):
    paid = caller.pay()
    for action, form in (("confirm", {}), ("capture", {}), ("cancel", {})):
        status, answer = caller.call("POST", f"/v1/payment_intents/{paid['id']}/{action}", form)
        assert status == 400 and answer["error"]["code"] == "payment_intent_unexpected_state", action
        assert answer["error"]["payment_intent"]["id"] == paid["id"]
    status, answer = caller.call("POST", f"/v1/payment_intents/{paid['id']}", {"amount": 500})
    assert status == 400 and answer["error"]["code"] == "payment_intent_unexpected_state"


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/subscriptions", "/v1/customers/cus_1/nothing"])
def test_an_address_that_is_not_there_says_so(caller, path):
    status, answer = caller.call("GET", path)
    assert status == 404 and answer["error"]["message"].startswith("Unrecognized request URL")
