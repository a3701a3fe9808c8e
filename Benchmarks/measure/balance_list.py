"""A list of balance transactions of any length, as Stripe shows it: /v1/balance_transactions, newest first, in pages of at
most 100, with the filters that Souk uses. The sandbox keeps whole objects, a million of them would be all of this machine's
memory; here a row is made from its number when it is asked for. Started by reconcile.py under uvicorn.

It also has the sandbox's clock, which Souk asks wherever Stripe is not api.stripe.com."""

import json
import os
import random
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

PER_SECOND = 3  # rows booked in one second, so that times tie
#: Ways in which the two sides differ: made at Stripe, then made in our tables.
AT_STRIPE = ("gone", "amount", "currency", "extra")
IN_SOUK = ("row_deleted", "entry_deleted", "row_amount", "row_currency", "invented", "posting")


@dataclass
class Differences:
    """Which rows are made to differ, and how: the same for the same size and seed, whoever asks."""

    size: int
    seed: int
    by_way: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self):
        each = max(1, self.size // 1000 // len(AT_STRIPE + IN_SOUK))
        numbers = random.Random(self.seed).sample(range(self.size), each * len(AT_STRIPE + IN_SOUK))
        for place, way in enumerate(AT_STRIPE + IN_SOUK):
            self.by_way[way] = sorted(numbers[place * each : (place + 1) * each])

    def findings(self) -> set[tuple[str, str]]:
        """What a reconciliation must find: kind and id."""
        kinds = {
            "gone": ("missing_at_stripe", identifier), "amount": ("amount_mismatch", identifier),
            "currency": ("currency_mismatch", identifier), "extra": ("missing_in_ledger", extra),
            "row_deleted": ("missing_in_ledger", identifier), "entry_deleted": ("missing_in_ledger", identifier),
            "row_amount": ("amount_mismatch", identifier), "row_currency": ("currency_mismatch", identifier),
            "invented": ("missing_at_stripe", invented), "posting": ("amount_mismatch", identifier),
        }  # fmt: skip
        return {(kinds[way][0], kinds[way][1](number)) for way, numbers in self.by_way.items() for number in numbers}


def identifier(number: int) -> str:
    return f"txn_{number:012d}"


def extra(number: int) -> str:
    return f"txn_x{number:011d}"


def invented(number: int) -> str:
    return f"txn_m{number:011d}"


def amount(number: int) -> int:
    return 500 + number * 37 % 20_000


def fee(number: int) -> int:
    return amount(number) * 29 // 1000 + 30


class List:
    def __init__(self, size: int, seed: int, base: int):
        self.size, self.base = size, base
        ways = Differences(size, seed).by_way
        self.gone, self.amounts, self.currencies, self.extras = (set(ways[way]) for way in AT_STRIPE)

    def created(self, number: int) -> int:
        return self.base + number // PER_SECOND

    def rows(self, number: int):
        """The rows of a number, newest first: none, one or two. As id, currency, amount, net, created."""
        created = self.created(number)
        if number in self.extras:
            yield extra(number), "usd", amount(number), amount(number) - fee(number), created
        if number not in self.gone:
            more = 1 if number in self.amounts else 0
            currency = "eur" if number in self.currencies else "usd"
            yield identifier(number), currency, amount(number) + more, amount(number) + more - fee(number), created

    def page(self, query: dict[str, str]) -> bytes:
        limit = int(query.get("limit", "10"))
        newest, oldest = self.size - 1, 0
        if "created[lt]" in query:
            newest = min(newest, (int(query["created[lt]"]) - self.base) * PER_SECOND - 1)
        if "created[gte]" in query:
            oldest = max(oldest, (int(query["created[gte]"]) - self.base) * PER_SECOND)
        after = query.get("starting_after")
        if after:
            newest = min(newest, int(after[5:]))
        found: list[str] = []
        number = newest
        skipping = after is not None
        while number >= oldest and len(found) <= limit:
            for row in self.rows(number):
                if skipping:
                    skipping = row[0] != after
                else:
                    found.append(shown(*row))
            number -= 1
        more = "true" if len(found) > limit else "false"
        return f'{{"object":"list","url":"/v1/balance_transactions","has_more":{more},"data":[{",".join(found[:limit])}]}}'.encode()


def shown(id: str, currency: str, amount: int, net: int, created: int) -> str:
    fee = amount - net
    return (
        f'{{"id":"{id}","object":"balance_transaction","amount":{amount},"available_on":{created + 172800},'
        f'"balance_type":"payments","created":{created},"currency":"{currency}","description":"Charge","exchange_rate":null,'
        f'"fee":{fee},"fee_details":[{{"amount":{fee},"application":null,"currency":"{currency}",'
        f'"description":"Stripe processing fees","type":"stripe_fee"}}],"net":{net},"reporting_category":"charge",'
        f'"source":"ch_{id[4:]}","status":"available","type":"charge"}}'
    )


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    if scope["path"] == "/v1/balance_transactions":
        body = served().page(dict(parse_qsl(scope["query_string"].decode())))
    elif scope["path"] == "/_sandbox/clock":
        now = time.time_ns() // 1_000_000
        body = json.dumps({"now": now // 1000, "now_ms": now}).encode()
    else:
        raise LookupError(scope["path"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})


def served() -> List:
    global _served
    if _served is None:
        _served = List(*(int(os.environ[f"BALANCE_LIST_{name}"]) for name in ("SIZE", "SEED", "BASE")))
    return _served


_served: List | None = None
