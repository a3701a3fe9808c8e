"""A marketplace that the benchmarks drive: sellers, then orders placed at Souk and paid on the sandbox's page."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import harness
from .harness import PROGRAMS, Sandbox, Souk, Unusable

SELLERS = 10
PARALLEL = 8


class Shop:
    def __init__(self, database: str, sandbox: Sandbox, folder: Path):
        self.database = database
        self.sandbox = sandbox
        self.port = harness.free_port()
        self.secrets = self.make_endpoints(folder / "secrets")
        self.sellers: list[str] = []
        self.run = secrets.token_hex(4)
        self.placed = 0

    def make_endpoints(self, file: Path) -> tuple[str, str]:
        environment = {
            "DATABASE_URL": harness.address(self.database), "STRIPE_SECRET_KEY": "sk_test_bench",
            "STRIPE_API_BASE": self.sandbox.url, "SOUK_PUBLIC_URL": f"http://127.0.0.1:{self.port}",
        }  # fmt: skip
        harness.run([PROGRAMS / "souk", "webhooks", "ensure", "--write", file], environment)
        values = dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)
        return values["STRIPE_WEBHOOK_SECRETS"], values["STRIPE_CONNECT_WEBHOOK_SECRETS"]

    def souk(self, roles: str) -> Souk:
        return Souk(self.database, self.sandbox, roles, self.secrets, self.port)

    def settle(self, souk: Souk) -> None:
        """Until every event is delivered and, where Souk works on them, nothing is left to do."""
        for _ in range(3):
            if not self.sandbox.control("POST", "/settle", {"timeout_seconds": 50})["settled"]:
                raise Unusable("the sandbox has still events to deliver")
            souk.call("GET", "/readyz?idle=1")

    def open(self, souk: Souk) -> None:
        """Sellers who can be charged for, and a fee of 10 %."""
        for number in range(SELLERS):
            seller = souk.call("POST", "/v1/sellers", {
                "external_id": f"shop-{self.run}-{number}", "email": f"seller{number}@example.com", "country": "US",
                "business_type": "individual",
            })  # fmt: skip
            self.sandbox.control("POST", f"/accounts/{seller['stripe_account']}/onboard", {"outcome": "complete"})
            self.sellers.append(seller["id"])
        souk.call("POST", "/v1/fee_policies", {"scope": "default", "currency": "usd", "percent_bps": 1000})
        self.settle(souk)

    def sell(self, souk: Souk, count: int) -> None:
        """Places and pays so many ordinary orders: one seller each, a destination charge through Checkout."""
        first, self.placed = self.placed, self.placed + count
        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(lambda number: self.sell_one(souk, number), range(first, self.placed)))

    def sell_one(self, souk: Souk, number: int) -> None:
        order = souk.call("POST", "/v1/orders", {
            "external_id": f"order-{self.run}-{number}", "currency": "usd",
            "buyer": {"external_id": f"buyer-{number}", "email": f"buyer{number}@example.com"},
            "lines": [{"seller": self.sellers[number % SELLERS], "description": "Oak table", "unit_amount": 10000,
                       "quantity": 1}],
            "success_url": "https://shop.example/thanks", "cancel_url": "https://shop.example/cart",
        })  # fmt: skip
        session = order["checkout_session"]
        self.sandbox.control("POST", f"/checkout/sessions/{session}/pay", {"payment_method": "pm_card_visa"})
