"""The agent endpoints: what goes in comes out, and what is wrong is named."""

import uuid
from typing import Any

import pytest
from starlette.testclient import TestClient

AGENT = "00000000-0000-4000-8000-00000000000a"
OTHER = "00000000-0000-4000-8000-00000000000b"
CLIENT = "00000000-0000-4000-8000-0000000000cc"


def post(api: TestClient, *rows: dict[str, Any]) -> Any:
    answer = api.post("/agent/ingest", json=list(rows))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_batch_says_what_became_of_each_row(api: TestClient) -> None:
    told = post(api, {"agent_id": AGENT, "name": "Layla"}, {"agent_id": OTHER, "closing_rate": 7}, {"agent_id": AGENT})
    assert (told["created"], told["updated"], told["rejected"]) == (1, 1, 1)
    assert [item["status"] for item in told["items"]] == ["created", "rejected", "updated"]
    assert "closing_rate" in told["items"][1]["problem"]
    listed = api.get("/agent/query", params={"search": "layla"}).json()
    assert [item["agent_id"] for item in listed["items"]] == [AGENT]
    assert listed["next_cursor"] is None


def test_a_bad_object_is_a_problem_that_names_the_field(api: TestClient) -> None:
    answer = api.post("/agent/ingest", json={"agent_id": AGENT, "calls_per_day": "many"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == "calls_per_day"


def test_writing_needs_a_key(api: TestClient) -> None:
    assert api.post("/agent/ingest", json=[], headers={"X-API-Key": ""}).status_code == 401


def test_an_unknown_parameter_is_refused(api: TestClient) -> None:
    assert api.get("/agent/query", params={"nmae": "Layla"}).status_code == 422


def test_every_ingested_agent_is_ranked(api: TestClient) -> None:
    post(
        api,
        {"agent_id": AGENT, "name": "Layla", "deals_closed": 30, "closing_rate": 0.5},
        {"agent_id": OTHER, "name": "New"},
    )
    places = api.get("/agent/rankings").json()["items"]
    assert [place["agent_id"] for place in places] == [AGENT, OTHER]
    assert places[0]["reasons"]
    assert places[1]["status"] == "insufficient_data"


def test_a_forecast_of_closings_comes_with_its_interval(api: TestClient) -> None:
    post(api, {"agent_id": AGENT, "name": "Layla"})
    told = api.get("/agent/predict", params={"agent_id": AGENT}).json()
    assert (told["agent_id"], told["horizon_days"]) == (AGENT, 30)
    assert told["status"] == "insufficient_data" or told["lower"] <= told["expected"] <= told["upper"]


def test_agents_are_recommended_for_a_client(api: TestClient) -> None:
    post(api, {"agent_id": AGENT, "name": "Layla"})
    api.post("/client/ingest", json={"client_id": CLIENT, "name": "Omar"})
    told = api.get("/agent/recommend", params={"client_id": CLIENT}).json()
    assert [item["agent_id"] for item in told["items"]] == [AGENT]


@pytest.mark.parametrize("path", ["/agent/predict?agent_id=", "/agent/recommend?client_id="])
def test_somebody_unknown_is_not_found(api: TestClient, path: str) -> None:
    answer = api.get(f"{path}{uuid.uuid4()}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_the_body_is_described_with_an_example_that_is_accepted(api: TestClient) -> None:
    operation = api.get("/openapi.json").json()["paths"]["/agent/ingest"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    assert post(api, *example)["created"] == 1
