"""Schemathesis asks Souk for everything that openapi/souk.yaml allows, and for what it does not allow.

SOUK_SEED chooses other requests; the same seed makes the same ones.
"""

import json
import os
import subprocess
import sys

from description import ROOT, SOUK as DESCRIPTION
from marketplace import World

EXAMPLES = 50

# Not asked: that whatever the schemas allow is accepted. A country in which Stripe makes no accounts is a valid text.
LEFT_OUT = "positive_data_acceptance"


def test_no_request_breaks_souk_and_every_answer_is_described(deployed, tmp_path):
    seed = os.environ.get("SOUK_SEED", "20261126")
    world = World(deployed, "fuzzed")
    (tmp_path / "known.json").write_text(json.dumps(what_is_known(world, tmp_path / "answers.json")))
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", ROOT / "openapi/souk.yaml", "--url", deployed.address,
        "--header", f"Authorization: Bearer {deployed.key}", "--phases", "examples,coverage,fuzzing,stateful",
        "--max-examples", str(EXAMPLES), "--seed", seed, "--exclude-checks", LEFT_OUT, "--no-shrink", "--workers", "2",
        "--continue-on-failure", "--no-color", "--request-timeout", "60",
    ]
    run = subprocess.run(
        [str(part) for part in command], cwd=tmp_path, capture_output=True, text=True, timeout=900,
        env=os.environ | {
            "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "SCHEMATHESIS_KNOWN": str(tmp_path / "known.json"),
            "PYTHONPATH": os.path.dirname(__file__)})
    print(run.stdout[-20000:], run.stderr[-4000:])
    answers = json.loads((tmp_path / "answers.json").read_text())
    for label, statuses in sorted(answers.items()):
        print(f"{sum(statuses.values()):6} {label}: {' '.join(f'{k} x{v}' for k, v in sorted(statuses.items()))}")
    print(f"seed {seed}: {sum(sum(s.values()) for s in answers.values())} requests to {len(answers)} operations")
    assert run.returncode == 0
    # Nobody answers at the destinations that were made up: what waits for Souk to be idle would wait for days.
    while made_up := deployed.call("GET", "/v1/event_destinations?limit=100", expect=200)["data"]:
        for destination in made_up:
            deployed.call("DELETE", f"/v1/event_destinations/{destination['id']}", expect=200)
    # Nor is anybody there to approve what is above limits that were made up, or to lift a hold.
    while limits := deployed.call("GET", "/v1/admin/limits?limit=100", expect=200)["data"]:
        for limit in limits:
            deployed.call("DELETE", f"/v1/admin/limits/{limit['id']}", expect=200)
    deployed.call("POST", "/v1/admin/money_out/release", {"reason": "the requests are over"}, expect=200)
    # Made-up requests may have rejected whoever was there before them.
    world.seller = world.payee = world.onboarded_seller()
    world.fund(world.payee)
    for operation in DESCRIPTION.operations:
        statuses = answers[repr(operation)]
        if not any(status.startswith(("2", "3")) for status in statuses):
            # Somebody else's request ended the object first: it succeeds for one of its own.
            path, body = world.request(operation)
            assert deployed.call(operation.method, path, body).status in (200, 201), f"{operation} never succeeded"
        # Where few requests can be thought of (health, a list without filters), the one that succeeds is repeated.
        for _ in range(EXAMPLES - sum(statuses.values())):
            path, body = world.request(operation)
            assert deployed.call(operation.method, path, body).status in (200, 201), operation
            if operation.id == "hold_money_out":
                deployed.call("POST", "/v1/admin/money_out/release", {"reason": "only tried"}, expect=200)
    assert deployed.call("GET", "/v1/ledger/proof", expect=200)["sound"]


def what_is_known(world, answers):
    requests = {}
    # Banks wait for evidence for days only: disputes come last.
    for operation in sorted(DESCRIPTION.operations, key=lambda o: "dispute" in o.path):
        path, body = world.request(operation)
        if operation.id.startswith("receive_"):
            body = world.unhandled_event()
        requests[operation.id] = {"path": path, "body": body}
    # What ends an object is asked of others that were made for it.
    last = {
        "revoke_api_key", "delete_event_destination", "get_api_key", "retry_operation", "release_operation", "get_limit",
        "remove_limit"}
    ids = {o.id: requests[o.id]["path"].split("/")[len(o.path.split("{id}")[0].split("/")) - 1]
           for o in DESCRIPTION.operations if "{id}" in o.path and o.id not in last}
    return {
        "requests": requests, "ids": ids, "seller": world.seller, "answers": str(answers),
        "secrets": {
            "platform": world.souk.secrets["STRIPE_WEBHOOK_SECRETS"],
            "connect": world.souk.secrets["STRIPE_CONNECT_WEBHOOK_SECRETS"]},
    }
