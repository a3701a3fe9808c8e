"""The states of a connected account between creation and its end, and the links that lead through them."""

import urllib.error

import pytest
import stripe

from conftest import onboarded
from effects import CONTROLLED, Caller

# What makes an individual whole, but for what each test says; the test values are Stripe's.
WHOLE = {
    "business_profile": {"mcc": "5734", "url": "https://accessible.stripe.com"},
    "individual": {
        "first_name": "Jenny", "last_name": "Rosen", "email": "jenny@example.com", "phone": "0000000000",
        "id_number": "000000000", "ssn_last_4": "0000", "dob": {"day": 1, "month": 1, "year": 1901},
        "address": {"line1": "address_full_match", "city": "San Francisco", "state": "CA", "postal_code": "94111"},
    },
    "external_account": "btok_us_verified", "tos_acceptance": {"date": 1700000000, "ip": "127.0.0.1"},
}


def merged(base, change):
    result = dict(base)
    for key, value in change.items():
        result[key] = merged(result.get(key, {}), value) if isinstance(value, dict) else value
    return result


def collected_by_platform(api, **change):
    """An account whose platform collects the requirements itself, so that it may write every fact."""
    return api.accounts.create(params=merged({
        "country": "US", "business_type": "individual",
        "controller": {"fees": {"payer": "application"}, "losses": {"payments": "application"},
                       "stripe_dashboard": {"type": "none"}, "requirement_collection": "application"},
        "capabilities": {"card_payments": {"requested": True}, "transfers": {"requested": True}}}, change))


def test_a_new_account_owes_much_and_may_do_nothing(api):
    account = collected_by_platform(api)
    requirements = account.requirements
    assert not account.charges_enabled and not account.payouts_enabled and not account.details_submitted
    assert {"external_account", "individual.first_name", "tos_acceptance.date"} <= set(requirements.currently_due)
    assert set(requirements.currently_due) <= set(requirements.eventually_due)
    assert requirements.pending_verification == [] and requirements.errors == []
    assert account.capabilities.transfers == "inactive"


def test_what_is_given_is_owed_no_more_and_the_last_fact_submits(api, control):
    account = collected_by_platform(api)
    before = set(account.requirements.currently_due)
    part = api.accounts.update(account.id, params={"individual": {"first_name": "Jenny"}})
    assert before - set(part.requirements.currently_due) == {"individual.first_name"}
    assert not part.details_submitted
    whole = api.accounts.update(account.id, params=WHOLE)
    assert whole.details_submitted and whole.requirements.pending_verification
    assert whole.requirements.disabled_reason == "requirements.pending_verification"
    assert not whole.charges_enabled
    control.advance(seconds=61)
    ready = api.accounts.retrieve(account.id)
    assert ready.charges_enabled and ready.payouts_enabled and ready.requirements.currently_due == []
    types = [event.type for event in api.events.list(params={"limit": 100}, options={"stripe_account": account.id}).data]
    assert {"account.updated", "capability.updated", "account.external_account.created"} <= set(types)


@pytest.mark.parametrize("change,requirement,code", [
    ({"individual": {"id_number": "111111111"}}, "individual.id_number", "verification_failed_id_number_match"),
    ({"individual": {"address": {"line1": "address_no_match"}}}, "individual.address.line1", "verification_failed_address_match"),
    ({"business_profile": {"url": "https://inaccessible.stripe.com"}}, "business_profile.url", "invalid_url_website_inaccessible"),
], ids=["id_number", "address", "website"])
def test_a_fact_that_fails_comes_back_with_its_error_until_it_is_mended(api, control, change, requirement, code):
    account = collected_by_platform(api, **merged(WHOLE, change))
    control.advance(seconds=61)
    failed = api.accounts.retrieve(account.id)
    assert [(error.requirement, error.code) for error in failed.requirements.errors] == [(requirement, code)]
    assert requirement in failed.requirements.currently_due and not failed.charges_enabled
    mended = api.accounts.update(account.id, params={key: WHOLE[key] for key in change})
    control.advance(seconds=61)
    mended = api.accounts.retrieve(account.id)
    assert mended.requirements.errors == [] and mended.charges_enabled


@pytest.mark.parametrize("year,outcome", [(1901, "later"), (1902, "at once"), (1900, "refused")])
def test_the_birthday_decides_when_and_whether_somebody_is_verified(api, control, year, outcome):
    account = collected_by_platform(api, **merged(WHOLE, {"individual": {"dob": {"year": year}}}))
    assert api.accounts.retrieve(account.id).charges_enabled == (outcome == "at once")
    control.advance(seconds=61)
    after = api.accounts.retrieve(account.id)
    assert after.charges_enabled == (outcome != "refused")
    if outcome == "refused":
        assert after.requirements.disabled_reason == "rejected.listed"


def test_an_active_account_may_owe_again_and_lose_what_it_may_do(api, control):
    seller = onboarded(api, control)
    deadline = control("GET", "clock")["now"] + 86400
    control("POST", f"accounts/{seller}/require", {"fields": ["individual.verification.document"], "deadline": deadline})
    owing = api.accounts.retrieve(seller)
    assert owing.requirements.current_deadline == deadline and owing.charges_enabled
    assert "individual.verification.document" in owing.requirements.currently_due
    control("POST", f"accounts/{seller}/require", {"fields": ["individual.verification.document"], "past_due": True})
    late = api.accounts.retrieve(seller)
    assert late.requirements.disabled_reason == "requirements.past_due"
    assert not late.charges_enabled and late.capabilities.transfers == "inactive"
    control("POST", f"accounts/{seller}/onboard", {"outcome": "complete"})
    assert api.accounts.retrieve(seller).charges_enabled


@pytest.fixture
def caller(sandbox):
    return Caller(sandbox.address)


def new_link(caller, account):
    return caller.post("/v1/account_links", {
        "account": account, "type": "account_onboarding", "refresh_url": "https://shop.example/again",
        "return_url": "https://shop.example/back"})


def test_a_link_opens_once_and_then_leads_to_the_refresh_address(caller):
    link = new_link(caller, caller.account())
    assert link["expires_at"] - link["created"] == 300
    form = caller.redirect(link["url"])
    assert form.startswith(caller.address)
    assert caller.redirect(link["url"]) == "https://shop.example/again"


def test_a_link_that_ran_out_leads_to_the_refresh_address(caller, control):
    link = new_link(caller, caller.account())
    control.advance(seconds=301)
    assert caller.redirect(link["url"]) == "https://shop.example/again"


def test_saving_for_later_returns_without_anything_being_done(caller):
    account = caller.account()
    form = caller.redirect(new_link(caller, account)["url"])
    assert caller.redirect(form, {"_action": "later"}) == "https://shop.example/back"
    assert not caller.get("/v1/accounts/" + account)["details_submitted"]


def test_the_page_asks_for_what_is_owed_keeps_what_is_right_and_names_what_is_wrong(caller):
    account = caller.account(business_type="individual")
    owed = caller.get("/v1/accounts/" + account)["requirements"]["currently_due"]
    form = caller.redirect(new_link(caller, account)["url"])
    page = caller.page(form)[1]
    for field in owed:
        if not field.startswith(("external_account", "tos_acceptance")):
            assert f'name="{field}"' in page, field
    with pytest.raises(urllib.error.HTTPError) as refused:
        caller.redirect(form, {"_action": "submit", "individual.first_name": "Jenny", "individual.email": "nonsense"})
    assert refused.value.code == 422 and 'class="error"' in refused.value.read().decode()
    left = caller.get("/v1/accounts/" + account)["requirements"]["currently_due"]
    assert "individual.first_name" not in left and "individual.email" in left


def test_once_a_link_was_made_the_platform_may_not_write_the_sellers_facts(caller):
    account = caller.account()
    caller.post("/v1/accounts/" + account, {"business_type": "individual"})
    new_link(caller, account)
    status, answer = caller.call("POST", "/v1/accounts/" + account, {"individual[first_name]": "A"})
    assert status == 403, answer
    assert caller.post("/v1/accounts/" + account, {"metadata[a]": "b"})["metadata"] == {"a": "b"}


def test_a_login_link_waits_for_the_end_of_onboarding(caller):
    account = caller.account()
    status, _ = caller.call("POST", f"/v1/accounts/{account}/login_links")
    assert status == 400
    caller.control(f"accounts/{account}/onboard", {"outcome": "complete"})
    assert caller.post(f"/v1/accounts/{account}/login_links")["url"].startswith(caller.address)


def test_an_account_that_cut_the_connection_is_out_of_reach_and_said_so(api, control, caller):
    account = caller.seller()
    control("POST", f"accounts/{account}/deauthorize")
    for call in (lambda: api.accounts.retrieve(account), lambda: api.balance.retrieve(options={"stripe_account": account})):
        with pytest.raises(stripe.PermissionError) as refused:
            call()
        assert refused.value.error.code == "account_invalid"
    with pytest.raises(stripe.InvalidRequestError):
        api.payment_intents.create(params={"amount": 1000, "currency": "usd", "transfer_data": {"destination": account}})


@pytest.mark.parametrize("reason,shown", [
    ("fraud_other", "rejected.platform_fraud"), ("terms_of_service", "rejected.platform_terms_of_service"),
    ("other", "rejected.platform_other")])
def test_a_rejected_account_may_nothing_until_the_platform_takes_it_back(api, caller, reason, shown):
    account = caller.seller()
    rejected = api.accounts.reject(account, params={"reason": reason})
    assert rejected.requirements.disabled_reason == shown
    assert not rejected.charges_enabled and not rejected.payouts_enabled and rejected.capabilities.transfers == "inactive"
    assert api.accounts.unreject(account).charges_enabled


@pytest.mark.parametrize("controller,refused", [
    ({"losses": {"payments": "application"}, "fees": {"payer": "account"}}, True),
    ({"losses": {"payments": "application"}, "fees": {"payer": "application"}, "stripe_dashboard": {"type": "full"}}, True),
    ({"requirement_collection": "application", "losses": {"payments": "stripe"}}, True),
    ({"losses": {"payments": "application"}, "fees": {"payer": "application"}, "stripe_dashboard": {"type": "express"}}, False),
    ({"losses": {"payments": "stripe"}, "fees": {"payer": "account"}, "stripe_dashboard": {"type": "full"}}, False),
])
def test_who_pays_who_loses_and_which_dashboard_must_fit_together(api, controller, refused):
    if not refused:
        made = api.accounts.create(params={"country": "US", "controller": controller})
        assert made.controller.is_controller and made.controller.stripe_dashboard.type == controller["stripe_dashboard"]["type"]
        return
    with pytest.raises(stripe.InvalidRequestError) as answer:
        api.accounts.create(params={"country": "US", "controller": controller})
    assert answer.value.http_status == 400


def test_a_type_and_a_controller_exclude_each_other(api):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.accounts.create(params={"type": "express", "controller": {"fees": {"payer": "application"}}})
    assert refused.value.code == "parameters_exclusive"
