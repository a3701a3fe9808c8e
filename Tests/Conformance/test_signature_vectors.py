"""The vectors that Souk passes (Tests/StripeAPITests), run through the official library."""

import json
import pathlib
import subprocess
import sys

import pytest
import stripe

HERE = pathlib.Path(__file__).parent
VECTORS = json.loads((HERE / "signature_vectors.json").read_text())


def test_the_file_is_current():
    subprocess.run([sys.executable, str(HERE / "make_signature_vectors.py"), "--check"], check=True)


def test_every_difference_says_why():
    for vector in VECTORS:
        differs = vector["sdk_accepts"] != (vector["expected"] == "accepted")
        assert differs == (vector["difference"] is not None), vector["name"]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_the_official_library_agrees(vector, monkeypatch):
    monkeypatch.setattr("time.time", lambda: vector["now"])
    accepted = False
    for secret in vector["secrets"]:
        try:
            stripe.WebhookSignature.verify_header(vector["body"], vector["header"], secret, 300)
            accepted = True
        except stripe.SignatureVerificationError:
            pass
    assert accepted == vector["sdk_accepts"]
