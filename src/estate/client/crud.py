"""All SQL of the client layer."""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, Text, exists, func, insert, or_, select, text, update
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import JSONPATH
from sqlalchemy.orm import InstrumentedAttribute, Session

from estate.client.models import ClientProfile, ClientScore
from estate.client.schemas import ClientFilter, ScoreMade
from estate.core.paging import Key, Page, fetch_page
from estate.core.upsert import Written, upsert

__all__ = [
    "client_ids",
    "clients",
    "clients_of",
    "get_client",
    "known_agents",
    "page_clients",
    "score_history",
    "scores_at",
    "state_score",
    "store_scores",
    "write_clients",
]

AGENTS = text("SELECT agent_id FROM agent_activity WHERE agent_id = ANY(:ids)")

# A stored score follows every change; the history keeps those of half a percent and more, and the first of a model.
SCORES = text("""
WITH scored AS (
    SELECT * FROM unnest(
        CAST(:ids AS uuid[]), CAST(:scores AS float8[]), CAST(:lowers AS float8[]), CAST(:uppers AS float8[]),
        CAST(:counts AS int[]), CAST(:models AS uuid[])
    ) AS s (client_id, score, lower, upper, n, model_id)
), changed AS (
    SELECT s.*, c.qualification_score AS before FROM client_profiles c JOIN scored s USING (client_id)
    WHERE c.qualification_score IS DISTINCT FROM s.score::numeric
    ORDER BY c.client_id FOR NO KEY UPDATE OF c
), kept AS (
    INSERT INTO client_scores (client_id, kind, scored_at, score, lower, upper, n, model_id)
    SELECT client_id, 'model', :now, score, lower, upper, n, model_id FROM changed
    WHERE before IS NULL OR abs(before::float8 - score) >= :step
    ON CONFLICT DO NOTHING
)
UPDATE client_profiles c SET qualification_score = changed.score
FROM changed WHERE c.client_id = changed.client_id
RETURNING c.client_id
""")
SCORES_AT = text("""
SELECT a.place, s.score::float8
FROM unnest(CAST(:clients AS uuid[]), CAST(:moments AS timestamptz[])) WITH ORDINALITY a (client_id, moment, place)
CROSS JOIN LATERAL (
    SELECT score FROM client_scores
    WHERE client_id = a.client_id AND kind = 'model' AND scored_at <= a.moment ORDER BY scored_at DESC LIMIT 1
) s
""")
HISTORY_STEP = 0.005


def known_agents(session: Session, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of some ids that are agents."""
    return set(session.execute(AGENTS, {"ids": sorted(ids)}).scalars()) if ids else set()


def write_clients(session: Session, rows: Sequence[Mapping[str, Any]], on_insert: Mapping[str, Any]) -> list[Written]:
    """Upsert clients; return ``created``, ``updated`` or ``stale`` for each row."""
    return upsert(session, cast(Table, ClientProfile.__table__), rows, on_insert=on_insert)


def store_scores(session: Session, scores: Mapping[uuid.UUID, ScoreMade], now: dt.datetime) -> list[uuid.UUID]:
    """Write qualification scores and return whose changed; ``updated_at`` stays, since it dates the profile."""
    made = list(scores.values())
    values = {
        "ids": list(scores),
        "scores": [one.score for one in made],
        "lowers": [one.lower for one in made],
        "uppers": [one.upper for one in made],
        "counts": [one.n for one in made],
        "models": [one.model_id for one in made],
        "now": now,
        "step": HISTORY_STEP,
    }
    return list(session.execute(SCORES, values).scalars())


def state_score(session: Session, row: Mapping[str, Any]) -> None:
    """Set the stated score of a client, and keep who stated it, when and why."""
    session.execute(insert(ClientScore).values(kind="stated", **row))
    stated = update(ClientProfile).where(ClientProfile.client_id == row["client_id"])
    session.execute(stated.values(stated_score=row["score"]))


def score_history(session: Session, client_id: uuid.UUID, most: int) -> Sequence[ClientScore]:
    """Return the scores of a client, the newest first."""
    query = select(ClientScore).where(ClientScore.client_id == client_id)
    return session.scalars(query.order_by(ClientScore.scored_at.desc(), ClientScore.kind).limit(most)).all()


def scores_at(session: Session, moments: Sequence[tuple[uuid.UUID, dt.datetime]]) -> dict[int, float]:
    """Return the model's last score of each (client, moment) by its place; where there was none it is absent."""
    asked = {"clients": [c for c, _ in moments], "moments": [at for _, at in moments]}
    return {place - 1: score for place, score in session.execute(SCORES_AT, asked)}


def client_ids(session: Session) -> list[uuid.UUID]:
    """Return the ids of all clients."""
    return list(session.scalars(select(ClientProfile.client_id).order_by(ClientProfile.client_id)))


def get_client(session: Session, client_id: uuid.UUID) -> ClientProfile | None:
    """Return one client."""
    return session.get(ClientProfile, client_id, populate_existing=True)


def clients(session: Session, ids: Collection[uuid.UUID]) -> Sequence[ClientProfile]:
    """Return the clients of some ids in the order of these."""
    query = select(ClientProfile).where(ClientProfile.client_id.in_(ids)).order_by(ClientProfile.client_id)
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
