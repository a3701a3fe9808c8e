"""The pages that people see, clicked through in Chromium: the sandbox's hosted pages and Souk's own.

Whatever is shown is also checked for accessibility (axe), for requests to other addresses, for errors on the console and
for content wider than the screen; and kept as a picture in .souk/test-logs/pages, to be looked at.
"""

import re
import urllib.parse

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from conftest import client
from running import ROOT

PICTURES = ROOT / ".souk/test-logs/pages"
SCREENS = {
    "desk": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "is_mobile": True, "has_touch": True},
}
CARD = {"Card number": "4242 4242 4242 4242", "Expiry date": "12 / 34", "Security code": "123"}


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            # As root there is no sandbox of the browser's own; the pages are ours.
            args=["--no-sandbox", "--disable-background-networking", "--disable-component-update"])
        yield browser
        browser.close()


class Person:
    """Somebody with a browser, who notices what should not be."""

    def __init__(self, context, name, hosts):
        self.name, self.page, self.wrong = name, context.new_page(), []
        self.expected_statuses = set()
        self.page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        self.page.on("console", self.hear)
        self.page.on("request", lambda request: self.see(request.url, hosts))

    def hear(self, message):
        if message.type not in ("error", "warning"):
            return
        status = re.search(r"status of (\d+)", message.text)
        # Chromium reports a page that is itself a refusal; such pages are part of the story.
        if status and int(status[1]) in self.expected_statuses:
            return
        self.wrong.append(f"console: {message.text} at {message.location}")

    def see(self, url, hosts):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc not in hosts:
            self.wrong.append(f"request to {url}")

    def look(self, name):
        """Keeps a picture, and checks the page as it is now."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}-{self.name}.png", full_page=True)
        assert not self.wrong, self.wrong
        # On a telephone the window's own width grows with its content.
        wide, screen = self.page.evaluate("document.documentElement.scrollWidth"), self.page.viewport_size["width"]
        assert wide <= screen, f"{name}: {wide} wide on a screen of {screen}"
        found = Axe().run(self.page)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"

    def sees(self, text):
        expect(self.page.get_by_text(text).first).to_be_visible()

    def reads_heading(self, text):
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(text)

    def fill(self, values):
        for label, value in values.items():
            field = self.page.get_by_label(label, exact=True)
            if field.evaluate("element => element.tagName") == "SELECT":
                field.select_option(label=value)
            elif field.get_attribute("type") == "checkbox":
                field.set_checked(value)
            else:
                field.fill(value)

    def press(self, button):
        self.page.get_by_role("button", name=button, exact=True).click()

    def error_of(self, label):
        """What stands at the field, as a screen reader reads it."""
        field = self.page.get_by_label(label, exact=True)
        if field.get_attribute("aria-invalid") != "true":
            return None
        first = field.get_attribute("aria-describedby").split()[0]
        return self.page.locator(f'[id="{first}"]').inner_text()

    def names(self):
        inputs = self.page.locator("form input, form select")
        return {inputs.nth(i).get_attribute("name") for i in range(inputs.count())}

    def tab_to(self, locator):
        """Goes there with the Tab key alone; what has the focus must be seen to have it."""
        for _ in range(80):
            self.page.keyboard.press("Tab")
            if locator.evaluate("element => element === document.activeElement"):
                style = locator.evaluate("element => getComputedStyle(element).outline")
                assert "none" not in style and not style.startswith("rgb(0, 0, 0) none"), f"no focus to be seen: {style}"
                return
        raise AssertionError(f"the Tab key never comes to {locator}")


@pytest.fixture(params=SCREENS)
def screen(request):
    return request.param


@pytest.fixture
def person(chromium, souk, screen):
    hosts = {urllib.parse.urlsplit(address).netloc for address in (souk.address, souk.stripe)}
    context = chromium.new_context(**SCREENS[screen])
    context.set_default_timeout(15000)
    person = Person(context, screen, hosts)
    yield person
    context.close()
    assert not person.wrong, person.wrong


@pytest.fixture
def api(souk):
    return client(souk.stripe).v1


def a_seller(souk, name, country="US"):
    return souk.call("POST", "/v1/sellers", {
        "external_id": name, "email": "ana@example.com", "country": country, "business_type": "individual"}, expect=201).json


def ready(souk, name):
    seller = a_seller(souk, name)
    souk.control("POST", f"accounts/{seller['stripe_account']}/onboard", {"outcome": "complete"})
    souk.settle()
    return seller


def link(souk, seller, **more):
    return souk.call("POST", f"/v1/sellers/{seller['id']}/onboarding_links", more, expect=201)["url"]


def order(souk, seller, name, **more):
    made = souk.call("POST", "/v1/orders", {
        "external_id": name, "currency": "usd", "buyer": {"external_id": "u", "email": "buyer@example.com"},
        "lines": [
            {"seller": seller["id"], "description": "Oak table", "unit_amount": 125000, "quantity": 2},
            {"type": "shipping", "seller": seller["id"], "description": "Delivery", "unit_amount": 4950, "quantity": 1},
        ]} | more, expect=201).json
    return made


def status(souk, order):
    return souk.call("GET", f"/v1/orders/{order['id']}", expect=200)["status"]


# --- Onboarding -----------------------------------------------------------------------------------------------------

RIGHT = {
    "Category code": "5734", "Website": "https://accessible.stripe.com", "First name": "Jenny", "Last name": "Rosen",
    "Email": "jenny@example.com", "Phone": "0000000000", "Birth day": "1", "Birth month": "1", "Birth year": "1902",
    "Street and number": "address_full_match", "City": "San Francisco", "State": "CA", "ZIP code": "94111",
    "Last four digits of your SSN": "0000", "Social Security number": "000000000", "Routing number": "110000000",
    "Account number": "000123456789", "I agree to the Connected Account Agreement, and what I gave is true.": True,
}
WRONG = {
    "Category code": ("57", "A category code has four digits."), "Website": ("shop", "Begin with https://"),
    "Email": ("jenny", "Write an email address, such as ana@example.com."), "Phone": ("12", "Write a telephone number."),
    "Birth day": ("32", "Write a day from 1 to 31."), "Birth month": ("13", "Write a month from 1 to 12."),
    "Birth year": ("2019", "Write the year; you must be at least 13."),
    "Last four digits of your SSN": ("12", "Write four digits."), "Social Security number": ("1", "Write nine digits."),
    "Routing number": ("11", "A routing number has nine digits."), "Account number": ("1", "The account number is too short."),
}


def fields_of(due, country="US"):
    """The inputs that ask for what is due: in the US a bank account in two numbers, the agreement in one tick."""
    bank = {"external_account.account_number"} | ({"external_account.routing_number"} if country == "US" else set())
    named = {"external_account": bank, "tos_acceptance.date": {"tos_acceptance"}, "tos_acceptance.ip": set()}
    return set().union(*(named.get(path, {path}) for path in due))


def test_onboarding_asks_for_what_is_due_and_checks_each_field(souk, api, person):
    seller = a_seller(souk, f"form-{person.name}")
    due = seller["requirements"]
    page = person.page
    made = api.account_links.create(params={
        "account": seller["stripe_account"], "type": "account_onboarding", "refresh_url": souk.address + "/checkout/canceled",
        "return_url": souk.address + "/checkout/success", "collection_options": {"fields": "currently_due"}})
    page.goto(made.url)
    assert person.names() == fields_of(due["currently_due"])
    page.goto(link(souk, seller))
    person.reads_heading("Tell us about your business")
    person.sees("Stripe still needs 18 details")
    assert person.names() == fields_of(due["eventually_due"])
    person.look("onboarding")

    person.expected_statuses = {422}
    person.press("Agree and submit")
    person.look("onboarding-empty")
    assert page.title().startswith("Error:")
    alert = page.get_by_role("alert")
    expect(alert).to_be_focused()
    expect(alert.get_by_role("listitem")).to_have_count(18)
    assert all(person.error_of(label) for label in RIGHT)
    alert.get_by_role("link", name="First name").click()
    expect(page.get_by_label("First name")).to_be_focused()

    for label, (value, _) in WRONG.items():
        page.get_by_label(label, exact=True).fill(value)
    person.fill({"First name": "Jenny", "Last name": "Rosen"})
    person.press("Agree and submit")
    person.look("onboarding-wrong")
    assert {label: person.error_of(label) for label in WRONG} == {label: text for label, (_, text) in WRONG.items()}
    # What was right is kept and not asked again; what was wrong is there to be corrected.
    assert page.get_by_label("First name").count() == 0
    assert page.get_by_label("Category code").input_value() == "57"

    person.fill({label: value for label, value in RIGHT.items() if page.get_by_label(label, exact=True).count()})
    person.press("Agree and submit")
    person.reads_heading("You are all set")
    person.look("onboarding-done")
    souk.settle()
    assert souk.call("GET", f"/v1/sellers/{seller['id']}")["status"] == "active"


def test_onboarding_left_half_done_and_taken_up_again(souk, person):
    seller = a_seller(souk, f"half-{person.name}")
    first = link(souk, seller)
    page = person.page
    page.goto(first)
    person.fill({"First name": "Jenny", "Last name": "Rosen", "Category code": "5734"})
    person.press("Save for later")
    person.reads_heading("Not finished yet")
    person.look("onboarding-paused")
    souk.settle()
    due = souk.call("GET", f"/v1/sellers/{seller['id']}")["requirements"]["eventually_due"]
    assert not {"individual.first_name", "business_profile.mcc"} & set(due)

    page.get_by_role("link", name="Continue").click()
    person.reads_heading("Tell us about your business")
    assert person.names() == fields_of(due)

    # The first link was used: Stripe sends the seller to Souk's refresh address, and Souk on to a new link.
    page.goto(first)
    person.reads_heading("Tell us about your business")
    assert page.url.split("/")[-2] != first.split("/")[-1]
    person.press("Fill in test data")
    person.look("onboarding-filled")
    form = page.url
    person.press("Agree and submit")
    person.reads_heading("You are all set")
    # A form that is done is not there for the next one who finds its address.
    page.goto(form)
    assert page.url != form
    person.reads_heading("You are all set")
    person.look("onboarding-nothing-due")


def test_onboarding_links_end(souk, person):
    seller = a_seller(souk, f"late-{person.name}")
    page = person.page
    stale = link(souk, seller)
    souk.advance(seconds=301)
    page.goto(stale)
    person.reads_heading("Tell us about your business")
    assert stale.split("/")[-1] not in page.url

    person.expected_statuses = {404}
    old = link(souk, seller)
    souk.advance(hours=25)
    page.goto(old)
    person.reads_heading("This link does not work any more")
    person.look("onboarding-link-ended")
    page.goto(f"{souk.stripe}/setup/acct_none/none")
    person.reads_heading("There is no such page")
    person.look("no-such-page")


def test_a_company_is_asked_more(souk, api, person):
    account = api.accounts.create(params={
        "country": "DE", "email": "a@example.com", "capabilities": {"transfers": {"requested": True}}, "controller": {
            "fees": {"payer": "application"}, "losses": {"payments": "application"}, "stripe_dashboard": {"type": "express"}}})
    page = person.page
    page.goto(api.account_links.create(params={
        "account": account.id, "type": "account_onboarding", "refresh_url": souk.address + "/checkout/canceled",
        "return_url": souk.address + "/checkout/success", "collection_options": {"fields": "currently_due"}}).url)
    assert person.names() == fields_of(account.requirements.currently_due, "DE")
    person.fill({"Type of business": "Company", "IBAN or account number": "DE89370400440532013000"})
    person.fill({label: value for label, value in RIGHT.items() if page.get_by_label(label, exact=True).count()})
    person.press("Agree and submit")
    person.sees("For your kind of business, Stripe needs")
    assert person.names() == fields_of(api.accounts.retrieve(account.id).requirements.currently_due, "DE")
    expect(page.get_by_role("alert")).to_have_count(0)
    person.look("onboarding-company")
    person.press("Fill in test data")
    person.press("Agree and submit")
    person.reads_heading("Thank you")
    assert api.accounts.retrieve(account.id).details_submitted


# --- Checkout -------------------------------------------------------------------------------------------------------


def test_checkout_paid(souk, person):
    made = order(souk, ready(souk, f"paid-{person.name}"), f"paid-{person.name}")
    person.page.goto(made["checkout_url"])
    person.sees("2 × $1,250.00")
    person.sees("$2,549.50")
    person.look("checkout")
    person.fill(CARD | {"Name on card (optional)": "Jenny Rosen"})
    assert person.page.get_by_label("Email").input_value() == "buyer@example.com"
    person.press("Pay $2,549.50")
    person.reads_heading("Thank you")
    person.look("order-success")
    souk.settle()
    assert status(souk, made) == "paid"
    # The address leads on, and asks for no money a second time.
    person.page.goto(made["checkout_url"])
    person.reads_heading("Thank you")


def test_checkout_declined_and_tried_again(souk, person):
    made = order(souk, ready(souk, f"declined-{person.name}"), f"declined-{person.name}")
    page = person.page
    person.expected_statuses = {402, 422}
    page.goto(made["checkout_url"])
    person.press("Pay $2,549.50")
    assert person.error_of("Card number") == "Your card number is incomplete."
    assert person.error_of("Expiry date") == "Your card's expiration date is incomplete."
    assert person.error_of("Security code") == "Your card's security code is incomplete."
    assert person.error_of("Email") is None
    person.look("checkout-empty")
    person.fill(CARD | {"Expiry date": "01 / 20", "Email": "buyer"})
    person.press("Pay $2,549.50")
    assert person.error_of("Expiry date") == "Your card's expiration date is in the past."
    assert person.error_of("Email") == "Your email is incomplete."
    person.fill(CARD | {"Card number": "4242 4242 4242 4241", "Email": "buyer@example.com"})
    person.press("Pay $2,549.50")
    assert person.error_of("Card number") == "Your card number is incorrect."
    person.fill({"Card number": "4000 0000 0000 9995"})
    person.press("Pay $2,549.50")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Your card has insufficient funds.")
    expect(alert).to_be_focused()
    assert page.get_by_label("Card number").input_value() == "4000 0000 0000 9995"
    person.look("checkout-declined")
    souk.settle()
    assert status(souk, made) == "payment_failed"
    person.press("4242 4242 4242 4242")
    assert page.get_by_label("Card number").input_value() == "4242 4242 4242 4242"
    person.press("Pay $2,549.50")
    person.reads_heading("Thank you")
    souk.settle()
    assert status(souk, made) == "paid"


@pytest.mark.parametrize("answer", ["Complete authentication", "Fail authentication"])
def test_checkout_with_three_d_secure(souk, person, answer):
    name = f"{answer.split()[0].lower()}-{person.name}"
    made = order(souk, ready(souk, name), name)
    person.expected_statuses = {402}
    person.page.goto(made["checkout_url"])
    person.press("4000 0027 6000 3184")
    person.press("Pay $2,549.50")
    person.reads_heading("Is this you?")
    person.sees("•••• 3184")
    person.look("three-d-secure")
    souk.settle()
    assert status(souk, made) == "requires_action"
    person.press(answer)
    if answer.startswith("Complete"):
        person.reads_heading("Thank you")
    else:
        expect(person.page.get_by_role("alert")).to_contain_text("Your bank did not confirm that it was you.")
        person.look("three-d-secure-failed")
    souk.settle()
    assert status(souk, made) == ("paid" if answer.startswith("Complete") else "payment_failed")


def test_checkout_left_and_expired(souk, person):
    seller = ready(souk, f"left-{person.name}")
    made = order(souk, seller, f"left-{person.name}", capture="manual")
    person.page.goto(made["checkout_url"])
    person.sees("The amount is only set aside now.")
    person.page.get_by_role("link", name="Back").click()
    person.reads_heading("Not paid")
    person.look("order-canceled")
    assert status(souk, made) == "awaiting_payment"
    person.expected_statuses = {410}
    souk.advance(hours=25)
    person.page.goto(made["checkout_url"])
    person.reads_heading("This page has expired")
    person.look("checkout-expired")
    person.page.get_by_role("link", name="Back to the shop").click()
    person.reads_heading("Not paid")
    souk.settle()
    assert status(souk, made) == "expired"


@pytest.mark.parametrize("screen", ["desk"])
def test_amounts_are_written_as_people_write_them(souk, api, person):
    for currency, unit, shown in [("jpy", 1234567, "¥1,234,567"), ("eur", 1050, "€10.50"), ("chf", 99, "CHF\u00a00.99")]:
        session = api.checkout.sessions.create(params={
            "mode": "payment", "success_url": souk.address + "/checkout/success", "line_items": [
                {"quantity": 1, "price_data": {"currency": currency, "unit_amount": unit, "product_data": {"name": "A <b>thing</b>"}}}]})
        person.page.goto(session.url)
        expect(person.page.get_by_role("heading", level=1)).to_contain_text(shown)
        person.sees("A <b>thing</b>")


# --- The keyboard alone ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("screen", ["desk"])
def test_everything_is_done_with_the_keyboard(souk, person):
    seller = a_seller(souk, "keyboard")
    page, keys = person.page, person.page.keyboard
    page.goto(link(souk, seller))
    for label, value in RIGHT.items():
        person.tab_to(page.get_by_label(label, exact=True))
        keys.press("Space") if value is True else keys.type(value)
    person.tab_to(page.get_by_role("button", name="Agree and submit"))
    keys.press("Enter")
    person.reads_heading("You are all set")
    souk.settle()

    made = order(souk, seller, "keyboard")
    page.goto(made["checkout_url"])
    person.tab_to(page.get_by_role("link", name="Back"))
    for label, value in CARD.items():
        person.tab_to(page.get_by_label(label, exact=True))
        keys.type(value.replace("4242 4242 4242 4242", "4000 0027 6000 3184"))
    # Enter in a field pays, as the first button does.
    keys.press("Enter")
    person.reads_heading("Is this you?")
    person.tab_to(page.get_by_role("button", name="Complete authentication"))
    keys.press("Enter")
    person.reads_heading("Thank you")
    souk.settle()
    assert status(souk, made) == "paid"


# --- Souk's own pages -----------------------------------------------------------------------------------------------


def test_the_sellers_dashboard(souk, api, person):
    seller = ready(souk, f"express-{person.name}")
    sold = order(souk, seller, f"express-{person.name}")
    for cards in ([], ["pm_card_visa"]):
        for card in cards:
            session = re.search(r"cs_test_\w+", sold["checkout_url"])[0]
            souk.control("POST", f"checkout/sessions/{session}/pay", {"payment_method": card})
            souk.settle()
            souk.advance(days=4)
            souk.settle()
        url = souk.call("POST", f"/v1/sellers/{seller['id']}/login_links", expect=201)["url"]
        person.page.goto(url)
        person.reads_heading("Your earnings")
        person.look("express" if cards else "express-empty")
    expect(person.page.get_by_role("table")).to_have_count(2)
    person.expected_statuses = {400}
    person.page.goto(url)
    person.sees("This login link was used already.")


@pytest.fixture
def reader(chromium, books, screen):
    """Somebody to whom the marketplace shows what it has asked of Souk with its key."""
    context = chromium.new_context(
        **SCREENS[screen], extra_http_headers={"Authorization": f"Bearer {books.souk.key}", "Accept": "text/html"})
    context.set_default_timeout(15000)
    reader = Person(context, screen, {urllib.parse.urlsplit(books.souk.address).netloc})
    yield reader
    context.close()
    assert not reader.wrong, reader.wrong


def test_a_statement_to_be_printed(books, reader):
    path = f"{books.souk.address}/v1/sellers/{books.ana}/statements"
    for month, state in (books.months[1], "Final"), (books.months[2], "Not final"):
        reader.page.goto(f"{path}/{month}")
        reader.reads_heading(f"Statement for {month}")
        reader.sees(state)
        shown = books.souk.call("GET", f"/v1/sellers/{books.ana}/statements/{month}", expect=200)
        for totals, decimals in zip(shown["currencies"], (0, 3, 2)):
            table = reader.page.get_by_role("table", name=totals["currency"].upper())
            closing = table.get_by_role("row", name="Closing balance").get_by_role("cell")
            expect(closing).to_have_text(f"{totals['closing_balance'] / 10 ** decimals:.{decimals}f}")
            expect(table.get_by_role("row", name="Tax on the platform's fee").get_by_role("cell")).to_have_text("not known")
        reader.look(f"statement-{state.lower().replace(' ', '-')}")
    assert reader.page.locator("script").count() == 0
    reader.page.emulate_media(media="print")
    reader.look("statement-printed")


def test_a_commission_invoice_to_be_printed(books, reader):
    invoice = books.every(f"/v1/sellers/{books.ana}/commission_invoices")[0]
    reader.page.goto(f"{books.souk.address}/v1/commission_invoices/{invoice['id']}")
    reader.reads_heading(f"{'Credit note' if invoice['total'] < 0 else 'Commission invoice'} {invoice['number']}")
    expect(reader.page.get_by_role("table", name=invoice["currency"].upper())).to_be_visible()
    reader.look("commission-invoice")


def test_the_documentation(souk, person):
    page = person.page
    page.goto(souk.address + "/docs")
    expect(page.get_by_role("heading", name=re.compile("Souk")).first).to_be_visible()
    expect(page.locator(".opblock")).to_have_count(page.evaluate(
        "fetch('/openapi.yaml').then(r => r.text()).then(t => t.match(/^    (get|post|delete):$/gm).length)"))
    page.locator("#operations-Orders-create_order button.opblock-summary-control").click()
    person.sees("Idempotency-Key")
    person.look("docs")
    page.locator("#operations-Orders-create_order").get_by_role("button", name="Try it out").click()
    expect(page.get_by_label("Request body")).to_be_visible()
    person.look("docs-try")
    page.goto(souk.address + "/docs/errors#seller_not_ready")
    person.reads_heading("Errors")
    expect(page.locator("#seller_not_ready")).to_be_in_viewport()
    person.look("docs-errors")


