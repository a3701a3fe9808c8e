"""Compares answers with the annotated classes of the official SDK: every member known, every type right, and every
member that the SDK does not call optional there."""

import typing

import stripe
from typing_extensions import Literal, get_args, get_origin

# Members that the SDK annotates as always there and that Stripe itself leaves out of the answers that it documents.
ABSENT = {
    "Account": {"company", "groups", "individual", "capabilities", "tos_acceptance", "future_requirements", "type"},
}


class Names(dict):
    """Names in annotations, resolved as the SDK's own modules would; modules import them only while checking types."""

    def __init__(self, cls):
        super().__init__({cls.__name__: cls})

    def __missing__(self, name):
        if hasattr(stripe, name):
            return getattr(stripe, name)
        raise KeyError(name)


def hints(cls, outer):
    names = Names(outer)
    collected = {}
    for base in reversed(cls.__mro__):
        if not issubclass(base, stripe.StripeObject) or base is stripe.StripeObject:
            continue
        for name, text in base.__dict__.get("__annotations__", {}).items():
            if name.startswith("_") or "ClassVar" in str(text):
                continue
            holder = type("Holder", (), {"__annotations__": {name: text}, "__module__": base.__module__})
            try:
                collected[name] = typing.get_type_hints(holder, localns=names)[name]
            except NameError:
                collected[name] = typing.Any
    return collected


def problems(value, cls, path="", outer=None):
    outer = outer or cls
    found = []
    known = hints(cls, outer)
    optional_by_name = ABSENT.get(cls.__name__, set())
    for key in value:
        if key not in known and not key.startswith("_"):
            found.append(f"{path}.{key}: unknown to {cls.__qualname__}")
    for key, kind in known.items():
        if key not in value:
            if not is_optional(kind) and key not in optional_by_name:
                found.append(f"{path}.{key}: missing ({cls.__qualname__})")
            continue
        found += mismatch(value[key], kind, f"{path}.{key}", outer)
    return found


def is_optional(kind):
    return kind is typing.Any or type(None) in get_args(kind) or (
        get_origin(kind) is typing.Union and any(is_optional(k) for k in get_args(kind)))


def mismatch(value, kind, path, outer):
    if kind is typing.Any:
        return []
    origin = get_origin(kind)
    if origin is typing.Union or str(type(kind)) == "<class 'types.UnionType'>":
        if value is None and type(None) in get_args(kind):
            return []
        attempts = [mismatch(value, option, path, outer) for option in get_args(kind) if option is not type(None)]
        return [] if any(not a for a in attempts) else min(attempts, key=len)
    if origin is Literal:
        return [] if value in get_args(kind) else [f"{path}: {value!r} is none of {get_args(kind)}"]
    if origin in (list, typing.List):
        if not isinstance(value, list):
            return [f"{path}: {value!r} is no list"]
        return [p for i, item in enumerate(value) for p in mismatch(item, get_args(kind)[0], f"{path}[{i}]", outer)]
    if origin is stripe.ListObject or kind is stripe.ListObject:
        inner = get_args(kind)[0] if get_args(kind) else typing.Any
        if value.get("object") != "list":
            return [f"{path}: no list object"]
        return [p for i, item in enumerate(value["data"]) for p in mismatch(item, inner, f"{path}.data[{i}]", None)]
    if origin is dict or "UntypedStripeObject" in str(kind):
        return [] if isinstance(value, dict) else [f"{path}: {value!r} is no hash"]
    if isinstance(kind, type) and issubclass(kind, stripe.StripeObject):
        if not isinstance(value, dict):
            return [f"{path}: {value!r} is no {kind.__name__}"]
        return problems(value, kind, path, outer if kind.__qualname__.startswith((outer or kind).__name__ + ".") else kind)
    if kind is float:
        return [] if isinstance(value, (int, float)) and not isinstance(value, bool) else [f"{path}: {value!r} is no number"]
    if kind in (str, int, bool):
        right = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        return [] if right else [f"{path}: {value!r} is no {kind.__name__}"]
    return []


def check(answer, cls=None):
    """Fails with every difference between an answer and its class."""
    import json

    value = json.loads(answer.last_response.body) if getattr(answer, "last_response", None) else answer.to_dict()
    cls = cls or type(answer)
    if value.get("object") == "list":
        found = [p for item in value["data"] for p in problems(item, class_of(item))]
    else:
        found = problems(value, cls)
    assert not found, "\n".join(sorted(set(found)))
    return answer


def class_of(value):
    from stripe._object_classes import OBJECT_CLASSES, get_object_class

    return get_object_class("V1", value["object"])
