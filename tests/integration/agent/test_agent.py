"""Agents are upserted, listed, described for search, and their counters follow the events."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from estate.agent import service
from estate.agent.errors import AgentNotFound
from estate.agent.schemas import AgentFilter
from estate.agent.tasks import FOLD, fold
from estate.core.db import unit_of_work
from estate.core.documents import DOCUMENT_TOPIC
from estate.core.errors import BadRequest
from estate.core.ingest import IngestResult, SourceRow
from estate.core.models import OutboxRow, Team
from estate.core.outbox import Claim, Job, drain, enqueue
from estate.core.rejected import RejectedFilter, list_rejected
from estate.core.security import Actor

AGENT = uuid.UUID("00000000-0000-4000-8000-00000000000a")
OTHER = uuid.UUID("00000000-0000-4000-8000-00000000000b")
NOBODY = uuid.UUID("00000000-0000-4000-8000-0000000000ff")


def agent(agent_id: uuid.UUID = AGENT, **fields: Any) -> dict[str, Any]:
    return {"agent_id": str(agent_id)} | fields


def ingest(session: Session, *rows: dict[str, Any]) -> IngestResult:
    return service.ingest(session, [SourceRow(i, row) for i, row in enumerate(rows)])


def statuses(result: IngestResult) -> list[str]:
    return [item.status for item in result.items]


def listed(session: Session, **wanted: Any) -> set[uuid.UUID]:
    return {item.agent_id for item in service.list_agents(session, AgentFilter(**wanted)).items}


def jobs(session: Session, topic: str) -> list[str]:
    return list(session.scalars(select(OutboxRow.key).where(OutboxRow.topic == topic).order_by(OutboxRow.key)))


def test_every_column_comes_back(session: Session) -> None:
    row = agent(
        name="Layla Haddad",
        calls_per_day=22,
        lead_responses=140,
        objections_heard={"price": 31},
        deals_closed=18,
        projects_assigned=["Canal Gate"],
        closing_rate=0.24,
        avg_response_time=540.5,
        avg_closing_price="1650000.00",
        skill_scores={"negotiation": 0.64},
        updated_at="2026-01-02T03:04:05Z",
        currency="USD",
    )
    assert statuses(ingest(session, row)) == ["created"]
    stored = service.get_agent(session, AGENT).model_dump(mode="json")
    assert {name: stored[name] for name in row} == row
    assert (stored["event_count"], stored["response_seconds_total"], stored["last_event_at"]) == (0, 0, None)


def test_an_absent_field_keeps_its_value_and_null_clears_it(session: Session) -> None:
    ingest(session, agent(name="Layla", calls_per_day=5, skill_scores={"a": 1}, currency="USD"))
    changed = agent(calls_per_day=None, skill_scores=None, deals_closed=3, currency=None)
    assert statuses(ingest(session, changed)) == ["updated"]
    stored = service.get_agent(session, AGENT)
    assert (stored.name, stored.deals_closed) == ("Layla", 3)
    assert (stored.calls_per_day, stored.skill_scores, stored.currency) == (None, None, "AED")
    cleared = session.scalar(
        text("SELECT skill_scores IS NULL FROM agent_activity WHERE agent_id = :id"), {"id": AGENT}
    )
    assert cleared is True


def test_an_older_row_is_stale_and_changes_nothing(session: Session) -> None:
    ingest(session, agent(name="New", updated_at="2026-03-01T00:00:00Z"))
    session.execute(text("DELETE FROM outbox"))
    assert statuses(ingest(session, agent(name="Old", updated_at="2026-02-28T23:59:59Z"))) == ["stale"]
    stored = service.get_agent(session, AGENT)
    assert (stored.name, stored.updated_at) == ("New", dt.datetime(2026, 3, 1, tzinfo=dt.UTC))
    assert jobs(session, DOCUMENT_TOPIC) == []


def test_the_same_agent_twice_in_a_batch_is_applied_in_order(session: Session) -> None:
    result = ingest(session, agent(name="First", calls_per_day=1), agent(OTHER), agent(name="Second"))
    assert statuses(result) == ["created", "created", "updated"]
    stored = service.get_agent(session, AGENT)
    assert (stored.name, stored.calls_per_day) == ("Second", 1)
    assert jobs(session, DOCUMENT_TOPIC) == [f"agent:{AGENT}", f"agent:{OTHER}"]


def test_an_unknown_team_is_rejected_and_the_row_is_kept(session: Session) -> None:
    session.add(Team(team_id=OTHER, name="Marina"))
    session.flush()
    result = ingest(session, agent(team_id=str(NOBODY)), agent(OTHER, team_id=str(OTHER)))
    assert statuses(result) == ["rejected", "created"]
    kept = list_rejected(session, RejectedFilter(batch_id=result.batch_id)).items
    assert [(row.row_number, row.reason) for row in kept] == [(0, "team_id: no such team")]
    assert listed(session, team_id=OTHER) == {OTHER}


def test_a_team_is_found_or_created_by_its_name(session: Session) -> None:
    ingest(session, agent(team_name="Marina"), agent(OTHER, team_name="Marina"))
    first, second = service.get_agent(session, AGENT).team_id, service.get_agent(session, OTHER).team_id
    assert first is not None
    assert first == second
    ingest(session, agent(team_name=None))
    assert service.get_agent(session, AGENT).team_id is None


def test_filters_and_search(session: Session) -> None:
    ingest(
        session,
        agent(name="Layla Haddad", closing_rate=0.3, deals_closed=9, updated_at="2026-01-01T00:00:00Z"),
        agent(OTHER, name="ليلى Said", closing_rate=0.1, deals_closed=20, updated_at="2026-02-01T00:00:00Z"),
    )
    assert listed(session, search="LAYLA") == {AGENT}
    assert listed(session, search="ليلى") == {OTHER}
    assert listed(session, search="%") == set()
    assert listed(session, min_closing_rate=0.2) == {AGENT}
    assert listed(session, min_deals_closed=10) == {OTHER}
    assert listed(session, updated_since=dt.datetime(2026, 2, 1, tzinfo=dt.UTC)) == {OTHER}
    assert listed(session, agent_id=AGENT) == {AGENT}
    assert listed(session) == {AGENT, OTHER}


def test_pages_show_each_agent_once_while_others_arrive(session: Session) -> None:
    def numbered(i: int) -> uuid.UUID:
        return uuid.UUID(int=(4 << 76) + (8 << 60) + i)

    ingest(session, *(agent(numbered(i)) for i in range(10, 70, 10)))
    seen, cursor = [], None
    for new in (5, 25, 65, 75):
        page = service.list_agents(session, AgentFilter(limit=2, cursor=cursor))
        seen += [item.agent_id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
        ingest(session, agent(numbered(new)))
    assert seen == sorted(set(seen))
    assert {numbered(i) for i in range(10, 70, 10)} <= set(seen)
    assert numbered(5) not in seen


def test_a_foreign_cursor_is_refused(session: Session) -> None:
    with pytest.raises(BadRequest):
        service.list_agents(session, AgentFilter(cursor="bm90IG9uZQ"))


def test_nobody_is_not_found(session: Session) -> None:
    with pytest.raises(AgentNotFound):
        service.get_agent(session, NOBODY)


def event(agent_id: uuid.UUID, at: str, speed: float | None, delta: int = 1) -> Claim:
    payload = {"event_id": str(uuid.uuid4()), "agent_id": str(agent_id), "response_speed": speed}
    return Claim(0, str(agent_id), payload | {"time_of_event": at, "delta": delta})


def test_counters_follow_the_events(session: Session) -> None:
    ingest(session, agent(updated_at="2026-01-01T00:00:00Z"), agent(OTHER))
    fold(
        session,
        [
            event(OTHER, "2026-01-03T00:00:00Z", None),
            event(AGENT, "2026-01-05T00:00:00+04:00", 30.25),
            event(AGENT, "2026-01-02T00:00:00Z", None),
            event(AGENT, "2026-01-02T00:00:00Z", 9.75),
        ],
    )
    fold(session, [event(AGENT, "2026-01-01T00:00:00Z", 10), event(AGENT, "2026-02-01T00:00:00Z", 10, delta=-1)])
    stored = service.get_agent(session, AGENT)
    assert (stored.event_count, stored.response_count, stored.response_seconds_total) == (3, 2, 40.0)
    assert stored.last_event_at == dt.datetime(2026, 1, 4, 20, tzinfo=dt.UTC)
    assert stored.updated_at == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    other = service.get_agent(session, OTHER)
    assert (other.event_count, other.response_count, other.response_seconds_total) == (1, 0, 0.0)


def test_response_times_add_up_exactly(session: Session) -> None:
    ingest(session, agent())
    for _ in range(3):
        fold(session, [event(AGENT, "2026-01-01T00:00:00Z", 0.1)])
    total = session.scalar(text("SELECT response_seconds_total FROM agent_activity"))
    assert total == Decimal("0.3")


def test_a_queued_event_counts_once_however_often_the_worker_wakes(database: None) -> None:
    with unit_of_work(Actor.system()) as session:
        ingest(session, agent())
        claim = event(AGENT, "2026-01-01T00:00:00Z", 5)
        enqueue(session, [Job("agent.fold", claim.key, claim.payload)])
    now = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
    assert [drain(FOLD, fold, now=now), drain(FOLD, fold, now=now)] == [1, 0]
    with unit_of_work(Actor.system()) as session:
        assert service.get_agent(session, AGENT).event_count == 1


def test_documents_can_be_found_by_what_the_agent_is_about(session: Session) -> None:
    ingest(
        session,
        agent(
            name="Layla Haddad",
            skill_scores={"negotiation": 0.64},
            projects_assigned=[{"project_id": str(OTHER), "name": "Canal Gate"}],
            objections_heard={"handover date": 12},
            avg_closing_price="1650000.00",
            closing_rate=0.24,
        ),
    )
    [document] = service.documents(session, [str(AGENT), str(NOBODY)])
    assert (document.layer, document.record_id, document.title) == ("agent", str(AGENT), "Layla Haddad")
    for words in ("Layla Haddad", "negotiation", "Canal Gate", "handover date"):
        assert words in document.text
    assert document.fields["avg_closing_price"] == "1650000.00"
    assert document.fields["closing_rate"] == 0.24
    assert document.fields["skill_scores"] == "negotiation 0.64"
    assert str(OTHER) not in document.text


def test_all_agents_are_every_agent(session: Session) -> None:
    ingest(session, agent(), agent(OTHER))
    assert [item.agent_id for item in service.all_agents(session)] == [AGENT, OTHER]
