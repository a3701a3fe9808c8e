"""A client that a tool made of openapi/souk.yaml does the main job, from an empty database to a difference of zero.

Everything is asked through that client. Only what a seller or a buyer does in a browser, and the passing of days, comes
from the sandbox's own calls.
"""

import importlib
import os
import subprocess
import sys

import pytest

from running import ROOT, Souk, wait_until


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """The generated package. The tool must take our file without one warning."""
    folder = tmp_path_factory.mktemp("generated")
    # YAML is text to the tool; it has no reader for it.
    (folder / "config.yaml").write_text("content_type_overrides: {application/yaml: text/plain}\npost_hooks: []\n")
    made = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", "generate", "--path", ROOT / "openapi/souk.yaml", "--meta", "none",
         "--output-path", folder / "souk_client", "--config", folder / "config.yaml", "--fail-on-warning"],
        capture_output=True, text=True, cwd=folder)
    said = made.stdout + made.stderr
    assert made.returncode == 0 and "arning" not in said, said
    sys.path.insert(0, str(folder))
    yield importlib.import_module("souk_client")
    sys.path.remove(str(folder))


class Client:
    """Calls of the generated package by their operation's id: `client("get_order", id=…)`."""

    AREAS = ("sellers", "fee_policies", "orders", "money_out", "events", "ledger", "reconciliation", "keys", "service")

    def __init__(self, package, address, key):
        self.package, self.models = package, importlib.import_module("souk_client.models")
        self.client = package.AuthenticatedClient(base_url=address, token=key, raise_on_unexpected_status=True, timeout=90)

    def __call__(self, operation, *arguments, **parameters):
        for area in self.AREAS:
            try:
                module = importlib.import_module(f"souk_client.api.{area}.{operation}")
            except ModuleNotFoundError:
                continue
            answer = module.sync(*arguments, client=self.client, **parameters)
            assert not isinstance(answer, self.models.Error), f"{operation}: {answer}"
            return answer
        raise AssertionError(f"the generated client has no {operation}")

    def settle(self, souk):
        """Until neither Stripe nor Souk has anything left to do."""
        for _ in range(2):
            assert souk.control("POST", "settle")["settled"]
            assert self("readyz", idle=self.models.ReadyzIdle.VALUE_1).status == "ready"

    def event(self, type, about):
        """Waits for an event of Souk's about this object."""
        found = []
        wait_until(f"{type} of {about}", lambda: found.extend(
            self("list_events", type_=type, related_object=about).data) or found)
        return found[0]


def test_the_main_job(generated, cluster, tmp_path):
    souk = Souk(cluster, tmp_path).start()
    try:
        main_job(Client(generated, souk.address, souk.key), souk)
    finally:
        souk.stop()


def main_job(client, souk):
    models = client.models
    key = client("create_api_key", body=models.APIKeyCreate(name="shop", scopes=[models.Scope.ADMIN]))
    client = Client(client.package, souk.address, key.key)
    assert client("list_sellers").data == [], "the database is not fresh"

    # A seller gives Stripe what it asks for.
    seller = client("create_seller", body=models.SellerCreate(
        external_id="shop-7", email="ana@example.com", country="US", business_type=models.SellerCreateBusinessTypeType1.INDIVIDUAL))
    assert seller.status == models.SellerStatus.ONBOARDING and seller.requirements.currently_due
    link = client("create_onboarding_link", id=seller.id, body=models.OnboardingLinkCreate())
    assert link.url.startswith(souk.stripe)
    souk.control("POST", f"accounts/{seller.stripe_account}/onboard", {"outcome": "complete"})
    client.settle(souk)
    client.event("seller.updated", seller.id)
    assert client("get_seller", id=seller.id).status == models.SellerStatus.ACTIVE
    assert client("create_login_link", id=seller.id, body=models.Empty()).url

    # The platform takes 15 %.
    policy = client("create_fee_policy", body=models.FeePolicyCreate(
        scope=models.FeePolicyCreateScope.DEFAULT, currency="usd", percent_bps=1500))
    new_order = models.OrderCreate(
        external_id="order-1", currency="usd",
        lines=[models.OrderLineCreate(seller=seller.id, description="Oak table", unit_amount=10000)])
    assert client("preview_order", body=new_order).application_fee_amount == 1500
    order = client("create_order", body=new_order, idempotency_key="order-1")
    assert order.status == models.OrderStatus.AWAITING_PAYMENT and order.lines[0].fee_policy == policy.id
    assert client("create_order", body=new_order, idempotency_key="order-1").id == order.id

    # The buyer pays on the hosted page.
    souk.control("POST", f"checkout/sessions/{order.checkout_session}/pay", {"payment_method": "pm_card_visa"})
    client.event("order.paid", order.id)
    client.settle(souk)
    paid = client("get_order", id=order.id)
    assert paid.status == models.OrderStatus.PAID and paid.amount_captured == 10000

    # Stripe's fee on 100.00 is 3.20: the platform keeps 15.00 less that, the seller the other 85.00.
    balances = {account.code: account.balance for account in client("list_ledger_accounts").data}
    assert balances["stripe:platform"] == 1180 and balances["revenue:application_fees"] == 1500
    assert balances[f"seller:{seller.id}:funds"] == 8500 and balances["fees:stripe"] == 320
    assert all(balance == 0 for code, balance in balances.items() if code.startswith("clearing:"))
    entries = client("list_ledger_account_entries", code="revenue:application_fees").data
    entry = client("get_journal_entry", id=entries[0].id)
    assert entry.order == order.id and sum(p.amount * (1 if p.side == "debit" else -1) for p in entry.postings) == 0
    transfer = client("list_transfers", order=order.id).data[0]
    assert client("get_transfer", id=transfer.id).amount == 10000
    assert client("get_trial_balance").difference.to_dict() == {"usd": 0}
    assert client("get_proof").sound

    # The money reaches the seller's bank.
    souk.advance(days=14)
    client.settle(souk)
    payout = client("list_payouts", seller=seller.id).data[0]
    assert client("get_payout", id=payout.id).status == "paid" and payout.amount == 8500
    balance = client("get_seller_balance", id=seller.id)
    assert sum(part.amount for part in balance.available + balance.pending) == 0

    run = client("create_reconciliation", body=models.ReconciliationCreate(scope="all"))
    client.settle(souk)
    run = client("get_reconciliation", id=run.id)
    assert run.status == models.ReconciliationStatus.COMPLETED and run.matched > 0
    assert run.findings_count == 0 and client("list_findings", id=run.id).data == []
    assert set(run.difference.to_dict().values()) <= {0}
    assert client("get_proof").sound
    print(f"{run.id}: {run.matched} matched, {run.findings_count} findings, difference {run.difference.to_dict()}")
