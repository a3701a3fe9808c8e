"""docs/sandbox.md says what the sandbox does: its lists are held against the sandbox itself."""

import json
import re

import pytest
import stripe

from conftest import ROOT, Control

DOCUMENT = (ROOT / "docs/sandbox.md").read_text()


def section(title):
    start = re.search(rf"^#+ {re.escape(title)}$", DOCUMENT, re.M)
    assert start, f"docs/sandbox.md has no section '{title}'"
    return re.split(r"^#+ ", DOCUMENT[start.end():], maxsplit=1, flags=re.M)[0]


def test_every_switch_is_described_with_its_default(control):
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", section("What Stripe does not publish"), re.M)
    described = {}
    for name, default in rows:
        text = default.strip("`")
        described[name] = json.loads(f"[{text}]") if name == "retry_pauses" else text
    actual = {
        name: value if isinstance(value, list) else json.dumps(value).strip('"')
        for name, value in control("GET", "behaviour").items()
    }
    assert described == actual


def test_every_call_that_the_document_names_is_there(sandbox):
    control = Control(sandbox.address)
    calls = re.findall(r"`((?:GET|POST|PUT|DELETE)[A-Z, ]*) /_sandbox/([^`]+)`", section("Control calls"))
    assert len(calls) >= 15
    for methods, path in calls:
        for method in re.findall(r"[A-Z]+", methods):
            if (method, path) in {("PUT", "faults"), ("DELETE", "faults"), ("PUT", "behaviour")}:
                continue  # these change the sandbox for the tests beside this one, which use them
            try:
                control(method, re.sub(r"\{\w+\}", "unknown_1", path), {} if method == "POST" else None)
            except OSError as error:
                message = json.load(error)["error"]["message"]
                assert "Unknown control call" not in message, message


FULL = r"\d{4} \d{4} \d{4} \d{4}|\d{4} \d{6} \d{5}"


def documented_numbers():
    for row in re.findall(r"^\| (\d[^|]*) \|", section("Test cards"), re.M):
        last = None
        for number in re.findall(rf"{FULL}|…\d{{4}}", row):
            if number.startswith("…"):
                number = last[:-4] + number[1:]
            last = number.replace(" ", "")
            yield last


@pytest.mark.parametrize("number", list(documented_numbers()))
def test_every_card_that_the_document_names_is_known(api, number):
    try:
        method = api.payment_methods.create(params={
            "type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123"}})
    except stripe.CardError as refused:
        pytest.fail(f"{number} is not known: {refused}")
    assert method.card.last4 == number[-4:]
