"""Starts a sandbox for the tests: `souk sandbox` of the debug build, or whatever SANDBOX_COMMAND says.

In SANDBOX_COMMAND, {port} and {data} stand for the port and the data folder. SANDBOX_ADDRESS uses one that runs.
"""

import json
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import time
import urllib.request

import pytest
import stripe

ROOT = pathlib.Path(__file__).parents[2]
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
        self.process = subprocess.Popen(
            shlex.split(command.format(port=self.port, data=self.folder)), env=environment, cwd=ROOT,
            stdout=subprocess.DEVNULL, start_new_session=True)
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


def free_port():
    # Below the ephemeral range, so that a killed sandbox can come back on its port.
    for port in range(21000, 32000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


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
