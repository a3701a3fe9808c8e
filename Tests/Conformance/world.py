"""A Souk whose every word to and from Stripe is written down, and a life of it in which it says all that it can say."""

import http.server
import os
import re
import stat
import threading
from concurrent.futures import ThreadPoolExecutor, wait

from conftest import Sandbox, client
from recorder import Recorder
from running import Souk, fund_platform, send, wait_until

PLATFORM, CONNECT = "STRIPE_WEBHOOK_SECRETS", "STRIPE_CONNECT_WEBHOOK_SECRETS"


class Shop:
    """The marketplace's own server: takes Souk's events."""

    def __init__(self):
        self.received = received = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                received.append((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/souk"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class World:
    def __init__(self, cluster, folder):
        self.folder = folder
        (folder / "sandbox").mkdir()
        (folder / "souk").mkdir()
        self.sandbox = Sandbox(folder / "sandbox").start()
        self.api = client(self.sandbox.address).v1
        self.to_stripe = Recorder(self.sandbox.address, records=lambda path: path.startswith("/v1/"))
        self.souk = Souk(cluster, folder / "souk", stripe=self.to_stripe.address, environment={
            "SOUK_ENCRYPTION_KEYS": "0123456789abcdef" * 4})
        # Stripe reaches Souk through a recorder too.
        self.from_stripe = Recorder(self.souk.address, records=lambda path: path.startswith("/webhooks/"))
        self.souk.environment["SOUK_PUBLIC_URL"] = self.from_stripe.address
        self.secrets = {}
        self.shop = Shop()

    def close(self):
        self.souk.stop()
        self.sandbox.kill()
        for server in (self.to_stripe, self.from_stripe):
            server.close()

    # --- `souk webhooks ensure` ---

    def ensure(self, *options):
        return self.souk.run("webhooks", "ensure", *options).stdout

    def take_secrets(self, text):
        found = dict(re.findall(r"^(STRIPE_\w+)=(\S+)$", text, re.M))
        assert set(found) == {PLATFORM, CONNECT}, text
        self.secrets = found
        self.souk.environment.update(found)

    # --- Steps ---

    def settle(self):
        """Returns once neither Stripe nor Souk has anything left to do. Business time runs as long as Souk waits for it."""
        with ThreadPoolExecutor(1) as pool:
            settled = pool.submit(self.souk.settle)
            while not wait([settled], timeout=0.05).done:
                self.souk.advance(seconds=5)
            settled.result()

    def call(self, method, path, body=None, expect=None):
        return self.souk.call(method, path, body, expect=expect)

    def seller(self, name, country="US", outcome="complete", **more):
        made = self.call("POST", "/v1/sellers", {
            "external_id": name, "email": f"{name}@example.com", "country": country, "business_type": "individual",
            **more}, expect=201)
        self.souk.control("POST", f"accounts/{made['stripe_account']}/onboard", {"outcome": outcome})
        self.settle()
        return made.json

    def order(self, name, seller, amount=10000, expect=201, **more):
        return self.call("POST", "/v1/orders", {
            "external_id": name, "currency": "usd", "buyer": {"external_id": "u-1", "email": "buyer@example.com"},
            "lines": [{"seller": seller["id"], "description": "Oak table", "unit_amount": amount, "quantity": 1}], **more},
            expect=expect).json

    def pay(self, order, method="pm_card_visa"):
        """What the buyer does, on Checkout or on the marketplace's own page. Answers whether it went through."""
        if order["payment_intent"]:
            path = f"payment_intents/{order['payment_intent']}/pay"
        else:
            path = f"checkout/sessions/{re.search('cs_test_[A-Za-z0-9]+', order['checkout_url'])[0]}/pay"
        try:
            return self.souk.control("POST", path, {"payment_method": method})
        except AssertionError as refused:
            if "402" not in str(refused):
                raise
            return None

    def read(self, order):
        return self.call("GET", f"/v1/orders/{order['id']}", expect=200).json

    def paid(self, name, seller, **more):
        order = self.order(name, seller, **more)
        self.pay(order)
        self.settle()
        order = self.read(order)
        assert order["status"] == "paid", order
        return order

    def intent(self, order):
        return self.api.payment_intents.retrieve(
            self.read(order)["payment_intent"], params={"expand": ["latest_charge"]})

    def faults(self, *rules, lose=0):
        self.souk.control("PUT", "faults", {"rules": list(rules), "webhooks": {"lose": lose}})

    def no_faults(self):
        self.souk.control("DELETE", "faults")

    # --- The life ---

    def live(self):
        self.shop.secret = self.call(
            "POST", "/v1/event_destinations", {"url": self.shop.address, "enabled_events": ["*"]}, expect=201)["secret"]
        self.call("POST", "/v1/fee_policies", {"scope": "default", "currency": "usd", "percent_bps": 1500}, expect=201)
        fund_platform(self.sandbox.address)
        ana = self.sellers()
        self.payments(ana)
        self.closings(ana)
        self.made_at_stripe(ana)
        self.money_back(ana)
        self.money_out()
        self.strangers(ana)
        self.lost_answers(ana)
        self.payouts(ana)
        self.reading(ana)

    def sellers(self):
        ana = self.seller("ana", metadata={"shop": "7"}, business_profile={
            "name": "Ana's tables", "mcc": "5712", "url": "https://ana.example", "product_description": "Tables"})
        self.call("POST", f"/v1/sellers/{ana['id']}/onboarding_links", {}, expect=201)
        self.call("POST", f"/v1/sellers/{ana['id']}/login_links", expect=201)
        self.call("GET", f"/v1/sellers/{ana['id']}/balance", expect=200)
        account = ana["stripe_account"]
        person = self.api.accounts.persons.create(account, params={"first_name": "Jo", "relationship": {"owner": True}})
        self.api.accounts.persons.update(account, person.id, params={"email": "jo@example.com"})
        self.api.accounts.persons.delete(account, person.id)
        bank = {"object": "bank_account", "country": "US", "currency": "usd", "routing_number": "110000000"}
        old, = self.api.accounts.external_accounts.list(account).data
        new = self.api.accounts.external_accounts.create(account, params={
            "external_account": bank | {"account_number": "000123456789"}, "default_for_currency": True})
        self.api.accounts.external_accounts.update(account, new.id, params={"metadata": {"a": "b"}})
        self.api.accounts.external_accounts.delete(account, old.id)
        bob = self.seller("bob", country="DE")
        self.call("POST", f"/v1/sellers/{bob['id']}/reject", {"reason": "other"}, expect=200)
        eve = self.seller("eve", country="GB")
        for act, status in (("deauthorize", "disconnected"), ("authorize", "active")):
            self.souk.control("POST", f"accounts/{eve['stripe_account']}/{act}", {})
            self.settle()
            assert self.call("GET", f"/v1/sellers/{eve['id']}")["status"] == status
        return ana

    def payments(self, ana):
        self.paid("checkout", ana)
        self.paid("own-page", ana, payment="payment_intent")
        secure = self.order("secure", ana, payment="payment_intent")
        self.pay(secure, "pm_card_authenticationRequired")
        self.settle()
        assert self.read(secure)["status"] == "requires_action"
        self.souk.control("POST", f"payment_intents/{secure['payment_intent']}/authenticate", {"outcome": "fail"})
        assert self.pay(secure, "pm_card_chargeDeclined") is None
        self.settle()
        assert self.read(secure)["status"] == "payment_failed"
        for name, method, end in [
                ("debit", "pm_usBankAccount_success", "paid"),
                ("no-debit", "pm_usBankAccount_insufficientFunds", "payment_failed")]:
            for payment in ("checkout", "payment_intent"):
                order = self.order(f"{name}-{payment}", ana, payment=payment)
                self.pay(order, method)
                self.settle()
                assert self.read(order)["status"] == "processing"
                self.souk.advance(days=4)
                self.settle()
                assert self.read(order)["status"] == end, self.read(order)

    def closings(self, ana):
        for payment in ("checkout", "payment_intent"):
            order = self.order(f"cancel-{payment}", ana, payment=payment)
            self.call("POST", f"/v1/orders/{order['id']}/cancel", expect=200)
            held = self.order(f"hold-{payment}", ana, payment=payment, capture="manual")
            self.pay(held)
            self.settle()
            assert self.read(held)["status"] == "authorized"
            self.call("POST", f"/v1/orders/{held['id']}/capture", expect=200)
        part = self.order("part", ana, payment="payment_intent", capture="manual")
        self.pay(part)
        self.settle()
        self.call("POST", f"/v1/orders/{part['id']}/capture", {"amount": part["amount"] // 2}, expect=200)
        released = self.order("released", ana, payment="payment_intent", capture="manual")
        self.pay(released)
        self.settle()
        self.call("POST", f"/v1/orders/{released['id']}/cancel", expect=200)
        self.order("left-alone", ana)
        self.souk.advance(hours=25)
        self.settle()
        self.pay_session(self.canceled_unseen("late", ana))
        self.no_faults()
        self.settle()

    def canceled_unseen(self, name, seller):
        """An order that is canceled before Souk has heard of its payment page, which somebody may pay on all the same.
        Answers the page's session; Stripe takes no further sessions until `no_faults`."""
        order = self.unanswered("/v1/checkout/sessions", lambda: self.order(name, seller))
        assert order["checkout_url"] is None, order
        assert self.call("POST", f"/v1/orders/{order['id']}/cancel", expect=200)["status"] == "canceled"
        session, = [s for s in self.api.checkout.sessions.list(params={"limit": 3}).data if s.metadata["souk_order"] == order["id"]]
        return session.id

    def pay_session(self, session):
        return self.souk.control("POST", f"checkout/sessions/{session}/pay", {"payment_method": "pm_card_visa"})

    def unanswered(self, path, act, lose=0):
        """Stripe does what `act` asks for at the path, cannot say so, and hears no repetition."""
        self.faults({"match": f"POST {path}", "kind": "drop_answer", "times": 1}, lose=lose)
        done = act()
        wait_until("the answer was lost", lambda: self.souk.control("GET", "faults")["struck"] == [1])
        self.faults({"match": f"POST {path}", "kind": "status", "status": 503}, lose=lose)
        return done

    def made_at_stripe(self, ana):
        """What support staff do in Stripe's Dashboard, and banks in their offices."""
        order = self.paid("many-refunds", ana)
        for _ in range(12):
            self.api.refunds.create(params={
                "payment_intent": order["payment_intent"], "amount": 100, "reverse_transfer": True,
                "refund_application_fee": True})
        self.settle()
        assert self.read(order)["amount_refunded"] == 1200
        charge = self.intent(order).latest_charge
        refund = self.api.refunds.list(params={"charge": charge.id, "limit": 1}).data[0]
        self.api.refunds.update(refund.id, params={"metadata": {"by": "support"}})
        self.api.transfers.update(charge.transfer, params={"metadata": {"by": "support"}})
        self.api.transfers.reversals.create(charge.transfer, params={"amount": 50})
        back = self.api.application_fees.refunds.create(charge.application_fee, params={"amount": 25})
        self.api.application_fees.refunds.update(charge.application_fee, back.id, params={"metadata": {"by": "support"}})
        bounced = self.order("bounced-refund", ana)
        self.pay(bounced, "pm_card_refundFail")
        self.settle()
        self.api.refunds.create(params={"payment_intent": self.read(bounced)["payment_intent"], "amount": 500})
        contested = self.paid("contested", ana)
        dispute = self.souk.control("POST", f"charges/{self.intent(contested).latest_charge.id}/dispute", {})
        self.souk.control("POST", f"disputes/{dispute['id']}/resolve", {"outcome": "won"})
        warned = self.order("warned", ana)
        self.pay(warned, "pm_card_createIssuerFraudRecord")
        self.settle()
        self.api.refunds.create(params={"payment_intent": self.read(warned)["payment_intent"]})
        topup = self.api.topups.create(params={"amount": 50000, "currency": "usd"})
        self.souk.advance(hours=2)
        self.souk.control("POST", f"topups/{topup.id}/reverse")
        self.settle()

    def money_back(self, ana):
        """Refunds and disputes through Souk."""
        order = self.paid("part-refund", ana)
        self.call("POST", f"/v1/orders/{order['id']}/refunds", {
            "amount": 2500, "reason": "requested_by_customer"}, expect=201)
        self.settle()
        assert self.read(order)["amount_refunded"] == 2500
        for name, answers in [("disputed", ("evidence", "submit")), ("given-up", ("accept",))]:
            order = self.paid(name, ana)
            self.souk.control("POST", f"charges/{order['charge']}/dispute", {"reason": "product_not_received"})
            self.settle()
            dispute, = self.call("GET", f"/v1/disputes?order={order['id']}", expect=200)["data"]
            for answer in answers:
                body = {"product_description": "Oak table"} if answer == "evidence" else {}
                self.call("POST", f"/v1/disputes/{dispute['id']}/{answer}", body, expect=200)
            if answer == "submit":
                self.souk.control("POST", f"disputes/{dispute['stripe_dispute']}/resolve", {"outcome": "won"})
            self.settle()
            assert self.read(order)["dispute_status"] == ("won" if answer == "submit" else "lost")

    def money_out(self):
        """Shares that are released, and payouts that are asked for."""
        zoe = self.seller("zoe")
        for schedule in [
                {"interval": "weekly", "weekly_anchor": "friday"},
                {"interval": "monthly", "monthly_anchor": 5, "delay_days": 7}, {"interval": "manual"}]:
            self.call("POST", f"/v1/sellers/{zoe['id']}", {"payout_schedule": schedule}, expect=200)
            self.settle()
        order = self.paid("fulfilled", zoe, release={"on": "fulfilment"})
        self.call("POST", f"/v1/orders/{order['id']}/release", {}, expect=201)
        self.settle()
        self.souk.advance(days=8)
        self.settle()
        self.call("POST", f"/v1/sellers/{zoe['id']}/payouts", {
            "external_id": "october", "amount": 500, "currency": "usd", "method": "standard",
            "description": "October", "metadata": {"month": "10"}}, expect=201)
        self.settle()
        self.call("POST", f"/v1/sellers/{zoe['id']}/adjustments", {
            "amount": 300, "currency": "usd", "reason": "goodwill"}, expect=201)
        self.settle()
        # Somebody had Stripe pay the platform out by itself.
        send("POST", f"{self.sandbox.address}/v1/balance_settings", b"payments[payouts][schedule][interval]=daily", {
            "Authorization": "Bearer sk_test_dashboard", "Content-Type": "application/x-www-form-urlencoded"})
        self.call("POST", "/v1/admin/platform_payouts", {"interval": "manual"}, expect=200)

    def strangers(self, ana):
        """The platform's other business: of none of Souk's orders, in the same balances."""
        card = {"currency": "usd", "payment_method": "pm_card_visa", "confirm": True, "return_url": "https://a.example"}
        intent = self.api.payment_intents.create(params=card | {
            "amount": 7000, "application_fee_amount": 500, "transfer_data": {"destination": ana["stripe_account"]}})
        self.settle()
        self.api.refunds.create(params={
            "payment_intent": intent.id, "amount": 1000, "reverse_transfer": True, "refund_application_fee": True})
        direct = self.api.payment_intents.create(
            params=card | {"amount": 3000}, options={"stripe_account": ana["stripe_account"]})
        self.settle()
        self.api.refunds.create(
            params={"payment_intent": direct.id, "amount": 1000}, options={"stripe_account": ana["stripe_account"]})
        for _ in range(101):
            self.api.payment_intents.create(params=card | {"amount": 100})
        self.settle()

    def lost_answers(self, ana):
        """Stripe does it and cannot say so; a day later the idempotency key is forgotten, and Souk looks for the effect."""
        def a_day_later():
            self.souk.advance(hours=25)
            self.no_faults()
            self.souk.advance(hours=1)
            self.settle()

        # No event may tell of the effect either.
        self.unanswered("/v1/accounts", lambda: self.call("POST", "/v1/sellers", {
            "external_id": "dan", "email": "dan@example.com", "country": "US", "business_type": "individual"},
            expect=201), lose=1)
        a_day_later()
        dan, = self.call("GET", "/v1/sellers?external_id=dan").json["data"]
        assert dan["stripe_account"], dan
        for payment, path in [("checkout", "/v1/checkout/sessions"), ("payment_intent", "/v1/payment_intents")]:
            order = self.unanswered(path, lambda: self.order(f"lost-{payment}", ana, payment=payment), lose=1)
            a_day_later()
            assert self.read(order)["checkout_session" if payment == "checkout" else "client_secret"]
        parted = self.paid("lost-parts", ana)
        for path in ("/v1/application_fees/*/refunds", "/v1/transfers/*/reversals"):
            self.unanswered(path, lambda: self.call(
                "POST", f"/v1/orders/{parted['id']}/refunds", {"amount": 1000}, expect=201), lose=1)
            a_day_later()
        held = self.paid("lost-transfer", ana, release={"on": "fulfilment"})
        self.unanswered("/v1/transfers", lambda: self.call(
            "POST", f"/v1/orders/{held['id']}/release", {}, expect=201), lose=1)
        a_day_later()
        session = self.canceled_unseen("lost-refund", ana)
        self.faults(
            {"match": "POST /v1/refunds", "kind": "delay", "milliseconds": 1500, "times": 1},
            {"match": "POST /v1/refunds", "kind": "drop_answer", "times": 1})
        self.pay_session(session)
        wait_until("the refund was asked for", lambda: self.souk.control("GET", "faults")["struck"] == [1, 1])
        self.faults({"match": "POST /v1/refunds", "kind": "status", "status": 503}, lose=1)
        wait_until("the refund was made", lambda: self.api.refunds.list(params={"payment_intent": self.intent_of(session)}).data)
        a_day_later()

    def intent_of(self, session):
        return self.api.checkout.sessions.retrieve(session).payment_intent

    def payouts(self, ana):
        self.souk.advance(days=14)
        self.settle()
        # Between two runs of automatic payouts, which would take what is there.
        clock = self.souk.control("GET", "clock")["now"]
        self.souk.advance(seconds=86400 - clock % 86400 + 8 * 3600)
        self.api.topups.create(params={"amount": 50000, "currency": "usd"})
        self.souk.advance(hours=2)
        acting = {"stripe_account": ana["stripe_account"]}
        payout = self.api.payouts.list(params={"limit": 1}, options=acting).data[0]
        self.api.payouts.update(payout.id, params={"metadata": {"by": "support"}}, options=acting)
        wanted = self.api.payouts.create(params={"amount": 100, "currency": "usd"})
        self.api.payouts.cancel(wanted.id)
        self.souk.control("POST", f"payouts/{payout.id}/fail", {"failure_code": "account_closed", "after_paid": True})
        self.settle()

    def reading(self, ana):
        self.call("GET", f"/v1/sellers/{ana['id']}/balance", expect=200)
        self.reconcile()
        self.repair()
        # After a start Souk looks for events that it was not sent.
        self.souk.stop()
        self.souk.start()
        self.settle()

    def repair(self):
        """One of Souk's copies says something else than Stripe, until an admin has it read again."""
        self.souk.sql(
            """UPDATE transfers SET amount_minor = amount_minor + 1
            WHERE stripe_id = (SELECT min(stripe_id) FROM transfers WHERE state = 'paid')""")
        self.reconcile()
        found = self.call("GET", "/v1/admin/findings?kind=amount_mismatch&status=open", expect=200)["data"]
        repair = {"repair": "refetch", "reason": "our copy was wrong"}
        closed = self.call("POST", f"/v1/admin/findings/{found[0]['id']}/repair", repair, expect=200)
        assert closed["status"] == "closed", closed

    def reconcile(self):
        run = self.call("POST", "/v1/admin/reconciliations", {"scope": "all"}, expect=201)
        self.settle()
        return self.call("GET", f"/v1/admin/reconciliations/{run['id']}", expect=200).json


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)
