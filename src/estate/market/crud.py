"""All SQL of the market layer."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Select, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from estate.core.paging import Key, Page, fetch_page
from estate.market.models import MarketInsight, MarketSnapshot

__all__ = [
    "add_areas",
    "add_snapshots",
    "areas",
    "areas_named",
    "get_area",
    "history",
    "monthly_prices",
    "newest_rows",
    "page_areas",
    "refresh_insights",
]

RESTATED = ("price_avg", "currency", "demand_score", "supply_score", "sales_volume", "new_projects")
RESTATED_TOO = ("agent_density", "days_on_market", "inventory", "views_per_listing", "received_at")

REFRESH = text("""
WITH newest AS (
    SELECT DISTINCT ON (area_id) area_id, observed_on, currency
    FROM market_snapshots WHERE area_id = ANY(:areas)
    ORDER BY area_id, observed_on DESC, snapshot_id DESC
), seen AS (
    SELECT s.*, greatest(coalesce(s.sales_volume, 1), 1) AS weight, s.observed_on = n.observed_on AS is_newest
    FROM market_snapshots s
    JOIN newest n ON n.area_id = s.area_id AND n.currency = s.currency
        AND s.observed_on > n.observed_on - :window_days AND s.observed_on <= n.observed_on
), by_segment AS (
    SELECT area_id, jsonb_object_agg(segment, jsonb_build_object('price_avg', price, 'n', n)) AS segments
    FROM (
        SELECT area_id, segment, count(*) AS n,
            round(sum(price_avg * weight) / nullif(sum(weight) FILTER (WHERE price_avg IS NOT NULL), 0), 2)::text
                AS price
        FROM seen GROUP BY area_id, segment
    ) s GROUP BY area_id
), total AS (
    SELECT area_id, max(currency) AS currency, max(observed_on) AS as_of, count(*) AS n,
        sum(price_avg * weight) / nullif(sum(weight) FILTER (WHERE price_avg IS NOT NULL), 0) AS price_avg,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY price_avg) AS price_median,
        sum(demand_score * weight) / nullif(sum(weight) FILTER (WHERE demand_score IS NOT NULL), 0)
            AS demand_score,
        sum(supply_score * weight) / nullif(sum(weight) FILTER (WHERE supply_score IS NOT NULL), 0)
            AS supply_score,
        sum(agent_density * weight) / nullif(sum(weight) FILTER (WHERE agent_density IS NOT NULL), 0)
            AS agent_density,
        sum(sales_volume) FILTER (WHERE is_newest) AS sales_volume,
        (array_agg(new_projects ORDER BY observed_on DESC, snapshot_id DESC)
            FILTER (WHERE new_projects IS NOT NULL))[1] AS new_projects
    FROM seen GROUP BY area_id
)
UPDATE market_insights m SET
    price_avg = round(t.price_avg, 2), price_median = round(t.price_median::numeric, 2),
    demand_score = t.demand_score, supply_score = t.supply_score, agent_density = t.agent_density,
    sales_volume = t.sales_volume, new_projects = t.new_projects, currency = t.currency,
    segments = b.segments, snapshot_count = t.n, as_of = t.as_of, updated_at = now()
FROM total t JOIN by_segment b USING (area_id)
WHERE m.area_id = t.area_id
""")

MONTHLY = text("""
SELECT area_id, date_trunc('month', observed_on)::date AS month,
    (sum(s.price_avg * greatest(coalesce(s.sales_volume, 1), 1))
        / sum(greatest(coalesce(s.sales_volume, 1), 1)))::float8 AS price
FROM market_snapshots s
JOIN market_insights m USING (area_id)
WHERE s.price_avg > 0 AND s.currency = m.currency AND s.observed_on >= :since
GROUP BY area_id, month ORDER BY month, area_id
""")


def add_areas(session: Session, rows: Sequence[dict[str, Any]]) -> set[uuid.UUID]:
    """Create areas that are not known, rename those that are; return the ids of the new ones."""
    ordered = sorted(rows, key=lambda row: str(row["area_id"]))  # One lock order for all writers.
    known = set(
        session.scalars(select(MarketInsight.area_id).where(MarketInsight.area_id.in_([r["area_id"] for r in ordered])))
    )
    statement = insert(MarketInsight)
    session.execute(
        statement.on_conflict_do_update(index_elements=["area_id"], set_={"area_name": statement.excluded.area_name}),
        ordered,
    )
    return {row["area_id"] for row in ordered} - known


def add_snapshots(session: Session, rows: Sequence[dict[str, Any]]) -> list[bool]:
    """Write snapshots that name each stated key at most once; return which were new."""
    statement = insert(MarketSnapshot)
    changes = {name: statement.excluded[name] for name in (*RESTATED, *RESTATED_TOO)}
    statement = statement.on_conflict_do_update(
        index_elements=["area_id", "segment", "observed_on", "source"],
        index_where=text("stated"),
        set_=changes,
    )
    created = session.execute(statement.returning(text("(xmax = 0)"), sort_by_parameter_order=True), list(rows))
    return list(created.scalars())


def refresh_insights(session: Session, area_ids: Collection[uuid.UUID], window_days: int) -> None:
    """Recompute the aggregate of some areas.

    ``price_avg``, ``demand_score``, ``supply_score`` and ``agent_density`` are means over the snapshots of
    the `window_days` up to the area's newest observation, weighted by ``sales_volume`` (1 where it is null
    or 0), in the currency of the newest; ``sales_volume`` is the sum of the newest day, ``new_projects``
    the newest stated.
    """
    session.execute(REFRESH, {"areas": sorted(area_ids), "window_days": window_days})


def get_area(session: Session, area_id: uuid.UUID) -> MarketInsight | None:
    """Return one area."""
    return session.get(MarketInsight, area_id)


def _matching(search: str | None) -> Select[MarketInsight]:
    query = select(MarketInsight)
    if search is not None:
        query = query.where(func.strpos(func.lower(MarketInsight.area_name), search.lower()) > 0)
    return query


def page_areas(
    session: Session, *, search: str | None, area_id: uuid.UUID | None, cursor: str | None, limit: int
) -> Page[MarketInsight]:
    """Return areas in the order of their ids."""
    query = _matching(search)
    if area_id is not None:
        query = query.where(MarketInsight.area_id == area_id)
    return fetch_page(session, query, Key((MarketInsight.area_id,)), cursor=cursor, limit=limit)


def areas(session: Session, ids: Collection[uuid.UUID] | None = None) -> Sequence[MarketInsight]:
    """Return all areas, or some."""
    query = select(MarketInsight).order_by(MarketInsight.area_id)
    if ids is not None:
        query = query.where(MarketInsight.area_id.in_(ids))
    return session.scalars(query).all()


def areas_named(session: Session, lowered: Collection[str]) -> Sequence[MarketInsight]:
    """Return the areas whose lower-cased name is one of these."""
    query = select(MarketInsight).where(func.lower(MarketInsight.area_name).in_(lowered))
    return session.scalars(query.order_by(MarketInsight.area_id)).all()


def history(session: Session, area_ids: Collection[uuid.UUID], limit: int) -> Sequence[MarketSnapshot]:
    """Return the newest snapshots of some areas, at most `limit` an area, newest first."""
    rank = (
        func.row_number()
        .over(
            partition_by=MarketSnapshot.area_id,
            order_by=(MarketSnapshot.observed_on.desc(), MarketSnapshot.snapshot_id.desc()),
        )
        .label("rank")
    )
    ranked = select(MarketSnapshot.snapshot_id, rank).where(MarketSnapshot.area_id.in_(area_ids)).subquery()
    query = (
        select(MarketSnapshot)
        .join(ranked, ranked.c.snapshot_id == MarketSnapshot.snapshot_id)
        .where(ranked.c.rank <= limit)
        .order_by(MarketSnapshot.area_id, ranked.c.rank)
    )
    return session.scalars(query).all()


def newest_rows(session: Session, days: int) -> Sequence[MarketSnapshot]:
    """Return the snapshots of the `days` up to each area's own newest observation."""
    query = (
        select(MarketSnapshot)
        .join(MarketInsight, MarketInsight.area_id == MarketSnapshot.area_id)
        .where(MarketSnapshot.observed_on > MarketInsight.as_of - days)
        .order_by(MarketSnapshot.area_id, MarketSnapshot.observed_on, MarketSnapshot.snapshot_id)
    )
    return session.scalars(query).all()


def monthly_prices(session: Session, since: dt.date) -> Sequence[tuple[uuid.UUID, dt.date, float]]:
    """Return (area, first day of the month, mean price) since a day, in the area's own currency."""
    return [tuple(row) for row in session.execute(MONTHLY, {"since": since})]
