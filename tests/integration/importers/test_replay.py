"""Refused rows sent through ingestion again count as of when they came, and overwrite nothing newer."""

import datetime as dt
import json
import uuid
from typing import Any

from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from estate.importers.batches import Report
from estate.importers.replay import replay

AGENT, CLIENT, AREA, UNIT = (str(uuid.UUID(int=n, version=4)) for n in range(1, 5))
NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


def send(api: TestClient, path: str, row: dict[str, Any], status: int = 200) -> None:
    answer = api.post(f"/{path}", json=row)
    assert answer.status_code == status, answer.text


def age(connection: Connection, days: int = 20) -> dt.datetime:
    """Let what was refused have come some days ago."""
    shifted = "UPDATE rejected_rows SET received_at = now() - make_interval(days => :days) RETURNING received_at"
    moment: dt.datetime = connection.execute(text(shifted), {"days": days}).scalars().all()[0]
    return moment


def again(repairs: dict[int, bytes] | None = None) -> Report:
    return replay(None, repairs, lambda _: None, now=NOW)


def test_a_row_that_came_before_the_stored_one_is_stale_and_takes_back_no_refusal_of_contact(
    api: TestClient, connection: Connection
) -> None:
    row = {"client_id": CLIENT, "name": "Rita", "budget": "1000000.00", "owner_agent_id": AGENT}
    send(api, "client/ingest", row | {"do_not_contact": False}, 422)
    send(api, "agent/ingest", {"agent_id": AGENT, "name": "Late"})
    send(api, "client/ingest", row | {"budget": "3000000.00", "do_not_contact": True})
    assert dict(again().made["clients"]) == {"stale": 1}
    (client,) = api.get("/client/query", params={"client_id": CLIENT}).json()["items"]
    assert (client["budget"], client["do_not_contact"]) == ("3000000.00", True)
    waiting = connection.scalar(text("SELECT count(*) FROM rejected_rows WHERE replayed_at IS NULL"))
    assert waiting == 0, "a stale row was taken; it does not wait for ever"


def test_what_states_no_time_is_dated_by_its_receipt(api: TestClient, connection: Connection) -> None:
    unit = {"project_id": UNIT, "unit_id": UNIT, "area_id": AREA, "title": "Late"}
    event, deal, talk = (str(uuid.uuid4()) for _ in range(3))
    pair = {"agent_id": AGENT, "client_id": CLIENT}
    send(api, "property/ingest", unit | {"project": {"name": "Late"}}, 422)
    send(api, "client/ingest", {"client_id": CLIENT, "owner_agent_id": AGENT}, 422)
    send(api, "behavior/ingest", {"event_id": event, **pair, "trigger_word": "sea view"}, 422)
    send(api, "behavior/deal", {"deal_id": deal, **pair, "stage": "won"}, 422)
    turns = [{"speaker": "client", "text": "Is there a sea view?"}]
    send(api, "behavior/conversation", {"conversation_id": talk, **pair, "turns": turns}, 422)
    came = age(connection)
    send(api, "agent/ingest", {"agent_id": AGENT, "name": "Late"})
    send(api, "market/ingest", {"area_id": AREA, "area_name": "Late Bay"})
    assert again().refused == 0
    moments = connection.execute(
        text("""
        SELECT updated_at FROM properties UNION ALL SELECT updated_at FROM projects
        UNION ALL SELECT updated_at FROM client_profiles UNION ALL SELECT time_of_event FROM behavior_events
        UNION ALL SELECT updated_at FROM deals UNION ALL SELECT closed_at FROM deals
        UNION ALL SELECT reached_at FROM deal_stages UNION ALL SELECT started_at FROM conversations
        """)
    ).scalars()
    assert set(moments) == {came}


def test_a_snapshot_keeps_its_day_and_restates_no_newer_one(api: TestClient, connection: Connection) -> None:
    loose = {"area_id": AREA, "area_name": "Old Bay", "price_avg": "1000000.00", "sales_volume": 5}
    stated = loose | {"observed_on": "2026-06-30"}
    for row in (loose, stated):
        send(api, "market/ingest", row | {"currency": "XXQ"}, 422)
    came = age(connection)
    send(api, "market/ingest", stated | {"area_name": "New Bay", "price_avg": "2000000.00"})
    ids = connection.execute(text("SELECT rejected_id FROM rejected_rows ORDER BY rejected_id")).scalars()
    repairs = dict(zip(ids, (json.dumps(row).encode() for row in (loose, stated)), strict=True))
    assert dict(again(repairs).made["snapshots"]) == {"created": 1, "stale": 1}
    stored = connection.execute(
        text("SELECT observed_on, price_avg FROM market_snapshots ORDER BY observed_on, price_avg")
    )
    expected = [(dt.date(2026, 6, 30), 2_000_000), (came.date(), 1_000_000)]
    assert sorted(map(tuple, stored)) == sorted(expected)
    (area,) = api.get("/market/query").json()["items"]
    assert area["area_name"] == "New Bay"
