"""SQL of the figures of units: what they are counted from, who waits for it, what is ours to write."""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from sqlalchemy import Row, select, text, update
from sqlalchemy.orm import Session

from estate.core.identifiers import UnitRef
from estate.property.crud.units import is_one_of
from estate.property.models import Unit

__all__ = [
    "Paced",
    "due",
    "forget_computed",
    "lock_projects",
    "lock_units",
    "market_times",
    "paces",
    "projects_beside",
    "write_units",
]

MAX_MARKET_TIMES = 5_000

_LOCK_PROJECTS = text("""
SELECT project_id FROM projects WHERE project_id = ANY(:ids) ORDER BY project_id FOR NO KEY UPDATE
""")
# A unit that people state as sold was sold when they say; any other when a deal about it was won.
_SALES = """
properties p
LEFT JOIN unnest(CAST(:won_projects AS uuid[]), CAST(:won_units AS uuid[]), CAST(:won_at AS timestamptz[]))
    AS w (project_id, unit_id, at) USING (project_id, unit_id)
CROSS JOIN LATERAL (SELECT CASE WHEN p.status = 'sold' THEN coalesce(p.sold_at, w.at) ELSE w.at END AS at) s
"""
_PACES = text(
    """
SELECT p.project_id, count(*) FILTER (WHERE s.at > :since AND s.at <= :until),
    min(s.at) FILTER (WHERE s.at > :since AND s.at <= :until), least(min(p.listed_at), min(s.at))
FROM /*sales*/
WHERE p.project_id = ANY(:ids)
GROUP BY p.project_id
""".replace("/*sales*/", _SALES)
)
_MARKET_TIMES = text(
    """
SELECT p.segment, p.bedrooms, CAST(extract(epoch FROM greatest(m.until - p.listed_at, '0')) AS float8) / 86400, m.sold
FROM /*sales*/
CROSS JOIN LATERAL (SELECT s.at IS NOT NULL AND s.at >= p.listed_at AS sold) h
CROSS JOIN LATERAL (
    SELECT h.sold, least(:now, CASE WHEN h.sold THEN s.at WHEN p.status = 'available' THEN :now ELSE p.updated_at END)
        AS until
) m
WHERE p.area_id = :area AND p.listed_at <= :now
ORDER BY p.listed_at DESC LIMIT :most
""".replace("/*sales*/", _SALES)
)
_LOCK_UNITS = text("""
SELECT p.project_id, p.unit_id
FROM jsonb_to_recordset(CAST(:paces AS jsonb)) AS s (project_id uuid, value numeric, n bigint)
JOIN properties p USING (project_id)
LEFT JOIN unnest(CAST(:projects AS uuid[]), CAST(:units AS uuid[])) AS named (project_id, unit_id)
    USING (project_id, unit_id)
WHERE named.unit_id IS NOT NULL OR (
    (p.sales_velocity IS NULL OR jsonb_exists(p.computed, 'sales_velocity')) AND (
        p.sales_velocity IS DISTINCT FROM s.value
        OR CAST(p.computed -> 'sales_velocity' ->> 'n' AS bigint) IS DISTINCT FROM s.n
    )
)
ORDER BY p.project_id, p.unit_id FOR NO KEY UPDATE OF p
""")
_FORGET = text("""
UPDATE properties p SET computed = p.computed - CAST(ARRAY(SELECT jsonb_array_elements_text(s.names)) AS text[])
FROM jsonb_to_recordset(CAST(:stated AS jsonb)) AS s (project_id uuid, unit_id uuid, names jsonb)
WHERE p.project_id = s.project_id AND p.unit_id = s.unit_id
    AND jsonb_exists_any(p.computed, CAST(ARRAY(SELECT jsonb_array_elements_text(s.names)) AS text[]))
""")
_DUE = text("""
WITH due AS (
    SELECT project_id, unit_id FROM properties WHERE recount_at <= :now
    ORDER BY project_id, unit_id LIMIT :most FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE properties p SET recount_at = NULL FROM due d
WHERE p.project_id = d.project_id AND p.unit_id = d.unit_id
RETURNING p.project_id, p.unit_id
""")
_COLUMNS = (
    Unit.project_id,
    Unit.unit_id,
    Unit.real_demand,
    Unit.sales_velocity,
    Unit.negative_reviews,
    Unit.positive_triggers,
    Unit.computed,
    Unit.recount_at,
)


@dataclass(frozen=True, slots=True)
class Paced:
    """Sales of a project in a window: how many, when the first; since when any listing or sale of it is known."""

    sold: int
    first_sold_at: dt.datetime | None
    began_at: dt.datetime | None


def lock_projects(session: Session, ids: Collection[uuid.UUID]) -> None:
    """Let one worker at a time count the units of a project, until the transaction ends."""
    session.execute(_LOCK_PROJECTS, {"ids": list(ids)})


def paces(
    session: Session,
    ids: Collection[uuid.UUID],
    wins: Mapping[UnitRef, dt.datetime],
    since: dt.datetime,
    until: dt.datetime,
) -> dict[uuid.UUID, Paced]:
    """Return the sales of some projects in (since, until]; `wins` is when the newest won deal of a unit closed."""
    rows = session.execute(_PACES, {"ids": list(ids), "since": since, "until": until, **_won(wins)})
    return {project: Paced(*pace) for project, *pace in rows}


def market_times(
    session: Session, area_id: uuid.UUID, wins: Mapping[UnitRef, dt.datetime], now: dt.datetime
) -> Sequence[Row[tuple[str | None, int | None, float, bool]]]:
    """Return (segment, bedrooms, days on the market, sold) of the area's units with a listing date.

    A unit for sale is seen until now, whenever it was sold before; one that was withdrawn or reserved, or sold on a
    day that is not known, until its last change. `wins` is as `paces` takes it.
    """
    asked = {"area": area_id, "now": now, "most": MAX_MARKET_TIMES, **_won(wins)}
    return session.execute(_MARKET_TIMES, asked).all()


def projects_beside(session: Session, ref: UnitRef) -> Sequence[uuid.UUID]:
    """Return the projects with a unit in the area of a unit."""
    area = select(Unit.area_id).where(Unit.project_id == ref.project_id, Unit.unit_id == ref.unit_id)
    return session.scalars(select(Unit.project_id).where(Unit.area_id == area.scalar_subquery()).distinct()).all()


def _won(wins: Mapping[UnitRef, dt.datetime]) -> dict[str, Any]:
    return {
        "won_projects": [ref.project_id for ref in wins],
        "won_units": [ref.unit_id for ref in wins],
        "won_at": list(wins.values()),
    }


def lock_units(
    session: Session, refs: Sequence[UnitRef], velocities: Mapping[uuid.UUID, tuple[object, int | None]]
) -> list[dict[str, Any]]:
    """Lock some units, and those of their projects whose velocity is ours and differs; return their figures.

    Parameters
    ----------
    velocities : mapping
        Project to the value and the n that its units should have.
    """
    rows = [{"project_id": project, "value": value, "n": n} for project, (value, n) in velocities.items()]
    named = {"projects": [ref.project_id for ref in refs], "units": [ref.unit_id for ref in refs]}
    locked = [UnitRef(*row) for row in session.execute(_LOCK_UNITS, {"paces": to_json(rows).decode(), **named})]
    query = select(*_COLUMNS).where(is_one_of(locked))
    return [dict(row._mapping) for row in session.execute(query)]


def write_units(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write figures of units that are locked, each row as `lock_units` returned it but for what changed."""
    if rows:
        session.execute(update(Unit), [dict(row) for row in rows])


def forget_computed(session: Session, stated: Iterable[tuple[UnitRef, Collection[str]]]) -> None:
    """Give figures that somebody stated, or cleared, to who did: they are not ours any more."""
    rows = [
        {"project_id": ref.project_id, "unit_id": ref.unit_id, "names": sorted(names)} for ref, names in stated if names
    ]
    if rows:
        session.execute(_FORGET, {"stated": to_json(rows).decode()})


def due(session: Session, now: dt.datetime, most: int) -> list[UnitRef]:
    """Take at most `most` units some figure of which has left its window; each is taken once."""
    return [UnitRef(*row) for row in session.execute(_DUE, {"now": now, "most": most})]
