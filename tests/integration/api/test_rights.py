"""Every route stands in the one table of rights, and the table is what the server does."""

import re
import uuid
from collections.abc import Iterator

import pytest
from fastapi import Depends, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient
from tests.conftest import API_KEY
from tests.integration.api.conftest import Counting
from tests.integration.api.identity import client_of, new_key, new_owners

from estate.api.app import create_app
from estate.api.deps import caller
from estate.api.rights import OPEN, RIGHTS
from estate.core.security import ROLES, ActorRole

WRITES = {"POST /gpt/respond", "POST /gpt/respond/stream", "POST /gpt/feedback"}


def operations(app: FastAPI) -> Iterator[str]:
    """Yield method and path of every route, described or not."""
    for route in iter_route_contexts(app.routes):
        for method in set(route.methods or ()) - {"HEAD"}:
            yield f"{method} {route.path_format}"


def test_every_route_stands_in_the_table_and_nothing_else_does(app: FastAPI) -> None:
    assert sorted(operations(app)) == sorted(OPEN | RIGHTS.keys())
    assert not OPEN & RIGHTS.keys()


def test_a_route_that_is_not_listed_is_for_nobody(database: None) -> None:
    app = create_app()
    app.add_api_route("/forgotten", lambda: "secret", dependencies=[Depends(caller)])
    assert set(operations(app)) - OPEN - RIGHTS.keys() == {"GET /forgotten"}
    answer = client_of(app, {"X-API-Key": API_KEY}).get("/forgotten")
    assert (answer.status_code, "secret" in answer.text) == (403, False)


def called(client: TestClient, operation: str) -> int:
    """Call an operation with nothing in it."""
    method, path = addressed(operation)
    return client.request(method, path, json={} if method == "POST" else None).status_code


def addressed(operation: str) -> tuple[str, str]:
    """Return method and path of an operation, with an id of nobody where it takes one."""
    method, _, path = operation.partition(" ")
    return method, re.sub(r"\{\w+\}", str(uuid.UUID(int=0)), path)


@pytest.mark.parametrize("operation", sorted(RIGHTS))
def test_without_a_key_it_is_401_and_says_how(app: FastAPI, database: None, operation: str) -> None:
    answer = client_of(app).request(*addressed(operation))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_call_what_the_table_says(app: FastAPI, database: None, role: ActorRole) -> None:
    new_owners()
    client = client_of(app, {"X-API-Key": new_key(role)})
    refused = {operation for operation in RIGHTS if called(client, operation) == 403}
    assert refused == {operation for operation, roles in RIGHTS.items() if role not in roles}


def test_the_table_says_what_was_agreed() -> None:
    may = {role: {operation for operation, roles in RIGHTS.items() if role in roles} for role in ROLES}
    reads = {operation for operation in RIGHTS if operation.startswith("GET ")}
    export = {"GET /client/{client_id}/export"}
    system = {f"GET /system/{what}" for what in ("queues", "jobs", "models", "keys", "users")}
    imports = {operation for operation in RIGHTS if " /imports" in operation}
    closed = {"GET /ingest/rejected", "GET /client/duplicates"} | export | (reads & imports) | system
    own = {"GET /auth/me", "POST /auth/logout"}
    events = {"POST /behavior/event", "POST /behavior/conversation", "POST /behavior/deal"}
    bulk = {f"POST /{layer}/ingest" for layer in ("market", "agent", "client", "property", "behavior")}
    assert may["admin"] == RIGHTS.keys()
    assert may["read_only"] == (reads - closed) | own | {"POST /client/closing"}
    contacts = {f"POST /client/{{client_id}}/{what}" for what in ("contact", "skip")}
    written = events | contacts | {"POST /client/override"} | WRITES | export | imports
    assert may["agent"] == may["read_only"] | written
    assert may["ingest"] == bulk | events | own | {"GET /ingest/rejected"} | imports
    assert RIGHTS.keys() - may["manager"] == system | {
        "POST /market/ingest",
        "POST /agent/ingest",
        "POST /property/ingest",
        "GET /ingest/rejected",
    }


def test_a_refusal_names_who_may(app: FastAPI, database: None) -> None:
    problem = client_of(app, {"X-API-Key": new_key("read_only")}).post("/market/ingest", json={})
    assert problem.status_code == 403
    assert problem.json()["detail"] == "The role read_only may not POST /market/ingest; allowed: admin, ingest."
    assert problem.json()["type"] == "urn:estate:problem:forbidden"


def test_what_is_open_needs_no_key_and_looks_at_none(counting: Counting) -> None:
    client = counting()
    client.headers.update({"X-API-Key": "wrong", "Cookie": "__Host-estate_session=wrong"})
    for operation in OPEN - {"POST /auth/login"}:
        assert called(client, operation) == 200, operation
    assert called(client, "POST /auth/login") == 422


def test_the_description_says_who_may(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    assert paths["/market/ingest"]["post"]["x-roles"] == ["admin", "ingest"]
    assert paths["/behavior/event"]["post"]["security"]
    assert "security" not in paths["/healthz"]["get"]


def test_the_bootstrap_key_is_an_administrator(app: FastAPI, database: None) -> None:
    me = client_of(app, {"X-API-Key": API_KEY}).get("/auth/me").json()
    assert me == {"caller": "bootstrap", "role": "admin", "agent_id": None, "team_id": None, "name": None}
