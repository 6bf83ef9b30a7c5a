"""A count is as long as the list with the same filters, for whoever asks."""

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.integration.api.identity import AGENT, client_of, new_key, new_owners

COLLEAGUE = "00000000-0000-4000-8000-0000000000c3"
PROJECT = "00000000-0000-4000-8000-0000000000d1"
SAID = 'A "sea" \\ Gulf view'
AREA = "00000000-0000-4000-8000-0000000000d2"


def numbered(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def client(number: int, **fields: Any) -> dict[str, Any]:
    return {"client_id": numbered(number), "owner_agent_id": str(AGENT)} | fields


def unit(number: int, **fields: Any) -> dict[str, Any]:
    return {"project_id": PROJECT, "unit_id": numbered(number)} | fields


@pytest.fixture
def house(api: TestClient) -> TestClient:
    """Five clients of two agents, and four units, seen by an administrator."""
    new_owners()
    rows = {
        "/agent/ingest": [{"agent_id": COLLEAGUE, "name": "Omar"}],
        "/market/ingest": [{"area_id": AREA, "area_name": "Canal Gate"}],
        "/client/ingest": [
            client(1, name="Huda Salem", budget="900000.00", location_targets=["Canal Gate"]),
            client(2, name="Karim Adel", budget="2000000.00", phone="+971501234567"),
            client(3, name="Omar Nasser", budget="2000000.00", currency="USD", interest={"plot": SAID}),
            client(4, owner_agent_id=COLLEAGUE, name="Huda Fahmy", updated_at="2026-01-01T00:00:00Z"),
            client(5, owner_agent_id=None),
        ],
        "/property/ingest": [
            unit(1, project={"name": "Gate", "area_id": AREA}, price="1000000.00", bedrooms=2, segment="ready"),
            unit(2, price="2000000.00", bedrooms=2, status="sold"),
            unit(3, price="1000000.00", currency="USD", bedrooms=3, title="Penthouse"),
            unit(4, bedrooms=1),
        ],
    }
    for path, sent in rows.items():
        answer = api.post(path, json=sent)
        assert answer.json()["rejected"] == 0, answer.text
    return api


def counted(caller: TestClient, layer: str, params: dict[str, str]) -> int:
    """Return the count, after it was compared with the list, read page by page."""
    answer = caller.get(f"/{layer}/count", params=params)
    assert answer.status_code == 200, answer.text
    listed, cursor = 0, dict[str, str]()
    while True:
        page = caller.get(f"/{layer}/query", params={**params, **cursor, "limit": "2"}).json()
        listed += len(page["items"])
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert answer.json() == {"count": listed}
    return listed


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, 5),
        ({"client_id": numbered(2)}, 1),
        ({"client_id": numbered(99)}, 0),
        ({"owner_agent_id": COLLEAGUE}, 1),
        ({"search": "huda"}, 2),
        ({"search": "+971501234567"}, 1),
        ({"search": '"Sea" \\ gulf'}, 1),
        ({"search": "plot"}, 0),
        ({"location": "canal"}, 1),
        ({"budget_min": "1000000"}, 1),
        ({"budget_min": "1000000", "currency": "USD"}, 1),
        ({"budget_max": "5000000"}, 2),
        ({"currency": "AED"}, 4),
        ({"updated_since": "2026-06-01T00:00:00Z"}, 4),
        ({"min_score": "0.5"}, 0),
    ],
    ids=str,
)
def test_clients_are_counted_as_they_are_listed(house: TestClient, params: dict[str, str], expected: int) -> None:
    assert counted(house, "client", params) == expected


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, 4),
        ({"project_id": PROJECT}, 4),
        ({"area_id": numbered(99)}, 0),
        ({"status": "sold"}, 1),
        ({"segment": "ready"}, 1),
        ({"bedrooms": "2"}, 2),
        ({"search": "gate"}, 4),
        ({"search": "penthouse"}, 1),
        ({"price_min": "1500000"}, 1),
        ({"price_max": "1500000", "currency": "USD"}, 1),
        ({"sort": "price"}, 2),
        ({"sort": "-updated"}, 4),
    ],
    ids=str,
)
def test_units_are_counted_as_they_are_listed(house: TestClient, params: dict[str, str], expected: int) -> None:
    assert counted(house, "property", params) == expected


@pytest.mark.parametrize(("role", "expected"), [("agent", 3), ("manager", 3), ("read_only", 5)])
def test_who_sees_fewer_clients_counts_fewer(app: FastAPI, house: TestClient, role: Any, expected: int) -> None:
    caller = client_of(app, {"X-API-Key": new_key(role)})
    assert counted(caller, "client", {}) == expected
    assert counted(caller, "client", {"owner_agent_id": COLLEAGUE}) == (1 if role == "read_only" else 0)
    assert counted(caller, "property", {}) == 4


@pytest.mark.parametrize("layer", ["client", "property"])
@pytest.mark.parametrize("params", [{"limit": "5"}, {"cursor": "x"}, {"colour": "red"}, {"currency": "dirham"}])
def test_a_count_has_no_pages_and_refuses_what_the_list_refuses(
    house: TestClient, layer: str, params: dict[str, str]
) -> None:
    answer = house.get(f"/{layer}/count", params=params)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [error["field"] for error in answer.json()["errors"]] == list(params)
