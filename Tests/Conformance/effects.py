"""For each endpoint of the sandbox: a request to start from, and values under which each of its parameters shows an effect.

`test_effects.py` sends every request twice as it is, and once more for each value of each parameter that `endpoints.py`
calls simulated. A parameter is honoured when something in the answer, or in what `LOOK` reads afterwards, then differs,
beyond what differs between two equal requests.
"""

import json
import re
import urllib.error
import urllib.parse
import urllib.request

DONE = "https://shop.example/done"
CONTROLLED = {
    "controller[fees][payer]": "application", "controller[losses][payments]": "application",
    "controller[stripe_dashboard][type]": "express", "controller[requirement_collection]": "stripe",
}


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirect)


class Caller:
    """Form-encoded calls with nothing between the test and the wire."""

    def __init__(self, address):
        self.address = address
        self.count = 0
        self.known_seller = None

    def call(self, method, path, form=None, account=None, key=None):
        """-> (status, answer)"""
        body = urllib.parse.urlencode(list((form or {}).items()))
        headers = {"Authorization": "Bearer sk_test_effects"}
        if account:
            headers["Stripe-Account"] = account
        if key:
            headers["Idempotency-Key"] = key
        url = self.address + path + ("" if method == "POST" or not body else "?" + body)
        data = body.encode() if method == "POST" else None
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data=data, method=method, headers=headers)) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.load(refusal)

    def post(self, path, form=None, account=None):
        status, answer = self.call("POST", path, form, account)
        assert status == 200, (path, form, answer)
        return answer

    def get(self, path, form=None, account=None):
        status, answer = self.call("GET", path, form, account)
        assert status == 200, (path, form, answer)
        return answer

    def control(self, path, body):
        request = urllib.request.Request(
            f"{self.address}/_sandbox/{path}", data=json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def get_control(self, path):
        with urllib.request.urlopen(f"{self.address}/_sandbox/{path}") as answer:
            return json.load(answer)

    def page(self, url):
        """-> (where a browser ends up, what it shows); outside the sandbox nothing is fetched"""
        while (target := self.redirect(url)) and target.startswith(self.address):
            url = target
        if target:
            return target, ""
        with urllib.request.urlopen(url) as answer:
            return url, answer.read().decode()

    def redirect(self, url, form=None):
        """-> the address that a page sends the browser to, or None"""
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        try:
            with OPENER.open(urllib.request.Request(url, data=data)) as answer:
                return None
        except urllib.error.HTTPError as redirection:
            if not 300 <= redirection.code < 400:
                raise
            return urllib.parse.urljoin(self.address, redirection.headers["Location"])

    def text(self):
        self.count += 1
        return f"value{self.count}"

    # Objects to start from.

    def account(self, **more):
        form = {"country": "US", **CONTROLLED, "capabilities[transfers][requested]": "true"}
        return self.post("/v1/accounts", form | more)["id"]

    def seller(self, **more):
        """An account that is ready; with the automatic payouts off, so that its balance stays."""
        account = self.account(**{"capabilities[card_payments][requested]": "true"} | more)
        self.control(f"accounts/{account}/onboard", {"outcome": "complete"})
        self.post("/v1/balance_settings", {"payments[payouts][schedule][interval]": "manual"}, account)
        return account

    def some_seller(self):
        """One seller for all requests that only need somebody to pay."""
        if not self.known_seller:
            self.known_seller = self.seller()
        return self.known_seller

    def customer(self):
        return self.post("/v1/customers", {"name": "A"})["id"]

    def pay(self, account=None, amount=10000, **more):
        return self.post("/v1/payment_intents", intent(amount=amount) | more, account)

    def charge(self, **more):
        return self.pay(**more)["latest_charge"]

    def destination(self, seller, **more):
        """A paid destination charge of 100.00 with a fee of 10.00 -> the charge"""
        form = {"transfer_data[destination]": seller, "application_fee_amount": 1000} | more
        return self.get("/v1/charges/" + self.charge(**form))

    def held(self, **more):
        return self.pay(**{"capture_method": "manual"} | more)


def intent(amount=10000):
    return {"amount": amount, "currency": "usd", "payment_method": "pm_card_bypassPending", "confirm": "true",
            "capture_method": "automatic", "return_url": DONE}


def unpaid():
    return {"amount": 10000, "currency": "usd"}


def session(seller=None):
    form = {"mode": "payment", "success_url": DONE, "line_items[0][quantity]": 2,
            "line_items[0][price_data][currency]": "usd", "line_items[0][price_data][unit_amount]": 2500,
            "line_items[0][price_data][product_data][name]": "Oak table", "expand[]": "line_items"}
    if seller:
        form["payment_intent_data[transfer_data][destination]"] = seller
    return form


# How each request begins: caller -> (path, form, acting account).
def bank():
    return {"external_account[object]": "bank_account", "external_account[country]": "US",
            "external_account[currency]": "usd", "external_account[account_number]": "000123456789",
            "external_account[routing_number]": "110000000"}


def started(c, path, form=None, account=None):
    return path, form or {}, account


def capital(c):
    """The platform has money that it can move."""
    c.pay(amount=50000)


def at_payout(c):
    seller = c.seller()
    c.destination(seller)
    return "/v1/payouts", {"amount": 1000, "currency": "usd"}, seller


def confirmable(c):
    made = c.post("/v1/payment_intents", unpaid())
    form = {"payment_method": "pm_card_visa", "return_url": DONE, "expand[]": "latest_charge"}
    return f"/v1/payment_intents/{made['id']}/confirm", form, None


def disputed(c):
    opened = c.control(f"charges/{c.charge()}/dispute", {})
    return f"/v1/disputes/{opened['id']}", {"evidence[access_activity_log]": "log", "submit": "false"}, None


def refunded(c):
    charge = c.destination(c.some_seller())
    return "/v1/refunds", {"charge": charge["id"], "reverse_transfer": "true", "expand[]": "charge"}, None


def on(pattern, make, key="id"):
    """The same path as an object that is made for each request."""
    return lambda c: (pattern.format(make(c)), {}, None)


def person(c):
    account = c.account(business_type="company")
    made = c.post(f"/v1/accounts/{account}/persons", {"first_name": "A"})
    return f"/v1/accounts/{account}/persons/{made['id']}", {}, None


def second_bank(c):
    account = c.seller()
    made = c.post(f"/v1/accounts/{account}/external_accounts", bank())
    return f"/v1/accounts/{account}/external_accounts/{made['id']}", {}, None


def fee_of(c):
    return c.destination(c.some_seller())["application_fee"]


def fee_refund(c):
    fee = fee_of(c)
    made = c.post(f"/v1/application_fees/{fee}/refunds", {"amount": 1})
    return f"/v1/application_fees/{fee}/refunds/{made['id']}", {}, None


def reversal(c):
    transfer = c.destination(c.some_seller())["transfer"]
    made = c.post(f"/v1/transfers/{transfer}/reversals", {"amount": 1})
    return f"/v1/transfers/{transfer}/reversals/{made['id']}", {}, None


def payout(c):
    path, form, account = at_payout(c)
    return f"{path}/{c.post(path, form, account)['id']}", {}, account


def paid_payout(c):
    path, form, account = payout(c)
    c.control("clock/advance", {"seconds": 3 * 86400})
    return path + "/reverse", form, account


def transfer(c):
    capital(c)
    return "/v1/transfers", {"amount": 1000, "currency": "usd", "destination": c.some_seller()}, None


def no_hooks(c):
    for known in c.get("/v1/webhook_endpoints", {"limit": 100})["data"]:
        c.call("DELETE", "/v1/webhook_endpoints/" + known["id"])


def hook(c):
    no_hooks(c)
    made = c.post("/v1/webhook_endpoints", {"url": "http://127.0.0.1:9/a", "enabled_events[]": "charge.updated"})
    return f"/v1/webhook_endpoints/{made['id']}", {}, None


def method(c):
    return c.post("/v1/payment_methods", {"type": "card", "card[token]": "tok_visa"})["id"]


BASES = {
    "POST /v1/accounts": lambda c: ("/v1/accounts", {"business_type": "individual"}, None),
    "POST /v1/accounts/:account": lambda c: ("/v1/accounts/" + c.account(business_type="individual"), {}, None),
    "POST /v1/accounts/:account/reject": lambda c: (f"/v1/accounts/{c.seller()}/reject", {"reason": "fraud_other"}, None),
    "POST /v1/accounts/:account/capabilities/:capability":
        on("/v1/accounts/{}/capabilities/card_payments", lambda c: c.account()),
    "POST /v1/accounts/:account/persons": on("/v1/accounts/{}/persons", lambda c: c.account(business_type="company")),
    "POST /v1/accounts/:account/persons/:person": person,
    "POST /v1/accounts/:account/external_accounts":
        lambda c: (f"/v1/accounts/{c.seller()}/external_accounts", bank(), None),
    "POST /v1/accounts/:account/external_accounts/:external_account": second_bank,
    "POST /v1/account_links": lambda c: ("/v1/account_links", {
        "account": c.account(), "type": "account_onboarding", "refresh_url": DONE, "return_url": DONE}, None),
    "POST /v1/balance_settings": lambda c: ("/v1/balance_settings", {}, c.seller()),
    "POST /v1/customers": lambda c: ("/v1/customers", {}, None),
    "POST /v1/customers/:customer": on("/v1/customers/{}", lambda c: c.customer()),
    "POST /v1/payment_methods": lambda c: ("/v1/payment_methods", {"type": "card", "card[token]": "tok_visa"}, None),
    "POST /v1/payment_methods/:payment_method": on("/v1/payment_methods/{}", method),
    "POST /v1/payment_methods/:payment_method/attach":
        lambda c: (f"/v1/payment_methods/{method(c)}/attach", {"customer": c.customer()}, None),
    "POST /v1/payment_intents": lambda c: ("/v1/payment_intents", intent() | {"expand[]": "latest_charge"}, None),
    "POST /v1/payment_intents/:intent":
        on("/v1/payment_intents/{}", lambda c: c.post("/v1/payment_intents", unpaid())["id"]),
    "POST /v1/payment_intents/:intent/confirm": confirmable,
    "POST /v1/payment_intents/:intent/capture": lambda c: (
        f"/v1/payment_intents/{c.held()['id']}/capture", {"expand[]": "latest_charge"}, None),
    "POST /v1/payment_intents/:intent/cancel": on("/v1/payment_intents/{}/cancel", lambda c: c.held()["id"]),
    "POST /v1/checkout/sessions": lambda c: ("/v1/checkout/sessions", session(), None),
    "POST /v1/checkout/sessions/:session":
        on("/v1/checkout/sessions/{}", lambda c: c.post("/v1/checkout/sessions", session())["id"]),
    "POST /v1/charges/:charge": on("/v1/charges/{}", lambda c: c.charge()),
    "POST /v1/charges/:charge/capture": on("/v1/charges/{}/capture", lambda c: c.held()["latest_charge"]),
    "POST /v1/refunds": refunded,
    "POST /v1/refunds/:refund": on("/v1/refunds/{}", lambda c: c.post("/v1/refunds", {"charge": c.charge()})["id"]),
    "POST /v1/disputes/:dispute": disputed,
    "POST /v1/transfers": transfer,
    "POST /v1/transfers/:transfer": on("/v1/transfers/{}", lambda c: c.destination(c.some_seller())["transfer"]),
    "POST /v1/transfers/:transfer/reversals":
        on("/v1/transfers/{}/reversals", lambda c: c.destination(c.some_seller())["transfer"]),
    "POST /v1/transfers/:transfer/reversals/:reversal": reversal,
    "POST /v1/application_fees/:fee/refunds": on("/v1/application_fees/{}/refunds", fee_of),
    "POST /v1/application_fees/:fee/refunds/:refund": fee_refund,
    "POST /v1/payouts": at_payout,
    "POST /v1/payouts/:payout": payout,
    "POST /v1/payouts/:payout/reverse": paid_payout,
    "POST /v1/topups": lambda c: ("/v1/topups", {"amount": 1000, "currency": "usd"}, None),
    "POST /v1/topups/:topup":
        on("/v1/topups/{}", lambda c: c.post("/v1/topups", {"amount": 1000, "currency": "usd"})["id"]),
    "POST /v1/webhook_endpoints": lambda c: no_hooks(c) or (
        "/v1/webhook_endpoints", {"url": "http://127.0.0.1:9/a", "enabled_events[]": "charge.updated"}, None),
    "POST /v1/webhook_endpoints/:endpoint": hook,
}


DOB = {"day": 2, "month": 3, "year": 1990}
SHIPPING = {"name": "J", "address": {"line1": "1 Oak St"}}
THREE_D_SECURE = {"payment_method": "pm_card_authenticationRequired"}


def flat(prefix, values):
    form = {}
    for key, value in values.items():
        name = f"{prefix}[{key}]" if prefix else key
        form |= flat(name, value) if isinstance(value, dict) else {name: value}
    return form


def to_seller(prefix=""):
    name = f"{prefix}[transfer_data]" if prefix else "transfer_data"
    return lambda c: {f"{name}[destination]": c.some_seller()}


def debit_card(c):
    return {key: None for key in bank()} | {
        "external_account[object]": "card", "external_account[number]": "4000056655665556",
        "external_account[exp_month]": 11, "external_account[exp_year]": 2033, "external_account[currency]": "usd"}


# What goes with some parameters, since they mean nothing alone: patterns of a route and of a parameter, and more of the
# request, or a function that makes it; the plain request gets it too.
ALONG = [
    (r"accounts( |$|/:account$)", r"individual\[dob", flat("individual[dob]", DOB)),
    (r"accounts( |$|/:account$)", r"individual\[", {"individual[first_name]": "A"}),
    (r"accounts( |$|/:account$)", r"company\[", {"business_type": "company", "company[name]": "A"}),
    (r"persons", r"dob\[", flat("dob", DOB)),
    (r"external_accounts$|accounts( |$|/:account$)", r"external_account\[(number|exp_month|exp_year|cvc|name)\]", debit_card),
    (r"external_accounts$|accounts( |$|/:account$)", r"external_account\[", bank()),
    (r"checkout", r"payment_intent_data\[shipping\]", flat("payment_intent_data[shipping]", SHIPPING)),
    (r"", r"^shipping\[", flat("shipping", SHIPPING)),
    (r"checkout", r"payment_intent_data\[(transfer_data\]\[amount|application_fee_amount)",
     to_seller("payment_intent_data")),
    (r"payment_intents$", r"^(transfer_data\[amount|application_fee_amount)", to_seller()),
    (r"payment_intents(/:intent/confirm)?$", r"^(error_on_requires_action|off_session|return_url)$", THREE_D_SECURE),
    (r"payment_intents$", r"^confirm$", {"confirm": "false", "return_url": None}),
    (r"payment_intents$", r"automatic_payment_methods\[", {"automatic_payment_methods[enabled]": "true"}),
    (r"balance_settings", r"monthly_payout_days", {"payments[payouts][schedule][interval]": "monthly"}),
    (r"balance_settings", r"weekly_payout_days", {"payments[payouts][schedule][interval]": "weekly"}),
    (r"", r"schedule\]\[(monthly_anchor|monthly_payout_days)", {"settings[payouts][schedule][interval]": "monthly"}),
    (r"", r"schedule\]\[(weekly_anchor|weekly_payout_days)", {"settings[payouts][schedule][interval]": "weekly"}),
    (r"payment_methods$", r"card\[cvc\]", {"card[token]": None, "card[number]": "4242424242424242"}),
    (r"checkout", r"unit_amount_decimal", {"line_items[0][price_data][unit_amount]": None,
                                           "line_items[0][price_data][unit_amount_decimal]": "2500"}),
]


def along(route, name, caller):
    for routes, names, more in ALONG:
        if re.search(routes, route) and re.search(names, name):
            return more(caller) if callable(more) else more
    return {}


# Values for parameters that name something or need company, by route and parameter or by parameter alone: a text, or a
# function of the caller and the form -> a text, or a hash of several parameters to send together.
VALUES = {
    "country": ["DE"], "currency": ["eur"], "default_currency": ["eur"], "email": ["z@example.com"],
    "business_profile[mcc]": ["5999"], "type": ["express", "custom"], "tos_acceptance[date]": ["1700000001"],
    "customer": [lambda c, _: c.customer()], "payment_method": ["pm_card_mastercard"],
    "card[number]": [lambda c, _: {"card[number]": "5555555555554444", "card[token]": None}],
    "card[exp_month]": [11], "card[exp_year]": [2033],
    "card[cvc]": ["123"],
    "card[token]": ["tok_mastercard"], "amount": [500], "destination": [lambda c, _: c.seller()],
    "success_url": ["https://other.example/ok"], "cancel_url": ["https://other.example/no"],
    "url": ["http://127.0.0.1:9/b"], "source": ["btok_us_verified_noAccount"],
    "on_behalf_of": [lambda c, _: c.some_seller()], "transfer_data[destination]": [lambda c, _: c.some_seller()],
    "payment_intent_data[on_behalf_of]": [lambda c, _: c.some_seller()],
    "payment_intent_data[transfer_data][destination]": [lambda c, _: c.some_seller()],
    "external_account": [lambda c, _: bank_off() | {"external_account": "btok_us_verified_noAccount"}], "external_account[account_number]": ["000222222227"],
    "external_account[routing_number]": ["110000001"], "external_account[currency]": ["eur"],
    "external_account[country]": ["CA"], "external_account[number]": ["4000056655665572"],
    "external_account[object]": [lambda c, _: debit_card(c)],
    "external_account[token]": [lambda c, _: {key: None for key in debit_card(c)} | bank_off() | {
        "external_account[object]": "card", "external_account[token]": "tok_visa_debit"}],
    "confirm": [lambda c, _: {"confirm": "true", "return_url": DONE}],
    "capabilities[card_payments][requested]": [lambda c, _: {
        "capabilities[card_payments][requested]": "true", "capabilities[transfers][requested]": "true"}],
    "line_items[0][price_data][currency]": ["eur"], "line_items[0][price_data][unit_amount]": [2600],
    "line_items[0][price_data][unit_amount_decimal]": ["2700"],
    "enabled_events[0]": [lambda c, _: {"enabled_events[]": "charge.failed"}],
    ("POST /v1/refunds", "charge"): [lambda c, _: {"charge": c.destination(c.some_seller(), amount=7000)["id"]}],
    ("POST /v1/refunds", "payment_intent"): [lambda c, _: {"charge": None, "reverse_transfer": None,
                                                           "payment_intent": c.pay(amount=600)["id"]}],
    ("POST /v1/refunds", "refund_application_fee"): ["true"], ("POST /v1/refunds", "reverse_transfer"): ["false"],
    ("POST /v1/transfers", "source_transaction"): [lambda c, _: c.charge()],
}


def bank_off():
    return {key: None for key in bank()}


# What to read after a request, where its answer does not show all that it did: caller, answer, account -> anything.
def paid_session(c, answer, _):
    """The session's page, and what there is once it was paid."""
    page = c.page(answer["url"])[1].replace(answer["id"], "")
    paid = c.control(f"checkout/sessions/{answer['id']}/pay", {})
    return {"page": page, "intent": c.get(f"/v1/payment_intents/{paid['payment_intent']}", {"expand[]": "latest_charge"})}


def methods_of(c, answer, _):
    return [item["card"]["brand"] for item in c.get(f"/v1/customers/{answer['id']}/payment_methods")["data"]]


def transferred(c, answer, _):
    """The transfer of a paid intent, which follows its charge."""
    charge = answer.get("latest_charge")
    if not isinstance(charge, dict) or not charge.get("transfer"):
        return None
    return c.get("/v1/transfers/" + charge["transfer"])


def refund_of(c, answer, _):
    charge = answer["charge"]
    fee = charge.get("application_fee") and c.get("/v1/application_fees/" + charge["application_fee"])["amount_refunded"]
    reversed_ = charge.get("transfer") and c.get("/v1/transfers/" + charge["transfer"])["amount_reversed"]
    return {"fee": fee, "reversed": reversed_}


def reversed_of(c, answer, _):
    row = c.get("/v1/balance_transactions/" + answer["balance_transaction"])
    charge = c.get("/v1/charges/" + c.get("/v1/transfers/" + answer["transfer"])["source_transaction"])
    fee = c.get("/v1/application_fees/" + charge["application_fee"])
    return {"row": row["description"], "fee": fee["amount_refunded"]}


def arrived(c, answer, _):
    c.control("clock/advance", {"seconds": 7200})
    return c.get("/v1/topups/" + answer["id"])["status"]


LOOK = {
    "POST /v1/checkout/sessions": paid_session,
    "POST /v1/customers": methods_of,
    "POST /v1/payment_intents": transferred,
    "POST /v1/refunds": refund_of,
    "POST /v1/transfers/:transfer/reversals": reversed_of,
    "POST /v1/topups": arrived,
}


# Parameters whose effect no comparison of two answers shows: a function that asserts it.
def refused_on_cards(route):
    def witness(c):
        path, form, account = BASES[route](c)
        prefix = "payment_intent_data" if "checkout" in route else None
        name = f"{prefix}[statement_descriptor]" if prefix else "statement_descriptor"
        status, answer = c.call("POST", path, form | {name: "SHOP"}, account)
        assert status == 400 and "statement_descriptor_suffix" in answer["error"]["message"], answer
    return witness


def link(c, **more):
    account = c.account()
    made = c.post("/v1/account_links", {
        "account": account, "type": "account_onboarding", "refresh_url": "https://shop.example/again",
        "return_url": "https://shop.example/back"} | more)
    return account, made["url"]


def link_account(c):
    account, url = link(c)
    assert account in url


def link_refresh(c):
    _, url = link(c)
    c.page(url)
    assert c.redirect(url) == "https://shop.example/again", "a used link leads to the refresh address"


def link_return(c):
    _, url = link(c)
    form = c.redirect(url)
    assert c.redirect(form, {"_action": "later"}) == "https://shop.example/back"


def link_type(c):
    status, answer = c.call("POST", "/v1/account_links", {
        "account": c.account(), "type": "account_update", "refresh_url": DONE, "return_url": DONE})
    assert status == 400 and answer["error"]["param"] == "type", answer


def link_fields(name):
    def witness(c):
        # What is asked for only later is asked at once with eventually_due.
        pages = [c.page(link(c, **{name: value})[1])[1] for value in ("currently_due", "eventually_due")]
        due = [page.count("<label") for page in pages]
        assert due[0] <= due[1], due
        account = c.get("/v1/accounts/" + link(c)[0])["requirements"]
        assert (due[0] < due[1]) == (account["currently_due"] != account["eventually_due"]), (due, account)
    return witness


def link_future(c):
    # Nothing is ever due in the future here, so that including it and omitting it ask for the same.
    account, _ = link(c, **{"collection_options[future_requirements]": "include"})
    assert not any(c.get("/v1/accounts/" + account)["future_requirements"][key] for key in ("currently_due", "eventually_due"))


def clone_of_customer(c):
    seller, customer = c.seller(), c.customer()
    card = c.post("/v1/payment_methods/pm_card_mastercard/attach", {"customer": customer})["id"]
    made = c.post("/v1/payment_methods", {"payment_method": card, "customer": customer}, seller)
    assert made["card"]["brand"] == "mastercard" and made["id"] != card
    status, _ = c.call("POST", "/v1/payment_methods", {"payment_method": card, "customer": c.customer()}, seller)
    assert status == 400


def attached_to(c):
    customer = c.customer()
    assert c.post(f"/v1/payment_methods/{method(c)}/attach", {"customer": customer})["customer"] == customer


def connect_events(c):
    no_hooks(c)
    seller = c.seller()
    hooks = [c.post("/v1/webhook_endpoints", {
        "url": "http://127.0.0.1:9/x", "enabled_events[]": "customer.created", "connect": connect})["id"]
        for connect in ("true", "false")]
    c.post("/v1/customers", {"name": "A"}, seller)
    sent = [len(c.get_control(f"deliveries?endpoint={hook}")["data"]) for hook in hooks]
    assert sent == [1, 0], sent


def payout_currency(c):
    path, form, account = at_payout(c)
    status, answer = c.call("POST", path, form | {"currency": "eur"}, account)
    assert status == 400 and "(eur)" in answer["error"]["message"], answer


def payout_destination(c):
    path, form, account = at_payout(c)
    other = c.post(f"/v1/accounts/{account}/external_accounts", bank())["id"]
    assert c.post(path, form, account)["destination"] != other
    assert c.post(path, form | {"destination": other}, account)["destination"] == other


def session_expiry(c):
    soon = c.get_control("clock")["now"] + 3600
    made = c.post("/v1/checkout/sessions", session() | {"expires_at": soon})
    assert made["expires_at"] == soon
    c.control("clock/advance", {"seconds": 3601})
    assert c.get("/v1/checkout/sessions/" + made["id"])["status"] == "expired"


def default_bank(c):
    account = c.seller()
    for wanted in ("false", "true"):
        made = c.post(f"/v1/accounts/{account}/external_accounts", bank() | {"default_for_currency": wanted})
        assert made["default_for_currency"] is (wanted == "true")


def captured_by_hand(c):
    """Taken as it is by an intent that is not confirmed by the browser."""
    made = c.post("/v1/payment_intents", unpaid() | {"confirmation_method": "manual"})
    assert made["confirmation_method"] == "manual"


def intent_transfer_amount(c):
    made = c.post("/v1/payment_intents", unpaid() | {"transfer_data[destination]": c.some_seller(), "transfer_data[amount]": 9000})
    assert c.post("/v1/payment_intents/" + made["id"], {"transfer_data[amount]": 8000})["transfer_data"]["amount"] == 8000


def intent_fee(c):
    made = c.post("/v1/payment_intents", unpaid() | {"transfer_data[destination]": c.some_seller()})
    assert c.post("/v1/payment_intents/" + made["id"], {"application_fee_amount": 5})["application_fee_amount"] == 5


def capture_with(name, value):
    def witness(c):
        along = {"transfer_data[amount]": 9000} if name.startswith("transfer") else {"application_fee_amount": 1000}
        held = c.held(**{"transfer_data[destination]": c.some_seller()} | along)
        c.post(f"/v1/payment_intents/{held['id']}/capture", {name: value})
        charge = c.get("/v1/charges/" + held["latest_charge"])
        assert value in (charge["application_fee_amount"], charge["transfer_data"]["amount"]), charge
    return witness


def capture_of_charge(c):
    held = c.held(**{"transfer_data[destination]": c.some_seller(), "application_fee_amount": 1000})
    assert c.post(f"/v1/charges/{held['latest_charge']}/capture", {"application_fee_amount": 400})["application_fee_amount"] == 400


LINKS = "POST /v1/account_links"
WITNESSES = {
    (LINKS, "account"): link_account, (LINKS, "refresh_url"): link_refresh, (LINKS, "return_url"): link_return,
    (LINKS, "type"): link_type, (LINKS, "collect"): link_fields("collect"),
    (LINKS, "collection_options[fields]"): link_fields("collection_options[fields]"),
    (LINKS, "collection_options[future_requirements]"): link_future,
    ("POST /v1/payment_methods", "payment_method"): clone_of_customer,
    ("POST /v1/payment_methods", "customer"): clone_of_customer,
    ("POST /v1/payment_methods/:payment_method/attach", "customer"): attached_to,
    ("POST /v1/checkout/sessions", "expires_at"): session_expiry,
    ("POST /v1/webhook_endpoints", "connect"): connect_events,
    ("POST /v1/payouts", "currency"): payout_currency, ("POST /v1/payouts", "destination"): payout_destination,
    ("POST /v1/accounts/:account/external_accounts", "default_for_currency"): default_bank,
    ("POST /v1/payment_intents", "confirmation_method"): captured_by_hand,
    ("POST /v1/payment_intents/:intent", "transfer_data[amount]"): intent_transfer_amount,
    ("POST /v1/payment_intents/:intent", "application_fee_amount"): intent_fee,
    ("POST /v1/payment_intents/:intent/capture", "transfer_data[amount]"): capture_with("transfer_data[amount]", 8000),
    ("POST /v1/payment_intents/:intent/capture", "application_fee_amount"): capture_with("application_fee_amount", 400),
    ("POST /v1/charges/:charge/capture", "application_fee_amount"): capture_of_charge,
} | {(route, name): refused_on_cards(route) for route, name in [
    ("POST /v1/payment_intents", "statement_descriptor"), ("POST /v1/payment_intents/:intent", "statement_descriptor"),
    ("POST /v1/payment_intents/:intent/capture", "statement_descriptor"),
    ("POST /v1/checkout/sessions", "payment_intent_data[statement_descriptor]")]}


# Lists: caller -> (path, acting account, {filter: [(what to ask, an id that is shown, an id that is not)]}). `old` and
# `new` are two objects, the second made ten seconds after the first.
def later(c):
    c.control("clock/advance", {"seconds": 10})


def by_time(old, new, name="created", key="created"):
    first, second = old[key], new[key]
    return {
        name: [({name: second}, new["id"], old["id"])],
        f"{name}[gt]": [({f"{name}[gt]": first}, new["id"], old["id"])],
        f"{name}[gte]": [({f"{name}[gte]": second}, new["id"], old["id"])],
        f"{name}[lt]": [({f"{name}[lt]": second}, old["id"], new["id"])],
        f"{name}[lte]": [({f"{name}[lte]": first}, old["id"], new["id"])],
    }


def by(old, new, **fields):
    """Each filter by the value that the new object has and the old one has not."""
    return {name: [({name: value}, new["id"], old["id"])] for name, value in fields.items()}


def two(c, make):
    old = make()
    later(c)
    return old, make()


def filters_of_accounts(c):
    old, new = two(c, lambda: c.get("/v1/accounts/" + c.account()))
    return "/v1/accounts", None, by_time(old, new)


def filters_of_persons(c):
    account = c.account(business_type="company")
    path = f"/v1/accounts/{account}/persons"
    plain = c.post(path, {"first_name": "A"})["id"]
    cases = {}
    for role in ("authorizer", "director", "executive", "legal_guardian", "owner", "representative"):
        name = f"relationship[{role}]"
        made = c.post(path, {name: "true"})["id"]
        cases[name] = [({name: "true"}, made, plain)]
    return path, None, cases


def filters_of_external_accounts(c):
    account = c.seller()
    card = c.post(f"/v1/accounts/{account}/external_accounts", debit_card_form(c))["id"]
    own = c.get("/v1/accounts/" + account)["external_accounts"]["data"][0]["id"]
    return f"/v1/accounts/{account}/external_accounts", None, {
        "object": [({"object": "card"}, card, own), ({"object": "bank_account"}, own, card)]}


def debit_card_form(c):
    return {name: value for name, value in debit_card(c).items() if value is not None}


def filters_of_rows(c):
    seller = c.seller(**{"settings[payouts][schedule][interval]": "daily"})
    c.post("/v1/balance_settings", {"payments[payouts][schedule][interval]": "daily"}, seller)
    first = c.destination(seller)
    later(c)
    second = c.destination(seller, currency="eur")
    c.control("clock/advance", {"seconds": 5 * 86400})
    payout = c.get("/v1/payouts", {}, seller)["data"][0]
    rows = c.get("/v1/balance_transactions", {"limit": 100}, seller)["data"]
    old, new = ([row for row in rows if row["type"] == "payment" and row["currency"] == currency][0] for currency in ("usd", "eur"))
    return "/v1/balance_transactions", seller, by_time(old, new) | by(old, new, currency="eur", source=new["source"]) | {
        "type": [({"type": "payment"}, old["id"], payout["balance_transaction"])],
        "payout": [({"payout": payout["id"]}, old["id"], new["id"])]}


def filters_of_customers(c):
    old, new = two(c, lambda: c.post("/v1/customers", {"email": c.text() + "@example.com"}))
    return "/v1/customers", None, by_time(old, new) | by(old, new, email=new["email"])


def methods(path):
    def make(c):
        old, new = two(c, lambda: c.post("/v1/payment_methods/pm_card_visa/attach", {"customer": c.customer()}))
        ask = {} if ":" in path else {"customer": new["customer"]}
        cases = {"type": [(ask | {"type": "card"}, new["id"], old["id"]), (ask | {"type": "sepa_debit"}, None, new["id"])]}
        return path.replace(":customer", new["customer"]), None, cases if ":" in path else cases | by(old, new, customer=new["customer"])
    return make


def filters_of_intents(c):
    old, new = two(c, lambda: c.post("/v1/payment_intents", unpaid() | {"customer": c.customer()}))
    return "/v1/payment_intents", None, by_time(old, new) | by(old, new, customer=new["customer"])


def filters_of_sessions(c):
    old = c.post("/v1/checkout/sessions", session())
    later(c)
    new = c.post("/v1/checkout/sessions", session() | {"customer": c.customer()})
    paid = c.control(f"checkout/sessions/{new['id']}/pay", {"email": "payer@example.com"})
    return "/v1/checkout/sessions", None, by_time(old, new) | by(
        old, new, customer=new["customer"], payment_intent=paid["payment_intent"], status="complete",
        **{"customer_details[email]": "payer@example.com"})


def filters_of_charges(c):
    old, new = two(c, lambda: c.get("/v1/charges/" + c.charge(customer=c.customer(), transfer_group=c.text())))
    return "/v1/charges", None, by_time(old, new) | by(
        old, new, customer=new["customer"], payment_intent=new["payment_intent"], transfer_group=new["transfer_group"])


def filters_of_refunds(c):
    old, new = two(c, lambda: c.post("/v1/refunds", {"charge": c.charge()}))
    return "/v1/refunds", None, by_time(old, new) | by(old, new, charge=new["charge"], payment_intent=new["payment_intent"])


def filters_of_disputes(c):
    old, new = two(c, lambda: c.control(f"charges/{c.charge()}/dispute", {}))
    return "/v1/disputes", None, by_time(old, new) | by(old, new, charge=new["charge"], payment_intent=new["payment_intent"])


def filters_of_fraud_warnings(c):
    old, new = two(c, lambda: c.control(f"charges/{c.charge()}/warn_of_fraud", {}))
    return "/v1/radar/early_fraud_warnings", None, by_time(old, new) | by(
        old, new, charge=new["charge"], payment_intent=new["payment_intent"])


def filters_of_transfers(c):
    old, new = two(c, lambda: c.get("/v1/transfers/" + c.destination(c.seller())["transfer"]))
    return "/v1/transfers", None, by_time(old, new) | by(
        old, new, destination=new["destination"], transfer_group=new["transfer_group"])


def filters_of_fees(c):
    old, new = two(c, lambda: c.get("/v1/application_fees/" + fee_of(c)))
    return "/v1/application_fees", None, by_time(old, new) | by(old, new, charge=new["originating_transaction"])


def filters_of_payouts(c):
    path, form, account = at_payout(c)
    old = c.post(path, form, account)
    c.control("clock/advance", {"seconds": 3 * 86400})
    other = c.post(f"/v1/accounts/{account}/external_accounts", bank())["id"]
    new = c.post(path, form | {"destination": other}, account)
    return path, account, by_time(old, new) | by_time(old, new, "arrival_date", "arrival_date") | by(
        old, new, destination=other, status="pending")


def filters_of_topups(c):
    old = c.post("/v1/topups", {"amount": 1000, "currency": "usd"})
    later(c)
    new = c.post("/v1/topups", {"amount": 2000, "currency": "usd"})
    c.post(f"/v1/topups/{new['id']}/cancel")
    return "/v1/topups", None, by_time(old, new) | by_time(old, new, "amount", "amount") | by(old, new, status="canceled")


def filters_of_events(c):
    no_hooks(c)
    c.post("/v1/customers", {"name": "A"})
    old = c.get("/v1/events", {"limit": 1})["data"][0]
    later(c)
    c.post("/v1/webhook_endpoints", {"url": "http://127.0.0.1:9/x", "enabled_events[]": "payment_intent.created"})
    c.post("/v1/payment_intents", unpaid())
    new = c.get("/v1/events", {"limit": 1})["data"][0]
    c.control("settle", {"within_seconds": 60})
    return "/v1/events", None, by_time(old, new) | by(
        old, new, type="payment_intent.created", delivery_success="false", **{"types[0]": "payment_intent.created"})


FILTERS = {
    "GET /v1/accounts": filters_of_accounts, "GET /v1/accounts/:account/persons": filters_of_persons,
    "GET /v1/accounts/:account/external_accounts": filters_of_external_accounts,
    "GET /v1/balance_transactions": filters_of_rows, "GET /v1/customers": filters_of_customers,
    "GET /v1/customers/:customer/payment_methods": methods("/v1/customers/:customer/payment_methods"),
    "GET /v1/payment_methods": methods("/v1/payment_methods"), "GET /v1/payment_intents": filters_of_intents,
    "GET /v1/checkout/sessions": filters_of_sessions, "GET /v1/charges": filters_of_charges,
    "GET /v1/refunds": filters_of_refunds, "GET /v1/disputes": filters_of_disputes,
    "GET /v1/radar/early_fraud_warnings": filters_of_fraud_warnings,
    "GET /v1/transfers": filters_of_transfers, "GET /v1/application_fees": filters_of_fees,
    "GET /v1/payouts": filters_of_payouts, "GET /v1/topups": filters_of_topups, "GET /v1/events": filters_of_events,
}
