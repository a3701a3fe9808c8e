"""Events applied from a backlog, by the worker with all that it does: the object fetched through the sandbox, our copy brought
up to date, the balances read, the entries posted. Beside procrastinate with an empty task."""

import importlib.metadata
import os
import shutil
import statistics
import time

import psycopg

from . import harness
from .harness import RUNS, VENV, Row, Sandbox, Unusable, say
from .shop import Shop

BACKLOG = int(os.environ.get("BENCH_BACKLOG", "20000"))
JOBS = 3000
CONCURRENCY = 32


def measure() -> list[Row]:
    with harness.database("bench_events") as backlog, harness.database("bench_procrastinate", migrate=False) as peer:
        with harness.folder() as folder:
            shop, events = build(backlog, folder)
            rates, peers, processors = [], [], []
            for number in range(1, RUNS + 1):
                rate, processor = drain(shop, backlog, folder, events)
                rates.append(rate)
                processors.append(processor)
                theirs = empty_tasks(peer, number == 1)
                peers.append(theirs)
                say(f"run {number}: Souk {rate:,.0f}/s, procrastinate {theirs:,.0f}/s")
    ours, theirs = statistics.median(rates), statistics.median(peers)
    share = ", ".join(
        f"{name} {statistics.median(run[name] for run in processors):.2f}" for name in ("souk", "sandbox")
    )
    return [
        Row(f"events applied/s, backlog of {events:,}", f"{ours:,.0f}", "procrastinate, empty task", f"{theirs:,.0f}",
            ours / theirs, 15, remark=f"ms of processor time an event: {share}")
    ]  # fmt: skip


def build(database: str, folder) -> tuple[Shop, int]:
    """Sellers and paid orders, whose events are all stored and not one of them applied."""
    say(f"building a backlog of {BACKLOG:,} events")
    with Sandbox(folder / "origin") as sandbox:
        shop = Shop(database, sandbox, folder)
        with shop.souk("api,worker") as souk:
            shop.open(souk)
        with shop.souk("api") as souk:
            while (waiting := depth(database)) < BACKLOG:
                shop.sell(souk, max(20, min(500, (BACKLOG - waiting) // 12)))
                deliver(sandbox)
    say(f"{shop.placed} orders made {waiting:,} events")
    return shop, waiting


def deliver(sandbox: Sandbox) -> None:
    for _ in range(20):
        if sandbox.control("POST", "/settle", {"timeout_seconds": 50})["settled"]:
            return
    raise Unusable("the sandbox has still events to deliver")


WAITING = "SELECT count(*) FROM inbox_event_ids WHERE state = 'waiting'"


def depth(database: str) -> int:
    return harness.count(database, WAITING)


def drain(shop: Shop, backlog: str, folder, events: int) -> tuple[float, dict[str, float]]:
    """Starts a worker on a copy of the backlog, and waits until nothing of it waits."""
    shutil.rmtree(folder / "run", ignore_errors=True)
    shutil.copytree(folder / "origin", folder / "run")
    with harness.database("bench_events_run", template=backlog, migrate=False) as database, Sandbox(folder / "run") as sandbox:
        harness.psql(database, "CHECKPOINT")
        shop.database, shop.sandbox = database, sandbox
        began = time.perf_counter()
        with shop.souk("api,worker") as souk, psycopg.connect(harness.address(database), autocommit=True) as connection:
            before = sandbox.processor_seconds()
            while connection.execute(WAITING).fetchone() != (0,):
                time.sleep(0.05)
            took = time.perf_counter() - began
            processor = {
                "souk": souk.processor_seconds() / events * 1000,
                "sandbox": (sandbox.processor_seconds() - before) / events * 1000,
            }
            souk.call("GET", "/readyz?idle=1")
            whole = time.perf_counter() - began
        done = harness.count(database, "SELECT count(*) FROM inbox_event_ids WHERE state = 'done'")
        entries = harness.count(database, "SELECT count(*) FROM journal_entries")
        if done < events:
            raise Unusable(f"{done} events are done, of {events}")
        say(f"  applied in {took:.1f} s; every balance read and {entries:,} entries posted after {whole:.1f} s")
        return events / took, processor


def empty_tasks(database: str, is_first: bool) -> float:
    command = [VENV / "python", harness.HERE / "peers" / "procrastinate_empty.py", JOBS, CONCURRENCY]
    if is_first:
        say(f"peer: procrastinate {importlib.metadata.version('procrastinate')}, {JOBS} jobs, concurrency {CONCURRENCY}")
        command.append("--schema")
    took = float(harness.run(command, {"DATABASE_URL": harness.address(database)}))
    done = harness.count(database, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'")
    if done % JOBS:
        raise Unusable(f"{done} jobs are done")
    return JOBS / took
