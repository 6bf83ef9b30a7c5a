"""Rows of the security checklist that no other test shows; docs/security.md names the test of each row."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from kombu.exceptions import ContentDisallowed
from kombu.serialization import dumps, loads, prepare_accept_content
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from tests.integration.api.test_rights import operations

from estate.api.app import create_app
from estate.core.queue import celery_app
from estate.core.settings import Settings, get_settings

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND")
LOWER = {"minimum", "exclusiveMinimum", "enum", "const"}
UPPER = {"maximum", "exclusiveMaximum", "enum", "const"}
PERSONAL = re.compile(r"phone|mail|name|password|token|key|secret")
NO_ID = "00000000-0000-4000-8000-000000000000"
PRODUCTION = {
    "environment": "production",
    "bootstrap_api_key": "k" * 20,
    "key_pepper": "p" * 20,
    "database_url": "postgresql+psycopg://u:p@127.0.0.1/x",
    "redis_url": "redis://[::1]:6379/0",
}


@pytest.fixture(scope="module")
def described(app: FastAPI) -> dict[str, Any]:
    """OpenAPI as the server shows it."""
    shown: dict[str, Any] = json.loads(json.dumps(app.openapi()))
    return shown


def calls(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, call in methods.items():
            yield f"{method.upper()} {path}", call


def unbounded(
    schema: Any, described: dict[str, Any], seen: frozenset[str] = frozenset(), at: str = ""
) -> Iterator[str]:
    """Yield where a number has no least or no greatest value, in a schema and those that it refers to."""
    if isinstance(schema, list):
        for part in schema:
            yield from unbounded(part, described, seen, at)
        return
    if not isinstance(schema, Mapping):
        return
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name and name not in seen:
        yield from unbounded(described["components"]["schemas"][name], described, seen | {name}, f"{at}/{name}")
    if schema.get("type") in ("integer", "number") and not (LOWER & schema.keys() and UPPER & schema.keys()):
        yield at
    for key, part in schema.items():
        if key not in ("example", "examples", "default"):
            yield from unbounded(part, described, seen, f"{at}/{key}")


def test_every_number_that_comes_in_has_a_range(described: dict[str, Any]) -> None:
    taken = [(name, [call.get("parameters"), call.get("requestBody")]) for name, call in calls(described)]
    assert any("integer" in json.dumps(schema) for _, schema in taken)
    assert [f"{name}{at}" for name, schema in taken for at in unbounded(schema, described)] == []


def test_a_number_without_a_range_is_found() -> None:
    schema = {
        "properties": {"n": {"type": "integer", "minimum": 0}, "m": {"type": "number", "minimum": 0, "maximum": 1}}
    }
    assert list(unbounded(schema, {})) == ["/properties/n"]


def test_nothing_personal_and_no_secret_is_asked_for_in_a_url(described: dict[str, Any]) -> None:
    asked = {
        p["name"] for _, call in calls(described) for p in call.get("parameters", ()) if p["in"] in ("query", "path")
    }
    assert asked
    # What a file is called is the caller's own word, and no log of ours keeps a query.
    assert {name for name in asked if PERSONAL.search(name)} == {"filename"}


def test_every_other_method_of_every_route_is_405_and_names_those_that_are_not(app: FastAPI, api: TestClient) -> None:
    served: dict[str, set[str]] = {}
    for operation in operations(app):
        method, path = operation.split()
        served.setdefault(path, set()).add(method)
    wrong = []
    for path, methods in served.items():
        for method in set(METHODS) - methods:
            address = re.sub(r"\{\w+\}", NO_ID, path)
            if any(method in theirs for other, theirs in served.items() if other != path and _matches(other, address)):
                continue
            answer = api.request(method, address)
            allowed = set(answer.headers.get("allow", "").replace(",", " ").split())
            if answer.status_code != 405 or allowed - {"HEAD"} != methods - {"HEAD"}:
                wrong.append((method, path, answer.status_code, allowed))
    assert wrong == []


def _matches(path: str, address: str) -> bool:
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), address) is not None


def test_every_text_says_its_charset_and_every_answer_its_type(api: TestClient) -> None:
    for path in ("/healthz", "/metrics", "/docs", "/openapi.json", "/market/query", "/nothing"):
        kind = api.get(path).headers["content-type"]
        assert kind.startswith(("application/json", "application/problem+json", "text/")), path
        assert not kind.startswith("text/") or "charset=utf-8" in kind.lower(), path


def test_there_is_no_web_socket(app: FastAPI) -> None:
    assert [route for route in app.routes if isinstance(route, WebSocketRoute)] == []


def test_the_queue_reads_json_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTATE_REDIS_URL", "redis://127.0.0.1:1/0")
    get_settings.cache_clear()
    celery_app.cache_clear()
    try:
        accepted = prepare_accept_content(celery_app().conf.accept_content)
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()
        celery_app.cache_clear()
    kind, encoding, body = dumps({"a": 1}, serializer="json")
    assert loads(body, kind, encoding, accept=accepted) == {"a": 1}
    kind, encoding, body = dumps({"a": 1}, serializer="pickle")
    with pytest.raises(ContentDisallowed):
        loads(body, kind, encoding, accept=accepted)


@pytest.mark.parametrize(
    "changes",
    [
        {"database_url": "postgresql+psycopg://u:p@db.example.com/x"},
        {"database_url": "postgresql+psycopg://u:p@db.example.com/x?sslmode=require"},
        {"redis_url": "redis://redis.example.com/0"},
        {"redis_url": "rediss://redis.example.com/0?ssl_cert_reqs=none"},
        {"redis_url": "redis://redis.example.com/0", "plaintext_hosts": "example.com"},
    ],
)
def test_production_speaks_to_no_other_machine_without_tls(changes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="needs TLS"):
        Settings.model_validate(PRODUCTION | changes)
    Settings.model_validate(PRODUCTION | changes | {"environment": "test"})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"database_url": "postgresql+psycopg://u:p@db.example.com/x?sslmode=verify-full"},
        {"redis_url": "rediss://redis.example.com/0"},
        {"redis_url": "redis://redis/0", "plaintext_hosts": "postgres, redis"},
    ],
)
def test_production_speaks_with_tls_to_this_machine_or_to_hosts_that_are_named(changes: dict[str, str]) -> None:
    assert Settings.model_validate(PRODUCTION | changes).environment == "production"


def test_the_documentation_and_the_metrics_can_be_taken_away(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("ESTATE_DOCS_ENABLED", "false")
    monkeypatch.setenv("ESTATE_METRICS_ENABLED", "false")
    get_settings.cache_clear()
    try:
        with TestClient(create_app()) as client:
            assert [client.get(path).status_code for path in ("/docs", "/openapi.json", "/metrics")] == [404] * 3
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


def test_no_secret_of_the_settings_is_shown_by_them() -> None:
    secrets = {"database_url", "redis_url", "bootstrap_api_key", "key_pepper", "sentry_dsn"}
    secrets |= {"api_database_password", "worker_database_password"}
    settings = Settings.model_validate(PRODUCTION | {name: f"https://u:canary@127.0.0.1/{name}x" for name in secrets})
    for shown in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert "canary" not in shown
