"""The public verbs of the agent layer."""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from estate.agent import crud
from estate.agent.errors import AgentNotFound
from estate.agent.models import AgentActivity
from estate.agent.schemas import AgentFilter, AgentIn, AgentOut
from estate.core.documents import DocumentText, document_jobs
from estate.core.ingest import IngestResult, SourceRow, Stored, receipt_time
from estate.core.ingest import ingest as ingest_rows
from estate.core.json_text import json_text
from estate.core.outbox import enqueue
from estate.core.paging import Page
from estate.core.settings import get_settings

__all__ = ["all_agents", "documents", "fold_events", "get_agent", "ingest", "known_agents", "list_agents", "take_back"]

NO_TEAM = "team_id: no such team"


def ingest(session: Session, rows: Iterable[SourceRow], *, source: str = "api") -> IngestResult:
    """Upsert agents in one transaction: absent keeps, null clears, a row older than the stored one is stale."""
    return ingest_rows(session, layer="agent", model=AgentIn, rows=rows, store=_store, source=source)


def _store(session: Session, agents: Sequence[AgentIn]) -> list[Stored]:
    known = crud.known_teams(session, {a.team_id for a in agents if a.team_id is not None})
    named = crud.team_ids(session, {a.team_name for a in agents if a.team_name is not None})
    results = [Stored(str(a.agent_id), "rejected", NO_TEAM) for a in agents]
    good = [i for i, a in enumerate(agents) if a.team_id is None or a.team_id in known]
    now = receipt_time(session)
    rows = [_row(agents[i], named, now) for i in good]
    on_insert = {"currency": get_settings().default_currency}
    for i, status in zip(good, crud.write_agents(session, rows, on_insert), strict=True):
        results[i] = Stored(str(agents[i].agent_id), status)
    changed = {stored.id for stored in results if stored.status in ("created", "updated")}
    enqueue(session, document_jobs("agent", sorted(changed)))
    return results


def _row(agent: AgentIn, teams: Mapping[str, uuid.UUID], now: dt.datetime) -> dict[str, Any]:
    """Return the columns that were given; a cleared currency falls back to the platform's."""
    row = {name: getattr(agent, name) for name in agent.model_fields_set - {"team_name"}}
    if "currency" in row:
        row["currency"] = agent.currency or get_settings().default_currency
    if "team_name" in agent.model_fields_set and agent.team_id is None:
        row["team_id"] = teams[agent.team_name] if agent.team_name is not None else None
    return row | {"updated_at": agent.updated_at or now}


def fold_events(session: Session, events: Sequence[Mapping[str, Any]]) -> None:
    """Add behaviour events to the counters of their agents, in one statement.

    Parameters
    ----------
    events : sequence of mappings
        ``agent_id``, ``response_speed`` (seconds, or null), ``time_of_event`` (ISO 8601) and ``delta``
        (1 for an event that came, -1 for one that was taken back).
    """
    crud.fold_events(session, events)


def take_back(session: Session, events: Sequence[Mapping[str, Any]], agent_ids: Collection[uuid.UUID]) -> None:
    """Take events that are gone out of the counters of their agents.

    Parameters
    ----------
    events : sequence of mappings
        Those that were counted, as for `fold_events`.
    agent_ids : collection of UUID
        Who had any of the events, counted or not.
    """
    crud.fold_events(session, events)
    crud.newest_again(session, agent_ids)
    enqueue(session, document_jobs("agent", sorted(agent_ids)))


def list_agents(session: Session, wanted: AgentFilter) -> Page[AgentOut]:
    """Return a page of agents in the order of their ids."""
    page = crud.page_agents(session, wanted)
    return Page([AgentOut.model_validate(agent) for agent in page.items], page.next_cursor)


def get_agent(session: Session, agent_id: uuid.UUID) -> AgentOut:
    """Return one agent.

    Raises
    ------
    AgentNotFound
        When no agent has this id.
    """
    agent = crud.get_agent(session, agent_id)
    if agent is None:
        raise AgentNotFound("No agent has this id.")
    return AgentOut.model_validate(agent)


def all_agents(session: Session) -> list[AgentOut]:
    """Return every agent."""
    return [AgentOut.model_validate(agent) for agent in crud.agents(session)]


def known_agents(session: Session, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of some ids that are agents."""
    return {agent.agent_id for agent in crud.agents(session, ids)}


def documents(session: Session, record_ids: Collection[str]) -> list[DocumentText]:
    """Describe agents for search."""
    return [_document(agent) for agent in crud.agents(session, [uuid.UUID(record_id) for record_id in record_ids])]


def _document(agent: AgentActivity) -> DocumentText:
    free = {name: json_text(getattr(agent, name)) for name in ("skill_scores", "projects_assigned", "objections_heard")}
    fields = {
        "name": agent.name,
        "calls_per_day": agent.calls_per_day,
        "lead_responses": agent.lead_responses,
        "deals_closed": agent.deals_closed,
        "closing_rate": _number(agent.closing_rate),
        "avg_response_time": _number(agent.avg_response_time),
        "avg_closing_price": None if agent.avg_closing_price is None else str(agent.avg_closing_price),
        "currency": agent.currency,
        "updated_at": agent.updated_at.isoformat(),
        **{name: said or None for name, said in free.items()},
    }
    said = [f"{name.replace('_', ' ')}: {words}" for name, words in free.items() if words]
    title = agent.name or f"Agent {agent.agent_id}"
    text = f"Sales agent {title}. " + ". ".join(said)
    return DocumentText("agent", str(agent.agent_id), title, text, fields, names=(agent.name or "",))


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
