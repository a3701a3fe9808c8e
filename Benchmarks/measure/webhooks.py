"""Durable webhook accepts through `souk serve`: signature checked, committed, then 200. Beside the best of pgbench with 8,
16 and 32 clients (one insert of the same rows a commit) and beside FastAPI + uvloop + asyncpg + Stripe's SDK, 2 workers."""

import hashlib
import hmac
import importlib.metadata
import json
import os
import secrets
import time
from pathlib import Path

from . import harness
from .harness import SECONDS, VENV, PGBench, Program, Row, Sandbox, Souk, Unusable, Wrk, in_turns, say

SECRET = "whsec_bench"
CONNECTIONS = 64
#: More than any side takes.
REQUESTS_PER_SECOND = 20_000


def measure() -> list[Row]:
    with harness.database("bench_webhooks") as database, harness.folder() as folder:
        with Sandbox(folder / "sandbox") as sandbox:
            template = example(sandbox)
            with Souk(database, sandbox, "api", (SECRET, SECRET)) as souk, FastAPI(database) as peer:
                return compare(database, folder, template, souk, peer)


class FastAPI(Program):
    def __init__(self, database: str):
        self.port = harness.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [
            VENV / "python", "-m", "uvicorn", "fastapi_webhooks:app", "--workers", "2", "--loop", "uvloop", "--http",
            "httptools", "--no-access-log", "--log-level", "warning", "--port", self.port,
        ]  # fmt: skip
        super().__init__(
            command, {"DATABASE_URL": harness.address(database), "WEBHOOK_SECRET": SECRET}, f"{self.url}/readyz",
            harness.HERE / "peers",
        )  # fmt: skip
        versions = [f"{name} {importlib.metadata.version(name)}" for name in ("fastapi", "uvloop", "asyncpg", "stripe")]
        say(f"peer: {' '.join(str(word) for word in command[1:])} ({', '.join(versions)}; 16 connections a worker)")


def example(sandbox: Sandbox) -> str:
    """An event as the sandbox sends it, with its own id and its payment's replaced by marks of their length."""
    intent = sandbox.post("/v1/payment_intents", {
        "amount": "10000", "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true",
        "return_url": "https://shop.example/", "metadata[order]": "order-1",
    })  # fmt: skip
    events = harness.call("GET", f"{sandbox.url}/v1/events?type=payment_intent.succeeded", key="sk_test_bench")
    event = events["data"][0]
    if event["data"]["object"]["id"] != intent["id"]:
        raise Unusable("the sandbox's newest event is about another payment")
    text = json.dumps(event, indent=2)
    return text.replace(event["id"], "evt_" + "E" * 24).replace(intent["id"], "pi_" + "P" * 24)


def write_requests(path: Path, template: str, run: str, port: int, count: int) -> int:
    """Writes signed requests, each with ids of its own; returns the length of one."""
    parts = template.replace("P" * 24, "E" * 24).split("E" * 24)
    key = SECRET.encode()
    timestamp = str(int(time.time()))
    length = len(template.encode())
    head = (
        f"POST /webhooks/stripe HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json; charset=utf-8\r\n"
        f"User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\nContent-Length: {length}\r\nStripe-Signature: "
    )
    size = 0
    with open(path, "wb") as file:
        for _ in range(count):
            body = (run + secrets.token_hex(10)).join(parts)
            signature = hmac.digest(key, f"{timestamp}.{body}".encode(), hashlib.sha256).hex()
            request = f"{head}t={timestamp},v1={signature}\r\n\r\n{body}".encode()
            size = file.write(request)
    return size


def compare(database: str, folder: Path, template: str, souk: Souk, peer: FastAPI) -> list[Row]:
    say(f"each event has {len(template):,} bytes; load: wrk -t 1 -c {CONNECTIONS} over requests signed before the run")
    shares: list[float] = []

    def accepts(url: str, port: int) -> float:
        run = secrets.token_hex(2)
        path = folder / "requests"
        size = write_requests(path, template, run, port, REQUESTS_PER_SECOND * SECONDS)
        harness.psql(database, "CHECKPOINT")
        load = Wrk(f"{url}/webhooks/stripe", "requests.lua", path, size, connections=CONNECTIONS)
        path.unlink()
        for relation in ("inbox_event_ids", "inbox_events"):
            stored = harness.count(database, f"SELECT count(*) FROM {relation} WHERE event_id LIKE 'evt_{run}%'")
            if stored < load.answers:
                raise Unusable(f"{load.answers} events were answered with 200, {relation} holds {stored}")
        shares.append(load.processor_share)
        return load.rate

    script = folder / "insert.sql"
    body = template.encode().hex()
    script.write_text(
        "\\set a random(0, 999999999)\n\\set b random(0, 999999999)\n"
        "WITH ids AS (INSERT INTO inbox_event_ids AS i (event_id, received_at, object_key, state, source, due_at) "
        "VALUES ('evt_' || (:a)::text || 'b' || (:b)::text, now(), 'pi_' || (:b)::text || 'a' || (:a)::text, 'waiting', "
        "'delivery', now()) ON CONFLICT (event_id) DO UPDATE SET deliveries = i.deliveries + 1 "
        "RETURNING event_id, received_at, object_key) "
        "INSERT INTO inbox_events (received_at, event_id, endpoint, type, object_id, object_type, created_at, livemode, "
        "api_version, body) SELECT received_at, event_id, 'platform', 'payment_intent.succeeded', object_key, "
        f"'payment_intent', now(), false, '{json.loads(template)['api_version']}', '\\x{body}'::bytea FROM ids;\n"
    )

    def commits(bench: PGBench) -> float:
        harness.psql(database, "CHECKPOINT")
        before = harness.count(database, "SELECT count(*) FROM inbox_events")
        rate = bench.rate()
        if harness.count(database, "SELECT count(*) FROM inbox_events") - before < rate * SECONDS * 0.9:
            raise Unusable("pgbench's rows are missing")
        return rate

    benches = {f"pgbench -c {clients}": PGBench(database, clients, "-f", str(script)) for clients in (8, 16, 32)}
    for bench in benches.values():
        say(f"peer: {bench}")
    medians = in_turns(
        {"Souk": lambda: accepts(souk.url, souk.port), "FastAPI": lambda: accepts(peer.url, peer.port)}
        | {name: (lambda bench=bench: commits(bench)) for name, bench in benches.items()}
    )
    best = max(benches, key=lambda name: medians[name])
    ours = medians["Souk"]
    work = "durable webhook accepts/s"
    wrk = f"wrk took {shares[0]:.2f} of a core beside Souk, {shares[1]:.2f} beside FastAPI ({os.cpu_count()} cores in all)"
    return [
        Row(work, f"{ours:,.0f}", f"{best}, one insert a commit", f"{medians[best]:,.0f}", ours / medians[best], 1, remark=wrk),
        Row(work, f"{ours:,.0f}", "FastAPI, 2 workers", f"{medians['FastAPI']:,.0f}", ours / medians["FastAPI"], 6),
    ]
