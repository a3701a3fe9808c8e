"""Starts a sandbox for the tests: `souk sandbox` of the debug build, or whatever SANDBOX_COMMAND says. And a whole Souk
for those that want one.

In SANDBOX_COMMAND, {port} and {data} stand for the port and the data folder. SANDBOX_ADDRESS uses one that runs.
"""

import json
import os
import shlex
import signal
import subprocess
import time
import urllib.request

import pytest
import stripe

from books import Books
from running import ROOT, Cluster, DeployedSouk, Souk, free_port, spawn

DEFAULT_COMMAND = f"{ROOT}/.build/debug/souk sandbox --port {{port}} --data {{data}}"


class Control:
    """The sandbox's own calls, with nothing between the test and HTTP."""

    def __init__(self, address):
        self.address = address

    def __call__(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/_sandbox/{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def advance(self, **duration):
        seconds = duration.get("seconds", 0) + 3600 * duration.get("hours", 0) + 86400 * duration.get("days", 0)
        return self("POST", "clock/advance", {"seconds": seconds})


class Sandbox:
    def __init__(self, folder, port=None):
        self.folder = str(folder)
        self.port = port or free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        command = os.environ.get("SANDBOX_COMMAND", DEFAULT_COMMAND)
        environment = dict(os.environ, SANDBOX_SERVE_PORT=str(self.port), SANDBOX_SERVE_DATA=self.folder)
        self.process = spawn(
            shlex.split(command.format(port=self.port, data=self.folder)), env=environment, cwd=ROOT,
            stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            try:
                Control(self.address)("GET", "clock")
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the sandbox did not start: " + command)
                time.sleep(0.02)

    def kill(self):
        """SIGKILL: nothing is flushed, nothing is said."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def client(address):
    base = {"api": address, "connect": address, "files": address, "meter_events": address}
    return stripe.StripeClient("sk_test_conformance", base_addresses=base, max_network_retries=0)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    if address := os.environ.get("SANDBOX_ADDRESS"):
        running = Sandbox(tmp_path_factory.mktemp("sandbox"))
        running.address = address
        yield running
        return
    running = Sandbox(tmp_path_factory.mktemp("sandbox")).start()
    yield running
    running.kill()


@pytest.fixture(scope="session")
def cluster():
    running = Cluster()
    yield running
    running.remove()


@pytest.fixture(scope="session")
def souk(cluster, tmp_path_factory):
    """A whole Souk with its sandbox, shared by the tests that ask for it: each names what it makes by itself."""
    running = Souk(cluster, tmp_path_factory.mktemp("souk")).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def books(cluster, tmp_path_factory):
    """Three months of a marketplace in three currencies, two of them closed."""
    running = Souk(cluster, tmp_path_factory.mktemp("books")).start()
    yield Books(running)
    running.stop()


@pytest.fixture(scope="session")
def deployed(tmp_path_factory):
    """Souk as in production, with a database and a Stripe of its own that a test may take away for a while."""
    cluster = Cluster()
    running = DeployedSouk(cluster, tmp_path_factory.mktemp("deployed")).start()
    yield running
    running.stop()
    cluster.remove()


@pytest.fixture(scope="session")
def control(sandbox):
    return Control(sandbox.address)


@pytest.fixture(scope="session")
def api(sandbox):
    return client(sandbox.address).v1


@pytest.fixture(scope="session")
def seller(api, control):
    return onboarded(api, control)


def onboarded(api, control, country="US", **more):
    account = api.accounts.create(params={
        "country": country, "email": "seller@example.com", "business_type": "individual",
        "controller": {
            "fees": {"payer": "application"}, "losses": {"payments": "application"},
            "stripe_dashboard": {"type": "express"}, "requirement_collection": "stripe",
        },
        "capabilities": {"card_payments": {"requested": True}, "transfers": {"requested": True}}, **more,
    })
    control("POST", f"accounts/{account.id}/onboard", {"outcome": "complete"})
    return account.id
