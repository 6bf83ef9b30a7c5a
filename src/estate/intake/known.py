"""Looks up what is there already of what rows name: agents, areas, projects, people."""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from estate.agent import service as agents
from estate.client import service as clients
from estate.core.settings import get_settings
from estate.intake.analytics.cells import normal
from estate.intake.analytics.targets import Kind
from estate.intake.crud import imports as crud
from estate.intake.models import Import
from estate.intake.records import Frame, Known, Person
from estate.market import service as market

__all__ = ["frame_of", "known_agents", "known_of"]

Values = Mapping[str, Any]


def frame_of(made: Import | Mapping[str, Any], fingerprint: str) -> Frame:
    """Return what holds for all rows, as somebody said it or by default."""
    stated: Mapping[str, Any] = made.stated if isinstance(made, Import) else made
    day, owner = stated.get("observed_on"), stated.get("owner_agent_id")
    return Frame(
        stated.get("source") or f"import-{fingerprint[:8]}",
        stated.get("currency") or get_settings().default_currency,
        dt.date.fromisoformat(day) if day else None,
        uuid.UUID(owner) if owner else None,
    )


def known_agents(session: Session) -> Known:
    """Return the agents that the session sees, by name and by id."""
    found: dict[str, list[uuid.UUID]] = {}
    for agent in agents.all_agents(session):
        found.setdefault(normal(str(agent.agent_id)), []).append(agent.agent_id)
        if agent.name:
            found.setdefault(normal(agent.name), []).append(agent.agent_id)
    return Known(agents=found)


def known_of(session: Session, kind: Kind, rows: Collection[Values]) -> Known:
    """Return what is there of what some rows name."""
    seen = known_agents(session) if kind in ("clients", "agents") else Known()
    areas = {
        name.lower(): (area.area_id, area.area_name)
        for area in market.find_areas(session, _said(rows, "area"))
        for name in (area.area_name, *area.aliases)
    }
    projects = crud.projects_named(session, {name.lower() for name in _said(rows, "project_name")})
    return Known(seen.agents, areas, projects, _people(session, rows) if kind == "clients" else {})


def _said(rows: Iterable[Values], target: str) -> set[str]:
    return {str(row[target]) for row in rows if target in row}


def _people(session: Session, rows: Collection[Values]) -> dict[str, list[Person]]:
    emails = {email.lower() for email in _said(rows, "email")}
    found: dict[str, list[Person]] = {}
    for client in clients.reached_by(session, _said(rows, "phone"), emails):
        for reached in filter(None, (client.phone, (client.email or "").lower())):
            found.setdefault(reached, []).append(Person(client.client_id, client.name))
    return found
