"""All SQL of the agent layer."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Select, Table, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from estate.agent.models import AgentActivity
from estate.agent.schemas import AgentFilter
from estate.core.models import Team
from estate.core.paging import Key, Page, fetch_page
from estate.core.upsert import Written, upsert

__all__ = [
    "agents",
    "fold_events",
    "get_agent",
    "known_teams",
    "newest_again",
    "page_agents",
    "team_ids",
    "write_agents",
]

FOLD = text("""
WITH gained AS (
    SELECT agent_id, sum(delta) AS events,
        coalesce(sum(delta) FILTER (WHERE response_speed IS NOT NULL), 0) AS responses,
        coalesce(sum(delta * response_speed), 0) AS seconds,
        max(time_of_event) FILTER (WHERE delta > 0) AS last_at
    FROM jsonb_to_recordset(:events)
        AS event (agent_id uuid, response_speed numeric, time_of_event timestamptz, delta int)
    GROUP BY agent_id
), locked AS (
    SELECT agent_id FROM agent_activity
    WHERE agent_id IN (SELECT agent_id FROM gained)
    ORDER BY agent_id FOR NO KEY UPDATE
)
UPDATE agent_activity a SET
    event_count = a.event_count + g.events,
    response_count = a.response_count + g.responses,
    response_seconds_total = a.response_seconds_total + g.seconds,
    last_event_at = greatest(a.last_event_at, g.last_at)
FROM gained g JOIN locked USING (agent_id)
WHERE a.agent_id = g.agent_id
""").bindparams(bindparam("events", type_=JSONB))


NEWEST = text("""
UPDATE agent_activity a SET last_event_at = (
    SELECT max(time_of_event) FROM behavior_events e WHERE e.agent_id = a.agent_id
)
WHERE agent_id = ANY(:ids)
""")


def known_teams(session: Session, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of some ids that are teams."""
    return set(session.scalars(select(Team.team_id).where(Team.team_id.in_(ids)))) if ids else set()


def team_ids(session: Session, names: Collection[str]) -> dict[str, uuid.UUID]:
    """Return the ids of teams by name, creating those that are new."""
    if not names:
        return {}
    rows = [{"team_id": uuid.uuid4(), "name": name} for name in sorted(names)]
    session.execute(insert(Team).on_conflict_do_nothing(index_elements=["name"]), rows)
    return {name: team_id for name, team_id in session.execute(select(Team.name, Team.team_id)) if name in names}


def write_agents(session: Session, rows: Sequence[Mapping[str, Any]], on_insert: Mapping[str, Any]) -> list[Written]:
    """Upsert agents; return ``created``, ``updated`` or ``stale`` for each row."""
    return upsert(session, cast(Table, AgentActivity.__table__), rows, on_insert=lambda _: on_insert)


def fold_events(session: Session, events: Sequence[Mapping[str, Any]]) -> None:
    """Add events to the counters of their agents, locking agents in the order of their ids.

    ``last_event_at`` only moves forward; ``updated_at`` stays, since it dates what the CRM reported.
    """
    session.execute(FOLD, {"events": list(events)})


def newest_again(session: Session, ids: Collection[uuid.UUID]) -> None:
    """Read ``last_event_at`` of some agents from the events that are left."""
    session.execute(NEWEST, {"ids": list(ids)})


def get_agent(session: Session, agent_id: uuid.UUID) -> AgentActivity | None:
    """Return one agent."""
    return session.get(AgentActivity, agent_id)


def agents(session: Session, ids: Collection[uuid.UUID] | None = None) -> Sequence[AgentActivity]:
    """Return all agents, or some."""
    query = select(AgentActivity).order_by(AgentActivity.agent_id)
    if ids is not None:
        query = query.where(AgentActivity.agent_id.in_(ids))
    return session.scalars(query).all()


def page_agents(session: Session, wanted: AgentFilter) -> Page[AgentActivity]:
    """Return agents in the order of their ids."""
    key = Key((AgentActivity.agent_id,))
    return fetch_page(session, _matching(wanted), key, cursor=wanted.cursor, limit=wanted.limit)


def _matching(wanted: AgentFilter) -> Select[AgentActivity]:
    query = select(AgentActivity)
    if wanted.agent_id is not None:
        query = query.where(AgentActivity.agent_id == wanted.agent_id)
    if wanted.search is not None:
        query = query.where(func.strpos(func.lower(AgentActivity.name), wanted.search.lower()) > 0)
    if wanted.team_id is not None:
        query = query.where(AgentActivity.team_id == wanted.team_id)
    if wanted.min_closing_rate is not None:
        query = query.where(AgentActivity.closing_rate >= wanted.min_closing_rate)
    if wanted.min_deals_closed is not None:
        query = query.where(AgentActivity.deals_closed >= wanted.min_deals_closed)
    if wanted.updated_since is not None:
        query = query.where(AgentActivity.updated_at >= wanted.updated_since)
    return query
