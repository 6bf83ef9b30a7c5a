"""The client library is equal to OpenAPI in operations, parameters, bodies, answers and problems."""

import datetime as dt
import inspect
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx2
import pytest
from pydantic import BaseModel
from tests.operations import OPERATIONS, SPEC, Operation, Schema, snake

from estate.api.errors import TYPE_PREFIX
from estate.api.errors import problem_of as told
from estate.core import errors as core
from estate.sdk import Estate, Pages, errors

SCHEMAS = SPEC["components"]["schemas"]
ID = "30000000-0000-4000-8000-000000000001"
TIME = "2026-01-01T10:00:00Z"
AMOUNT = "^(0|[1-9]"

ROWS = {
    one["$ref"]
    for operation in OPERATIONS
    if (body := operation.body()) and "anyOf" in body
    for one in body["anyOf"]
    if "$ref" in one
} | {"#/components/schemas/MappingIn"}
"""Schemas of what is sent as it stands: rows, and where a field that is absent is not one that is null."""
FILE = b"Name,Mobile\n"


def resolved(schema: Schema) -> Schema:
    return SCHEMAS[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema


def sample(schema: Schema, *, nulls: bool = False) -> Any:
    """Return a value that a schema describes: with every field, and null where that is allowed and asked for."""
    schema = resolved(schema)
    if "anyOf" in schema:
        if nulls and {"type": "null"} in schema["anyOf"]:
            return None
        return sample(schema["anyOf"][0], nulls=nulls)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "object":
            fields = {name: sample(field, nulls=nulls) for name, field in schema.get("properties", {}).items()}
            rest = schema.get("additionalProperties")
            return fields | {"some": sample(rest, nulls=nulls)} if isinstance(rest, dict) else fields
        case "array":
            return [sample(schema["items"], nulls=nulls)]
        case "string":
            return text(schema)
        case "integer":
            return max(7, schema.get("minimum", 7))
        case "number":
            return 0.5
        case "boolean":
            return True
        case _:
            return {"any": ["thing", 1]}


def text(schema: Schema) -> str:
    pattern = schema.get("pattern", "")
    by_format = {"uuid": ID, "date-time": TIME, "date": "2026-01-01"}
    if schema.get("format") in by_format:
        return by_format[schema["format"]]
    return f"{ID}:{ID}" if pattern and re.search(pattern, f"{ID}:{ID}") else "1.50"


def arguments(operation: Operation) -> dict[str, Any]:
    """Return an argument for each parameter and field of the body."""
    given = {snake(p["name"]): sample(p["schema"]) for p in operation.described.get("parameters", [])}
    body = operation.body()
    if operation.is_upload():
        return given | {"content": FILE}
    if body is None:
        return given
    if "anyOf" in body:
        return given | {"rows": [sample(body["anyOf"][1])]}
    if body["$ref"] in ROWS:
        return given | {"row": sample(body)}
    return given | {snake(name): sample(field) for name, field in resolved(body)["properties"].items()}


def required(operation: Operation) -> set[str]:
    needed = {snake(p["name"]) for p in operation.described.get("parameters", []) if p["required"]}
    body = operation.body()
    if operation.is_upload():
        return needed | {"content"}
    if body is None:
        return needed
    if "anyOf" in body:
        return needed | {"rows"}
    return needed | ({"row"} if body["$ref"] in ROWS else {snake(name) for name in resolved(body).get("required", [])})


class Recorder:
    """Answers every request with a sample of what OpenAPI promises."""

    def __init__(self, operation: Operation, *, nulls: bool = False) -> None:
        self.requests: list[httpx2.Request] = []
        self.operation = operation
        self.samples: list[Any] = []
        self.schemas: list[Schema] = []
        content = operation.answer()
        for kind, described in content.items():
            if kind == "text/event-stream":
                events = described["itemSchema"]["oneOf"]
                names = [event["properties"]["event"]["const"] for event in events]
                self.schemas = [event["properties"]["data"]["contentSchema"] for event in events]
                self.schemas = [s for s, name in zip(self.schemas, names, strict=True) if name != "problem"]
                self.names = names
            else:
                self.schemas = [described["schema"]]
        self.samples = [sample(schema, nulls=nulls) for schema in self.schemas]

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        headers = {"Set-Cookie": "estate_session=token"}
        if "text/event-stream" in self.operation.answer():
            lines = [f"event: {n}\ndata: {json.dumps(s)}\n\n" for n, s in zip(self.names, self.samples, strict=False)]
            return httpx2.Response(200, headers=headers, text=": still here\n\n" + "".join(lines))
        if not self.samples:
            return httpx2.Response(200, headers=headers, text="estate_up 1")
        return httpx2.Response(200, headers=headers, json=self.samples[0])


def called(operation: Operation, *, nulls: bool = False) -> tuple[Recorder, list[Any]]:
    """Call the method of an operation with every argument; return what was sent and what came back."""
    recorder = Recorder(operation, nulls=nulls)
    with Estate("http://estate.test", api_key="key", http=httpx2.MockTransport(recorder)) as estate:
        method = operation.of(estate)
        given = arguments(operation)
        positional = [given.pop(snake(p["name"])) for p in operation.parameters("path")]
        answer = method(*positional, **given)
        if isinstance(answer, Pages):
            return recorder, [next(answer.pages())]
        return recorder, list(answer) if isinstance(answer, Iterator) else [answer]


@pytest.fixture(params=OPERATIONS, ids=str)
def operation(request: pytest.FixtureRequest) -> Operation:
    found: Operation = request.param
    return found


def test_every_parameter_is_an_argument_and_no_other_is(operation: Operation) -> None:
    with Estate("http://estate.test") as estate:
        taken = inspect.signature(operation.of(estate)).parameters
    assert set(taken) == set(arguments(operation))
    assert {name for name, one in taken.items() if one.default is inspect.Parameter.empty} == required(operation)


def test_what_is_sent_is_what_openapi_asks_for(operation: Operation) -> None:
    recorder, _ = called(operation)
    sent, given = recorder.requests[0], arguments(operation)
    assert sent.method == operation.method
    assert sent.url.path == re.sub(r"{(\w+)}", lambda found: str(given[found[1]]), operation.path)
    names = {p["name"] for p in operation.parameters("query")}
    assert set(sent.url.params) == names
    for name in names:
        wanted = given[snake(name)]
        assert sent.url.params.get_list(name) == [
            str(one) for one in (wanted if isinstance(wanted, list) else [wanted])
        ]
    for header in operation.parameters("header"):
        assert sent.headers[header["name"]] == given[snake(header["name"])]
    body = operation.body()
    if body is None:
        assert sent.content == (FILE if operation.is_upload() else b"")
    else:
        whole = given.get("rows", given.get("row")) or {
            name: given[snake(name)] for name in resolved(body)["properties"]
        }
        assert json.loads(sent.content) == json.loads(json.dumps(whole))


@pytest.mark.parametrize("nulls", [False, True], ids=["full", "null"])
def test_every_field_of_an_answer_arrives_typed(operation: Operation, nulls: bool) -> None:
    recorder, answers = called(operation, nulls=nulls)
    if not recorder.samples:
        assert answers == ["estate_up 1"]
        return
    assert len(answers) == len(recorder.samples)
    for schema, wanted, answer in zip(recorder.schemas, recorder.samples, answers, strict=True):
        assert isinstance(answer, BaseModel)
        assert answer.model_dump(mode="json") == wanted
        is_typed(schema, answer)


def is_typed(schema: Schema, value: Any) -> None:
    """Assert that ids, amounts and times are no strings, and that what has fields is a frozen model."""
    schema = resolved(schema)
    if value is None or not schema:
        return
    if "anyOf" in schema:
        is_typed(schema["anyOf"][0], value)
    elif "properties" in schema:
        assert isinstance(value, BaseModel)
        assert value.model_config["frozen"]
        for name, field in schema["properties"].items():
            is_typed(field, getattr(value, name))
    elif schema.get("type") == "array":
        assert isinstance(value, tuple)
        for item in value:
            is_typed(schema["items"], item)
    elif schema.get("type") == "string":
        kinds = {"uuid": UUID, "date-time": dt.datetime, "date": dt.date}
        amount = schema.get("pattern", "").startswith(AMOUNT)
        kind = Decimal if amount else kinds.get(schema.get("format", ""), str | Decimal)
        assert isinstance(value, kind)
        assert not isinstance(value, dt.datetime) or value.utcoffset() is not None


def test_every_method_is_an_operation() -> None:
    """What the library offers beyond OpenAPI is built on it: paging, loading, logging in."""
    with Estate("http://estate.test") as estate:
        groups = {name: group for name, group in vars(estate).items() if not name.startswith("_")}
        known = {operation.of(estate).__func__ for operation in OPERATIONS}  # type: ignore[attr-defined]
        offered = {
            f"{name}.{word}": method.__func__
            for name, group in groups.items()
            for word, method in inspect.getmembers(group, inspect.ismethod)
            if not word.startswith(("_", "load"))
        }
    assert [word for word, method in offered.items() if method not in known] == []


def kinds_of(kind: type[core.EstateError]) -> Iterator[type[core.EstateError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from kinds_of(below)


OURS = sorted({k for k in kinds_of(core.EstateError) if k.__module__.startswith("estate.")}, key=lambda k: k.__name__)


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_every_problem_type_is_an_exception(kind: type[core.EstateError]) -> None:
    problem = told(an_error(kind), request_id="request-1")
    raised = errors.error_of(errors.ProblemDetails.model_validate_json(problem.model_dump_json()))
    assert TYPE_PREFIX + errors.slug(type(raised)) == problem.type or kind is core.EstateError
    assert raised.status == problem.status
    assert raised.request_id == "request-1"
    assert raised.problem.model_dump(mode="json") == problem.model_dump(mode="json")
    assert raised.hint


def an_error(kind: type[core.EstateError]) -> core.EstateError:
    """Return one whose own way of being made does not matter here."""
    problems = (core.FieldProblem("metadata.items.3", "This must be a number.", 4),)
    error = kind.__new__(kind)
    core.EstateError.__init__(error, "No.", problems=problems)
    return error
