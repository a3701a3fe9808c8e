"""Entries posted to the ledger with one hot platform account, a page of 100 a transaction, beside pgledger; then with a full
journal, and by two processes at once."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import harness
from .harness import PROGRAMS, SECONDS, PGBench, Row, Unusable, in_turns, say

WRITERS = 4
PAGE = 100
SELLERS = 1000


#: How many entries a full journal has.
ENTRIES = int(os.environ.get("BENCH_ENTRIES", "1000000"))
JOURNAL = ("journal_entries", "postings", "ledger_accounts", "ledger_subjects")
PGLEDGER = ("pgledger_transfers", "pgledger_entries", "pgledger_accounts")


def measure() -> list[Row]:
    with harness.database("bench_ledger") as ours:
        source = os.environ.get("BENCH_PGLEDGER_SQL")
        if source:
            with harness.database("bench_pgledger", migrate=False) as theirs, harness.folder() as folder:
                rows = beside_pgledger(lambda: post(ours), theirs, source, folder)
                rows.append(on_disk(ours, theirs))
        else:
            say("pgledger is left out: BENCH_PGLEDGER_SQL names no pgledger.sql (github.com/pgr0ss/pgledger)")
            median = in_turns({"Souk": lambda: post(ours)})["Souk"]
            rows = [Row(WORK, f"{median:,.0f}", "pgledger", "left out: BENCH_PGLEDGER_SQL is not set")]
        rows.append(two_processes(ours))
        rows.append(full_journal(ours))
        return rows


def entries(database: str) -> int:
    return harness.count(database, "SELECT count(*) FROM journal_entries")


def post(database: str, writers: int | None = None, processes: int = 1, seconds: int = SECONDS) -> float:
    """Entries a second of so many processes at once."""
    before = entries(database)
    command = [PROGRAMS / "LedgerBenchmark", writers or WRITERS, PAGE, seconds, SELLERS]
    environment = {"DATABASE_URL": harness.address(database)}
    with ThreadPoolExecutor(processes) as threads:
        outputs = list(threads.map(lambda _: harness.run(command, environment), range(processes)))
    rates, posted = zip(*((int(word) for word in output.split()) for output in outputs))
    if entries(database) - before != sum(posted):
        raise Unusable("the journal does not hold what was posted")
    return sum(rates)


def two_processes(database: str) -> Row:
    """Two processes post to the account that all share. A deadlock would end one of their transactions."""
    writers = WRITERS // 2
    medians = in_turns({
        "one process": lambda: post(database, writers), "two processes": lambda: post(database, writers, processes=2),
    })  # fmt: skip
    deadlocks = harness.count(
        "postgres", f"SELECT deadlocks FROM pg_stat_database WHERE datname = '{database}'")
    if deadlocks:
        raise Unusable(f"PostgreSQL counted {deadlocks} deadlocks")
    return Row(
        f"ledger entries/s, two processes, {writers} writers each", f"{medians['two processes']:,.0f}", "one process",
        f"{medians['one process']:,.0f}", medians["two processes"] / medians["one process"], 1.2,
        remark="no deadlock counted by PostgreSQL")  # fmt: skip


def full_journal(database: str) -> Row:
    """The same work with a thousand entries in the journal and with a million."""
    while (there := entries(database)) < ENTRIES:
        post(database)
        say(f"filling the journal: {there:,} of {ENTRIES:,} entries")
    harness.psql(database, "VACUUM ANALYZE; CHECKPOINT;")
    with harness.database("bench_ledger_new") as empty:
        medians = in_turns({"new journal": lambda: post(empty), "full journal": lambda: post(database)})
        size = entries(empty)
    return Row(
        f"ledger entries/s, {ENTRIES:,} entries in the journal", f"{medians['full journal']:,.0f}",
        "a new journal", f"{medians['new journal']:,.0f}", medians["full journal"] / medians["new journal"],
        remark=f"the new journal had {size:,} entries at the end")  # fmt: skip


def on_disk(ours: str, theirs: str) -> Row:
    """Bytes for each transfer, indexes and all."""

    def size(database: str, tables: tuple[str, ...], rows: int) -> float:
        sizes = " + ".join(f"pg_total_relation_size('{table}')" for table in tables)
        return harness.count(database, f"VACUUM; SELECT {sizes}") / rows

    souk = size(ours, JOURNAL, entries(ours))
    pgledger = size(theirs, PGLEDGER, harness.count(theirs, "SELECT count(*) FROM pgledger_transfers"))
    return Row("bytes on disk a ledger entry", f"{souk:,.0f}", "pgledger", f"{pgledger:,.0f}", pgledger / souk)


WORK = f"ledger entries/s, {WRITERS} writers, {PAGE} a transaction"


def beside_pgledger(post, database: str, source: str, folder) -> list[Row]:
    # Its ids are made by functions that it keeps beside itself.
    for file in [*sorted((Path(source).parent / "vendor").glob("*/uuid-to-ulid.sql")), Path(source)]:
        harness.psql(database, file.read_text())
    harness.psql(database, f"""
        CREATE TABLE accounts (n integer PRIMARY KEY, id text NOT NULL);
        INSERT INTO accounts SELECT n, (pgledger_create_account('a' || n, 'USD')).id FROM generate_series(0, {SELLERS}) n;
    """)  # fmt: skip
    single = folder / "single.sql"
    single.write_text(
        f"\\set seller random(1, {SELLERS})\n\\set amount random(1, 10000)\n"
        "SELECT pgledger_create_transfer((SELECT id FROM accounts WHERE n = 0), "
        "(SELECT id FROM accounts WHERE n = :seller), :amount);\n"
    )
    batch = folder / "batch.sql"
    batch.write_text(
        "SELECT count(*) FROM pgledger_create_transfers((SELECT array_agg("
        "(hot.id, a.id, 1 + floor(random() * 10000))::transfer_request) "
        f"FROM (SELECT id FROM accounts WHERE n > 0 ORDER BY random() LIMIT {PAGE}) a, "
        "(SELECT id FROM accounts WHERE n = 0) hot), now());\n"
    )
    peers = {
        "pgledger, one a call": (PGBench(database, 8, "-f", str(single)), 1),
        f"pgledger, {PAGE} a call": (PGBench(database, WRITERS, "-f", str(batch)), PAGE),
    }

    def rate(peer: PGBench, size: int) -> float:
        before = harness.count(database, "SELECT count(*) FROM pgledger_transfers")
        figure = peer.rate() * size
        new = harness.count(database, "SELECT count(*) FROM pgledger_transfers") - before
        if new < figure * SECONDS * 0.9:
            raise Unusable(f"pgledger stored {new} transfers in {SECONDS} s, its rate says {figure:.0f}/s")
        return figure

    for name, (peer, _) in peers.items():
        say(f"peer: {name}: {peer}")
    sides = {"Souk": post} | {
        name: (lambda peer=peer, size=size: rate(peer, size)) for name, (peer, size) in peers.items()
    }
    medians = in_turns(sides)
    return [
        Row(WORK, f"{medians['Souk']:,.0f}", name, f"{medians[name]:,.0f}", medians["Souk"] / medians[name], goal)
        for name, goal in zip(peers, [10, None])
    ]
