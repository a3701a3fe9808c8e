"""The HTTP client beside AsyncHTTPClient: the same small POST to one server in another process, 32 in flight."""

import re

from . import harness
from .harness import PROGRAMS, RUNS, Row, Unusable, say


def measure() -> list[Row]:
    output = harness.run([PROGRAMS / "TransportBenchmark", 40_000, 32, RUNS])
    say(output.strip())
    found = re.search(r"median: Souk (\d+)/s, AsyncHTTPClient (\d+)/s", output)
    if not found:
        raise Unusable("no medians were printed")
    ours, theirs = int(found[1]), int(found[2])
    return [
        Row("HTTP requests/s, 32 in flight", f"{ours:,}", "AsyncHTTPClient", f"{theirs:,}", ours / theirs, 1.5,
            remark=output.strip().splitlines()[-1])
    ]  # fmt: skip
