"""Requests to Stripe for each ordinary order (one seller, destination charge, Checkout), all told: counted at the sandbox from
placing the order until it is paid, booked and paid out."""

from . import harness
from .harness import Row, Sandbox, Unusable, say
from .shop import Shop

ORDERS = 100
PAYOUT_DAYS = 10
GOAL = 6


def measure() -> list[Row]:
    with harness.database("bench_orders") as database, harness.folder() as folder:
        with Sandbox(folder / "sandbox") as sandbox:
            shop = Shop(database, sandbox, folder)
            with shop.souk("api,worker") as souk:
                shop.open(souk)
                alone = counted(sandbox, lambda: one_by_one(shop, souk))
                together = counted(sandbox, lambda: all_at_once(shop, souk))
        paid = harness.count(database, "SELECT count(*) FROM orders WHERE status = 'paid'")
        if paid != 2 * ORDERS:
            raise Unusable(f"{paid} orders are paid, of {2 * ORDERS}")
    return [
        row("each settled before the next is placed", alone),
        row(f"{ORDERS} at once", together),
    ]


def one_by_one(shop: Shop, souk) -> None:
    for _ in range(ORDERS):
        shop.sell(souk, 1)
        shop.settle(souk)
    pay_out(shop, souk)


def all_at_once(shop: Shop, souk) -> None:
    shop.sell(souk, ORDERS)
    pay_out(shop, souk)


def pay_out(shop: Shop, souk) -> None:
    shop.settle(souk)
    for _ in range(PAYOUT_DAYS):
        shop.sandbox.control("POST", "/clock/advance", {"seconds": 86_400})
        shop.settle(souk)


def counted(sandbox: Sandbox, work) -> dict[str, int]:
    before = sandbox.control("GET", "/requests")
    work()
    after = sandbox.control("GET", "/requests")
    return {route: number - before.get(route, 0) for route, number in after.items() if number > before.get(route, 0)}


def row(how: str, requests: dict[str, int]) -> Row:
    for route, number in sorted(requests.items(), key=lambda item: -item[1]):
        say(f"  {how}: {number / ORDERS:5.2f} {route}")
    each = sum(requests.values()) / ORDERS
    return Row(f"Stripe requests an order, {how}", f"{each:.2f}", goal=GOAL, is_met=each <= GOAL)
