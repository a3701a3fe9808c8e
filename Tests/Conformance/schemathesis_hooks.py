"""What schemathesis is told about the Souk that it asks: ids that exist, requests that succeed, how Stripe signs.

Loaded by schemathesis itself (SCHEMATHESIS_HOOKS). SCHEMATHESIS_KNOWN names the file that test_schemathesis.py wrote; what was
answered goes to the file that stands in it.
"""

import atexit
import collections
import hmac
import json
import os
import re
import time
import urllib.parse
import zlib

import schemathesis
from requests.structures import CaseInsensitiveDict
from schemathesis.core.failures import AcceptedNegativeData, ServerError
from schemathesis.core.parameters import ParameterLocation
from schemathesis.openapi.checks import EnsureResourceAvailability

from description import SOUK as DESCRIPTION, Undocumented
from running import Answer

with open(os.environ["SCHEMATHESIS_KNOWN"]) as file:
    known = json.load(file)
answers = collections.defaultdict(collections.Counter)
deleted = set()


def half(value):
    """Whether this made-up value is among those that are exchanged: the same ones in each run."""
    return zlib.crc32(repr(value).encode()) % 2 == 0


@schemathesis.hook
def before_add_examples(context, examples):
    """A request that succeeds, for each operation."""
    operation = context.operation
    request = known["requests"].get(operation.definition.raw["operationId"])
    if request:
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(operation.path))
        parameters = re.fullmatch(pattern, request["path"]).groupdict()
        more = {"body": request["body"], "media_type": "application/json"} if request["body"] is not None else {}
        examples.append(operation.Case(path_parameters=parameters, **more))


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    id = known["ids"].get(context.operation.definition.raw["operationId"])
    if id and path_parameters and half(path_parameters.get("id")):
        return {**path_parameters, "id": id}
    return path_parameters


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """What the product means by its answer, where schemathesis takes it for a fault.

    503 is how readyz says "not ready": with idle=1 it waits for deliveries that other requests have brought about. And a
    create whose Idempotency-Key was used before is answered as it was then, also when what it made has been deleted since.
    What was wrong may be lost on the way: a list of nothing is not in an address at all, and our seller takes the place of an
    invented one.
    """
    if isinstance(failure, ServerError):
        return not (case.path == "/readyz" and response.status_code == 503)
    if isinstance(failure, EnsureResourceAvailability):
        return case.formatted_path not in deleted
    if isinstance(failure, AcceptedNegativeData):
        wrong = {location for location in case.meta.components if case.meta.is_negative_at(location)}
        sent = response.request
        operation = DESCRIPTION.operation(case.operation.method.upper(), case.operation.path)
        is_described = {
            ParameterLocation.QUERY: lambda: operation.allows_query(urllib.parse.urlsplit(sent.url).query),
            ParameterLocation.BODY: lambda: operation.allows_body(sent.body),
        }
        return not all(location in is_described and is_described[location]() for location in wrong)
    return True


@schemathesis.hook
def map_body(context, body):
    return exchanged(body)


def exchanged(value):
    """The same with our seller in place of invented ones."""
    if isinstance(value, dict):
        return {
            name: known["seller"] if name == "seller" and isinstance(part, str) and part.startswith("sel_") else exchanged(part)
            for name, part in value.items()}
    return [exchanged(part) for part in value] if isinstance(value, list) else value


def sign_as_stripe(request):
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body
    now = int(time.time())
    secret = known["secrets"]["connect" if request.url.endswith("/connect") else "platform"]
    code = hmac.new(secret.encode(), f"{now}.".encode() + body, "sha256").hexdigest()
    request.headers["Stripe-Signature"] = f"t={now},v1={code}"
    return request


def give_away_little(case):
    """What the platform gives away it must have, or the books say that its cash is short."""
    body = case.body
    if not isinstance(body, dict):
        return
    if type(body.get("amount")) is int and 5 < body["amount"] <= 99999999:
        body = {**body, "amount": 5}
    if isinstance(body.get("currency"), str) and re.fullmatch("[a-z]{3}", body["currency"]):
        body = {**body, "currency": "usd"}
    case.body = body


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.operation.definition.raw["operationId"] == "adjust_seller":
        give_away_little(case)
    if not case.path.startswith("/webhooks/"):
        return
    of_stripe = known["requests"][case.operation.definition.raw["operationId"]]["body"]
    if case.body == of_stripe or half(case.body):
        kwargs["auth"] = sign_as_stripe


@schemathesis.hook
def after_call(context, case, response):
    answers[case.operation.label][response.status_code] += 1
    if case.method.upper() == "DELETE" and response.status_code < 300:
        deleted.add(case.formatted_path)


@schemathesis.check
def described_to_the_last_header(ctx, response, case):
    """Our own reading of the description, which also refuses headers that are not in it."""
    if case.method.upper() != case.operation.method.upper():
        return
    headers = CaseInsensitiveDict({name: values[0] for name, values in response.headers.items()})
    try:
        DESCRIPTION.operation(case.operation.method.upper(), case.operation.path).check(
            Answer(response.status_code, headers, response.content))
    except Undocumented as fault:
        raise AssertionError(str(fault)) from fault


@atexit.register
def write_answers():
    with open(known["answers"], "w") as file:
        json.dump(answers, file)
