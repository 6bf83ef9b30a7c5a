"""Calls every operation that OpenAPI lists on a running server and checks what each one must answer."""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

__all__ = ["smoke_problems"]

Json = Any
Check = Callable[[Json], bool]


@dataclass(frozen=True, slots=True)
class World:
    """Ids of records that are there, to call with."""

    agent: str
    client: str
    area: str
    units: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Call:
    """One call: what is sent, and what its answer must be."""

    operation: str
    holds: Check
    path: str | None = None
    params: Mapping[str, Any] | None = None
    body: Json = None
    content: bytes | None = None
    status: int = 200


STATED = 0.8
CSV = {"Content-Type": "text/csv"}
LEADS = b"Name,Mobile\nFirst Lead,+971501230008\nSecond Lead,+971501230009\nThird Lead,unknown to us\n"
MENDED = ["Third Lead", "+971501230010"]
BAD_LINE = 4


def _listed(*fields: str) -> Check:
    """Check for a non-empty list whose items carry some fields."""
    return lambda answer: bool(answer["items"]) and all(field in answer["items"][0] for field in fields)


def _stored(answer: Json) -> bool:
    return bool(answer["created"] + answer["updated"] == 1 and answer["rejected"] == 0)


def _share(value: object) -> bool:
    return isinstance(value, float | int) and 0 <= value <= 1


def smoke_problems(api: httpx2.Client) -> tuple[int, list[str]]:
    """Call everything.

    Returns
    -------
    int
        Operations called.
    list of str
        One sentence for each that did not answer as it must, or was not called at all.
    """
    world = _world(api)
    problems = []
    called = set()
    first = (*_ingest_calls(world), *_read_calls(world), *_gpt_calls(api, world))
    for call in (*first, *_person_calls(), *_import_calls(api), *_caller_calls()):
        called.add(call.operation)
        problem = _problem(api, call)
        if problem:
            problems.append(f"{call.operation}: {problem}")
    listed = {
        f"{method.upper()} {path}"
        for path, operations in api.get("/openapi.json").json()["paths"].items()
        for method in operations
    }
    problems += [f"{operation}: is in OpenAPI and was not called" for operation in sorted(listed - called)]
    problems += [f"{operation}: is not in OpenAPI" for operation in sorted(called - listed)]
    return len(called), problems


def _problem(api: httpx2.Client, call: Call) -> str | None:
    method, _, template = call.operation.partition(" ")
    headers = None if call.content is None else CSV
    answer = api.request(
        method, call.path or template, params=call.params, json=call.body, content=call.content, headers=headers
    )
    if answer.status_code != call.status:
        return f"answered {answer.status_code}, not {call.status}: {answer.text[:200]}"
    try:
        content = answer.json() if "json" in answer.headers["content-type"] else answer.text
        return None if call.holds(content) else f"answered {answer.text[:200]}"
    except (KeyError, TypeError, ValueError, IndexError) as error:
        return f"answered without {error}: {answer.text[:200]}"


def _world(api: httpx2.Client) -> World:
    client = next(
        item for item in api.get("/client/query", params={"limit": 50}).json()["items"] if item["owner_agent_id"]
    )
    units = api.get("/property/query", params={"limit": 50, "status": "available"}).json()["items"]
    area = api.get("/market/heatmap").json()["items"][0]
    first, second = (f"{unit['project_id']}:{unit['unit_id']}" for unit in units[:2])
    return World(client["owner_agent_id"], client["client_id"], area["area_id"], (first, second))


def _ingest_calls(world: World) -> list[Call]:
    project = world.units[0].partition(":")[0]
    now = dt.datetime.now(dt.UTC).isoformat()
    talk = [
        {"speaker": "agent", "text": "The payment plan runs over five years."},
        {"speaker": "client", "text": "Good."},
    ]
    event = {
        "event_id": str(uuid.uuid4()),
        "agent_id": world.agent,
        "client_id": world.client,
        "trigger_word": "payment plan",
        "time_of_event": now,
    }
    deal = {"deal_id": str(uuid.uuid4()), "agent_id": world.agent, "client_id": world.client}
    conversation = {"conversation_id": str(uuid.uuid4()), "agent_id": world.agent, "client_id": world.client}
    return [
        Call(
            "POST /market/ingest",
            _stored,
            body=[{"area_id": str(uuid.uuid4()), "area_name": "Smoke Harbour", "price_avg": "1000000.00"}],
        ),
        Call("POST /agent/ingest", _stored, body=[{"agent_id": str(uuid.uuid4()), "name": "Smoke Agent"}]),
        Call("POST /client/ingest", _stored, body=[{"client_id": str(uuid.uuid4()), "name": "Smoke Client"}]),
        Call(
            "POST /property/ingest",
            _stored,
            body=[{"project_id": project, "unit_id": str(uuid.uuid4()), "title": "Smoke Unit", "price": "900000.00"}],
        ),
        Call("POST /behavior/event", lambda a: a["status"] == "created", body=event, status=202),
        Call("POST /behavior/ingest", _stored, body=[event | {"event_id": str(uuid.uuid4())}]),
        Call("POST /behavior/deal", _stored, body=deal | {"stage": "viewing", "opened_at": now}),
        Call(
            "POST /behavior/conversation",
            _stored,
            body=conversation | {"channel": "call", "started_at": now, "turns": talk},
        ),
    ]


def _read_calls(world: World) -> list[Call]:
    client, agent = {"client_id": world.client}, {"agent_id": world.agent}
    return [
        Call("GET /market/query", _listed("area_id", "price_avg", "history")),
        Call("GET /market/heatmap", _listed("heat_score", "heat_band", "n", "confidence")),
        Call("GET /market/predict", lambda a: "months" in a and bool(a["why"]), params={"area_id": world.area}),
        Call("GET /market/track-record", lambda a: "items" in a and bool(a["why"])),
        Call("GET /market/recommend", _listed("area_id"), params=client),
        Call("GET /agent/query", _listed("agent_id", "closing_rate")),
        Call("GET /agent/rankings", _listed("agent_id", "rank", "reasons")),
        Call("GET /agent/predict", lambda a: a["lower"] <= a["upper"], params=agent),
        Call("GET /agent/recommend", _listed("agent_id"), params=client),
        Call("GET /client/query", _listed("client_id", "budget")),
        Call("GET /client/count", lambda a: a["count"] > 0),
        Call(
            "GET /client/qualification/{client_id}",
            lambda a: _share(a["score"]) and a["lower"] <= a["score"] <= a["upper"],
            path=f"/client/qualification/{world.client}",
        ),
        Call("GET /client/predict", lambda a: _share(a["score"]), params=client | agent | {"unit": world.units[0]}),
        Call(
            "POST /client/closing",
            lambda a: len(a["items"]) == 1 and _share(a["items"][0]["score"]),
            body={"triples": [client | agent | {"property": world.units[0]}]},
        ),
        Call(
            "POST /client/override",
            lambda a: a["stated_score"] == STATED,
            body=client | {"score": STATED, "reason": "Smoke"},
        ),
        Call("GET /client/quality", lambda a: bool(a["why"])),
        Call("GET /client/duplicates", lambda a: "items" in a),
        Call("GET /client/recommend", lambda a: len(a["items"]) <= a["callable"] and "held" in a, params=agent),
        Call("GET /client/skip-reasons", _listed("reason", "cool_down_hours", "n")),
        Call(
            "POST /client/{client_id}/contact",
            lambda a: not a["may_call"]["allowed"],
            path=f"/client/{world.client}/contact",
            body=agent | {"channel": "meeting", "outcome": "reached"},
        ),
        Call(
            "POST /client/{client_id}/skip",
            lambda a: bool(a["skip"]["skip_id"]),
            path=f"/client/{world.client}/skip",
            body=agent | {"reason": "other"},
        ),
        Call(
            "GET /client/{client_id}/timeline",
            _listed("kind", "at", "what"),
            path=f"/client/{world.client}/timeline",
        ),
        Call("GET /property/query", _listed("project_id", "unit_id", "price")),
        Call("GET /property/count", lambda a: a["count"] > 0),
        Call("GET /property/predict", lambda a: bool(a["why"]), params={"unit": world.units[0]}),
        Call("GET /property/recommend", lambda a: "items" in a, params=client),
        Call(
            "GET /property/compare",
            lambda a: len(a["units"]) == len(world.units),
            params={"unitA": world.units[0], "unitB": world.units[1]},
        ),
        Call("GET /behavior/query", _listed("event_id", "time_of_event")),
        Call("GET /behavior/deals", _listed("deal_id", "stage", "stage_since")),
        Call("GET /behavior/pipeline", lambda a: sum(item["n"] for item in a["items"]) == a["n"] > 0),
        Call("GET /behavior/triggers", lambda a: "items" in a),
        Call("GET /behavior/patterns", lambda a: "items" in a),
        Call("GET /behavior/predict", lambda a: bool(a), params=client),
        Call("GET /behavior/recommend", lambda a: bool(a), params=client),
        Call("GET /ingest/rejected", lambda a: "items" in a),
        Call("GET /system/queues", _listed("topic", "waiting", "failed", "oldest_s")),
        Call("GET /system/jobs", lambda a: any(run["name"] == "sweep" for run in a["runs"])),
        Call("GET /system/models", _listed("kind", "answers", "unlearned")),
        Call("GET /system/keys", lambda a: "items" in a and "hash" not in str(a)),
        Call("GET /system/users", lambda a: "items" in a and "hash" not in str(a)),
        Call("GET /healthz", lambda a: a["status"] == "ok"),
        Call("GET /readyz", lambda a: a["status"] == "ready"),
        Call("GET /metrics", lambda a: "estate_http_requests_total" in a),
    ]


def _gpt_calls(api: httpx2.Client, world: World) -> list[Call]:
    question = {
        "client_input": "Which unit fits me, and is now a good time to buy?",
        "agent_id": world.agent,
        "client_id": world.client,
        "property": world.units[0],
    }
    reply = api.post("/gpt/respond", json=question).json()
    response_id = reply.get("response_id", str(uuid.uuid4()))
    return [
        Call("POST /gpt/respond", lambda a: bool(a["text"]) and _share(a["confidence"]), body=question),
        Call("POST /gpt/respond/stream", lambda text: "event: reply" in text, body=question),
        Call(
            "GET /gpt/responses/{response_id}",
            lambda a: a["response_id"] == response_id,
            path=f"/gpt/responses/{response_id}",
        ),
        Call(
            "POST /gpt/feedback",
            lambda a: bool(a["feedback_id"]),
            body={"response_id": response_id, "verdict": "helpful"},
        ),
        Call("GET /gpt/ranking", lambda a: a["version"] >= 0),
        Call(
            "POST /gpt/ranking/rollback",  # Of a version that is not in force.
            lambda a: bool(a["detail"]),
            body={"version": 1_000_000},
            status=409,
        ),
    ]


def _person_calls() -> list[Call]:
    """Return the life of a client who comes twice, is made one, asks for the data and is erased."""
    kept, merged = str(uuid.uuid4()), str(uuid.uuid4())
    rows = [{"client_id": one, "name": "Smoke Person"} for one in (kept, merged)]
    return [
        Call("POST /client/ingest", lambda a: a["created"] == len(rows), body=rows),
        Call("POST /client/merge", lambda a: a["kept_id"] == kept, body={"keep": kept, "merge": merged}),
        Call(
            "GET /client/{client_id}/export",
            lambda a: [row["name"] for row in a["tables"]["client_profiles"]] == ["Smoke Person"],
            path=f"/client/{kept}/export",
        ),
        Call("DELETE /client/{client_id}", lambda a: a["erased"]["client_profiles"] == 1, path=f"/client/{kept}"),
    ]


def _import_calls(api: httpx2.Client) -> list[Call]:
    """Return what is done with a file of three leads, one of them with a bad number."""
    wanted = {"filename": "leads.csv", "kind": "clients"}
    brought = api.post("/imports", params=wanted, content=LEADS, headers=CSV).json()
    path = f"/imports/{brought.get('import_id', uuid.uuid4())}"
    return [
        Call("POST /imports", lambda a: a["adds_up"] and a["counts"]["read"] == 3, params=wanted, content=LEADS),
        Call("GET /imports", _listed("import_id", "state")),
        Call("GET /imports/{import_id}", lambda a: a["adds_up"], path=path),
        Call(
            "POST /imports/{import_id}/mapping",
            lambda a: a["kind"] == "clients",
            path=f"{path}/mapping",
            body={"kind": "clients"},
        ),
        Call(
            "GET /imports/{import_id}/rows",
            lambda a: [(row["line"], row["problems"][0]["column"]) for row in a["items"]] == [(BAD_LINE, "Mobile")],
            path=f"{path}/rows",
            params={"status": "rejected"},
        ),
        Call(
            "POST /imports/{import_id}/rows/{line}",
            lambda a: a["status"] == "waiting",
            path=f"{path}/rows/{BAD_LINE}",
            body={"cells": MENDED},
        ),
        Call("POST /imports/{import_id}/undo", lambda a: bool(a["detail"]), path=f"{path}/undo", body={}, status=409),
        Call(
            "POST /imports/{import_id}/commit",
            lambda a: a["state"] == "committing",
            path=f"{path}/commit",
            body={},
            status=202,
        ),
    ]


def _caller_calls() -> list[Call]:
    nobody = {"email": "nobody@example.com", "password": "a password of nobody"}
    return [
        Call("GET /auth/me", lambda a: a["role"] == "admin"),
        Call("POST /auth/login", lambda a: bool(a["detail"]), body=nobody, status=401),
        Call("POST /auth/logout", lambda a: a["logged_out"] is False),
    ]
