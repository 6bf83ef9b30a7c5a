"""The client endpoints: what goes in comes out, is scored, and what is wrong is named."""

import uuid
from typing import Any

import pytest
from starlette.testclient import TestClient

AGENT = "00000000-0000-4000-8000-0000000000aa"
CLIENT = "00000000-0000-4000-8000-00000000000a"
OTHER = "00000000-0000-4000-8000-00000000000b"


def post(api: TestClient, *rows: dict[str, Any]) -> Any:
    answer = api.post("/client/ingest", json=list(rows))
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def owner(api: TestClient) -> str:
    assert api.post("/agent/ingest", json={"agent_id": AGENT, "name": "Layla"}).status_code == 200
    return AGENT


def test_money_is_a_decimal_string_and_the_filters_work(api: TestClient) -> None:
    post(api, {"client_id": CLIENT, "budget": 1900000.5}, {"client_id": OTHER, "budget": "10"})
    listed = api.get("/client/query", params={"budget_min": "1000"}).json()["items"]
    assert [(item["client_id"], item["budget"]) for item in listed] == [(CLIENT, "1900000.50")]


def test_several_clients_are_found_by_their_ids_but_only_so_many(api: TestClient) -> None:
    post(api, {"client_id": CLIENT}, {"client_id": OTHER}, {"client_id": AGENT})
    wanted = {"client_id": [CLIENT, OTHER, str(uuid.UUID(int=(4 << 76) + (8 << 60)))]}
    listed = api.get("/client/query", params=wanted).json()["items"]
    assert {item["client_id"] for item in listed} == {CLIENT, OTHER}
    assert api.get("/client/count", params=wanted).json() == {"count": 2}
    refused = api.get("/client/query", params={"client_id": [CLIENT] * 51})
    assert refused.status_code == 422
    assert [problem["field"] for problem in refused.json()["errors"]] == ["client_id"]


def test_pages_follow_the_cursor(api: TestClient) -> None:
    post(api, *({"client_id": str(uuid.UUID(int=(4 << 76) + (8 << 60) + i))} for i in range(5)))
    seen, params = [], {"limit": "2"}
    for _ in range(3):
        page = api.get("/client/query", params=params).json()
        seen += [item["client_id"] for item in page["items"]]
        params["cursor"] = page["next_cursor"]
    assert len(set(seen)) == 5
    assert params["cursor"] is None


def test_an_unknown_owner_is_refused(api: TestClient) -> None:
    answer = api.post("/client/ingest", json={"client_id": CLIENT, "owner_agent_id": AGENT})
    assert answer.status_code == 422
    assert "no such agent" in answer.text
    kept = api.get("/ingest/rejected", params={"layer": "client"}).json()["items"]
    assert [item["reason"] for item in kept] == ["owner_agent_id: no such agent"]


def test_a_client_is_qualified_with_an_explanation(api: TestClient) -> None:
    post(api, {"client_id": CLIENT, "budget": "1900000.00", "interest": {"bedrooms": 2}, "qualification_score": 0.9})
    told = api.get(f"/client/qualification/{CLIENT}").json()
    assert 0 <= told["lower"] <= told["score"] <= told["upper"] <= 1
    assert told["stated_score"] == 0.9
    assert told["contributions"] or told["missing"]


def test_a_closing_is_estimated_with_and_without_a_unit(api: TestClient, owner: str) -> None:
    post(api, {"client_id": CLIENT, "owner_agent_id": owner})
    told = api.get("/client/predict", params={"client_id": CLIENT, "agent_id": owner}).json()
    assert 0 <= told["lower"] <= told["score"] <= told["upper"] <= 1
    unknown = {"client_id": CLIENT, "agent_id": owner, "unit": str(uuid.uuid4())}
    assert api.get("/client/predict", params=unknown).status_code == 404


def test_an_agent_is_told_whom_to_call(api: TestClient, owner: str) -> None:
    mine = {"owner_agent_id": owner, "phone": "+971501234567"}
    post(api, {"client_id": CLIENT} | mine, {"client_id": OTHER, "do_not_contact": True} | mine)
    told = api.get("/client/recommend", params={"agent_id": owner, "at": "2026-06-03T08:00:00Z"}).json()
    assert [item["client_id"] for item in told["items"]] == [CLIENT]
    assert told["items"][0]["reasons"]


@pytest.mark.parametrize(
    "path",
    [
        f"/client/qualification/{CLIENT}",
        f"/client/predict?client_id={CLIENT}&agent_id={AGENT}",
        f"/client/recommend?agent_id={AGENT}",
    ],
)
def test_somebody_unknown_is_not_found(api: TestClient, path: str) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_an_id_that_is_none_is_refused(api: TestClient) -> None:
    assert api.get("/client/qualification/omar").status_code == 422


def test_the_body_is_described_with_an_example_that_is_accepted(api: TestClient) -> None:
    operation = api.get("/openapi.json").json()["paths"]["/client/ingest"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    assert post(api, *example)["created"] == 1
