"""All SQL of the client layer."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, Text, exists, func, or_, select, text
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import JSONPATH
from sqlalchemy.orm import InstrumentedAttribute, Session

from estate.client.models import ClientProfile
from estate.client.schemas import ClientFilter
from estate.core.paging import Key, Page, fetch_page
from estate.core.upsert import Written, upsert

__all__ = ["clients", "clients_of", "get_client", "known_agents", "page_clients", "store_scores", "write_clients"]

AGENTS = text("SELECT agent_id FROM agent_activity WHERE agent_id = ANY(:ids)")

SCORES = text("""
WITH scored AS (
    SELECT client_id, score::numeric
    FROM unnest(CAST(:ids AS uuid[]), CAST(:scores AS float8[])) AS s (client_id, score)
), changed AS (
    SELECT c.client_id, s.score FROM client_profiles c JOIN scored s USING (client_id)
    WHERE c.qualification_score IS DISTINCT FROM s.score
    ORDER BY c.client_id FOR NO KEY UPDATE OF c
)
UPDATE client_profiles c SET qualification_score = changed.score
FROM changed WHERE c.client_id = changed.client_id
RETURNING c.client_id
""")


def known_agents(session: Session, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of some ids that are agents."""
    return set(session.execute(AGENTS, {"ids": sorted(ids)}).scalars()) if ids else set()


def write_clients(session: Session, rows: Sequence[Mapping[str, Any]], on_insert: Mapping[str, Any]) -> list[Written]:
    """Upsert clients; return ``created``, ``updated`` or ``stale`` for each row."""
    return upsert(session, cast(Table, ClientProfile.__table__), rows, on_insert=on_insert)


def store_scores(session: Session, scores: Mapping[uuid.UUID, float]) -> list[uuid.UUID]:
    """Write qualification scores and return whose changed; ``updated_at`` stays, since it dates the profile."""
    values = {"ids": list(scores.keys()), "scores": list(scores.values())}
    return list(session.execute(SCORES, values).scalars())


def get_client(session: Session, client_id: uuid.UUID) -> ClientProfile | None:
    """Return one client."""
    return session.get(ClientProfile, client_id, populate_existing=True)


def clients(session: Session, ids: Collection[uuid.UUID] | None = None) -> Sequence[ClientProfile]:
    """Return all clients, or some."""
    query = select(ClientProfile).order_by(ClientProfile.client_id)
    if ids is not None:
        query = query.where(ClientProfile.client_id.in_(ids))
    return session.scalars(query).all()


def clients_of(session: Session, agent_id: uuid.UUID) -> Sequence[ClientProfile]:
    """Return the clients of one agent."""
    query = select(ClientProfile).where(ClientProfile.owner_agent_id == agent_id).order_by(ClientProfile.client_id)
    return session.scalars(query).all()


def page_clients(session: Session, wanted: ClientFilter, currency: str | None) -> Page[ClientProfile]:
    """Return clients in the order of their ids; `currency` limits them to budgets in it."""
    query = select(ClientProfile).where(*_identity(wanted), *_means(wanted, currency))
    if wanted.search is not None:
        query = query.where(_mentions(wanted.search))
    if wanted.location is not None:
        query = query.where(_says(ClientProfile.location_targets, wanted.location))
    return fetch_page(session, query, Key((ClientProfile.client_id,)), cursor=wanted.cursor, limit=wanted.limit)


def _identity(wanted: ClientFilter) -> list[ColumnElement[bool]]:
    conditions = []
    if wanted.client_id is not None:
        conditions.append(ClientProfile.client_id == wanted.client_id)
    if wanted.owner_agent_id is not None:
        conditions.append(ClientProfile.owner_agent_id == wanted.owner_agent_id)
    if wanted.updated_since is not None:
        conditions.append(ClientProfile.updated_at >= wanted.updated_since)
    return conditions


def _means(wanted: ClientFilter, currency: str | None) -> list[ColumnElement[bool]]:
    conditions = []
    if currency is not None:
        conditions.append(ClientProfile.currency == currency)
    if wanted.budget_min is not None:
        conditions.append(ClientProfile.budget >= wanted.budget_min)
    if wanted.budget_max is not None:
        conditions.append(ClientProfile.budget <= wanted.budget_max)
    if wanted.min_score is not None:
        conditions.append(ClientProfile.qualification_score >= wanted.min_score)
    return conditions


def _mentions(words: str) -> ColumnElement[bool]:
    """Match a name, a free text, or a whole phone number or e-mail."""
    return or_(
        func.strpos(func.lower(ClientProfile.name), words.lower()) > 0,
        ClientProfile.phone == words,
        func.lower(ClientProfile.email) == words.lower(),
        _says(ClientProfile.interest, words),
        _says(ClientProfile.location_targets, words),
        _says(ClientProfile.objections, words),
    )


def _says(column: InstrumentedAttribute[Any], words: str) -> ColumnElement[bool]:
    """Match words within the text values of a jsonb column, not within its keys or punctuation."""
    part = func.jsonb_path_query(column, sql_cast("strict $.**", JSONPATH)).table_valued("value").render_derived()
    said = func.lower(part.c.value.op("#>>")(text("'{}'")), type_=Text)
    is_text = func.jsonb_typeof(part.c.value) == "string"
    return exists(select(1).select_from(part).where(is_text, func.strpos(said, words.lower()) > 0))
