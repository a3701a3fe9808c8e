"""The official SDK as the client of every endpoint of the sandbox; each answer against the SDK's own classes."""

import json
import urllib.error
import urllib.parse
import urllib.request

import pytest
import stripe

from conftest import client, onboarded
from endpoints import ENDPOINTS
from shapes import check, problems, class_of

CARD = {"payment_method": "pm_card_visa", "confirm": True, "return_url": "https://shop.example/done"}


def pay(api, amount=10000, options=None, **more):
    return api.payment_intents.create(
        params={"amount": amount, "currency": "usd", "capture_method": "automatic", **CARD, **more}, options=options or {})


def destination(api, seller, **more):
    return pay(api, application_fee_amount=1000, transfer_data={"destination": seller}, **more)


def test_account_life(api, control):
    account = check(api.accounts.create(params={
        "type": "express", "country": "DE", "email": "a@example.com", "metadata": {"seller": "1"},
        "capabilities": {"card_payments": {"requested": True}, "transfers": {"requested": True}},
    }))
    assert account.controller.fees.payer == "application_express"
    assert not account.charges_enabled and account.requirements.currently_due
    assert check(api.accounts.update(account.id, params={"metadata": {"seller": "", "b": "2"}})).metadata.to_dict() == {"b": "2"}
    check(api.accounts.retrieve(account.id))
    check(api.accounts.list(params={"limit": 3}))
    control("POST", f"accounts/{account.id}/onboard", {"outcome": "complete"})
    ready = check(api.accounts.retrieve(account.id))
    assert ready.charges_enabled and ready.payouts_enabled and ready.details_submitted
    assert ready.capabilities.transfers == "active"
    check(api.accounts.capabilities.list(account.id))
    check(api.accounts.capabilities.retrieve(account.id, "transfers"))
    check(api.accounts.capabilities.update(account.id, "card_payments", params={"requested": True}))
    check(api.accounts.persons.list(account.id))
    person = check(api.accounts.persons.create(account.id, params={
        "first_name": "Jenny", "last_name": "Rosen", "dob": {"day": 1, "month": 1, "year": 1902},
        "relationship": {"owner": True}, "address": {"city": "Berlin", "line1": "address_full_match"}}))
    check(api.accounts.persons.update(account.id, person.id, params={"email": "jenny@example.com"}))
    check(api.accounts.persons.retrieve(account.id, person.id))
    assert api.accounts.persons.delete(account.id, person.id).deleted
    bank = check(api.accounts.external_accounts.create(account.id, params={
        "external_account": {"object": "bank_account", "country": "DE", "currency": "eur",
                             "account_number": "DE89370400440532013000"}, "default_for_currency": True}))
    check(api.accounts.external_accounts.list(account.id))
    check(api.accounts.external_accounts.retrieve(account.id, bank.id))
    check(api.accounts.external_accounts.update(account.id, bank.id, params={"metadata": {"a": "b"}}))
    with pytest.raises(stripe.InvalidRequestError):
        api.accounts.external_accounts.delete(account.id, bank.id)
    check(api.accounts.login_links.create(account.id))
    check(api.account_links.create(params={
        "account": account.id, "type": "account_onboarding", "refresh_url": "https://a.example/r",
        "return_url": "https://a.example/d"}))
    rejected = check(api.accounts.reject(account.id, params={"reason": "fraud_other"}))
    assert rejected.requirements.disabled_reason == "rejected.platform_fraud" and not rejected.charges_enabled
    assert check(api.accounts.unreject(account.id)).charges_enabled
    assert api.accounts.delete(account.id).deleted
    with pytest.raises(stripe.PermissionError) as refused:
        api.accounts.retrieve(account.id)
    assert refused.value.error.code == "account_invalid"


@pytest.mark.parametrize("country", ["US", "GB", "DE", "JP", "CH"])
@pytest.mark.parametrize("outcome,enabled", [("complete", True), ("pending", False), ("partial", False), ("rejected", False)])
def test_onboarding_outcomes(api, control, country, outcome, enabled):
    account = api.accounts.create(params={
        "country": country, "controller": {"stripe_dashboard": {"type": "express"}, "fees": {"payer": "application"},
                                           "losses": {"payments": "application"}},
        "capabilities": {"transfers": {"requested": True}}})
    control("POST", f"accounts/{account.id}/onboard", {"outcome": outcome})
    after = check(api.accounts.retrieve(account.id))
    assert after.charges_enabled is enabled
    requirements = after.requirements
    if outcome == "pending":
        assert requirements.disabled_reason == "requirements.pending_verification" and requirements.pending_verification
        control.advance(seconds=61)
        assert api.accounts.retrieve(account.id).charges_enabled
    if outcome == "partial":
        assert requirements.currently_due and not after.details_submitted


def test_current_account(api):
    check(api.accounts.retrieve_current())


def test_balance_and_settings(api, seller):
    acting = {"stripe_account": seller}
    check(api.balance.retrieve())
    check(api.balance.retrieve(options=acting))
    check(api.balance_settings.retrieve())
    changed = check(api.balance_settings.update(params={"payments": {
        "payouts": {"schedule": {"interval": "weekly", "weekly_payout_days": ["friday"]},
                    "minimum_balance_by_currency": {"usd": 500}}}}, options=acting))
    assert changed.payments.payouts.schedule.interval == "weekly"
    check(api.balance_settings.update(
        params={"payments": {"payouts": {"schedule": {"interval": "daily"}, "minimum_balance_by_currency": ""}}},
        options=acting))


def test_customers_and_methods(api):
    customer = check(api.customers.create(params={
        "email": "c@example.com", "name": "C", "address": {"city": "X"}, "metadata": {"a": "1"}}))
    check(api.customers.update(customer.id, params={"description": "d"}))
    check(api.customers.list(params={"email": "c@example.com"}))
    method = check(api.payment_methods.attach("pm_card_visa", params={"customer": customer.id}))
    check(api.payment_methods.list(params={"customer": customer.id, "type": "card"}))
    check(api.customers.payment_methods.list(customer.id))
    check(api.customers.payment_methods.retrieve(customer.id, method.id))
    check(api.payment_methods.update(method.id, params={"metadata": {"x": "y"}}))
    check(api.payment_methods.retrieve(method.id))
    assert check(api.payment_methods.detach(method.id)).customer is None
    check(api.payment_methods.create(params={"type": "card", "card": {"token": "tok_visa"}}))
    with pytest.raises(stripe.CardError) as refused:
        api.payment_methods.attach("pm_card_chargeDeclined", params={"customer": customer.id})
    assert refused.value.code == "card_declined" and refused.value.error.decline_code == "generic_decline"
    assert api.customers.delete(customer.id).deleted
    assert api.customers.retrieve(customer.id).deleted
    with pytest.raises(stripe.InvalidRequestError) as missing:
        api.customers.update("cus_none", params={"name": "x"})
    assert missing.value.http_status == 404 and missing.value.code == "resource_missing"


def test_payment_intent_life(api):
    intent = check(api.payment_intents.create(params={
        "amount": 2000, "currency": "usd", "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}))
    assert intent.status == "requires_payment_method" and intent.latest_charge is None
    check(api.payment_intents.update(intent.id, params={"amount": 2500, "metadata": {"k": "v"}}))
    paid = check(api.payment_intents.confirm(intent.id, params={"payment_method": "pm_card_visa"}))
    assert paid.status == "succeeded" and paid.amount_received == 2500
    check(api.payment_intents.retrieve(intent.id, params={"expand": ["latest_charge.balance_transaction"]}))
    check(api.payment_intents.list(params={"limit": 2, "expand": ["data.latest_charge"]}))
    held = check(pay(api, 5000, capture_method="manual"))
    assert held.status == "requires_capture" and held.amount_capturable == 5000
    captured = check(api.payment_intents.capture(held.id, params={"amount_to_capture": 4000}))
    assert captured.amount_received == 4000
    check(api.payment_intents.cancel(pay(api, 5000, capture_method="manual").id, params={"cancellation_reason": "abandoned"}))
    charges = check(api.charges.list(params={"payment_intent": held.id}))
    charge = check(api.charges.retrieve(charges.data[0].id, params={"expand": ["refunds"]}))
    check(api.charges.update(charge.id, params={"description": "changed"}))


@pytest.mark.parametrize("method,code,decline", [
    ("chargeDeclined", "card_declined", "generic_decline"),
    ("chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("chargeDeclinedLostCard", "card_declined", "lost_card"),
    ("chargeDeclinedStolenCard", "card_declined", "stolen_card"),
    ("chargeDeclinedExpiredCard", "expired_card", None),
    ("chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
    ("chargeDeclinedProcessingError", "processing_error", None),
    ("chargeCustomerFail", "card_declined", "generic_decline"),
    ("radarBlock", "card_declined", "fraudulent"),
])
def test_declines(api, method, code, decline):
    with pytest.raises(stripe.CardError) as refused:
        pay(api, payment_method=f"pm_card_{method}")
    error = refused.value
    assert error.http_status == 402 and error.code == code and error.error.decline_code == decline
    intent = api.payment_intents.retrieve(error.error.payment_intent.id)
    assert intent.status == "requires_payment_method" and intent.last_payment_error.code == code
    assert check(api.charges.retrieve(error.error.charge)).status == "failed"


@pytest.mark.parametrize("outcome,status", [("succeed", "succeeded"), ("fail", "requires_payment_method")])
def test_three_d_secure(api, control, outcome, status):
    intent = check(pay(api, payment_method="pm_card_authenticationRequired"))
    assert intent.status == "requires_action" and intent.next_action.type == "redirect_to_url"
    control("POST", f"payment_intents/{intent.id}/authenticate", {"outcome": outcome})
    assert check(api.payment_intents.retrieve(intent.id)).status == status


def test_off_session_needs_the_buyer(api):
    with pytest.raises(stripe.CardError) as refused:
        api.payment_intents.create(params={
            "amount": 1000, "currency": "usd", "confirm": True, "off_session": True,
            "payment_method": "pm_card_authenticationRequired"})
    assert refused.value.code == "authentication_required"


def session_params(**more):
    return {
        "mode": "payment", "success_url": "https://shop.example/ok?s={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://shop.example/no", "client_reference_id": "order-1", "metadata": {"o": "1"},
        "line_items": [
            {"quantity": 2, "price_data": {"currency": "usd", "unit_amount": 2500, "product_data": {"name": "Table"}}},
            {"quantity": 1, "price_data": {"currency": "usd", "unit_amount": 100, "product_data": {"name": "Shipping"}}},
        ], **more}


def test_checkout(api, control, seller):
    session = check(api.checkout.sessions.create(params=session_params(payment_intent_data={
        "application_fee_amount": 500, "transfer_data": {"destination": seller}, "metadata": {"order": "1"}})))
    assert session.amount_total == 5100 and session.payment_intent is None and session.url
    check(api.checkout.sessions.line_items.list(session.id))
    control("POST", f"checkout/sessions/{session.id}/pay", {"payment_method": "pm_card_visa"})
    paid = check(api.checkout.sessions.retrieve(session.id, params={"expand": ["line_items", "payment_intent"]}))
    assert paid.status == "complete" and paid.payment_status == "paid" and paid.url is None
    assert paid.payment_intent.metadata.to_dict() == {"order": "1"} and paid.metadata.to_dict() == {"o": "1"}
    check(api.checkout.sessions.list(params={"payment_intent": paid.payment_intent.id}))
    check(api.checkout.sessions.update(session.id, params={"metadata": {"o": "2"}}))
    other = api.checkout.sessions.create(params=session_params())
    assert check(api.checkout.sessions.expire(other.id)).status == "expired"
    with pytest.raises(stripe.InvalidRequestError):
        api.checkout.sessions.expire(other.id)


def test_destination_charge_refund_and_rows(api, seller):
    intent = destination(api, seller, expand=["latest_charge"])
    charge = intent.latest_charge
    transfer = check(api.transfers.retrieve(charge.transfer))
    check(api.transfers.list(params={"destination": seller, "limit": 1}))
    check(api.transfers.update(transfer.id, params={"metadata": {"t": "1"}}))
    fee = check(api.application_fees.retrieve(charge.application_fee, params={"expand": ["charge", "balance_transaction"]}))
    check(api.application_fees.list(params={"charge": charge.id}))
    payment = check(api.charges.retrieve(transfer.destination_payment, options={"stripe_account": seller}))
    assert payment.application_fee == fee.id and payment.source_transfer == transfer.id
    refund = check(api.refunds.create(params={
        "payment_intent": intent.id, "amount": 2500, "reverse_transfer": True, "refund_application_fee": True,
        "metadata": {"r": "1"}}))
    check(api.refunds.retrieve(refund.id, params={"expand": ["transfer_reversal", "balance_transaction", "charge"]}))
    check(api.refunds.list(params={"payment_intent": intent.id}))
    check(api.refunds.update(refund.id, params={"metadata": {"r": "2"}}))
    reversal = check(api.transfers.reversals.create(transfer.id, params={"amount": 100, "metadata": {"v": "1"}}))
    check(api.transfers.reversals.retrieve(transfer.id, reversal.id))
    check(api.transfers.reversals.list(transfer.id))
    check(api.transfers.reversals.update(transfer.id, reversal.id, params={"metadata": {"v": "2"}}))
    back = check(api.application_fees.refunds.create(fee.id, params={"amount": 10, "metadata": {"f": "1"}}))
    check(api.application_fees.refunds.retrieve(fee.id, back.id))
    check(api.application_fees.refunds.list(fee.id))
    check(api.application_fees.refunds.update(fee.id, back.id, params={"metadata": {"f": "2"}}))
    check(api.balance_transactions.list(params={"limit": 50}))
    check(api.balance_transactions.list(params={"limit": 50}, options={"stripe_account": seller}))
    check(api.balance_transactions.retrieve(charge.balance_transaction, params={"expand": ["source"]}))


def test_direct_charge(api, control):
    seller = onboarded(api, control)
    acting = {"stripe_account": seller}
    session = check(api.checkout.sessions.create(
        params=session_params(payment_intent_data={"application_fee_amount": 500}), options=acting))
    control("POST", f"checkout/sessions/{session.id}/pay", {"payment_method": "pm_card_visa"})
    paid = check(api.checkout.sessions.retrieve(session.id, params={"expand": ["payment_intent"]}, options=acting))
    assert paid.payment_status == "paid" and paid.payment_intent.application
    held = check(pay(api, capture_method="manual", application_fee_amount=1000, options=acting))
    intent = check(api.payment_intents.capture(held.id, params={
        "amount_to_capture": 8000, "application_fee_amount": 800, "expand": ["latest_charge.application_fee"]}, options=acting))
    charge = intent.latest_charge
    fee = check(charge.application_fee)
    assert (fee.amount, fee.account, fee.charge, fee.originating_transaction) == (800, seller, charge.id, None)
    check(api.application_fees.retrieve(fee.id))
    refund = check(api.refunds.create(
        params={"charge": charge.id, "amount": 2000, "refund_application_fee": True}, options=acting))
    check(api.refunds.retrieve(refund.id, params={"expand": ["balance_transaction"]}, options=acting))
    check(api.refunds.list(params={"charge": charge.id}, options=acting))
    given, = check(api.application_fees.refunds.list(fee.id)).data
    assert given.amount == 200
    check(api.application_fees.refunds.create(fee.id, params={"amount": 100}))
    opened = control("POST", f"charges/{charge.id}/dispute", {})
    assert check(api.disputes.retrieve(opened["id"], options=acting)).status == "needs_response"
    assert check(api.disputes.close(opened["id"], options=acting)).status == "lost"
    check(api.balance_transactions.list(params={"limit": 50, "expand": ["data.source"]}, options=acting))
    for call in (lambda: api.charges.retrieve(charge.id), lambda: api.disputes.retrieve(opened["id"])):
        with pytest.raises(stripe.InvalidRequestError) as missing:
            call()
        assert missing.value.http_status == 404
    types = {event.type for event in api.events.list(params={"limit": 100}, options=acting).data}
    assert types >= {"payment_intent.succeeded", "charge.captured", "charge.refunded", "refund.created", "charge.dispute.closed"}


def test_separate_transfer_needs_balance(api, seller):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.transfers.create(params={"amount": 90_000_000, "currency": "usd", "destination": seller})
    assert refused.value.code == "balance_insufficient"
    pay(api, 50000, payment_method="pm_card_bypassPending")
    check(api.transfers.create(params={
        "amount": 1000, "currency": "usd", "destination": seller, "transfer_group": "g", "description": "d"}))


def test_payouts(api, control):
    seller = onboarded(api, control)
    acting = {"stripe_account": seller}
    api.balance_settings.update(params={"payments": {"payouts": {"schedule": {"interval": "manual"}}}}, options=acting)
    destination(api, seller, payment_method="pm_card_bypassPending")
    payout = check(api.payouts.create(params={"amount": 5000, "currency": "usd", "metadata": {"p": "1"}}, options=acting))
    assert payout.status == "pending"
    check(api.payouts.update(payout.id, params={"metadata": {"p": "2"}}, options=acting))
    control.advance(days=3)
    assert check(api.payouts.retrieve(payout.id, options=acting)).status == "paid"
    check(api.payouts.list(params={"status": "paid"}, options=acting))
    check(api.payouts.reverse(payout.id, options=acting))
    other = api.payouts.create(params={"amount": 100, "currency": "usd"}, options=acting)
    assert check(api.payouts.cancel(other.id, options=acting)).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.payouts.create(params={"amount": 900_000, "currency": "usd"}, options=acting)
    assert refused.value.code == "balance_insufficient"
    with pytest.raises(stripe.InvalidRequestError):
        api.balance_transactions.list(params={"payout": payout.id}, options=acting)


def test_topups(api, control):
    topup = check(api.topups.create(params={"amount": 5000, "currency": "usd", "source": "btok_us_verified"}))
    check(api.topups.update(topup.id, params={"metadata": {"a": "1"}}))
    control.advance(hours=2)
    assert check(api.topups.retrieve(topup.id)).status == "succeeded"
    check(api.topups.list(params={"status": "succeeded"}))
    assert check(api.topups.cancel(api.topups.create(params={"amount": 1, "currency": "usd"}).id)).status == "canceled"


def test_disputes(api, control):
    charge = pay(api).latest_charge
    opened = control("POST", f"charges/{charge}/dispute", {"reason": "fraudulent"})
    dispute = check(api.disputes.retrieve(opened["id"]))
    assert dispute.status == "needs_response" and not dispute.is_charge_refundable
    check(api.disputes.list(params={"charge": charge}))
    assert check(api.disputes.update(dispute.id, params={
        "evidence": {"product_description": "A table"}, "submit": False})).status == "needs_response"
    won = check(api.disputes.update(dispute.id, params={"evidence": {"uncategorized_text": "winning_evidence"}}))
    assert won.status == "won"
    second = control("POST", f"charges/{pay(api).latest_charge}/dispute", {"reason": "general", "inquiry": True})
    assert check(api.disputes.retrieve(second["id"])).status == "warning_needs_response"
    check(api.disputes.close(control("POST", f"charges/{pay(api).latest_charge}/dispute", {})["id"]))


def test_early_fraud_warnings(api, control):
    charge = pay(api, payment_method="pm_card_createIssuerFraudRecord").latest_charge
    control.advance(seconds=2)
    warning, = check(api.radar.early_fraud_warnings.list(params={"charge": charge})).data
    assert warning.actionable and warning.fraud_type == "made_with_stolen_card"
    opened = api.radar.early_fraud_warnings.retrieve(warning.id, params={"expand": ["charge", "payment_intent"]})
    assert check(opened).charge.id == charge and opened.payment_intent.latest_charge == charge
    api.refunds.create(params={"charge": charge})
    assert not check(api.radar.early_fraud_warnings.retrieve(warning.id)).actionable
    second = control("POST", f"charges/{pay(api).latest_charge}/warn_of_fraud", {"fraud_type": "misc"})
    control("POST", f"charges/{second['charge']}/dispute", {})
    assert not check(api.radar.early_fraud_warnings.retrieve(second["id"])).actionable
    for word in "created", "updated":
        told = api.events.list(params={"type": f"radar.early_fraud_warning.{word}", "limit": 2}).data
        assert {event.data.object["id"] for event in told} == {warning.id, second["id"]}
    with pytest.raises(stripe.InvalidRequestError) as missing:
        api.radar.early_fraud_warnings.retrieve("issfr_none")
    assert missing.value.http_status == 404 and missing.value.code == "resource_missing"


def test_webhook_endpoints(api):
    endpoint = check(api.webhook_endpoints.create(params={
        "url": "http://127.0.0.1:9/hook", "enabled_events": ["charge.succeeded"], "connect": True,
        "api_version": stripe.api_version, "description": "d"}))
    assert endpoint.secret.startswith("whsec_")
    assert check(api.webhook_endpoints.update(endpoint.id, params={"disabled": True})).status == "disabled"
    check(api.webhook_endpoints.retrieve(endpoint.id))
    check(api.webhook_endpoints.list())
    assert api.webhook_endpoints.delete(endpoint.id).deleted


def test_every_event_has_the_shape_of_its_object(api, seller):
    destination(api, seller)
    direct = pay(api, application_fee_amount=1000, options={"stripe_account": seller})
    api.refunds.create(
        params={"payment_intent": direct.id, "refund_application_fee": True}, options={"stripe_account": seller})
    for acting in [{}, {"stripe_account": seller}]:
        seen = set()
        for event in api.events.list(params={"limit": 100}, options=acting).auto_paging_iter():
            value = json.loads(str(event))
            if value["type"] in seen:
                continue
            seen.add(value["type"])
            shown = value["data"]["object"]
            if shown["object"] != "application":
                assert not problems(shown, class_of(shown)), (value["type"], problems(shown, class_of(shown)))
            assert not problems({k: v for k, v in value.items() if k != "data"} | {"data": {"object": {}}}, stripe.Event)
        assert seen
    check(api.events.retrieve(api.events.list(params={"limit": 1}).data[0].id))


def test_refused_parameters_at_every_depth(sandbox):
    """Each parameter that the SDK knows and `endpoints.py` does not list is refused by name; nothing is ignored."""
    from generate_parameters import Wanted, hash_of, load

    def refused(shape, path="", along=None):
        """-> (what to send, the parameter that is refused, the code)"""
        along = along or {}
        if isinstance(shape, list):
            yield from refused(shape[0], f"{path}[0]", along)
        elif isinstance(shape, dict) and "|" in shape:
            for option in shape["|"]:
                # Of two hashes the one is meant whose `object` is named.
                kind = option.get("object!", option.get("object")) if isinstance(option, dict) else None
                named = {f"{path}[object]": kind.removeprefix("e:")} if isinstance(kind, str) else {}
                yield from refused(option, path, along | named)
        elif isinstance(shape, dict) and "*" in shape:
            yield from refused(shape["*"], f"{path}[usd]", along)
        elif isinstance(shape, dict):
            for name, inner in shape.items():
                key = name.rstrip("!?")
                full = f"{path}[{key}]" if path else key
                if inner == "-":
                    yield along | {full: "1"}, full, "sandbox_not_simulated"
                else:
                    yield from refused(inner, full, along)
            unknown = f"{path}[no_such_parameter]" if path else "no_such_parameter"
            yield along | {unknown: "1"}, unknown, "parameter_unknown"

    wrong, tried = [], 0
    for route, cls, simulated in ENDPOINTS:
        method, pattern = route.split()
        shape = hash_of(load(cls), Wanted(set(simulated.split())))
        for form, name, code in refused(shape):
            tried += 1
            path = "/".join("x" if part.startswith(":") else part for part in pattern.split("/"))
            body = urllib.parse.urlencode(form)
            url = sandbox.address + path + ("" if method == "POST" else "?" + body)
            request = urllib.request.Request(
                url, data=body.encode() if method == "POST" else None, method=method,
                headers={"Authorization": "Bearer sk_test_x"})
            try:
                urllib.request.urlopen(request)
                wrong.append((route, name, "accepted"))
            except urllib.error.HTTPError as answer:
                error = json.load(answer)["error"]
                if error.get("code") != code or error.get("param") != name:
                    wrong.append((route, name, error))
    assert tried > 1000
    assert not wrong, wrong[:10]
