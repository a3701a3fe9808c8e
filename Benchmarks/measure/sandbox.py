"""Customers created at the sandbox, its state on disk, beside localstripe; 32 connections."""

import importlib.metadata
import tempfile

from . import harness
from .harness import VENV, Program, Row, Sandbox, Unusable, Wrk, in_turns, say


def measure() -> list[Row]:
    with harness.folder() as folder, tempfile.TemporaryDirectory(prefix="souk-bench-", dir=harness.PROGRAMS.parents[1]) as disk:
        port = harness.free_port()
        command = [VENV / "localstripe", "--from-scratch", "--port", port]
        say(f"peer: {' '.join(str(word) for word in command[1:])} ({importlib.metadata.version('localstripe')})")
        # It keeps its state in the folder for temporary files; that is in memory here, which is in its favour.
        environment = {"TMPDIR": str(folder)}
        with Sandbox(harness.Path(disk)) as sandbox, Program(command, environment) as peer:
            peer_url = f"http://127.0.0.1:{port}"
            wait_for_localstripe(peer, peer_url)
            medians = in_turns({
                "Souk's sandbox": lambda: creates(sandbox.url),
                "localstripe": lambda: creates(peer_url),
            })  # fmt: skip
    ours, theirs = medians["Souk's sandbox"], medians["localstripe"]
    return [Row("sandbox: customers created/s", f"{ours:,.0f}", "localstripe", f"{theirs:,.0f}", ours / theirs, 20)]


def wait_for_localstripe(peer: Program, url: str) -> None:
    import time

    for _ in range(600):
        try:
            harness.call("GET", f"{url}/v1/customers", key="sk_test_bench")
            return
        except (OSError, Unusable):
            time.sleep(0.05)
    raise Unusable("localstripe did not start")


def creates(url: str) -> float:
    before = customers(url)
    load = Wrk(f"{url}/v1/customers", "customers.lua", connections=32)
    new = customers(url) - before
    if new < load.answers:
        raise Unusable(f"{load.answers} customers were confirmed, {url} lists {new}")
    return load.rate


def customers(url: str) -> int:
    """Counted by paging through them, as any client can."""
    found, cursor = 0, ""
    while True:
        page = harness.call("GET", f"{url}/v1/customers?limit=100{cursor}", key="sk_test_bench")
        found += len(page["data"])
        if not page["has_more"]:
            return found
        cursor = f"&starting_after={page['data'][-1]['id']}"
