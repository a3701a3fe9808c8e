"""Conversion between currencies, as the official SDK reads it."""

import pytest

from conftest import Control, Sandbox, client, onboarded


@pytest.fixture(scope="module")
def converting(tmp_path_factory):
    """A sandbox of its own: the others hold each currency as it comes."""
    running = Sandbox(tmp_path_factory.mktemp("converting")).start()
    Control(running.address)("PUT", "behaviour", {"converts_currencies": True})
    yield running
    running.kill()


@pytest.mark.parametrize("currency, rate, amount, fee", [
    ("eur", 1.08, 10800, 343), ("jpy", 0.65, 6500, 219), ("kwd", 0.325, 3250, 124)])
def test_a_charge_its_refund_and_their_rates(converting, currency, rate, amount, fee):
    api, control = client(converting.address).v1, Control(converting.address)
    seller = onboarded(api, control)
    intent = api.payment_intents.create(params={
        "amount": 10000, "currency": currency, "confirm": True, "payment_method": "pm_card_visa",
        "return_url": "https://shop.example", "capture_method": "automatic", "application_fee_amount": 1000,
        "transfer_data": {"destination": seller}, "expand": ["latest_charge.balance_transaction"]})
    row = intent.latest_charge.balance_transaction
    assert (row.currency, row.amount, row.fee, row.exchange_rate) == ("usd", amount, fee, rate)
    assert row.fee_details[0].currency == "usd"
    transfer = api.transfers.retrieve(intent.latest_charge.transfer)
    assert (transfer.currency, transfer.amount) == ("usd", amount)
    told = control("GET", "exchange")["rates"][currency]
    control("PUT", "exchange", {"rates": {currency: "0.002"}})
    try:
        refund = api.refunds.create(params={
            "payment_intent": intent.id, "reverse_transfer": True, "refund_application_fee": True,
            "expand": ["balance_transaction"]})
    finally:
        control("PUT", "exchange", {"rates": {currency: told}})
    assert (refund.currency, refund.amount) == (currency, 10000)
    assert refund.balance_transaction.currency == "usd"
    # 10000 minor units at 0.002 usd for one unit.
    assert -refund.balance_transaction.amount == {"eur": 20, "jpy": 2000, "kwd": 2}[currency]
    assert api.transfers.retrieve(transfer.id).amount_reversed == amount
