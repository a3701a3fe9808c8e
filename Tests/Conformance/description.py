"""openapi/souk.yaml as the tests read it: its operations, and whether an answer is one that it describes."""

import functools
import json
import pathlib
import re
import urllib.parse

import jsonschema_rs
import yaml

ROOT = pathlib.Path(__file__).parents[2]
TEXT = (ROOT / "openapi/souk.yaml").read_text()


class Undocumented(AssertionError):
    """An answer that openapi/souk.yaml does not describe."""


class Operation:
    def __init__(self, document, method, path, content):
        self.document, self.method, self.path, self.content = document, method.upper(), path, content
        self.id = content["operationId"]
        self.scope = content.get("x-scope")
        self.pattern = re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))
        self.responses = {int(status): document.resolve(r) for status, r in content["responses"].items()}
        parameters = [document.resolve(parameter) for parameter in content.get("parameters", [])]
        self.keeps_answers = any(parameter["name"] == "Idempotency-Key" for parameter in parameters)
        self.query = {p["name"]: p for p in parameters if p["in"] == "query"}

    def __repr__(self):
        return f"{self.method} {self.path}"

    @property
    def body_example(self):
        media = self.content.get("requestBody", {}).get("content", {}).get("application/json", {})
        return media.get("example")

    def allows_query(self, text):
        """Whether a query is one that is described, as it stands in an address: there, a list or a null within is nothing."""
        given = {}
        for name, value in urllib.parse.parse_qsl(text, keep_blank_values=True):
            outer, inner = re.fullmatch(r"([^\[]*)(?:\[(.*)\])?", name, re.DOTALL).groups()
            if outer not in self.query or (inner is None and outer in given):
                return False
            schema = self.document.resolve(self.query[outer]["schema"])
            kinds = schema.get("anyOf", [schema])
            if inner is None:
                given[outer] = in_type_of(kinds, value)
            elif isinstance(given.setdefault(outer, {}), dict):
                parts = [k.get("properties", {}).get(inner) or k.get("additionalProperties") or {} for k in kinds]
                given[outer][inner] = in_type_of(parts, value)
            else:
                return False
        return all(
            self.document.is_valid(p["schema"], given[name]) if name in given else not p.get("required")
            for name, p in self.query.items())

    def allows_body(self, body):
        """Whether the JSON of a request is one that is described."""
        media = self.content.get("requestBody", {}).get("content", {}).get("application/json")
        try:
            return bool(media) and self.document.is_valid(media["schema"], json.loads(body or b""))
        except ValueError:
            return False

    def check(self, answer):
        """Raises Undocumented unless status, content type, headers and body are as described."""

        def expect(condition, what):
            if not condition:
                raise Undocumented(f"{self}: {what}: {answer}")

        described = self.responses.get(answer.status)
        expect(described, f"the status {answer.status} is not described")
        for name, header in described.get("headers", {}).items():
            header = self.document.resolve(header)
            value = answer.headers.get(name)
            expect(value is not None or not header.get("required"), f"the header {name} is missing")
            if value is not None:
                value = int(value) if header["schema"]["type"] == "integer" else value
                expect(self.document.is_valid(header["schema"], value), f"the header {name}")
        documented = {name.lower() for name in described.get("headers", {})} | PLAIN_HEADERS
        for name in answer.headers:
            expect(name.lower() in documented, f"the header {name} is not described")
        content = described.get("content", {})
        media = (answer.headers.get("Content-Type") or "").split(";")[0]
        expect(media in content or not (content or answer.body), f"the content type {media} is not described")
        if media == "application/json":
            error = self.document.first_error(content[media]["schema"], json.loads(answer.body))
            expect(error is None, f"the body: {error}")


def in_type_of(schemas, text):
    """A value of a query in the type that its schemas name; the text itself, where it is of none."""
    types = {schema.get("type") for schema in schemas}
    if "integer" in types and re.fullmatch(r"-?[0-9]+", text):
        return int(text)
    if "boolean" in types:
        return {"true": True, "false": False}.get(text, text)
    return text


# What HTTP says of any answer, so that the description need not.
PLAIN_HEADERS = {
    "content-type", "content-length", "date", "server", "connection", "www-authenticate", "cache-control",
    "content-security-policy", "x-content-type-options", "referrer-policy",
}


class Description:
    def __init__(self, text=TEXT):
        self.content = yaml.safe_load(text)
        self.operations = [
            Operation(self, method, path, content)
            for path, methods in self.content["paths"].items() for method, content in methods.items()
        ]
        self.by_id = {operation.id: operation for operation in self.operations}

    def resolve(self, part):
        while "$ref" in part:
            part = functools.reduce(lambda node, name: node[name], part["$ref"][2:].split("/"), self.content)
        return part

    @functools.cache
    def validator(self, schema):
        return jsonschema_rs.Draft202012Validator(
            json.loads(schema) | {"components": self.content["components"]}, validate_formats=True)

    def first_error(self, schema, value):
        """What is wrong with a value, with its place; None for a valid one."""
        for error in self.validator(json.dumps(schema)).iter_errors(value):
            return f"{'/'.join(str(part) for part in error.instance_path)}: {error.message[:500]}"

    def is_valid(self, schema, value):
        return self.first_error(schema, value) is None

    def operation(self, method, path):
        """The operation of a request, or None. A path that is written out wins over one with a parameter."""
        path = path.split("?")[0]
        found = [o for o in self.operations if o.method == method and o.pattern.fullmatch(path)]
        return min(found, key=lambda operation: operation.path.count("{"), default=None)


SOUK = Description()
