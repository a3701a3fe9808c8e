"""`souk export`: hledger and beancount accept what it writes and come to Souk's own balances; nothing is half written."""

import calendar
import collections
import csv
import datetime
import decimal
import io
import json
import os
import re
import signal
import subprocess
import time

import pytest

from books import DECIMALS
from running import SOUK, Souk, spawn

FORMATS = ["csv", "jsonl", "hledger", "beancount"]


def export(books, *arguments):
    return books.souk.run("export", *arguments).stdout


@pytest.fixture
def journal(books, tmp_path):
    """Writes an export into a file: (format, arguments…) -> its path"""
    def write(form, *arguments):
        path = tmp_path / f"ledger.{form}"
        said = books.souk.run("export", "--format", form, "--output", str(path), *arguments).stdout
        assert re.fullmatch(r"Wrote \d+ entries to .*\n", said), said
        assert os.listdir(tmp_path).count(path.name) == 1 and not any("partial" in name for name in os.listdir(tmp_path))
        return path
    return write


def tool(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=dict(os.environ, LANG="C.UTF-8"))
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


# --- What other programs make of it -------------------------------------------------------------------------------

ROOTS = {
    "stripe": "Assets:Stripe", "transit": "Assets:Transit", "bank": "Assets:Bank", "clearing": "Assets:Clearing",
    "equity": "Equity", "revenue": "Income", "loss": "Expenses:Losses",
}
WHOLE = {
    "suspense": "Assets:Suspense", "disputes:open": "Assets:Disputes:Open", "recovered:stripe_fees": "Income:Recovered-Stripe-Fees",
    "tax:collected": "Liabilities:Tax-Collected", "buyer:refunds_due": "Liabilities:Buyers:Refunds-Due",
    "fees:stripe": "Expenses:Stripe-Fees", "fees:dispute": "Expenses:Dispute-Fees", "expense:promotions": "Expenses:Promotions",
    "expense:seller_adjustments": "Expenses:Seller-Adjustments", "fx:conversion": "Equity:FX-Conversion",
    "fx:gain_loss": "Expenses:FX-Gain-Loss",
}


def name_of(code):
    """As docs/exports.md says; written here a second time."""
    def word(part):
        first, *rest = part.split("_")
        return "-".join([first.capitalize()] + (rest if first in ("acct", "sel") else [r.capitalize() for r in rest]))

    if code in WHOLE:
        return WHOLE[code]
    first, *rest = code.split(":")
    if first == "seller":
        root = "Assets" if rest[1] == "receivable" else "Liabilities"
        return f"{root}:Sellers:{word(rest[0])}:{rest[1].capitalize()}"
    return ":".join([ROOTS[first]] + [word(part) for part in rest])


def expected(books, day):
    """Souk's trial balance when the day ends, in the words of the journals."""
    moment = calendar.timegm(time.strptime(day, "%Y-%m-%d")) + 86399
    return {
        (name_of(code), currency.upper()): decimal.Decimal(balance).scaleb(-DECIMALS[currency])
        for (code, currency), balance in books.trial_balance(moment).items()}


def nonzero(rows):
    return {(account, currency): decimal.Decimal(amount) for account, currency, amount in rows if decimal.Decimal(amount)}


def hledger_balances(path, day):
    end = datetime.date.fromisoformat(day) + datetime.timedelta(days=1)
    text = tool("hledger", "-f", path, "balance", "--flat", "--no-total", "--layout=bare", "-O", "csv", "-e", end)
    head, *rows = csv.reader(io.StringIO(text))
    assert head == ["account", "commodity", "balance"]
    return nonzero(rows)


def beancount_balances(path, day):
    found = []
    # One currency at a time: bean-query writes a whole column with the decimals that most of it has.
    for currency in map(str.upper, DECIMALS):
        text = tool("bean-query", "-f", "csv", path,
                    f"SELECT account, sum(number) AS total WHERE date <= {day} AND currency = '{currency}' GROUP BY account")
        head, *rows = csv.reader(io.StringIO(text))
        found += [(row[0].strip(), currency, row[1].strip()) for row in rows if row]
    return nonzero(found)


def test_the_books_have_what_is_to_be_shown(books):
    balances = expected(books, books.days[-1])
    assert {currency for _, currency in balances} == {"USD", "JPY", "KWD"}
    assert len({account for account, _ in balances}) >= 8
    assert books.souk.call("GET", "/v1/ledger/proof", expect=200)["sound"]


def test_hledger_accepts_every_export_and_comes_to_the_trial_balance_on_three_days(books, journal):
    path = journal("hledger")
    tool("hledger", "-f", path, "check", "--strict", "ordereddates")
    for day in books.days:
        assert hledger_balances(path, day) == expected(books, day), day
    cut = journal("hledger", "--from", books.days[1])
    tool("hledger", "-f", cut, "check", "--strict")
    for day in books.days[1:]:
        assert hledger_balances(cut, day) == expected(books, day), day


def test_beancount_accepts_every_export_and_comes_to_the_trial_balance_on_three_days(books, journal):
    path = journal("beancount")
    tool("bean-check", path)
    for day in books.days:
        assert beancount_balances(path, day) == expected(books, day), day
    cut = journal("beancount", "--from", books.days[1])
    tool("bean-check", cut)
    for day in books.days[1:]:
        assert beancount_balances(cut, day) == expected(books, day), day


def test_the_tools_would_notice_a_cent(books, journal):
    """That they agree means something: a journal with one amount changed is refused by both."""
    for form, command in ("hledger", ["hledger", "check", "-f"]), ("beancount", ["bean-check"]):
        path = journal(form)
        text = path.read_text()
        path.write_text(re.sub(r"(  -?[\d.]*)(\d) USD", lambda m: f"{m[1]}{(int(m[2]) + 1) % 10} USD", text, count=1))
        assert path.read_text() != text
        assert subprocess.run([*command, path], capture_output=True).returncode != 0


def test_each_day_of_a_month_adds_up_from_its_opening(books, journal):
    """The days between --from and --to hold what they say and nothing else."""
    first, last = books.months[1] + "-01", books.days[1]
    path = journal("hledger", "--from", first, "--to", last)
    assert hledger_balances(path, "9999-12-30") == expected(books, last)
    assert f"\n{first} opening balance\n" in path.read_text()
    dates = set(re.findall(r"^(\d{4}-\d\d-\d\d) ", path.read_text(), re.MULTILINE))
    assert min(dates) == first and max(dates) <= last


# --- What is in it ------------------------------------------------------------------------------------------------


def test_every_entry_is_there_once_with_all_its_postings_in_every_form(books, journal):
    entries = books.souk.sql("SELECT id FROM journal_entries ORDER BY effective_at, id").split()
    postings = int(books.souk.sql("SELECT count(*) FROM postings"))
    rows = list(csv.DictReader(io.StringIO(journal("csv").read_text())))
    assert len(rows) == postings
    assert list(dict.fromkeys(row["entry"] for row in rows)) == entries
    lines = [json.loads(line) for line in journal("jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == entries
    assert sum(len(line["postings"]) for line in lines) == postings
    assert re.findall(r"^    ; entry:(\S+)$", journal("hledger").read_text(), re.MULTILINE) == entries
    assert re.findall(r'^  entry: "(\S+)"$', journal("beancount").read_text(), re.MULTILINE) == entries
    # As the API answers it, with the decimals beside.
    for line in lines[:5] + lines[-5:]:
        known = books.souk.call("GET", f"/v1/ledger/entries/{line['id']}", expect=200).json
        for posting in line["postings"]:
            assert posting.pop("name") == name_of(posting["account"])
            assert decimal.Decimal(posting.pop("decimal")).scaleb(DECIMALS[posting["currency"]]) == posting["amount"]
        assert line == known


def test_amounts_have_exactly_the_decimals_of_their_currency(books, journal):
    shapes = {"USD": r"\d+\.\d\d", "JPY": r"\d+", "KWD": r"\d+\.\d{3}"}
    seen = collections.Counter()
    for form in "hledger", "beancount":
        for amount, currency in re.findall(r"  -?([\d.]+) ([A-Z]{3})\b", journal(form).read_text()):
            assert re.fullmatch(shapes[currency], amount), (form, amount, currency)
            seen[currency] += 1
    for row in csv.DictReader(io.StringIO(journal("csv").read_text())):
        assert bool(row["debit"]) != bool(row["credit"])
        assert re.fullmatch(shapes[row["currency"]], row["debit"] or row["credit"])
    assert set(seen) == set(shapes)


def test_what_an_entry_is_about_can_be_asked_for(books, journal):
    order = books.orders[0]
    path = journal("hledger")
    by_order = tool("hledger", "-f", path, "print", f"tag:order={order['id']}")
    assert f"entry:jen_" in by_order and f"seller:{books.ana}" in by_order
    charges = books.souk.sql(f"SELECT id FROM charges WHERE order_id = '{order['id']}'").split()
    assert all(f"cause:charge_paid:{charge}" in by_order for charge in charges) and charges
    text = tool("bean-query", "-f", "csv", journal("beancount"),
                f"SELECT DISTINCT any_meta('seller') WHERE any_meta('order') = '{order['id']}'")
    assert books.ana in text


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_books_give_the_same_bytes_and_a_closed_month_never_changes(books, form):
    month = ("--from", books.months[0] + "-01", "--to", books.months[0] + "-28")
    before, whole = export(books, "--format", form, *month), export(books, "--format", form)
    assert export(books, "--format", form) == whole and len(whole) > len(before)
    books.sale(books.ana, "usd")
    books.souk.settle()
    assert export(books, "--format", form, *month) == before
    assert export(books, "--format", form) != whole


def test_empty_books_and_days_without_entries_are_journals_too(books, cluster, tmp_path):
    empty = Souk(cluster, tmp_path)
    empty.run("migrate")
    for form in FORMATS:
        empty.run("export", "--format", form, "--from", "2026-01-01", "--output", str(tmp_path / form))
    tool("hledger", "-f", tmp_path / "hledger", "check", "--strict")
    tool("bean-check", tmp_path / "beancount")
    assert (tmp_path / "jsonl").read_text() == "" and (tmp_path / "csv").read_text().count("\n") == 1
    early = export(books, "--format", "jsonl", "--to", "2000-01-01")
    assert early == ""
    # After everything: only opening balances.
    late = [json.loads(line) for line in export(books, "--format", "jsonl", "--from", "2999-01-01").splitlines()]
    assert late and {line["object"] for line in late} == {"opening_balance"}


# --- Bad input, bad disks, bad readers ----------------------------------------------------------------------------


@pytest.mark.parametrize("arguments, says", [
    (("--format", "xml"), "Choose from: csv, jsonl, hledger, beancount."),
    (("--format", "csv", "--from", "2026-02-30"), "'2026-02-30' is no day."),
    (("--format", "csv", "--to", "yesterday"), "'yesterday' is no day."),
    (("--format", "csv", "--from", "2026-02-02", "--to", "2026-02-01"), "would end on 2026-02-01, before it begins"),
    (("--format", "csv", "--output", "/nowhere/ledger.csv"), "/nowhere/ledger.csv cannot be written: No such file"),
    (("--format", "csv", "--output", "/"), "/ is no file that could be replaced."),
    (("--format", "csv", "--output", "/dev/full"), "/dev/full is no file that could be replaced."),
], ids=str)
def test_what_cannot_be_exported_is_refused_with_what_to_do(books, arguments, says):
    done = books.souk.run("export", *arguments, check=False)
    assert done.returncode == 1 and done.stdout == "" and says in done.stderr, done.stderr


def test_a_full_disk_leaves_what_was_there(books, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", disk], check=True)
    try:
        (disk / "ledger.csv").write_text("what was there")
        done = books.souk.run("export", "--format", "csv", "--output", str(disk / "ledger.csv"), check=False)
        assert done.returncode == 1 and "There is no room left for the export." in done.stderr, done.stderr
        assert "is as it was before" in done.stderr
        assert os.listdir(disk) == ["ledger.csv"] and (disk / "ledger.csv").read_text() == "what was there"
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_full_standard_output_is_not_taken_for_a_whole_one(books):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [SOUK, "export", "--format", "csv"], env=books.souk.environment, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "is not the whole ledger" in done.stderr


def test_a_file_is_replaced_as_a_whole_through_links_too(books, tmp_path):
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("old")
    link.symlink_to(real)
    books.souk.run("export", "--format", "csv", "--output", str(link))
    assert link.is_symlink() and real.read_text().startswith("effective_at,")


# --- Many entries -------------------------------------------------------------------------------------------------

MANY = """
    INSERT INTO ledger_accounts (code, currency, normal_side)
    VALUES ('bank:platform', 'usd', 'debit'), ('equity:external', 'usd', 'credit') ON CONFLICT DO NOTHING;
    INSERT INTO journal_entries (id, cause, effective_at, stripe_account)
    SELECT 'jen_' || lpad(to_hex(n), 26, '0'), 'seeded:' || n, timestamptz '2026-01-01' + n * interval '1 second', 'platform'
    FROM generate_series({first}, {last}) AS n;
    INSERT INTO postings (entry_id, position, account_id, amount_minor)
    SELECT 'jen_' || lpad(to_hex(n), 26, '0'), side, (SELECT id FROM ledger_accounts WHERE code = CASE side
        WHEN 1 THEN 'bank:platform' ELSE 'equity:external' END AND currency = 'usd'), CASE side WHEN 1 THEN 100 ELSE -100 END
    FROM generate_series({first}, {last}) AS n, generate_series(1, 2) AS side"""


@pytest.fixture(scope="module")
def crowd(cluster, tmp_path_factory):
    """A Souk that does not run, on a database for many entries."""
    souk = Souk(cluster, tmp_path_factory.mktemp("crowd"))
    souk.run("migrate")
    return souk


def resident(souk, *arguments):
    """-> (the most memory that the command had, in KiB; the lines that it wrote)"""
    command = [SOUK, "export", *arguments]
    with subprocess.Popen([str(part) for part in command], env=souk.environment, stdout=subprocess.PIPE) as running:
        lines = sum(1 for _ in running.stdout)
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    assert running.returncode == 0
    return usage.ru_maxrss, lines


def test_memory_does_not_grow_with_the_journal(crowd):
    crowd.sql(MANY.format(first=1, last=2000))
    few, lines = resident(crowd, "--format", "jsonl")
    assert lines == 2000
    crowd.sql(MANY.format(first=2001, last=100000))
    many, lines = resident(crowd, "--format", "jsonl")
    assert lines == 100000
    print(f"2 000 entries: {few} KiB, 100 000 entries: {many} KiB")
    assert many < few + 8 * 1024


def test_a_reader_that_goes_away_is_reported(crowd):
    running = spawn([SOUK, "export", "--format", "csv"], env=crowd.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdout.readline().startswith(b"effective_at,")
    running.stdout.close()
    said = running.stderr.read().decode()
    assert running.wait(60) == 1 and "Whoever was reading the export has gone." in said, said


def test_a_stopped_export_leaves_the_file_as_it_was(crowd, tmp_path):
    path = tmp_path / "ledger.csv"
    path.write_text("what was there")
    running = spawn([SOUK, "export", "--format", "csv", "--output", path], env=crowd.environment)
    deadline = time.monotonic() + 60
    while not any(name.endswith(".partial") for name in os.listdir(tmp_path)):
        assert running.poll() is None and time.monotonic() < deadline
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert path.read_text() == "what was there"
