"""Three months of a marketplace in dollars, yen and dinars, for whoever reads its books."""

import time

from marketplace import close_month_of
from running import send

DECIMALS = {"usd": 2, "jpy": 0, "kwd": 3}
PRICES = {"usd": 12345, "jpy": 9800, "kwd": 45670}


class Books:
    """`months` are the two closed ones and the open one; `days` are three on which something had happened."""

    def __init__(self, souk):
        self.souk, self.count, self.orders = souk, 0, []
        for currency in DECIMALS:
            souk.call("POST", "/v1/fee_policies", {"scope": "default", "currency": currency, "percent_bps": 1500}, expect=201)
        self.ana, self.ben = self.seller("ana"), self.seller("ben")
        self.months, self.days = [], []
        for month in range(3):
            self.month_of_sales(refunds=month > 0)
            self.days.append(self.today())
            if month < 2:
                self.months.append(close_month_of(souk, self.orders[-1]["id"]))
        self.months.append(self.days[-1][:7])

    def seller(self, name):
        made = self.souk.call("POST", "/v1/sellers", {
            "external_id": name, "email": f"{name}@example.com", "country": "US", "business_type": "individual"}, expect=201)
        self.souk.control("POST", f"accounts/{made['stripe_account']}/onboard", {"outcome": "complete"})
        self.souk.settle()
        return made["id"]

    def month_of_sales(self, refunds):
        earlier = list(self.orders)
        for seller in self.ana, self.ben:
            for currency in DECIMALS:
                self.sale(seller, currency)
        self.sale(self.ana, "usd")
        self.souk.settle()
        if refunds:
            # A part of a sale of the month before, when its money has been paid out, and the whole of one of now.
            self.refund(earlier[-1], amount=1000)
            self.refund(self.orders[-2])
        self.souk.advance(days=5)
        self.souk.settle()

    def sale(self, seller, currency):
        self.count += 1
        order = self.souk.call("POST", "/v1/orders", {
            "external_id": f"sale-{self.count}", "currency": currency, "buyer": {"email": "bo@example.com"},
            "lines": [{"seller": seller, "description": "Oak table", "unit_amount": PRICES[currency] + 10 * self.count}],
        }, expect=201).json
        self.souk.control(
            "POST", f"checkout/sessions/{order['checkout_session']}/pay", {"payment_method": "pm_card_visa"})
        self.orders.append(order | {"seller": seller})

    def refund(self, order, amount=None):
        """What a person does at Stripe without Souk."""
        intent = self.souk.call("GET", f"/v1/orders/{order['id']}", expect=200)["payment_intent"]
        form = f"payment_intent={intent}&reverse_transfer=true&refund_application_fee=true"
        form += f"&amount={amount}" if amount else ""
        answer = send("POST", f"{self.souk.stripe}/v1/refunds", form.encode(), {
            "Authorization": "Bearer sk_test_dashboard", "Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status == 200, answer
        self.souk.settle()

    def today(self):
        return time.strftime("%Y-%m-%d", time.gmtime(self.souk.control("GET", "clock")["now"]))

    def trial_balance(self, moment):
        """{(account, currency): debits less credits} of all that was not zero"""
        answer = self.souk.call("GET", f"/v1/ledger/trial_balance?at={moment}", expect=200).json
        assert not any(answer["difference"].values())
        lines = {(line["code"], line["currency"]): line["debits"] - line["credits"] for line in answer["accounts"]}
        return {key: balance for key, balance in lines.items() if balance}

    def every(self, path):
        """All elements of a list, page by page."""
        found, cursor = [], ""
        while True:
            page = self.souk.call("GET", f"{path}?limit=7{cursor}", expect=200)
            found += page["data"]
            if not page["has_more"]:
                return found
            last = page["data"][-1]
            cursor = f"&starting_after={last.get('id') or last['month']}"
