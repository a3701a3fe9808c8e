"""Each parameter that the sandbox takes has an effect that can be seen: nothing is accepted and ignored."""

import collections
import os

import pytest

import effects
from conftest import Sandbox
from endpoints import ENDPOINTS
from generate_parameters import Wanted, hash_of, load

SIMULATED = {route: hash_of(load(cls), Wanted(set(simulated.split()))) for route, cls, simulated in ENDPOINTS}
PAGING = {"limit", "starting_after", "ending_before", "expand"}


@pytest.fixture(scope="module")
def caller(tmp_path_factory):
    """A sandbox of its own: its clock moves by weeks, and its webhook endpoints come and go."""
    running = Sandbox(tmp_path_factory.mktemp("effects"))
    if address := os.environ.get("SANDBOX_ADDRESS"):
        yield effects.Caller(address)
        return
    running.start()
    yield effects.Caller(running.address)
    running.kill()


def leaves(shape, path=""):
    """-> (parameter, notation) for everything below a shape that is simulated"""
    if isinstance(shape, list):
        yield from leaves(shape[0], f"{path}[0]")
    elif isinstance(shape, dict) and "|" in shape:
        for option in shape["|"]:
            yield from leaves(option, path)
    elif isinstance(shape, dict) and "*" in shape:
        yield from leaves(shape["*"], f"{path}[usd]")
    elif isinstance(shape, dict):
        for name, inner in shape.items():
            key = name.rstrip("!?")
            if inner != "-" and not (not path and key in PAGING):
                yield from leaves(inner, f"{path}[{key}]" if path else key)
    else:
        yield path, shape


def parameters(route):
    kinds = collections.defaultdict(list)
    for name, notation in leaves(SIMULATED[route]):
        kinds[name].append(notation)
    return kinds


def values(route, name, kinds, caller):
    listed = effects.VALUES.get((route, name)) or effects.VALUES.get(name)
    if listed:
        return listed
    found = []
    for kind in kinds:
        if kind in ("s", "m"):
            found.append(caller.text())
        elif kind == "i":
            found += [7, 20, 2000000000]
        elif kind == "n":
            found.append("12.5")
        elif kind == "b":
            found += ["true", "false"]
        else:
            found += kind.removeprefix("e:").split("|")
    return found


def members(value, path=""):
    """-> {path of a leaf: value}, without the moments at which things happened"""
    if isinstance(value, dict):
        return {p: v for key, inner in value.items() for p, v in members(inner, f"{path}.{key}").items()} or {path: {}}
    if isinstance(value, list):
        return {p: v for index, inner in enumerate(value) for p, v in members(inner, f"{path}.{index}").items()} or {path: []}
    return {} if isinstance(value, int) and 1_750_000_000 < value < 2_000_000_000 else {path: value}


def noise(first, second):
    return {path for path in first.keys() | second.keys() if first.get(path) != second.get(path)}


class Probe:
    """One endpoint: what it answers to the plain request, and what differs anyway between two of them."""

    def __init__(self, route, caller):
        self.route, self.caller, self.kinds = route, caller, parameters(route)
        self.look = effects.LOOK.get(route)
        self.plain = {}

    def compared_with(self, more):
        key = tuple(sorted((name, str(value)) for name, value in more.items()))
        if key not in self.plain:
            first, second = self.send(more), self.send(more)
            assert first[0] == second[0] == 200, (self.route, more, first)
            self.plain[key] = first[1], noise(first[1], second[1])
        return self.plain[key]

    def send(self, *changes):
        """-> (status, members of all that can be seen), or (status, the error)"""
        path, form, account = effects.BASES[self.route](self.caller)
        for change in changes:
            for name, value in change.items():
                value = value(self.caller, form) if callable(value) else value
                form |= value if isinstance(value, dict) else {name: value}
        form = {name: value for name, value in form.items() if value is not None}
        status, answer = self.caller.call("POST", path, form, account)
        if status != 200:
            return status, answer["error"]
        seen = {"answer": answer}
        if self.look:
            seen["look"] = self.look(self.caller, answer, account)
        return status, members(seen)

    def shows(self, name):
        """-> None if one of the values makes a difference or is refused as not simulated, else what was answered"""
        more = effects.along(self.route, name, self.caller)
        plain, differing = self.compared_with(more)
        answers = []
        for value in values(self.route, name, self.kinds[name], self.caller):
            key = name + "[effect]" if "m" in self.kinds[name] else name
            status, seen = self.send(more, {key: value})
            if status == 402:
                return None
            if status != 200:
                param = seen.get("param") or ""
                if seen.get("code") == "sandbox_not_simulated" and param and name.startswith(param):
                    return None
                answers.append(seen.get("message"))
            elif noise(seen, plain) - differing:
                return None
        return answers[:2] or ["accepted, and nothing is different"]


@pytest.mark.parametrize("route", [route for route, _, _ in ENDPOINTS if route.startswith("POST ") and parameters(route)])
def test_each_parameter_of_a_change_shows_an_effect(caller, route):
    probe = Probe(route, caller)
    silent = {}
    for name in probe.kinds:
        if witness := effects.WITNESSES.get((route, name)):
            witness(caller)
        elif answers := probe.shows(name):
            silent[name] = answers
    assert not silent, "\n".join(f"{name}: {answers}" for name, answers in silent.items())


@pytest.mark.parametrize("route", [route for route, _, _ in ENDPOINTS if route.startswith("GET ") and parameters(route)])
def test_each_filter_of_a_list_chooses(caller, route):
    path, account, cases = effects.FILTERS[route](caller)
    assert set(cases) == set(parameters(route)), "a filter is not tried"
    for name, tried in cases.items():
        for form, wanted, unwanted in tried:
            shown = [item["id"] for item in caller.get(path, {"limit": 100} | form, account)["data"]]
            assert wanted is None or wanted in shown, (name, form)
            assert unwanted not in shown, (name, form)
