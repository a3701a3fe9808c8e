"""Writes Sources/StripeSandbox/Parameters/ParameterTable.swift from the official SDK's typed parameters and
`endpoints.py`. With --verify it writes nothing and fails when the file is not what it would write.

Notation of the table, one JSON object for each endpoint: `"s"` string, `"i"` integer, `"n"` decimal, `"b"` boolean,
`"m"` map of strings, `"e:a|b"` one of the values, `{...}` hash, `[x]` list, `{"|":[x,y]}` either, `"-"` known to Stripe
but not simulated. A name that ends in `!` is required, in `?` may be unset with an empty value.
"""

import collections.abc
import importlib
import json
import pathlib
import re
import sys
import typing

from typing_extensions import Literal, NotRequired, get_args, get_origin, get_type_hints, is_typeddict

from endpoints import ENDPOINTS

TARGET = pathlib.Path(__file__).parents[2] / "Sources/StripeSandbox/Parameters/ParameterTable.swift"
BASE = {"idempotency_key", "stripe_account", "stripe_version", "api_key", "stripe_context", "headers", "max_network_retries"}


def load(name):
    module, _, cls = name.rpartition(".")
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", cls).lower()
    path = "stripe.params." + (module + "." if module else "") + "_" + snake
    return getattr(importlib.import_module(path), cls)


class Wanted:
    """The simulated branches below one place: everything, nothing, or some names."""

    def __init__(self, paths):
        self.all = "" in paths
        self.names = {}
        for path in paths:
            head, _, rest = path.partition(".")
            if head:
                self.names.setdefault(head, set()).add(rest)

    def below(self, name):
        if self.all:
            return Wanted({""})
        return Wanted(self.names[name]) if name in self.names else None


def is_unset(kind):
    return get_origin(kind) is Literal and get_args(kind) == ("",)


def describe(kind, wanted):
    """-> (notation, may be unset)"""
    origin = get_origin(kind)
    if origin is NotRequired:
        return describe(get_args(kind)[0], wanted)
    if origin in (typing.Union, getattr(__import__("types"), "UnionType", None)):
        options = list(get_args(kind))
        unset = any(is_unset(o) for o in options)
        options = [o for o in options if not is_unset(o) and o is not type(None)]
        literals = [v for o in options if get_origin(o) is Literal for v in get_args(o) if v != ""]
        unset = unset or any(get_origin(o) is Literal and "" in get_args(o) for o in options)
        others = [o for o in options if get_origin(o) is not Literal]
        hashes = [o for o in others if is_typeddict(o)]
        if len(hashes) > 1:
            require_known(" | ".join(h.__name__ for h in hashes), wanted, *hashes)
        if literals and others == [str]:
            return "e:" + "|".join(literals), unset
        shapes = []
        for option in others:
            shape = hash_of(option, wanted, is_one_of_many=len(hashes) > 1) if option in hashes else describe(option, wanted)[0]
            if shape not in shapes:
                shapes.append(shape)
        if literals:
            shapes.append("e:" + "|".join(literals))
        if len(shapes) == 1:
            return shapes[0], unset
        return {"|": shapes}, unset
    if origin is Literal:
        values = [v for v in get_args(kind) if v != ""]
        if values == [True] or values == [False]:
            return "b", False
        return "e:" + "|".join(values), "" in get_args(kind)
    if origin in (list, collections.abc.Sequence):
        return [describe(get_args(kind)[0], wanted)[0]], False
    if origin is dict or "UntypedStripeObject" in str(kind):
        arguments = get_args(kind)
        return ("m" if not arguments or arguments[-1] is str else {"*": describe(arguments[-1], wanted)[0]}), False
    if is_typeddict(kind):
        return hash_of(kind, wanted), False
    return {str: "s", int: "i", float: "n", bool: "b"}.get(kind, "s"), False


def hints_of(cls):
    return get_type_hints(cls, localns={"StripeContext": str, "Mapping": typing.Mapping}, include_extras=True)


def require_known(name, wanted, *classes):
    known = {hint for cls in classes for hint in hints_of(cls)}
    if missing := wanted.names.keys() - known:
        raise SystemExit(f"{name} does not know {sorted(missing)}")


def hash_of(cls, wanted, is_one_of_many=False):
    hints = hints_of(cls)
    if not is_one_of_many:
        require_known(cls.__name__, wanted, cls)
    notation = {}
    for name, kind in sorted(hints.items()):
        if name in BASE:
            continue
        below = wanted.below(name)
        required = get_origin(kind) is not NotRequired
        if below is None:
            notation[name] = "-"
            continue
        shape, unset = describe(kind, below)
        notation[name + ("!" if required else "?" if unset else "")] = shape
    return notation


def table():
    lines = []
    for route, cls, simulated in ENDPOINTS:
        shape = hash_of(load(cls), Wanted(set(simulated.split())))
        lines.append(json.dumps({route: shape}, separators=(",", ":")))
    return lines


def swift():
    out = [
        "// Generated by Tests/Conformance/generate_parameters.py from the official SDK's typed parameters.",
        "// Edit Tests/Conformance/endpoints.py and run it again; `--verify` tells whether this file is current.",
        "",
        "/// Which parameters Stripe knows for each endpoint, and which of them the sandbox simulates.",
        "enum ParameterTable {",
        "    /// One JSON object for each endpoint, cut into lines; the notation is described in the generator.",
        '    static let text = """',
    ]
    for line in table():
        rest = line
        while len(rest) > 106:
            cut = max(rest.rfind(mark, 0, 106) for mark in (",", "{", "|")) + 1
            out.append("        " + rest[:cut] + "\\")
            rest = rest[cut:]
        out.append("        " + rest)
    out += ['        """', "}", ""]
    return "\n".join(out)


if __name__ == "__main__":
    text = swift()
    if "--verify" in sys.argv:
        if TARGET.read_text() != text:
            raise SystemExit(f"{TARGET} is not current: run {pathlib.Path(__file__).name}")
    else:
        TARGET.write_text(text)
        print(len(text), "bytes")
