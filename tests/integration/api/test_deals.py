"""Deals one by one, and the open ones by stage, for whoever asks."""

import datetime as dt
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.integration.api.identity import AGENT, client_of, new_key, new_owners

COLLEAGUE = "00000000-0000-4000-8000-0000000000c3"
PROJECT, UNIT = "00000000-0000-4000-8000-0000000000d1", "00000000-0000-4000-8000-0000000000d2"
OWN, FOREIGN = (f"00000000-0000-4000-8000-0000000000e{n}" for n in (1, 2))
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


def numbered(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def ago(days: float) -> str:
    return (NOW - dt.timedelta(days=days)).isoformat().replace("+00:00", "Z")


def deal(number: int, opened: float, **fields: Any) -> dict[str, Any]:
    return {"deal_id": numbered(number), "agent_id": str(AGENT), "client_id": OWN, "opened_at": ago(opened)} | fields


def numbers(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [int(item["deal_id"][-12:], 16) for item in answer.json()["items"]]


@pytest.fixture
def house(api: TestClient) -> TestClient:
    """Six deals of two agents, seen by an administrator."""
    new_owners()
    theirs = {"agent_id": COLLEAGUE, "client_id": FOREIGN}
    rows: dict[str, list[dict[str, Any]]] = {
        "/agent/ingest": [{"agent_id": COLLEAGUE, "name": "Omar"}],
        "/client/ingest": [
            {"client_id": OWN, "owner_agent_id": str(AGENT)},
            {"client_id": FOREIGN, "owner_agent_id": COLLEAGUE},
        ],
        "/property/ingest": [{"project_id": PROJECT, "unit_id": UNIT}],
        "/behavior/deal": [
            deal(1, 90, stage="won", closed_at=ago(50), value="1000000.50", project_id=PROJECT, unit_id=UNIT),
            deal(2, 60, stage="lost", closed_at=ago(5), lost_reason="price"),
            deal(3, 40, value="500000.00"),
            deal(4, 45, stage="viewing", stages_reached={"viewing": ago(31)}, value="250000.25"),
            deal(5, 20, stage="viewing", stages_reached={"viewing": ago(10)}, value="10.00", currency="USD"),
            deal(6, 100, stage="viewing", **theirs),
        ],
    }
    for path, sent in rows.items():
        answer = api.post(path, json=sent)
        assert answer.json()["rejected"] == 0, answer.text
    return api


def test_a_deal_is_told_whole(house: TestClient) -> None:
    (told,) = house.get("/behavior/deals", params={"outcome": "won"}).json()["items"]
    assert told.pop("updated_at")
    assert told == {
        "deal_id": numbered(1),
        "agent_id": str(AGENT),
        "client_id": OWN,
        "unit": f"{PROJECT}:{UNIT}",
        "stage": "won",
        "stage_since": ago(50),
        "outcome": "won",
        "opened_at": ago(90),
        "closed_at": ago(50),
        "value": "1000000.50",
        "currency": "AED",
        "lost_reason": None,
    }


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, [5, 3, 4, 2, 1, 6]),
        ({"agent_id": str(AGENT), "outcome": "open"}, [5, 3, 4]),
        ({"agent_id": COLLEAGUE}, [6]),
        ({"client_id": OWN, "outcome": "lost"}, [2]),
        ({"unit": f"{PROJECT}:{UNIT}"}, [1]),
        ({"unit": f"{UNIT}:{PROJECT}"}, []),
        ({"stage": "viewing"}, [5, 4, 6]),
        ({"since": ago(60), "until": ago(40)}, [4, 2]),
        ({"client_id": numbered(99)}, []),
    ],
    ids=["all", "open of an agent", "of a colleague", "lost of a client", "unit", "no unit", "stage", "days", "nobody"],
)
def test_the_filters_work(house: TestClient, params: dict[str, str], expected: list[int]) -> None:
    assert numbers(house.get("/behavior/deals", params=params)) == expected


def test_pages_follow_the_cursor(house: TestClient) -> None:
    house.post("/behavior/deal", json=[deal(n, 40) for n in (7, 8)])  # Opened at one moment.
    seen: list[int] = []
    params = {"limit": "2"}
    while True:
        answer = house.get("/behavior/deals", params=params)
        seen += numbers(answer)
        if answer.json()["next_cursor"] is None:
            break
        params["cursor"] = answer.json()["next_cursor"]
    assert seen == [5, 8, 7, 3, 4, 2, 1, 6]


@pytest.mark.parametrize(
    "params", [{"outcome": "maybe"}, {"stage": "sold"}, {"unit": UNIT}, {"since": "yesterday"}, {"agent_id": "x"}]
)
def test_a_bad_filter_is_named(house: TestClient, params: dict[str, str]) -> None:
    answer = house.get("/behavior/deals", params=params)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [error["field"] for error in answer.json()["errors"]] == list(params)


def test_a_merged_client_stands_for_the_one_that_was_kept(house: TestClient) -> None:
    assert house.post("/client/merge", json={"keep": OWN, "merge": FOREIGN}).status_code == 200
    assert numbers(house.get("/behavior/deals", params={"client_id": FOREIGN})) == [5, 3, 4, 2, 1, 6]


def by_stage(answer: Any) -> dict[str, tuple[int, dict[str, tuple[int, str]], int, int]]:
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["n"] == sum(item["n"] for item in told["items"])
    assert told["stale_days"] == 30
    return {
        item["stage"]: (
            item["n"],
            {one["currency"]: (one["n"], one["value"]) for one in item["values"]},
            item["n_stale"],
            item["n_undated"],
        )
        for item in told["items"]
    }


def test_open_deals_are_summed_up_by_stage(house: TestClient) -> None:
    found = by_stage(house.get("/behavior/pipeline"))
    assert list(found) == ["new", "qualified", "viewing", "negotiation", "reserved"]
    assert found["new"] == (1, {"AED": (1, "500000.00")}, 1, 0)
    assert found["viewing"] == (3, {"AED": (1, "250000.25"), "USD": (1, "10.00")}, 1, 1)
    assert found["reserved"] == (0, {}, 0, 0)


def test_a_stage_that_nobody_dated_is_not_stale(house: TestClient, connection: Any) -> None:
    connection.exec_driver_sql("DELETE FROM deal_stages")
    found = by_stage(house.get("/behavior/pipeline"))
    assert [found["new"][2:], found["viewing"][2:]] == [(1, 0), (0, 3)]
    listed = house.get("/behavior/deals", params={"stage": "viewing"}).json()["items"]
    assert [item["stage_since"] for item in listed] == [None] * 3


def listed(house: TestClient, number: int) -> dict[str, Any]:
    items = house.get("/behavior/deals", params={"client_id": OWN}).json()["items"]
    (found,) = (item for item in items if item["deal_id"] == numbered(number))
    return dict(found)


@pytest.mark.parametrize("stage", ["negotiation", "new"])
def test_a_deal_that_opens_again_is_not_stale_by_its_former_life(house: TestClient, stage: str) -> None:
    before = by_stage(house.get("/behavior/pipeline"))[stage][2]
    for told, days in ((stage, 70), ("won", 40), (stage, 1)):
        house.post("/behavior/deal", json=deal(9, 80, stage=told, updated_at=ago(days)))
    assert listed(house, 9)["stage_since"] == ago(1)
    assert by_stage(house.get("/behavior/pipeline"))[stage][2] == before


def test_a_reversed_outcome_closes_when_it_is_reversed(house: TestClient) -> None:
    def closed(**told: Any) -> tuple[str, str]:
        house.post("/behavior/deal", json={"deal_id": numbered(9), "agent_id": str(AGENT), "client_id": OWN} | told)
        found = listed(house, 9)
        return found["closed_at"], found["stage_since"]

    assert closed(opened_at=ago(80), stage="won", closed_at=ago(70), updated_at=ago(69)) == (ago(70), ago(70))
    assert closed(stage="won", updated_at=ago(60)) == (ago(70), ago(70)), "the same outcome again"
    assert closed(stage="lost", updated_at=ago(2)) == (ago(2), ago(2))
    assert closed(stage="won", closed_at=ago(50), updated_at=ago(1)) == (ago(50), ago(50)), "a stated time counts"


@pytest.mark.parametrize("role", ["agent", "manager"])
def test_a_member_sees_the_deals_of_own_clients_only(app: FastAPI, house: TestClient, role: Any) -> None:
    member = client_of(app, {"X-API-Key": new_key(role)})
    assert numbers(member.get("/behavior/deals")) == [5, 3, 4, 2, 1]
    assert numbers(member.get("/behavior/deals", params={"agent_id": COLLEAGUE})) == []
    assert numbers(member.get("/behavior/deals", params={"client_id": FOREIGN})) == []
    assert by_stage(member.get("/behavior/pipeline"))["viewing"][0] == 2


def test_deals_behind_the_leaderboard_are_as_many_as_it_counts(house: TestClient) -> None:
    (place,) = [item for item in house.get("/agent/rankings").json()["items"] if item["agent_id"] == str(AGENT)]
    closed = [
        numbers(house.get("/behavior/deals", params={"agent_id": str(AGENT), "outcome": outcome}))
        for outcome in ("won", "lost")
    ]
    running = numbers(house.get("/behavior/deals", params={"agent_id": str(AGENT), "outcome": "open"}))
    assert (place["n"], place["open_deals"]) == (len(closed[0] + closed[1]), len(running))
