"""SQL of units and projects: storing, listing, choosing."""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from pydantic_core import to_json
from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Table,
    TextClause,
    Uuid,
    column,
    func,
    literal,
    or_,
    select,
    table,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from estate.core.identifiers import UnitRef
from estate.core.paging import Key, Page, count_rows, fetch_page
from estate.core.types import MONEY_LIMIT
from estate.core.upsert import Written, upsert
from estate.property.models import Project, Unit
from estate.property.schemas import First, UnitFilter, UnitsWanted
from estate.property.traits import HardLimits, Near, Traits

__all__ = [
    "SaleRow",
    "add_events",
    "candidates",
    "count_units",
    "is_one_of",
    "known_areas",
    "matching",
    "page_units",
    "projects",
    "refs_in_projects",
    "refs_with_unit_id",
    "sales",
    "sales_version",
    "sample",
    "traits",
    "units",
    "upsert_projects",
    "upsert_units",
]

AREAS = table("market_insights", column("area_id"))
"""The market layer's key, which foreign keys of this layer point to."""

ORDERS: dict[str, Key] = {
    "id": Key((Unit.project_id, Unit.unit_id)),
    "price": Key((Unit.price, Unit.project_id, Unit.unit_id)),
    "-price": Key((Unit.price, Unit.project_id, Unit.unit_id), descending=True),
    "updated": Key((Unit.updated_at, Unit.project_id, Unit.unit_id)),
    "-updated": Key((Unit.updated_at, Unit.project_id, Unit.unit_id), descending=True),
}

# The rows are locked in the order of their keys first: an UPDATE alone locks in the order of its plan.
ADD_EVENTS = text("""
WITH counted AS (
    SELECT * FROM unnest(
        cast(:projects AS uuid[]), cast(:units AS uuid[]), cast(:counts AS bigint[]), cast(:newest AS timestamptz[])
    ) AS c (project_id, unit_id, n, newest)
), locked AS (
    SELECT p.project_id, p.unit_id, c.n, c.newest
    FROM properties p JOIN counted c USING (project_id, unit_id)
    ORDER BY p.project_id, p.unit_id FOR NO KEY UPDATE OF p
)
UPDATE properties p SET
    event_count = p.event_count + l.n,
    last_event_at = greatest(p.last_event_at, l.newest)
FROM locked l WHERE p.project_id = l.project_id AND p.unit_id = l.unit_id
""")


NEWEST_AGAIN = text("""
UPDATE properties p SET last_event_at = (
    SELECT max(time_of_event) FROM behavior_events e
    WHERE e.property_project_id = p.project_id AND e.property_unit_id = p.unit_id
)
FROM unnest(cast(:projects AS uuid[]), cast(:units AS uuid[])) AS u (project_id, unit_id)
WHERE p.project_id = u.project_id AND p.unit_id = u.unit_id
""")


def newest_again(session: Session, refs: Collection[UnitRef]) -> None:
    """Read ``last_event_at`` of some units from the events that are left."""
    asked = {"projects": [ref.project_id for ref in refs], "units": [ref.unit_id for ref in refs]}
    session.execute(NEWEST_AGAIN, asked)


def known_areas(session: Session, area_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return which of some areas exist."""
    if not area_ids:
        return set()
    return set(session.scalars(select(AREAS.c.area_id).where(AREAS.c.area_id.in_(area_ids))))


def projects(session: Session, project_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Project]:
    """Return some projects by id."""
    query = select(Project).where(Project.project_id.in_(project_ids)).execution_options(populate_existing=True)
    return {project.project_id: project for project in session.scalars(query)}


def upsert_projects(session: Session, rows: Sequence[Mapping[str, Any]]) -> list[Written]:
    """Write projects; each row names its key and ``updated_at``."""
    return upsert(session, _table(Project), rows)


def upsert_units(session: Session, rows: Sequence[Mapping[str, Any]], *, on_insert: Mapping[str, Any]) -> list[Written]:
    """Write units; each row names its key and ``updated_at``."""
    return upsert(session, _table(Unit), rows, on_insert=lambda _: on_insert)


def _table(model: type[Any]) -> Table:
    found: Table = model.__table__
    return found


def refs_in_projects(session: Session, project_ids: Collection[uuid.UUID]) -> list[UnitRef]:
    """Return every unit of some projects."""
    query = select(Unit.project_id, Unit.unit_id).where(Unit.project_id.in_(project_ids))
    return [UnitRef(*row) for row in session.execute(query.order_by(Unit.project_id, Unit.unit_id))]


def refs_with_unit_id(session: Session, unit_id: uuid.UUID) -> list[UnitRef]:
    """Return at most two units with a bare id."""
    query = select(Unit.project_id, Unit.unit_id).where(Unit.unit_id == unit_id).limit(2)
    return [UnitRef(*row) for row in session.execute(query)]


def units(session: Session, refs: Collection[UnitRef]) -> Sequence[Unit]:
    """Return some units in the order of their ids; those that are gone are absent."""
    query = select(Unit).where(is_one_of(refs)).execution_options(populate_existing=True)
    return session.scalars(query.order_by(Unit.project_id, Unit.unit_id)).all()


def is_one_of(refs: Collection[UnitRef]) -> ColumnElement[bool]:
    """Match some units; a list of pairs would be taken apart recursively, and some ten thousand exceed the stack."""
    columns = ([ref.project_id for ref in refs], [ref.unit_id for ref in refs])
    asked = func.unnest(*(literal(column, ARRAY(Uuid)) for column in columns))
    return tuple_(Unit.project_id, Unit.unit_id).in_(
        select(asked.table_valued("project_id", "unit_id").render_derived())
    )


def page_units(session: Session, wanted: UnitFilter, currency: str | None) -> Page[Unit]:
    """Return a page of units in the wanted order; `currency` keeps one currency."""
    query = _filtered(wanted, currency)
    return fetch_page(session, query, ORDERS[wanted.sort], cursor=wanted.cursor, limit=wanted.limit)


def count_units(session: Session, wanted: UnitsWanted, currency: str | None) -> int:
    """Return how many units `page_units` lists on all its pages."""
    return count_rows(session, _filtered(wanted, currency))


def _filtered(wanted: UnitsWanted, currency: str | None) -> Select[Unit]:
    query = select(Unit)
    if wanted.unit:
        query = query.where(is_one_of(wanted.unit))
    if currency is not None:
        query = query.where(Unit.currency == currency)
    for name in ("area_id", "project_id", "status", "segment", "bedrooms"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(getattr(Unit, name) == value)
    if wanted.price_min is not None:
        query = query.where(Unit.price >= wanted.price_min)
    if wanted.price_max is not None:
        query = query.where(Unit.price <= wanted.price_max)
    if wanted.sort in ("price", "-price"):
        query = query.where(Unit.price.is_not(None))
    return query if wanted.search is None else query.where(_mentions(wanted.search))


def _mentions(words: str) -> Any:
    def holds(where: Any) -> Any:
        return func.strpos(func.lower(where), words.lower()) > 0

    named = select(Project.project_id).where(or_(holds(Project.name), holds(Project.developer)))
    return or_(holds(Unit.title), Unit.project_id.in_(named))


RISING = frozenset({"cheapest", "smallest"})
"""Orders that begin with the least."""


def candidates(
    session: Session,
    *,
    area_ids: Collection[uuid.UUID] | None,
    project_ids: Collection[uuid.UUID] | None = None,
    price_min: Decimal | None,
    price_max: Decimal | None,
    currency: str | None,
    bedrooms_min: int | None,
    bedrooms_max: int | None,
    type_pattern: str | None,
    refused_pattern: str | None,
    first: First | None = None,
    limit: int,
) -> Sequence[Unit]:
    """Return available units: the dearest within the budget first, else the cheapest from a price on, or newest."""
    prices, bedrooms = _between(Unit.price, price_min, price_max), _between(Unit.bedrooms, bedrooms_min, bedrooms_max)
    query = select(Unit).where(Unit.status == "available", *prices, *bedrooms)
    if currency is not None:
        query = query.where(Unit.currency == currency)
    if area_ids is not None:
        query = query.where(Unit.area_id.in_(area_ids))
    if project_ids is not None:
        query = query.where(Unit.project_id.in_(project_ids))
    if type_pattern is not None:
        query = query.where(func.lower(Unit.unit_type).regexp_match(type_pattern))
    if refused_pattern is not None:
        query = query.where(~func.coalesce(func.lower(Unit.unit_type), "").regexp_match(refused_pattern))
    if first is None and (price_min, price_max) != (None, None):
        first = "cheapest" if price_max is None else "dearest"
    return session.scalars(_ordered(query, first).order_by(Unit.project_id, Unit.unit_id).limit(limit)).all()


def _between(measure: Any, least: object, most: object) -> Iterator[ColumnElement[bool]]:
    """Yield the limits that are stated, both included."""
    if least is not None:
        yield measure >= least
    if most is not None:
        yield measure <= most


def _ordered(query: Select[Unit], first: First | None) -> Select[Unit]:
    """Let the units come first that are asked for, of those that tell; the newest where none are."""
    if first is None:
        return query.order_by(Unit.updated_at.desc())
    measure = Unit.area_sqm if first in ("largest", "smallest") else Unit.price
    return query.where(measure.is_not(None)).order_by(measure.asc() if first in RISING else measure.desc())


class SaleRow(NamedTuple):
    """What of a sale is looked at by valuations."""

    project_id: uuid.UUID
    unit_id: uuid.UUID
    title: str | None
    price: Decimal
    area_id: uuid.UUID | None
    area_sqm: Decimal
    segment: str | None
    unit_type: str | None
    bedrooms: int | None
    bathrooms: int | None
    sold_at: dt.datetime


def sales(
    session: Session, currency: str, now: dt.datetime, *, area_id: uuid.UUID | None = None, limit: int
) -> list[SaleRow]:
    """Return the newest sales in a currency that have a price, a size and an area; of one area where it is given."""
    query = select(*(getattr(Unit, name) for name in SaleRow._fields)).where(*_is_sale(currency, now))
    if area_id is not None:
        query = query.where(Unit.area_id == area_id)
    query = query.order_by(Unit.sold_at.desc(), Unit.project_id, Unit.unit_id).limit(limit)
    return [SaleRow(*row) for row in session.execute(query)]


def sales_version(session: Session, currency: str, now: dt.datetime) -> tuple[int, dt.datetime | None]:
    """Return what differs after a sale is added or changed: how many there are, and their newest change."""
    query = select(func.count(), func.max(Unit.updated_at)).where(*_is_sale(currency, now))
    n, changed = session.execute(query).one()
    return n, changed


def _is_sale(currency: str, now: dt.datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Unit.status == "sold",
        Unit.sold_at <= now,
        Unit.currency == currency,
        Unit.price > 0,
        Unit.price < MONEY_LIMIT * Unit.area_sqm,  # Else a square metre has no price.
        Unit.area_id.is_not(None),
    )


# What a unit is compared by when it is matched with a client, and nothing else of it.
_PIECES = {
    "/*traits*/": """
SELECT p.project_id || ':' || p.unit_id, CAST(p.project_id AS text), CAST(p.area_id AS text), j.developer,
    p.unit_type, p.segment, p.bedrooms, p.price, p.currency, CAST(p.area_sqm AS float8), p.delivery_date,
    ARRAY(SELECT jsonb_path_query(p.amenities, '$[*].code') #>> '{}'), p.listed_at, p.event_count
""",
    "/*near*/": """
(SELECT p.project_id, p.unit_id FROM properties p WHERE /*place*/ p.currency = c.currency
    AND p.price <= c.target AND /*fits*/ ORDER BY p.price DESC LIMIT /*most*/)
UNION ALL
(SELECT p.project_id, p.unit_id FROM properties p WHERE /*place*/ p.currency = c.currency
    AND p.price > c.target AND (c.most IS NULL OR p.price <= c.most) AND /*fits*/ ORDER BY p.price LIMIT /*most*/)
""",
    "/*affordable*/": """
(NOT :has_budget OR p.price <= coalesce(rated.most, 'infinity'))
""",
    "/*rated*/": """
SELECT * FROM unnest(CAST(:rated AS text[]), CAST(:limits AS numeric[])) AS r (currency, most)
""",
    "/*fits*/": """
p.status = 'available'
AND (CAST(:must_areas AS uuid[]) IS NULL OR p.area_id = ANY(CAST(:must_areas AS uuid[])))
AND (CAST(:bedrooms_min AS int) IS NULL OR p.bedrooms >= CAST(:bedrooms_min AS int))
AND (CAST(:bedrooms_max AS int) IS NULL OR p.bedrooms <= CAST(:bedrooms_max AS int))
AND (CAST(:types AS text) IS NULL OR lower(p.unit_type) ~ CAST(:types AS text))
AND (CAST(:segment AS text) IS NULL OR p.segment = CAST(:segment AS text))
AND (CAST(:delivery_by AS date) IS NULL OR p.delivery_date <= CAST(:delivery_by AS date))
AND (CAST(:amenities AS jsonb) IS NULL OR p.amenities @> CAST(:amenities AS jsonb))
AND NOT (p.project_id, p.unit_id) IN (
    SELECT CAST(split_part(k, ':', 1) AS uuid), CAST(split_part(k, ':', 2) AS uuid)
    FROM unnest(CAST(:refused AS text[])) AS k
)
""",
    "/*keys*/": """
SELECT CAST(split_part(k, ':', 1) AS uuid) AS project_id, CAST(split_part(k, ':', 2) AS uuid) AS unit_id
FROM unnest(CAST(:keys AS text[])) AS k
""",
}


def _filled(statement: str) -> TextClause:
    for name, piece in _PIECES.items():
        statement = statement.replace(name, piece)
    return text(statement)


_NEAR_IN_AREA = _PIECES["/*near*/"].replace("/*place*/", "p.area_id = a.area_id AND").replace("/*most*/", ":per_area")
_NEAR_ANYWHERE = _PIECES["/*near*/"].replace("/*place*/", "").replace("/*most*/", ":anywhere")
_PIECES |= {"/*near in area*/": _NEAR_IN_AREA, "/*near anywhere*/": _NEAR_ANYWHERE}
_PIECES = dict(sorted(_PIECES.items(), key=lambda piece: piece[0] == "/*fits*/"))  # It is a piece of others.

# Each branch reads a bounded piece of one index: by area and price, by price, by change, by key.
MATCHING = _filled("""
WITH c AS (
    SELECT * FROM unnest(CAST(:currencies AS text[]), CAST(:targets AS numeric[]), CAST(:most AS numeric[]))
        AS c (currency, target, most)
), rated AS (/*rated*/), picked AS (
    SELECT f.* FROM unnest(CAST(:areas AS uuid[])) AS a (area_id) CROSS JOIN c
    CROSS JOIN LATERAL (/*near in area*/) f
    UNION
    SELECT f.* FROM c CROSS JOIN LATERAL (/*near anywhere*/) f
    UNION
    (SELECT p.project_id, p.unit_id FROM properties p LEFT JOIN rated USING (currency)
    WHERE /*fits*/ AND /*affordable*/ ORDER BY p.updated_at DESC LIMIT :newest)
    UNION
    SELECT p.project_id, p.unit_id
    FROM (/*keys*/) named JOIN properties p USING (project_id, unit_id) LEFT JOIN rated USING (currency)
    WHERE /*fits*/ AND /*affordable*/
)
/*traits*/ FROM picked JOIN properties p USING (project_id, unit_id) JOIN projects j USING (project_id)
ORDER BY p.project_id, p.unit_id
""")
TRAITS = _filled("""
/*traits*/ FROM (/*keys*/) named JOIN properties p USING (project_id, unit_id) JOIN projects j USING (project_id)
""")
# A price that cannot be held against the budget is not counted as within it.
STOCK = _filled("""
SELECT p.area_id, count(*) AS n FROM properties p LEFT JOIN (/*rated*/) rated USING (currency)
WHERE p.area_id IS NOT NULL AND /*fits*/ AND (NOT :has_budget OR p.price <= rated.most)
GROUP BY p.area_id
""")
# Ids are drawn by chance, so the first of them are a fair sample.
SAMPLE = _filled("""
/*traits*/ FROM (SELECT * FROM properties WHERE status = 'available' ORDER BY unit_id LIMIT :most) p
JOIN projects j USING (project_id)
""")


def matching(session: Session, limits: HardLimits, near: Near) -> list[Traits]:
    """Return a bounded number of units for sale that keep some limits, those near a target first of all."""
    asked = _limits(limits) | {
        "currencies": list(near.targets),
        "targets": list(near.targets.values()),
        "most": [limits.prices.get(currency) for currency in near.targets],
        "areas": list(near.area_ids),
        "keys": list(near.named),
        "per_area": near.per_area,
        "anywhere": near.anywhere,
        "newest": near.newest,
    }
    return _traits(session.execute(MATCHING, asked))


def stock(session: Session, limits: HardLimits) -> dict[uuid.UUID, int]:
    """Count the units for sale that keep some limits by area."""
    return {row.area_id: row.n for row in session.execute(STOCK, _limits(limits))}


def _limits(limits: HardLimits) -> dict[str, Any]:
    """Return what the pieces that keep the limits ask for."""
    amenities = [{"code": code} for code in sorted(limits.amenities)]
    return {
        "must_areas": None if limits.area_ids is None else list(limits.area_ids),
        "bedrooms_min": limits.bedrooms_min,
        "bedrooms_max": limits.bedrooms_max,
        "types": limits.type_pattern,
        "segment": limits.segment,
        "delivery_by": limits.delivery_by,
        "amenities": to_json(amenities).decode() if amenities else None,
        "refused": list(limits.refused),
        "has_budget": limits.has_budget,
        "rated": list(limits.prices),
        "limits": list(limits.prices.values()),
    }


def traits(session: Session, keys: Collection[str]) -> list[Traits]:
    """Return what some units, named ``"project:unit"``, are compared by, of whatever status."""
    return _traits(session.execute(TRAITS, {"keys": list(keys)})) if keys else []


def sample(session: Session, most: int) -> list[Traits]:
    """Return a sample of the units for sale."""
    return _traits(session.execute(SAMPLE, {"most": most}))


def _traits(rows: Iterable[Row[Any]]) -> list[Traits]:
    return [Traits(*tuple(row)) for row in rows]


def add_events(session: Session, counts: Iterable[tuple[UnitRef, int, dt.datetime | None]]) -> None:
    """Add folded events to the counters of their units, in one statement and one lock order."""
    ordered = sorted(counts, key=lambda item: item[0])
    session.execute(
        ADD_EVENTS,
        {
            "projects": [ref.project_id for ref, _, _ in ordered],
            "units": [ref.unit_id for ref, _, _ in ordered],
            "counts": [n for _, n, _ in ordered],
            "newest": [newest for _, _, newest in ordered],
        },
    )
