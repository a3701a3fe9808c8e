"""Measures what is named, and prints one table at the end. Started by scripts/bench."""

import importlib
import sys

from .harness import Row, Unusable, say, table

rows: list[Row] = []
failed = False
for name in sys.argv[1:]:
    say(f"==> {name}")
    module = importlib.import_module(f".{name}", __package__)
    say(module.__doc__.strip())
    try:
        rows += module.measure()
    except Unusable as problem:
        say(f"{name} could not be measured: {problem}")
        failed = True
say("\n" + table(rows))
sys.exit(1 if failed else 0)
