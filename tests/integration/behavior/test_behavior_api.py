"""The layer over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from estate.core.db import unit_of_work
from estate.core.security import Actor

from .conftest import World, fill, numbered


@pytest.fixture
def world(database: None) -> World:
    with unit_of_work(Actor.system()) as session:
        return fill(session)


def test_a_single_event_is_accepted_once(api: TestClient, world: World) -> None:
    row = world.event(1, trigger_word="discount")
    first, again = api.post("/behavior/event", json=row), api.post("/behavior/event", json=row)
    assert (first.status_code, first.json()) == (202, {"event_id": numbered(5, 1), "status": "created"})
    assert (again.status_code, again.json()) == (200, {"event_id": numbered(5, 1), "status": "duplicate"})


def test_another_event_under_the_same_id_is_409_and_kept(api: TestClient, world: World) -> None:
    api.post("/behavior/event", json=world.event(1, trigger_word="first"))
    answer = api.post("/behavior/event", json=world.event(1, trigger_word="second"))
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    (kept,) = api.get("/ingest/rejected", params={"layer": "behavior"}).json()["items"]
    assert kept["status"] == "conflict"


@pytest.mark.parametrize(
    "change", [{"event_id": "x"}, {"agent_id": numbered(1, 99)}, {"agent_id": None, "client_id": None}, {"extra": 1}]
)
def test_a_bad_event_is_422_with_its_field(api: TestClient, world: World, change: dict[str, Any]) -> None:
    answer = api.post("/behavior/event", json=world.event(1) | change)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["errors"]


def test_an_array_is_no_single_event(api: TestClient, world: World) -> None:
    assert api.post("/behavior/event", json=[world.event(1)]).status_code == 422


@pytest.mark.parametrize("path", ["event", "ingest", "deal", "conversation"])
def test_writing_needs_a_key(api: TestClient, world: World, path: str) -> None:
    assert api.post(f"/behavior/{path}", json=[], headers={"X-API-Key": ""}).status_code == 401


def test_a_batch_tells_of_each_row(api: TestClient, world: World) -> None:
    rows = [world.event(1), world.event(1), world.event(1, trigger_word="x"), world.event(2, client_id="x")]
    answer = api.post("/behavior/ingest", json=rows)
    assert answer.status_code == 200
    told = answer.json()
    assert [item["status"] for item in told["items"]] == ["created", "duplicate", "conflict", "rejected"]
    assert [told[name] for name in ("created", "duplicate", "conflict", "rejected")] == [1, 1, 1, 1]
    assert told["items"][3]["problem"].startswith("client_id: ")


def test_from_events_to_triggers(api: TestClient, world: World, drain: Callable[[], int]) -> None:
    words = {"payment plan": 1, "too expensive": -1}
    rows = [
        world.event(100 * i + j, trigger_word=word, conversion_effect=effect, agent_id=world.agents[j % 2])
        for i, (word, effect) in enumerate(words.items())
        for j in range(30)
    ]
    assert api.post("/behavior/ingest", json=rows).json()["created"] == 60
    assert api.get("/behavior/triggers").json()["items"] == []
    drain()
    found = api.get("/behavior/triggers", params={"top_n": 5}).json()
    assert {t["term"]: t["lift"] > 1 for t in found["items"]} == {"payment plan": True, "too expensive": False}
    # Each unit holds one of the two, so that one fact is proven, not two.
    assert [t["evidence"] for t in found["items"]] == ["proven", "candidate"]
    events = api.get("/behavior/query", params={"trigger_word": "payment plan", "limit": 200}).json()["items"]
    assert {(e["pattern_group"], e["folded_outcome"]) for e in events} == {("won", "won")}
    assert api.get("/behavior/patterns").json()["events"] == {"won": 30, "lost": 30}


def test_deals_and_conversations_are_taken_one_or_many(api: TestClient, world: World, drain: Callable[[], int]) -> None:
    assert api.post("/behavior/deal", json=world.deal(1, stage="won")).json()["created"] == 1
    assert api.post("/behavior/deal", json=[world.deal(1, stage="lost"), world.deal(2)]).json()["updated"] == 1
    talk = world.talk(1, [("client", "Is there a payment plan?")], deal_id=numbered(6, 1))
    assert api.post("/behavior/conversation", json=talk).json()["created"] == 1
    drain()
    (event,) = api.get("/behavior/query", params={"trigger_word": "payment plan"}).json()["items"]
    assert (event["folded_outcome"], event["folded_deal_id"]) == ("lost", numbered(6, 1))


def test_the_client_endpoints_answer(api: TestClient, world: World, drain: Callable[[], int]) -> None:
    api.post("/behavior/ingest", json=[world.event(i, trigger_word="visit") for i in range(8)])
    drain()
    step = api.get("/behavior/predict", params={"client_id": world.clients[0]})
    assert (step.status_code, step.json()["items"][0]["step"]) == (200, "visit")
    advice = api.get("/behavior/recommend", params={"client_id": world.clients[0]})
    assert (advice.status_code, advice.json()["client_id"]) == (200, world.clients[0])
    for path in ("predict", "recommend"):
        assert api.get(f"/behavior/{path}", params={"client_id": numbered(2, 99)}).status_code == 404


def test_units_and_times_filter_over_http(api: TestClient, world: World) -> None:
    unit = {"property_project_id": world.project, "property_unit_id": world.units[0]}
    api.post("/behavior/ingest", json=[world.event(1, **unit), world.event(2)])
    wanted = {"unit": f"{world.project}:{world.units[0]}", "since": "2026-01-01T00:00:00Z"}
    assert [e["event_id"] for e in api.get("/behavior/query", params=wanted).json()["items"]] == [numbered(5, 1)]


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("query", {"unit": "x"}),
        ("query", {"colour": "red"}),
        ("query", {"limit": "201"}),
        ("triggers", {"top_n": "0"}),
        ("predict", {}),
        ("recommend", {"client_id": "x"}),
    ],
)
def test_bad_parameters_are_422(api: TestClient, path: str, params: dict[str, str]) -> None:
    answer = api.get(f"/behavior/{path}", params=params)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_a_foreign_cursor_is_400(api: TestClient) -> None:
    assert api.get("/behavior/query", params={"cursor": "abc"}).status_code == 400


def test_every_path_is_described(api: TestClient) -> None:
    paths = api.get("/openapi.json").json()["paths"]
    posts = {p for p, verbs in paths.items() if p.startswith("/behavior") and "post" in verbs}
    gets = {p for p, verbs in paths.items() if p.startswith("/behavior") and "get" in verbs}
    assert posts == {f"/behavior/{name}" for name in ("event", "ingest", "conversation", "deal")}
    reads = ("query", "deals", "pipeline", "predict", "recommend", "triggers", "patterns")
    assert gets == {f"/behavior/{name}" for name in reads}
    assert all("requestBody" in paths[path]["post"] for path in posts)


def test_the_examples_of_the_docs_are_valid(session: Session) -> None:
    from estate.api.routers import behavior
    from estate.behavior.schemas import ConversationIn, DealIn, EventIn

    for model, example in ((EventIn, behavior.EVENT), (DealIn, behavior.DEAL), (ConversationIn, behavior.CONVERSATION)):
        model.model_validate(example)
