"""A reconciliation of balance transactions that reads Stripe's side through the API, beside the same comparison written as
one SQL join over both sides in tables. One row in a thousand is made to differ, in ten ways, four of them at Stripe and six in
our tables; what is found must be exactly that, by id."""

import os
import random
import re
import statistics
import subprocess
import time

import psycopg

from . import harness
from .balance_list import PER_SECOND, Differences, List, amount, fee, identifier, invented
from .harness import PROGRAMS, RUNS, VENV, Program, Row, Unusable, say

SIZE = int(os.environ.get("BENCH_RECONCILE", "50000"))
GOAL = 3
MEGABYTES = 256


def measure() -> list[Row]:
    seed = int(os.environ.get("BENCH_SEED") or random.randrange(1, 10**9))
    base = int(time.time()) - 7200 - SIZE // PER_SECOND
    say(f"{SIZE:,} balance transactions, seed {seed} (BENCH_SEED repeats it)")
    stripe = List(SIZE, seed, base)
    with harness.database("bench_reconcile") as database:
        fill(database, stripe, seed)
        environment = {"BALANCE_LIST_SIZE": str(SIZE), "BALANCE_LIST_SEED": str(seed), "BALANCE_LIST_BASE": str(base),
                       "PYTHONPATH": str(harness.HERE.parent)}  # fmt: skip
        port = harness.free_port()
        server = [VENV / "uvicorn", "measure.balance_list:app", "--port", port, "--log-level", "warning", "--http", "httptools"]
        expected = Differences(SIZE, seed).findings()
        ours, theirs, fetching, memory = [], [], [], []
        with Program(server, environment, ready=f"http://127.0.0.1:{port}/_sandbox/clock"):
            for number in range(1, RUNS + 1):
                fetched, compared, resident = reconcile(database, port, expected)
                joined = join(database, expected)
                ours.append(compared)
                theirs.append(joined)
                fetching.append(fetched)
                memory.append(resident)
                say(
                    f"run {number}: read {fetched:.1f} s, compared {compared:.2f} s, SQL {joined:.2f} s, "
                    f"{resident:.0f} MB; {len(expected)} differences found, and nothing else"
                )
    compared, joined = statistics.median(ours), statistics.median(theirs)
    return [
        Row(f"reconcile {SIZE:,} rows: compare, s", f"{compared:.2f}", "one SQL join", f"{joined:.2f}", compared / joined,
            GOAL, is_met=compared <= GOAL * joined,
            remark=f"at most {GOAL} times; reading Stripe's list took {statistics.median(fetching):.1f} s more"),
        Row(f"reconcile {SIZE:,} rows: largest RSS, MB", f"{max(memory):.0f}", goal=MEGABYTES,
            is_met=max(memory) <= MEGABYTES, remark=f"{len(expected)} of {len(expected)} differences found, nothing else"),
    ]  # fmt: skip


# MARK: Both sides


def fill(database: str, stripe: List, seed: int) -> None:
    """Our side as the feed leaves it: each row with its entry of three postings. Stripe's side as a table for the join."""
    began = time.perf_counter()
    ways = Differences(SIZE, seed).by_way
    with psycopg.connect(harness.address(database)) as connection:
        connection.execute("CREATE TABLE stripe_rows (id text PRIMARY KEY, currency text, amount bigint, net bigint)")
        accounts = {}
        for code, side in (("stripe:platform", "debit"), ("fees:stripe", "debit"), ("equity:external", "credit")):
            accounts[code] = connection.execute(
                "INSERT INTO ledger_accounts (code, currency, normal_side) VALUES (%s, 'usd', %s) RETURNING id", (code, side)
            ).fetchone()[0]
        deleted, unbooked = set(ways["row_deleted"]), set(ways["row_deleted"]) | set(ways["entry_deleted"])
        wrong = {way: set(ways[way]) for way in ("row_amount", "row_currency", "posting")}
        inventions = set(ways["invented"])

        def copy(statement: str, rows) -> None:
            with connection.cursor() as cursor, cursor.copy(statement) as target:
                for row in rows:
                    target.write_row(row)

        def moment(number: int) -> str:
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(stripe.created(number)))

        def rows():
            for number in range(SIZE):
                names = [] if number in deleted else [identifier(number)]
                if number in inventions:
                    names.append(invented(number))
                for name in names:
                    more = 1 if number in wrong["row_amount"] else 0
                    yield (
                        "platform", name, "charge", "charge", "payments",
                        "eur" if number in wrong["row_currency"] else "usd", amount(number) + more, fee(number),
                        amount(number) + more - fee(number), f'[{{"amount":{fee(number)},"type":"stripe_fee"}}]', "external",
                        f"ch_{name[4:]}", moment(number), moment(number),
                    )  # fmt: skip

        booked = [number for number in range(SIZE) if number not in unbooked]
        copy(
            "COPY balance_transactions (stripe_account, id, type, category, balance_type, currency, amount_minor, fee_minor,"
            " net_minor, fees, subject_kind, source_id, created_at, available_at) FROM STDIN", rows())
        copy(
            "COPY journal_entries (id, cause, effective_at, stripe_account) FROM STDIN",
            ((entry(number), f"balance_transaction:platform:{identifier(number)}", moment(number), "platform")
             for number in booked))  # fmt: skip

        def postings():
            for number in booked:
                more = 1 if number in wrong["posting"] else 0
                net = amount(number) - fee(number)
                yield entry(number), 1, accounts["stripe:platform"], net + more
                yield entry(number), 2, accounts["fees:stripe"], fee(number)
                yield entry(number), 3, accounts["equity:external"], -amount(number) - more

        copy("COPY postings (entry_id, position, account_id, amount_minor) FROM STDIN", postings())
        copy("COPY stripe_rows FROM STDIN", (row[:4] for number in range(SIZE) for row in stripe.rows(number)))
    harness.psql(database, "VACUUM ANALYZE;\nCHECKPOINT;")
    say(f"filled both sides in {time.perf_counter() - began:.0f} s")


def entry(number: int) -> str:
    return f"jen_{number:026d}"


# MARK: The two comparisons


def reconcile(database: str, port: int, expected: set[tuple[str, str]]) -> tuple[float, float, float]:
    """`souk reconcile` in a process of its own: seconds waited for the list, seconds compared, largest RSS in MB."""
    process = subprocess.Popen(
        [PROGRAMS / "souk", "reconcile", "--scope", "clearing"], text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        env={**os.environ, "DATABASE_URL": harness.address(database), "STRIPE_SECRET_KEY": "sk_test_bench",
             "STRIPE_API_BASE": f"http://127.0.0.1:{port}"},
    )  # fmt: skip
    output = process.stdout.read()
    complaints = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    timing = re.search(r"waited ([0-9.]+) s for Stripe's lists, compared in ([0-9.]+) s", output)
    run = re.search(r"^(rec_\w+) completed", output)
    if process.returncode != 1 or timing is None or run is None:
        raise Unusable(f"souk reconcile ended with {process.returncode}: {output[:2000]}{complaints[-2000:]}")
    found = harness.psql(
        database, f"SELECT kind || ' ' || object_id FROM reconciliation_findings WHERE reconciliation_id = '{run[1]}'")
    require("souk reconcile", {tuple(line.split(" ", 1)) for line in found.splitlines()}, expected)
    return float(timing[1]), float(timing[2]), usage.ru_maxrss / 1024


JOIN = """
    SELECT CASE WHEN ours.id IS NULL THEN 'missing_in_ledger' WHEN theirs.id IS NULL THEN 'missing_at_stripe'
            WHEN ours.currency <> theirs.currency THEN 'currency_mismatch'
            WHEN ours.amount_minor <> theirs.amount OR ours.net_minor <> theirs.net THEN 'amount_mismatch'
            WHEN ours.entry_id IS NULL THEN 'missing_in_ledger' ELSE 'amount_mismatch' END AS kind,
        coalesce(ours.id, theirs.id) AS id
    FROM stripe_rows theirs
    FULL JOIN (
        SELECT b.id, b.currency, b.amount_minor, b.net_minor, e.id AS entry_id, p.booked
        FROM balance_transactions b
        LEFT JOIN journal_entries e ON e.cause = 'balance_transaction:' || b.stripe_account || ':' || b.id
        LEFT JOIN (
            SELECT p.entry_id, sum(p.amount_minor) AS booked FROM postings p
            JOIN ledger_accounts a ON a.id = p.account_id AND a.code LIKE 'stripe:%' GROUP BY p.entry_id
        ) p ON p.entry_id = e.id
        WHERE b.stripe_account = 'platform'
    ) ours ON ours.id = theirs.id
    WHERE ours.id IS NULL OR theirs.id IS NULL OR ours.currency <> theirs.currency OR ours.amount_minor <> theirs.amount
        OR ours.net_minor <> theirs.net OR ours.entry_id IS NULL OR coalesce(ours.booked, 0) <> theirs.net
"""


def join(database: str, expected: set[tuple[str, str]]) -> float:
    with psycopg.connect(harness.address(database), autocommit=True) as connection:
        began = time.perf_counter()
        found = set(connection.execute(JOIN).fetchall())
        took = time.perf_counter() - began
    require("the SQL join", found, expected)
    return took


def require(what: str, found: set[tuple[str, str]], expected: set[tuple[str, str]]) -> None:
    if found != expected:
        raise Unusable(
            f"{what} found {len(found)} differences of {len(expected)}; missed {sorted(expected - found)[:5]}, "
            f"made up {sorted(found - expected)[:5]}")  # fmt: skip
