"""Two clients that are one person are found and made one, and nothing of either is lost."""

import datetime as dt
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.orm import Session
from starlette.testclient import TestClient
from tests.integration.api.identity import AGENT as OWNER
from tests.integration.api.identity import client_of, new_key, new_owners
from tests.live import committing

from estate.api.merging import merge_clients
from estate.behavior import service as behavior
from estate.client.schemas import MergeIn, ScoreMade
from estate.client.service import MERGED, get_client, store_scores
from estate.core.db import Database, unit_of_work, use_database
from estate.core.ingest import SourceRow
from estate.core.security import Actor

AGENT = "00000000-0000-4000-8000-0000000000aa"
KEEP, MERGE, THIRD, NOBODY = (f"00000000-0000-4000-8000-00000000000{n}" for n in "1234")
NAME = "estate_merging"


def client(client_id: str, **fields: Any) -> dict[str, Any]:
    return {"client_id": client_id, "updated_at": "2026-01-01T00:00:00Z"} | fields


def event(number: int, client_id: str, **fields: Any) -> dict[str, Any]:
    row = {"event_id": f"00000000-0000-4000-8000-0000000005{number:02}", "agent_id": AGENT, "client_id": client_id}
    return row | {"time_of_event": "2026-03-01T12:00:00Z", "trigger_word": "discount"} | fields


def deal(number: int, client_id: str, **fields: Any) -> dict[str, Any]:
    row = {"deal_id": f"00000000-0000-4000-8000-0000000006{number:02}", "agent_id": AGENT, "client_id": client_id}
    return row | {"opened_at": "2026-02-01T00:00:00Z"} | fields


def talk(number: int, client_id: str) -> dict[str, Any]:
    row = {"conversation_id": f"00000000-0000-4000-8000-0000000007{number:02}", "agent_id": AGENT}
    return row | {"client_id": client_id, "turns": [{"speaker": "client", "text": "Is there a payment plan?"}]}


class Desk:
    """Speaks HTTP and remembers how."""

    def __init__(self, api: TestClient) -> None:
        self.api = api

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        answer = self.api.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, path: str, status: int = 200, **params: Any) -> Any:
        answer = self.api.get(path, params=params)
        assert answer.status_code == status, answer.text
        return answer.json()

    def clients(self, *rows: dict[str, Any]) -> None:
        self.post("/client/ingest", list(rows))

    def merge(self, keep: str = KEEP, merge: str = MERGE, status: int = 200) -> Any:
        return self.post("/client/merge", {"keep": keep, "merge": merge}, status)

    def profile(self, client_id: str = KEEP) -> Any:
        (found,) = self.get("/client/query", client_id=client_id)["items"]
        return found

    def pairs(self, **params: Any) -> list[tuple[str, str, list[str], str]]:
        items = self.get("/client/duplicates", **params)["items"]
        return [(i["keep"]["client_id"], i["merge"]["client_id"], i["agree"], i["confidence"]) for i in items]


@pytest.fixture
def desk(api: TestClient) -> Desk:
    found = Desk(api)
    found.post("/agent/ingest", {"agent_id": AGENT, "name": "Layla"})
    return found


@pytest.fixture
def two(desk: Desk) -> Desk:
    """Two clients of one agent, with a history each."""
    desk.clients(client(KEEP, name="Omar"), client(MERGE, name="Omar N.", owner_agent_id=AGENT))
    desk.post("/behavior/deal", [deal(1, KEEP, stage="won", closed_at="2026-04-01T00:00:00Z"), deal(2, MERGE)])
    desk.post("/behavior/conversation", talk(1, MERGE))
    desk.post("/behavior/ingest", [event(1, KEEP), event(2, MERGE), event(3, MERGE, agent_id=None)])
    spoken = {"agent_id": AGENT, "channel": "meeting", "outcome": "reached", "at": "2026-03-01T08:00:00Z"}
    desk.post(f"/client/{MERGE}/contact", spoken)
    desk.post(f"/client/{MERGE}/skip", {"agent_id": AGENT, "reason": "busy"})
    return desk


def counts(connection: Connection) -> dict[str, int]:
    found = connection.execute(
        text("""
        SELECT 'won', count(*) FROM behavior_events WHERE folded_outcome = 'won' AND trigger_word = 'discount'
        UNION ALL SELECT 'open', count(*) FROM behavior_events WHERE folded_outcome = 'open'
            AND trigger_word = 'discount'
        """)
    )
    return {row[0]: row[1] for row in found}


# Duplicates


@pytest.mark.parametrize(
    ("one", "two", "agree", "confidence"),
    [
        ({"phone": "+12025550100"}, {"phone": "+12025550100"}, ["phone"], "certain"),
        ({"email": "omar@example.com"}, {"email": "Omar@Example.com"}, ["email"], "certain"),
        (
            {"name": "أحمد مُنى", "budget": 5},
            {"name": "احمد  مني", "budget": 5},
            ["name", "budget"],
            "possible",
        ),
        (
            {"name": "José O'Neil", "location_targets": [{"area_name": "Canal Gate"}]},
            {"name": "JOSE O NEIL", "location_targets": ["canal gate", "Palm"]},
            ["name", "location_targets"],
            "possible",
        ),
        (
            {"name": "Omar", "owner_agent_id": AGENT},
            {"name": "omar", "owner_agent_id": AGENT},
            ["name", "owner_agent_id"],
            "possible",
        ),
    ],
)
def test_two_records_of_one_person_are_reported(
    desk: Desk, one: dict[str, Any], two: dict[str, Any], agree: list[str], confidence: str
) -> None:
    desk.clients(client(KEEP, **one), client(MERGE, **two), client(THIRD, name="Sara", budget=9))
    assert desk.pairs() == [(KEEP, MERGE, agree, confidence)]


def test_a_name_alone_and_a_budget_in_another_currency_are_no_match(desk: Desk) -> None:
    desk.clients(client(KEEP, name="Omar", budget=5), client(MERGE, name="Omar", budget=5, currency="USD"))
    assert desk.pairs() == []


def test_the_one_with_more_history_is_kept_and_contact_details_are_not_told(two: Desk) -> None:
    two.clients(client(KEEP, phone="+12025550100"), client(MERGE, phone="+12025550100"))
    (found,) = two.get("/client/duplicates")["items"]
    assert (found["keep"]["client_id"], found["keep"]["n_history"]) == (MERGE, 5)
    assert (found["merge"]["client_id"], found["merge"]["n_history"]) == (KEEP, 2)
    assert "2025550100" not in str(found)


def test_a_large_group_is_paired_with_its_first_and_paged(desk: Desk) -> None:
    ids = [f"00000000-0000-4000-8000-0000000001{n:02}" for n in range(7)]
    desk.clients(*(client(i, phone="+12025550100") for i in ids))
    seen: list[Any] = []
    params: dict[str, Any] = {"limit": 4}
    while True:
        page = desk.get("/client/duplicates", **params)
        seen += [(i["keep"]["client_id"], i["merge"]["client_id"]) for i in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert seen == [(ids[0], other) for other in ids[1:]]


# Merging


def test_the_scores_of_both_are_one_history(two: Desk, session: Session) -> None:
    then = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    for client_id, score, days in ((KEEP, 0.2, 0), (MERGE, 0.4, 0), (MERGE, 0.6, 1)):
        made = {uuid.UUID(client_id): ScoreMade(score, 0.0, 1.0, 40, None)}
        store_scores(session, made, then + dt.timedelta(days=days))
    assert two.merge()["moved"]["client_scores"] == 1
    history = two.get(f"/client/qualification/{KEEP}")["history"]
    assert [row["score"] for row in history] == [0.6, 0.2]


def test_a_merge_keeps_the_history_and_writes_down_what_it_moved(two: Desk, drain: Callable[[], int]) -> None:
    told = two.merge()
    assert told["moved"] == {
        "behavior_events": 3,
        "call_skips": 1,
        "client_scores": 0,
        "contacts": 1,
        "conversations": 1,
        "deals": 1,
        "gpt_responses": 0,
    }
    assert (told["merged_into"], told["kept_id"], told["filled"]) == (KEEP, KEEP, ["owner_agent_id"])
    drain()
    events = two.get("/behavior/query", client_id=KEEP)["items"]
    assert len(events) == 4
    assert two.get("/behavior/query", client_id=MERGE)["items"] == events
    assert two.profile()["name"] == "Omar"
    assert two.profile()["owner_agent_id"] == AGENT
    assert [item["client_id"] for item in two.get("/client/query")["items"]] == [KEEP]
    two.clients(client(KEEP, phone="+971501234567"))
    found = two.get("/client/recommend", agent_id=AGENT, at="2026-06-03T08:00:00Z")
    assert ([item["client_id"] for item in found["items"]], found["held"]) == ([KEEP], [])
    kinds = [item["kind"] for item in two.get(f"/client/{KEEP}/timeline")["items"]]
    assert [kinds.count(kind) for kind in ("contact", "skip", "event")] == [1, 1, 4]


def test_the_merged_id_is_gone_and_names_the_kept_one(two: Desk) -> None:
    two.merge()
    for path, params in (
        (f"/client/qualification/{MERGE}", {}),
        ("/client/query", {"client_id": MERGE}),
        ("/client/count", {"client_id": MERGE}),
        ("/client/predict", {"client_id": MERGE, "agent_id": AGENT}),
        ("/behavior/predict", {"client_id": MERGE}),
        ("/property/recommend", {"client_id": MERGE}),
    ):
        problem = two.get(path, 410, **params)
        assert KEEP in problem["detail"], path


def test_among_several_ids_a_merged_one_is_left_out(two: Desk) -> None:
    two.merge()
    (found,) = two.get("/client/query", client_id=[KEEP, MERGE])["items"]
    assert found["client_id"] == KEEP
    assert two.get("/client/count", client_id=[KEEP, MERGE]) == {"count": 1}


def test_a_repeated_event_of_the_merged_client_is_a_duplicate(two: Desk) -> None:
    two.merge()
    assert two.post("/behavior/event", event(2, MERGE))["status"] == "duplicate"
    assert two.post("/behavior/ingest", [event(2, MERGE), event(3, MERGE, agent_id=None)])["duplicate"] == 2
    assert two.post("/behavior/event", event(2, MERGE, trigger_word="other"), 409)["status"] == 409
    assert two.post("/behavior/conversation", talk(1, MERGE))["duplicate"] == 1


def test_what_comes_later_under_the_merged_id_goes_to_the_kept_client(two: Desk, drain: Callable[[], int]) -> None:
    two.merge()
    late = [event(10, MERGE), event(11, KEEP), event(12, NOBODY)]
    told = two.post("/behavior/ingest", late)
    assert [item["status"] for item in told["items"]] == ["created", "created", "rejected"]
    assert two.post("/behavior/event", event(13, MERGE), 202)["status"] == "created"
    assert two.post("/behavior/event", event(13, MERGE))["status"] == "duplicate"
    assert two.post("/behavior/conversation", talk(2, MERGE))["created"] == 1
    assert two.post("/behavior/deal", [deal(3, MERGE), deal(2, MERGE, stage="lost")])["created"] == 1
    drain()
    assert len(two.get("/behavior/query", client_id=KEEP)["items"]) == 8


def test_counts_of_triggers_equal_a_recount_after_a_merge(
    two: Desk, connection: Connection, drain: Callable[[], int]
) -> None:
    drain()
    before = counts(connection)
    assert before == {"won": 1, "open": 2}
    two.post("/behavior/deal", deal(2, MERGE, opened_at="2026-01-01T00:00:00Z"))
    drain()
    assert counts(connection) == before
    two.merge()
    drain()
    after = counts(connection)
    assert after == {"won": 2, "open": 1}, "the event is now nearest to the newer deal of the kept client"
    stats = connection.execute(text("SELECT n_won, n_open FROM trigger_stats WHERE term = 'discount'")).one()
    assert tuple(stats) == (after["won"], after["open"])


def test_the_ranking_counts_the_same_deals_after_a_merge(two: Desk, drain: Callable[[], int]) -> None:
    drain()
    before = two.get("/agent/rankings")["items"]
    two.merge()
    drain()
    after = two.get("/agent/rankings")["items"]
    assert [(a["agent_id"], a["n"]) for a in after] == [(a["agent_id"], a["n"]) for a in before]
    assert before[0]["n"] == 1


def test_the_stricter_rule_survives_and_contacts_of_both_are_kept(desk: Desk) -> None:
    contacts = [{"channel": "call"}, {"channel": "chat"}]
    desk.clients(
        client(KEEP, contact_consent=True, owner_agent_id=AGENT, response_history=contacts[:1], interest=[], budget=7),
        client(
            MERGE,
            contact_consent=False,
            do_not_contact=True,
            response_history=contacts,
            interest=["villa"],
            budget=9,
            currency="USD",
            phone="+12025550100",
            updated_at="2026-02-01T00:00:00Z",
        ),
    )
    desk.merge()
    kept = desk.profile()
    assert (kept["contact_consent"], kept["do_not_contact"]) == (False, True)
    assert (kept["response_history"], kept["interest"], kept["phone"]) == (contacts, ["villa"], "+12025550100")
    assert (kept["budget"], kept["currency"], kept["updated_at"][:10]) == ("7.00", "AED", "2026-02-01")
    assert desk.get("/client/recommend", agent_id=AGENT)["items"] == []


def test_a_late_profile_of_the_merged_client_fills_gaps_and_forbids(two: Desk) -> None:
    two.merge()
    late = client(MERGE, name="Other", budget=3, do_not_contact=True, updated_at="2026-05-01T00:00:00Z")
    told = two.post("/client/ingest", late)
    assert [(item["id"], item["status"]) for item in told["items"]] == [(KEEP, "updated")]
    assert two.post("/client/ingest", late)["stale"] == 1
    kept = two.profile()
    assert (kept["name"], kept["budget"], kept["do_not_contact"]) == ("Omar", "3.00", True)
    two.post("/client/ingest", client(MERGE, do_not_contact=False, updated_at="2026-06-01T00:00:00Z"))
    assert two.profile()["do_not_contact"] is True


def test_a_client_merged_into_one_of_another_team_does_not_come_back(two: Desk, app: FastAPI) -> None:
    new_owners()
    owners = {KEEP: AGENT, MERGE: str(OWNER)}
    two.post(
        "/client/ingest",
        [client(one, owner_agent_id=owner, updated_at="2026-02-02T00:00:00Z") for one, owner in owners.items()],
    )
    two.merge()
    manager = client_of(app, {"X-API-Key": new_key("manager")})
    answer = manager.post("/client/ingest", json=[client(MERGE, owner_agent_id=str(OWNER))])
    assert [error["message"] for error in answer.json()["errors"]] == [MERGED]
    assert manager.get("/client/query").json()["items"] == []
    assert [one["client_id"] for one in two.get("/client/query")["items"]] == [KEEP]


def test_merging_again_changes_nothing_and_chains_lead_to_the_end(two: Desk, drain: Callable[[], int]) -> None:
    first = two.merge()
    assert two.merge() == first
    two.clients(client(THIRD, name="Omar"))
    two.merge(THIRD, KEEP)
    assert two.merge(THIRD, MERGE)["kept_id"] == THIRD
    assert two.merge(KEEP, MERGE) == first | {"kept_id": THIRD}
    assert two.post("/behavior/event", event(20, MERGE), 202)["status"] == "created"
    drain()
    assert len(two.get("/behavior/query", client_id=THIRD)["items"]) == 5
    assert THIRD in two.get(f"/client/qualification/{MERGE}", 410)["detail"]


def test_what_cannot_be_merged_is_said(two: Desk) -> None:
    assert "itself" in two.merge(KEEP, KEEP, 422)["detail"]
    assert "`merge`" in two.merge(KEEP, NOBODY, 404)["detail"]
    assert "`keep`" in two.merge(NOBODY, KEEP, 404)["detail"]
    two.clients(client(THIRD))
    two.merge()
    assert "one client already" in two.merge(MERGE, KEEP, 409)["detail"]
    assert KEEP in two.merge(THIRD, MERGE, 409)["detail"]


def test_search_forgets_the_merged_client_and_scores_the_kept_one(
    two: Desk, connection: Connection, drain: Callable[[], int]
) -> None:
    drain()
    two.merge()
    drain()
    ids = connection.execute(text("SELECT record_id FROM documents WHERE layer = 'client'")).scalars().all()
    assert ids == [KEEP]
    assert two.profile()["qualification_score"] == pytest.approx(two.get(f"/client/qualification/{KEEP}")["score"])


def test_every_table_that_refers_to_clients_is_handed_over(two: Desk, connection: Connection) -> None:
    inspector = inspect(connection)
    referring = {
        table
        for table in inspector.get_table_names()
        for key in inspector.get_foreign_keys(table)
        if key["referred_table"] == "client_profiles"
    }
    assert referring - {"client_merges"} == set(two.merge()["moved"])


# Transactions that overlap; these commit, in a database of their own


@pytest.fixture(scope="module")
def own_database(engine: Engine) -> Iterator[Database]:
    with committing(engine, NAME) as database:
        yield database


@pytest.fixture
def committed(own_database: Database) -> Iterator[None]:
    with use_database(own_database):
        with unit_of_work(Actor.system()) as session:
            session.execute(text("INSERT INTO agent_activity (agent_id, currency) VALUES (:id, 'AED')"), {"id": AGENT})
            clients = "INSERT INTO client_profiles (client_id, currency) VALUES (:keep, 'AED'), (:merge, 'AED')"
            session.execute(text(clients), {"keep": KEEP, "merge": MERGE})
        yield
        with unit_of_work(Actor.system()) as session:
            session.execute(text("TRUNCATE agent_activity, client_profiles, client_merges, outbox CASCADE"))


def merge(session: Session) -> None:
    merge_clients(session, MergeIn.model_validate({"keep": KEEP, "merge": MERGE}), by="test")


def holders(table: str) -> list[str]:
    with unit_of_work(Actor.system()) as session:
        return list(session.scalars(text(f"SELECT CAST(client_id AS text) FROM {table}")))


def until_somebody_waits() -> None:
    deadline = time.monotonic() + 4
    query = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"
    while True:
        with unit_of_work(Actor.system()) as session:
            if session.scalar(text(query)):
                return
        assert time.monotonic() < deadline
        time.sleep(0.01)


SENT: list[tuple[Any, dict[str, Any], str]] = [
    (behavior.ingest_events, event(1, MERGE), "behavior_events"),
    (behavior.ingest_deals, deal(1, MERGE), "deals"),
    (behavior.ingest_conversations, talk(1, MERGE), "conversations"),
]


@pytest.mark.parametrize(("verb", "row", "table"), SENT, ids=[table for _, _, table in SENT])
@pytest.mark.parametrize("first", ["merge", "sender"])
def test_what_arrives_during_a_merge_ends_with_the_kept_client(
    committed: None, verb: Any, row: dict[str, Any], table: str, first: str
) -> None:
    told: list[str] = []

    def send(session: Session) -> None:
        told.extend(item.status for item in verb(session, [SourceRow(0, row)]).items)

    def other() -> None:
        with unit_of_work(Actor.system()) as session:
            (send if first == "merge" else merge)(session)

    with unit_of_work(Actor.system()) as session:
        (merge if first == "merge" else send)(session)
        thread = threading.Thread(target=other)
        thread.start()
        until_somebody_waits()
    thread.join(timeout=30)
    assert told == ["created"]
    assert holders(table) == [KEEP]
    with unit_of_work(Actor.system()) as session:
        assert str(get_client(session, session.scalar(text("SELECT client_id FROM client_profiles"))).client_id) == KEEP
