"""A marketplace with one of everything, made through the API, and for each operation a request that succeeds in it."""

import calendar
import http.client
import itertools
import time
import urllib.parse
import zlib

from running import fund_platform, send


def location(url):
    """Where a page sends the browser."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    connection.request("GET", parts.path)
    answer = connection.getresponse()
    assert answer.status in (302, 303), f"{url}: {answer.status}"
    return answer.headers["Location"]


def close_month_of(souk, order):
    """Once the month in which the order was placed is over, closes it, which writes its commission invoices. -> the month"""
    month = time.strftime("%Y-%m", time.gmtime(souk.call("GET", f"/v1/orders/{order}", expect=200)["created"]))
    souk.advance(seconds=max(0, end_of_month(month) - souk.control("GET", "clock")["now"]) + 60)
    souk.settle()
    souk.run("close-month", month)
    return month


def end_of_month(text):
    """The moment at which the next month begins, by UTC."""
    year, month = map(int, text.split("-"))
    return calendar.timegm((year + month // 12, month % 12 + 1, 1, 0, 0, 0))


class World:
    def __init__(self, souk, name):
        self.souk, self.name = souk, name
        self.numbers = itertools.count(1)
        call = souk.call
        fund_platform(souk.stripe)
        call("POST", "/v1/fee_policies", {"scope": "default", "currency": "usd", "percent_bps": 1500}, expect=201)
        self.destination = self.made_destination()
        self.seller = self.onboarded_seller()
        self.rejected = self.onboarded_seller()
        call("POST", f"/v1/sellers/{self.rejected}/reject", {"reason": "other"}, expect=200)
        self.paid = self.paid_order()
        self.captured = self.paid_order(capture="manual", payment="payment_intent")
        self.canceled = self.order()["id"]
        call("POST", f"/v1/orders/{self.canceled}/cancel", {}, expect=200)
        self.waiting = self.order()["id"]
        self.refundable = self.paid_order()
        souk.settle()
        self.failed_refund = self.refund_that_failed()
        self.refund = call("POST", f"/v1/orders/{self.refundable}/refunds", {"amount": 1000}, expect=201)["id"]
        self.refund_in_dashboard(self.paid_order())
        call("POST", f"/v1/orders/{self.captured}/capture", {}, expect=200)
        souk.advance(days=14)
        souk.settle()
        self.month = close_month_of(souk, self.paid)
        self.invoice = self.first(f"/v1/sellers/{self.seller}/commission_invoices")
        self.token = self.onboarding_token(self.seller)
        self.reconciliation = call("POST", "/v1/admin/reconciliations", {"scope": "all"}, expect=201)["id"]
        souk.settle()
        self.finding = self.first("/v1/admin/findings?kind=made_at_stripe")
        self.dispute = self.new_dispute()
        self.warning = self.new_fraud_warning()
        self.transfer = self.first("/v1/transfers")
        self.payout = self.first("/v1/payouts")
        self.fund(self.seller)
        # Of whom nothing else is asked: a seller on hold is not paid out.
        self.payee = self.onboarded_seller()
        self.fund(self.payee)
        self.event = self.first("/v1/events")
        self.entry = self.first("/v1/ledger/accounts/revenue:application_fees/entries")
        self.operation = self.first("/v1/admin/operations")
        self.webhook_event = self.first("/v1/admin/webhook_events?state=done")

    def first(self, path):
        return self.souk.call("GET", path, expect=200)["data"][0]["id"]

    def unique(self, word):
        return f"{self.name}-{word}-{next(self.numbers)}"

    # --- What the world is made of ------------------------------------------------------------------------------

    def new_seller(self):
        return {
            "external_id": self.unique("shop"), "email": "ana@example.com", "country": "US",
            "business_type": "individual"}

    def onboarded_seller(self):
        seller = self.souk.call("POST", "/v1/sellers", self.new_seller(), expect=201)
        self.souk.control("POST", f"accounts/{seller['stripe_account']}/onboard", {"outcome": "complete"})
        self.souk.settle()
        return seller["id"]

    def onboarding_token(self, seller):
        """What stands in the addresses to which Stripe sends the seller's browser back."""
        link = self.souk.call("POST", f"/v1/sellers/{seller}/onboarding_links", {}, expect=201)["url"]
        location(link)  # A link works once; the second visit is sent to the refresh address.
        return location(link).split("/")[-2]

    def new_order(self, **more):
        return {
            "external_id": self.unique("order"), "currency": "usd", "buyer": {"email": "bo@example.com"},
            "lines": [{"seller": self.seller, "description": "Oak table", "unit_amount": 10000}]} | more

    def order(self, **more):
        return self.souk.call("POST", "/v1/orders", self.new_order(**more), expect=201)

    def paid_order(self, **more):
        order = self.order(**more)
        if order["payment_intent"]:
            paying = f"payment_intents/{order['payment_intent']}"
        else:
            paying = f"checkout/sessions/{order['checkout_session']}"
        self.souk.control("POST", f"{paying}/pay", {"payment_method": "pm_card_visa"})
        return order["id"]

    def fund(self, seller):
        """Money that the seller can be paid out at once, and that does not go by itself."""
        self.souk.call("POST", f"/v1/sellers/{seller}", {"payout_schedule": {"interval": "manual"}}, expect=200)
        order = self.order(lines=[{"seller": seller, "description": "Oak table", "unit_amount": 10000}])
        self.souk.control(
            "POST", f"checkout/sessions/{order['checkout_session']}/pay", {"payment_method": "pm_card_bypassPending"})
        self.souk.settle()

    def unreleased_order(self):
        """Paid, with a share that waits for its release."""
        order = self.paid_order(release={"on": "fulfilment"})
        self.souk.settle()
        return order

    def reversible_transfer(self):
        """One that has moved a share a moment ago."""
        order = self.paid_order(charge_shape="separate")
        self.souk.settle()
        return self.first(f"/v1/transfers?order={order}&state=paid")

    def new_payout(self, **more):
        return {"amount": 100, "currency": "usd", "external_id": self.unique("payout")} | more

    def new_destination(self):
        # Of a type that there is not: nobody is there to take deliveries.
        return {"url": "https://shop.example.com/events", "enabled_events": ["nothing.ever"]}

    def made_destination(self):
        return self.souk.call("POST", "/v1/event_destinations", self.new_destination(), expect=201)["id"]

    def refund_that_failed(self):
        """One that the bank has sent back: the buyer is still owed it."""
        order = self.paid_order()
        self.souk.settle()
        refund = self.souk.call("POST", f"/v1/orders/{order}/refunds", {"amount": 2000}, expect=201)
        self.souk.settle()
        self.souk.control("POST", f"refunds/{refund['stripe_refund']}/fail", {})
        self.souk.settle()
        return refund["id"]

    def refund_in_dashboard(self, order):
        """What a person does at Stripe without Souk."""
        self.souk.settle()
        intent = self.souk.call("GET", f"/v1/orders/{order}", expect=200)["payment_intent"]
        refund = send("POST", f"{self.souk.stripe}/v1/refunds", f"payment_intent={intent}".encode(), {
            "Authorization": "Bearer sk_test_dashboard", "Content-Type": "application/x-www-form-urlencoded"})
        assert refund.status == 200, refund

    def new_dispute(self):
        """Of an order of its own, so that the others can be refunded."""
        order = self.paid_order()
        self.souk.settle()
        charge = self.souk.call("GET", f"/v1/orders/{order}", expect=200)["charge"]
        self.souk.control("POST", f"charges/{charge}/dispute", {"reason": "product_not_received"})
        self.souk.settle()
        return self.first(f"/v1/disputes?order={order}")

    def new_fraud_warning(self):
        """One that holds the share of an order of its own."""
        order = self.unreleased_order()
        charge = self.souk.call("GET", f"/v1/orders/{order}", expect=200)["charge"]
        self.souk.control("POST", f"charges/{charge}/warn_of_fraud", {"fraud_type": "made_with_stolen_card"})
        self.souk.settle()
        return self.first(f"/v1/fraud_warnings?order={order}")

    def contested_dispute(self):
        dispute = self.new_dispute()
        self.souk.call("POST", f"/v1/disputes/{dispute}/evidence", {"customer_name": "Bo"}, expect=200)
        return dispute

    def api_key(self, scopes):
        return self.souk.call("POST", "/v1/admin/api_keys", {"name": "test", "scopes": scopes}, expect=201)

    def held_operation(self):
        """One that waits for a person. Nothing that Souk does yet is held so long that a test could find it."""
        operation = f"opn_{zlib.crc32(self.name.encode()):010}{next(self.numbers):016}"
        self.souk.sql(
            f"""INSERT INTO stripe_operations (id, kind, subject_id, state, reason, due_at, created_at)
            VALUES ('{operation}', 'create_account', '{self.seller}', 'held', 'needs approval', now() + interval '1 year', now())""")
        return operation

    def adjustment(self):
        wish = {"amount": 1, "currency": "usd", "reason": "correction"}
        return self.souk.call("POST", f"/v1/sellers/{self.seller}/adjustments", wish, expect=201)["id"]

    def indebted_seller(self):
        """To whom staff have moved money that no release asked for."""
        seller = self.onboarded_seller()
        order = self.paid_order(
            lines=[{"seller": seller, "description": "Oak table", "unit_amount": 10000}], release={"on": "fulfilment"})
        self.souk.settle()
        charge = self.souk.call("GET", f"/v1/orders/{order}", expect=200)["charge"]
        account = self.souk.call("GET", f"/v1/sellers/{seller}", expect=200)["stripe_account"]
        form = f"amount=500&currency=usd&destination={account}&source_transaction={charge}"
        moved = send("POST", f"{self.souk.stripe}/v1/transfers", form.encode(), {
            "Authorization": "Bearer sk_test_dashboard", "Content-Type": "application/x-www-form-urlencoded"})
        assert moved.status == 200, moved
        self.souk.settle()
        return seller

    def limited_key(self):
        """One that may let nothing out by itself."""
        key = self.api_key(["refunds:write"])
        limit = {"api_key": key["id"], "kind": "refund", "currency": "usd", "per_operation": 0}
        return key, self.souk.call("POST", "/v1/admin/limits", limit, expect=200)["id"]

    def operation_above_limit(self):
        """A refund that waits for a second person."""
        order = self.paid_order()
        self.souk.settle()
        refund = self.souk.call(
            "POST", f"/v1/orders/{order}/refunds", {"amount": 100}, expect=201,
            Authorization=f"Bearer {self.limited_key()[0]['key']}")
        return refund["operations"][0]["id"]

    def unhandled_event(self):
        """One of Stripe's of a type that Souk does not handle."""
        return {
            "id": f"evt_{self.unique('event')}", "object": "event", "type": "person.updated", "created": 1700000000,
            "livemode": False, "api_version": None, "data": {"object": {"id": "person_1", "object": "person"}}}

    def waiting_webhook_event(self):
        self.souk.sql(
            f"""UPDATE inbox_event_ids SET state = 'parked', due_at = NULL, settled_at = NULL
            WHERE event_id = '{self.webhook_event}'""")
        return self.webhook_event

    # --- Requests that succeed ----------------------------------------------------------------------------------

    def request(self, operation):
        """(path, body) of a call of this operation that is answered 2xx, or 302 where that is what it does."""
        reason = {"reason": "asked by a test"}
        seller, order = f"/v1/sellers/{self.seller}", "/v1/orders"
        requests = {
            "create_seller": lambda: ("/v1/sellers", self.new_seller()),
            "update_seller": lambda: (seller, {"metadata": {"shop": "7"}}),
            "create_onboarding_link": lambda: (f"{seller}/onboarding_links", {}),
            "create_login_link": lambda: (f"{seller}/login_links", {}),
            "get_seller_balance": lambda: (f"{seller}/balance", None),
            "create_payout": lambda: (f"/v1/sellers/{self.payee}/payouts", self.new_payout()),
            "adjust_seller": lambda: (
                f"{seller}/adjustments", {"amount": 100, "currency": "usd", "reason": "goodwill"}),
            "get_adjustment": lambda: (f"/v1/adjustments/{self.adjustment()}", None),
            "write_off_receivable": lambda: (
                f"/v1/sellers/{self.indebted_seller()}/write_off", reason | {"currency": "usd"}),
            "create_netting_policy": lambda: (
                "/v1/admin/netting_policies", {"seller": self.rejected, "percent_bps": 5000}),
            "set_platform_payouts": lambda: ("/v1/admin/platform_payouts", {"interval": "manual"}),
            "hold_seller": lambda: (f"{seller}/hold", {"held": False}),
            "change_seller_account": lambda: (f"/v1/sellers/{self.rejected}/accounts", {}),
            "set_seller_reserve": lambda: (
                f"/v1/sellers/{self.rejected}/reserve", {"basis_points": 1000, "days": 30}),
            "reject_seller": lambda: (f"/v1/sellers/{self.rejected}/reject", {"reason": "other"}),
            "onboarding_refresh": lambda: (f"/onboarding/{self.token}/refresh", None),
            "onboarding_return": lambda: (f"/onboarding/{self.token}/return", None),
            "create_fee_policy": lambda: (
                "/v1/fee_policies", {"scope": "category", "category": "home", "currency": "usd", "percent_bps": 900}),
            "preview_fees": lambda: (
                "/v1/fee_policies/preview",
                {"currency": "usd", "lines": [{"seller": self.seller, "unit_amount": 10000}]}),
            "create_order": lambda: (order, self.new_order()),
            "preview_order": lambda: (f"{order}/preview", self.new_order()),
            "capture_order": lambda: (f"{order}/{self.captured}/capture", {}),
            "cancel_order": lambda: (f"{order}/{self.canceled}/cancel", {}),
            "pay_order": lambda: (f"{order}/{self.waiting}/payment", {}),
            "release_order": lambda: (
                f"{order}/{self.unreleased_order()}/release", {"external_id": self.unique("release")}),
            "get_order": lambda: (f"{order}/{self.paid}", None),
            "create_refund": lambda: (f"{order}/{self.refundable}/refunds", {"amount": 1}),
            "preview_refund": lambda: (f"{order}/{self.refundable}/refunds/preview", {"amount": 2}),
            "settle_refund": lambda: (
                f"/v1/refunds/{self.failed_refund}/settle", reason | {"outcome": "paid_otherwise"}),
            "reverse_transfer": lambda: (
                f"/v1/transfers/{self.reversible_transfer()}/reversals",
                {"amount": 100, "external_id": self.unique("reversal")}),
            "stage_evidence": lambda: (f"/v1/disputes/{self.new_dispute()}/evidence", {"product_description": "Oak table"}),
            "submit_evidence": lambda: (f"/v1/disputes/{self.contested_dispute()}/submit", {}),
            "accept_dispute": lambda: (f"/v1/disputes/{self.new_dispute()}/accept", {}),
            "release_fraud_warning": lambda: (f"/v1/fraud_warnings/{self.new_fraud_warning()}/release", reason),
            "replay_event": lambda: (f"/v1/events/{self.event}/replay", {}),
            "create_event_destination": lambda: ("/v1/event_destinations", self.new_destination()),
            "delete_event_destination": lambda: (f"/v1/event_destinations/{self.made_destination()}", None),
            "list_ledger_account_entries": lambda: ("/v1/ledger/accounts/revenue:application_fees/entries", None),
            "get_statement": lambda: (f"{seller}/statements/{self.month}", None),
            "list_statement_entries": lambda: (f"{seller}/statements/{self.month}/entries", None),
            "get_yearly_totals": lambda: (f"{seller}/yearly_totals/{self.month[:4]}", None),
            "create_reconciliation": lambda: ("/v1/admin/reconciliations", {"scope": "clearing"}),
            "repair_finding": lambda: (
                f"/v1/admin/findings/{self.finding}/repair", reason | {"repair": "mark_reviewed"}),
            "replay_webhook_event": lambda: (f"/v1/admin/webhook_events/{self.webhook_event}/replay", reason),
            "dismiss_webhook_event": lambda: (
                f"/v1/admin/webhook_events/{self.waiting_webhook_event()}/dismiss", reason),
            "retry_operation": lambda: (f"/v1/admin/operations/{self.held_operation()}/retry", reason),
            "release_operation": lambda: (f"/v1/admin/operations/{self.held_operation()}/release", reason),
            "approve_operation": lambda: (f"/v1/admin/operations/{self.operation_above_limit()}/approve", reason),
            "refuse_operation": lambda: (f"/v1/admin/operations/{self.operation_above_limit()}/refuse", reason),
            "set_limit": lambda: (
                "/v1/admin/limits",
                {"api_key": self.api_key(["refunds:write"])["id"], "kind": "refund", "currency": "usd", "per_day": 100000}),
            "get_limit": lambda: (f"/v1/admin/limits/{self.limited_key()[1]}", None),
            "remove_limit": lambda: (f"/v1/admin/limits/{self.limited_key()[1]}", None),
            "hold_money_out": lambda: ("/v1/admin/money_out/hold", reason),
            "release_money_out": lambda: ("/v1/admin/money_out/release", reason),
            "create_api_key": lambda: ("/v1/admin/api_keys", {"name": "shop", "scopes": ["orders:write"]}),
            "get_api_key": lambda: (f"/v1/admin/api_keys/{self.api_key(['orders:read'])['id']}", None),
            "revoke_api_key": lambda: (f"/v1/admin/api_keys/{self.api_key(['orders:read'])['id']}", None),
            "docs_file": lambda: ("/docs/start.js", None),
        }
        if operation.id in requests:
            return requests[operation.id]()
        if operation.id.startswith("receive_"):
            return operation.path, None
        return operation.path.replace("{id}", self.ids(operation)[0]) if "{id}" in operation.path else operation.path, None

    def ids(self, operation):
        """Ids that exist and of which this operation may be asked."""
        kinds = {
            "sellers": self.seller, "orders": self.paid, "transfer_groups": self.paid, "refunds": self.refund,
            "transfers": self.transfer, "payouts": self.payout, "disputes": self.dispute,
            "fraud_warnings": self.warning,
            "events": self.event, "event_destinations": self.destination, "entries": self.entry,
            "reconciliations": self.reconciliation, "webhook_events": self.webhook_event, "operations": self.operation,
            "findings": self.finding, "commission_invoices": self.invoice,
        }
        for part in operation.path.split("/"):
            if part in kinds:
                return [kinds[part]]
        raise KeyError(operation.path)
