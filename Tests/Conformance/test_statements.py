"""Sellers' statements, totals by year and commission invoices: every number is the sum of entries of the ledger."""

import collections
import csv
import decimal
import io
import subprocess

import pytest

from books import DECIMALS, Books
from marketplace import end_of_month
from running import SOUK, Souk, spawn

LINES = ["gross", "refunds", "disputes", "platform_fee", "stripe_fee", "fx", "adjustments", "other"]


def statement(books, seller, month, **headers):
    return books.souk.call("GET", f"/v1/sellers/{seller}/statements/{month}", expect=200, **headers)


def by_currency(answer):
    return {totals["currency"]: totals for totals in answer["currencies"]}


def held(books, seller, month):
    """What the ledger says that the seller has when the month ends."""
    sums = collections.Counter()
    for (code, currency), balance in books.trial_balance(end_of_month(month) - 1).items():
        if code.startswith(f"seller:{seller}:"):
            sums[currency] -= balance
    return {currency: balance for currency, balance in sums.items() if balance}


@pytest.fixture(params=["ana", "ben"])
def seller(books, request):
    return getattr(books, request.param)


def test_each_month_adds_up_from_its_entries_and_ends_at_the_ledgers_balance(books, seller):
    opening = {}
    for month in books.months:
        answer = statement(books, seller, month).json
        totals = by_currency(answer)
        assert set(totals) == set(DECIMALS)
        sums = collections.Counter()
        entries = books.every(f"/v1/sellers/{seller}/statements/{month}/entries")
        assert len({entry["id"] for entry in entries}) == len(entries)
        for entry in entries:
            assert answer["from"] <= entry["effective_at"] < answer["to"]
            for part in entry["parts"]:
                sums[part["currency"], part["line"]] += part["amount"]
        for currency, shown in totals.items():
            assert {line: shown[line] for line in LINES + ["payouts"]} == {
                line: sums[currency, line] for line in LINES + ["payouts"]}
            assert shown["net"] == sum(shown[line] for line in LINES)
            assert shown["closing_balance"] == shown["opening_balance"] + shown["net"] + shown["payouts"]
            assert shown["opening_balance"] == opening.get(currency, 0), (month, currency)
            assert shown["tax_on_platform_fee"] is None
        closing = {currency: shown["closing_balance"] for currency, shown in totals.items()}
        assert {currency: balance for currency, balance in closing.items() if balance} == held(books, seller, month)
        opening = closing


def test_sales_fees_refunds_and_payouts_are_what_the_marketplace_knows_itself(books, seller):
    """Beside the orders as the API answers them, which no statement is made of."""
    gross, fees, count, refunded = (collections.Counter() for _ in range(4))
    for order in books.orders:
        known = books.souk.call("GET", f"/v1/orders/{order['id']}", expect=200)
        if order["seller"] == seller:
            gross[known["currency"]] += known["amount"]
            fees[known["currency"]] += known["application_fee_amount"]
            count[known["currency"]] += 1
            refunded[known["currency"]] += known["amount_refunded"]
    paid_out = collections.Counter()
    for payout in books.every("/v1/payouts"):
        if payout["seller"] == seller and payout["status"] == "paid":
            paid_out[payout["currency"]] += payout["amount"]
    shown = collections.Counter()
    for month in books.months:
        for currency, totals in by_currency(statement(books, seller, month)).items():
            for line in LINES + ["payouts", "sales_count"]:
                shown[currency, line] += totals[line]
    for currency in DECIMALS:
        assert shown[currency, "gross"] == gross[currency] > 0
        assert shown[currency, "sales_count"] == count[currency]
        assert shown[currency, "refunds"] == -refunded[currency]
        assert -shown[currency, "payouts"] == paid_out[currency]
        assert 0 < -shown[currency, "platform_fee"] <= fees[currency]
    assert sum(refunded.values()) > 0 and sum(paid_out.values()) > 0


def test_only_closed_months_are_final_and_those_with_movements_are_listed(books, seller):
    months = books.every(f"/v1/sellers/{seller}/statements")
    assert [month["month"] for month in months] == sorted(books.months, reverse=True)
    assert [month["final"] for month in months] == [False, True, True]
    for month in months:
        assert books.souk.call("GET", month["url"], expect=200)["final"] == month["final"]
    page = books.souk.call("GET", f"/v1/sellers/{seller}/statements?limit=1&ending_before={books.months[0]}", expect=200)
    assert [month["month"] for month in page["data"]] == [books.months[1]] and page["has_more"]
    long_ago = statement(books, seller, "2001-01").json
    assert long_ago["currencies"] == [] and not long_ago["final"]
    # Long after, what there was is still there.
    later = by_currency(statement(books, seller, "2999-12").json)
    last = by_currency(statement(books, seller, books.months[-1]).json)
    for currency, totals in later.items():
        assert totals["opening_balance"] == totals["closing_balance"] == last[currency]["closing_balance"]


def test_a_statement_as_csv_sums_to_its_closing_balance(books, seller):
    for month in books.months:
        answer = statement(books, seller, month, Accept="text/csv")
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8" and answer.headers["Vary"] == "Accept"
        totals = by_currency(statement(books, seller, month).json)
        sums, lines = collections.Counter(), collections.Counter()
        for row in csv.DictReader(io.StringIO(answer.body.decode())):
            amount = decimal.Decimal(row["amount"])
            assert -amount.as_tuple().exponent == DECIMALS[row["currency"].lower()]
            if row["line"] == "closing_balance":
                assert amount == sums.pop(row["currency"])
                minor = totals[row["currency"].lower()]["closing_balance"]
                assert amount.scaleb(DECIMALS[row["currency"].lower()]) == minor
            else:
                assert bool(row["entry"]) == (row["line"] != "opening_balance")
                sums[row["currency"]] += amount
                lines[row["currency"].lower(), row["line"]] += amount
        assert not sums, "a currency has no closing balance"
        for currency, shown in totals.items():
            for line in LINES:
                assert decimal.Decimal(lines[currency, line]).scaleb(DECIMALS[currency]) == shown[line]


@pytest.mark.parametrize("accept, media", [
    ("application/json", "application/json"), ("*/*", "application/json"), ("text/*", "text/html"),
    ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"), ("text/csv;q=0.9, text/html;q=0.5", "text/csv"),
    ("application/*;q=0, text/csv", "text/csv"), ("image/png", "application/json"), ("nonsense", "application/json"),
    ("text/html;q=x, text/csv", "text/csv"), ("", "application/json"),
])
def test_the_form_is_the_one_that_is_asked_for(books, accept, media):
    answer = statement(books, books.ana, books.months[0], Accept=accept)
    assert answer.headers["Content-Type"].split(";")[0] == media


def test_totals_of_a_year_are_the_sums_of_its_months(books, seller):
    months = {month: by_currency(statement(books, seller, month).json) for month in books.months}
    for year in {month[:4] for month in books.months}:
        answer = books.souk.call("GET", f"/v1/sellers/{seller}/yearly_totals/{year}", expect=200).json
        assert not answer["final"]
        for currency in answer["currencies"]:
            assert [month["month"] for month in currency["months"]] == [f"{year}-{n:02}" for n in range(1, 13)]
            for field in ["gross", "sales_count", "refunds", "disputes", "platform_fee", "stripe_fee"]:
                for month in currency["months"]:
                    known = months.get(month["month"], {}).get(currency["currency"], {})
                    assert month["totals"][field] == known.get(field, 0), (month["month"], field)
                assert currency["totals"][field] == sum(month["totals"][field] for month in currency["months"])
    assert books.souk.call("GET", f"/v1/sellers/{seller}/yearly_totals/2001", expect=200)["currencies"] == []


def test_what_is_no_month_no_year_and_nobodys_is_refused(books):
    souk, path = books.souk, f"/v1/sellers/{books.ana}"
    for wrong in "2026-13", "2026-1", "1999-12", "nonsense", "2026-11-01", "%00":
        for end in "", "/entries":
            refused = souk.call("GET", f"{path}/statements/{wrong}{end}", expect=400)
            assert refused["error"]["param"] == "month"
    for wrong in "26", "1999", "2026-11", "x":
        assert souk.call("GET", f"{path}/yearly_totals/{wrong}", expect=400)["error"]["param"] == "year"
    assert souk.call("GET", f"{path}/statements/{books.months[0]}?currency=usd", expect=400)["error"]["code"] == "parameter_unknown"
    nobody = "/v1/sellers/sel_" + "0" * 26
    for end in "statements", "statements/2026-11", "statements/2026-11/entries", "yearly_totals/2026", "commission_invoices":
        assert souk.call("GET", f"{nobody}/{end}", expect=404)["error"]["code"] == "seller_not_found"


# --- Commission invoices ------------------------------------------------------------------------------------------


def invoices(books):
    return [invoice for seller in (books.ana, books.ben) for invoice in books.every(f"/v1/sellers/{seller}/commission_invoices")]


def test_each_closed_month_has_one_invoice_for_each_seller_and_currency_with_the_statements_fee(books):
    found = {(i["seller"], i["month"], i["currency"]): i for i in invoices(books)}
    assert len(found) == len(invoices(books))
    expected = {
        (seller, month, currency): totals["platform_fee"] for seller in (books.ana, books.ben)
        for month in books.months[:2] for currency, totals in by_currency(statement(books, seller, month).json).items()}
    assert {key: -invoice["total"] for key, invoice in found.items()} == expected and len(expected) == 12
    for invoice in found.values():
        assert invoice["total"] == invoice["fees_charged"] - invoice["fees_refunded"]
        assert invoice["kind"] == ("credit_note" if invoice["total"] < 0 else "invoice")
        assert books.souk.call("GET", f"/v1/commission_invoices/{invoice['id']}", expect=200).json == invoice
    assert any(invoice["fees_refunded"] for invoice in found.values())


def test_numbers_have_no_gaps_within_a_year_and_follow_the_months(books):
    by_year = collections.defaultdict(list)
    for invoice in invoices(books):
        by_year[invoice["month"][:4]].append(invoice)
    for year, issued in by_year.items():
        issued.sort(key=lambda invoice: invoice["number"])
        assert [invoice["number"] for invoice in issued] == [f"{year}-{n:06}" for n in range(1, len(issued) + 1)]
        assert [invoice["month"] for invoice in issued] == sorted(invoice["month"] for invoice in issued)


def test_closing_again_writes_no_invoice_twice_and_an_open_month_has_none(books):
    before = invoices(books)
    assert "were closed before" in books.souk.run("close-month", books.months[1]).stdout
    assert invoices(books) == before
    said = books.souk.run("close-month", books.months[2], check=False)
    assert said.returncode == 1 and "is not over yet" in said.stderr


def test_invoices_cannot_be_changed_or_removed(books):
    for change in (
        "UPDATE commission_invoices SET charged_minor = 0", "DELETE FROM commission_invoices", "TRUNCATE commission_invoices",
    ):
        refused = books.souk.cluster.run(change, books.souk.name, check=False)
        assert refused.returncode != 0 and "commission invoices are final" in refused.stderr


def test_two_who_close_at_once_write_each_invoice_once(cluster, tmp_path):
    """And a month that was closed and not invoiced, as a crash leaves it, is invoiced before the next one."""
    souk = Souk(cluster, tmp_path).start()
    try:
        books = Books(souk)
        # The last month ends; the crash is told as the database would show it.
        last = books.months[-1]
        souk.advance(seconds=max(0, end_of_month(last) - souk.control("GET", "clock")["now"]) + 60)
        souk.settle()
        souk.sql("ALTER TABLE commission_invoices DISABLE TRIGGER append_only")
        souk.sql(f"DELETE FROM commission_invoices WHERE month = '{books.months[1]}-01'")
        souk.sql(f"UPDATE closed_months SET invoiced_at = NULL WHERE month = '{books.months[1]}-01'")
        souk.sql("ALTER TABLE commission_invoices ENABLE TRIGGER append_only")
        both = [spawn([SOUK, "close-month", last], env=souk.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                for _ in range(2)]
        said = [process.communicate(timeout=120) for process in both]
        assert [process.returncode for process in both] == [0, 0], said
        found = invoices(books)
        assert len({(i["seller"], i["month"], i["currency"]) for i in found}) == len(found) == 18
        test_numbers_have_no_gaps_within_a_year_and_follow_the_months(books)
        assert souk.call("GET", f"/v1/sellers/{books.ana}/statements/{last}", expect=200)["final"]
    finally:
        souk.stop()
