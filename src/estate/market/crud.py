"""All SQL of the market layer."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Date, Double, Integer, Row, Select, case, cast, func, or_, select, text, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from estate.core.paging import Key, Page, fetch_page
from estate.core.upsert import Written
from estate.market.models import AreaAlias, MarketForecast, MarketInsight, MarketSnapshot
from estate.market.schemas import MOST_DAYS_AHEAD

__all__ = [
    "HEAT_MONTHS",
    "add_aliases",
    "add_areas",
    "add_forecasts",
    "add_snapshots",
    "aliases",
    "areas",
    "areas_named",
    "empty_insights",
    "get_area",
    "heat_months",
    "history",
    "monthly_prices",
    "newest_day",
    "page_areas",
    "refresh_insights",
    "track_record",
    "version",
    "was_published",
]

RESTATED = ("price_avg", "currency", "demand_score", "supply_score", "sales_volume", "new_projects")
RESTATED_TOO = ("agent_density", "days_on_market", "inventory", "views_per_listing", "received_at")

REFRESH = text("""
WITH newest AS (
    SELECT DISTINCT ON (area_id) area_id, observed_on, currency
    FROM market_snapshots
    WHERE area_id = ANY(:areas) AND observed_on <= (now() AT TIME ZONE 'UTC')::date + :days_ahead
    ORDER BY area_id, observed_on DESC, snapshot_id DESC
), seen AS (
    SELECT s.*, greatest(coalesce(s.sales_volume, 1), 1) AS weight, s.observed_on = n.observed_on AS is_newest
    FROM market_snapshots s
    JOIN newest n ON n.area_id = s.area_id AND n.currency = s.currency
        AND s.observed_on > n.observed_on - :window_days AND s.observed_on <= n.observed_on
), by_segment AS (
    SELECT area_id, jsonb_object_agg(segment, jsonb_build_object(
        'price_avg', price, 'price_median', median, 'n', n, 'as_of', as_of)) AS segments
    FROM (
        SELECT area_id, segment, count(*) AS n, max(observed_on) AS as_of,
            round(percentile_cont(0.5) WITHIN GROUP (ORDER BY price_avg)::numeric, 2)::text AS median,
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
        (array_agg(new_projects ORDER BY observed_on DESC, snapshot_id DESC)
            FILTER (WHERE new_projects IS NOT NULL))[1] AS new_projects
    FROM seen GROUP BY area_id
), sold AS (
    SELECT area_id, coalesce(max(sales) FILTER (WHERE segment = 'all'), sum(sales)) AS sales_volume
    FROM (
        SELECT area_id, segment, avg(sales_volume) AS sales
        FROM (
            SELECT DISTINCT ON (area_id, segment, source) area_id, segment, sales_volume
            FROM seen WHERE is_newest AND sales_volume IS NOT NULL
            ORDER BY area_id, segment, source, snapshot_id DESC
        ) last_said GROUP BY area_id, segment
    ) s GROUP BY area_id
)
UPDATE market_insights m SET
    price_avg = round(t.price_avg, 2), price_median = round(t.price_median::numeric, 2),
    demand_score = t.demand_score, supply_score = t.supply_score, agent_density = t.agent_density,
    sales_volume = round(sold.sales_volume), new_projects = t.new_projects, currency = t.currency,
    segments = b.segments, snapshot_count = t.n, as_of = t.as_of, updated_at = clock_timestamp()
FROM total t JOIN by_segment b USING (area_id) LEFT JOIN sold USING (area_id)
WHERE m.area_id = t.area_id
""")

EMPTY = text("""
UPDATE market_insights m SET
    price_avg = NULL, price_median = NULL, demand_score = NULL, supply_score = NULL, agent_density = NULL,
    sales_volume = NULL, new_projects = NULL, segments = DEFAULT, snapshot_count = DEFAULT, as_of = NULL,
    updated_at = clock_timestamp()
WHERE area_id = ANY(:areas) AND as_of IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM market_snapshots s
        WHERE s.area_id = m.area_id AND s.observed_on <= (now() AT TIME ZONE 'UTC')::date + :days_ahead
    )
""")

HEAT_MONTHS = text("""
WITH seen AS (
    SELECT s.*, date_trunc('month', s.observed_on) AS month
    FROM market_insights m
    JOIN market_snapshots s ON s.area_id = m.area_id
        AND s.observed_on > date_trunc('month', m.as_of) - make_interval(months => :months)
        AND s.observed_on <= m.as_of
), last_said AS (
    SELECT area_id, month, segment, source,
        (array_agg(sales_volume ORDER BY snapshot_id DESC) FILTER (WHERE sales_volume IS NOT NULL))[1] AS sales,
        (array_agg(inventory ORDER BY snapshot_id DESC) FILTER (WHERE inventory IS NOT NULL))[1] AS inventory
    FROM seen GROUP BY area_id, month, segment, source, observed_on
), by_segment AS (
    SELECT area_id, month, segment, avg(inventory) AS inventory,
        sum(sales) / nullif(count(DISTINCT source) FILTER (WHERE sales IS NOT NULL), 0) AS sales
    FROM last_said GROUP BY area_id, month, segment
), counted AS (
    SELECT area_id, month,
        coalesce(max(sales) FILTER (WHERE segment = 'all'), sum(sales))::float8 AS sales,
        coalesce(max(inventory) FILTER (WHERE segment = 'all'), sum(inventory))::float8 AS inventory
    FROM by_segment GROUP BY area_id, month
), scored AS (
    SELECT area_id, month, max(observed_on) AS observed_on,
        avg(demand_score)::float8 AS demand_score, avg(supply_score)::float8 AS supply_score,
        avg(days_on_market)::float8 AS days_on_market, avg(views_per_listing)::float8 AS views_per_listing,
        bool_or(segment = 'ready') AS ready, bool_or(segment = 'off_plan') AS off_plan
    FROM seen GROUP BY area_id, month
)
SELECT *, month < date_trunc('month', now()) AS is_over
FROM scored JOIN counted USING (area_id, month)
""")


def add_areas(session: Session, rows: Sequence[dict[str, Any]]) -> set[uuid.UUID]:
    """Create areas that are not known, rename those that did not change since; return the ids of the new ones."""
    ordered = sorted(rows, key=lambda row: str(row["area_id"]))  # One lock order for all writers.
    known = set(
        session.scalars(select(MarketInsight.area_id).where(MarketInsight.area_id.in_([r["area_id"] for r in ordered])))
    )
    statement = insert(MarketInsight)
    is_new = statement.excluded.updated_at >= MarketInsight.updated_at
    name = case((is_new, statement.excluded.area_name), else_=MarketInsight.area_name)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["area_id"], set_={"area_name": name, "updated_at": func.clock_timestamp()}
        ),
        ordered,
    )
    return {row["area_id"] for row in ordered} - known


def add_snapshots(session: Session, rows: Sequence[dict[str, Any]]) -> list[Written]:
    """Write snapshots that name each stated key at most once; what was received before the stored one is stale."""
    statement, stored = insert(MarketSnapshot), MarketSnapshot
    is_new = statement.excluded.received_at >= stored.received_at
    changes = {
        name: case((is_new, statement.excluded[name]), else_=getattr(stored, name))
        for name in (*RESTATED, *RESTATED_TOO)
    }
    statement = statement.on_conflict_do_update(
        index_elements=["area_id", "segment", "observed_on", "source"],
        index_where=text("stated"),
        set_=changes,
    )
    returning = statement.returning(text("(xmax = 0)"), stored.received_at, sort_by_parameter_order=True)
    found = session.execute(returning, list(rows))
    return [_written(new, at > row["received_at"]) for (new, at), row in zip(found, rows, strict=True)]


def _written(is_new: bool, is_stale: bool) -> Written:
    if is_new:
        return "created"
    return "stale" if is_stale else "updated"


def refresh_insights(session: Session, area_ids: Collection[uuid.UUID], window_days: int) -> None:
    """Recompute the aggregate of some areas.

    ``price_avg``, ``demand_score``, ``supply_score`` and ``agent_density`` are means over the snapshots of the
    `window_days` up to the area's newest observation, weighted by ``sales_volume`` (1 where it is null or 0), in the
    currency of the newest; ``sales_volume`` is that of the newest day, ``new_projects`` the newest stated. A day that
    no row may state yet does not count before it may. Of what one source says of a segment and day the last counts,
    sources are averaged, and what is said of all segments goes before the sum of ready and off-plan.
    """
    limits = {"window_days": window_days, "days_ahead": MOST_DAYS_AHEAD}
    session.execute(REFRESH, {"areas": sorted(area_ids), **limits})


def empty_insights(session: Session, area_ids: Collection[uuid.UUID]) -> None:
    """Clear the aggregate of those of some areas that have no snapshot that counts."""
    session.execute(EMPTY, {"areas": sorted(area_ids), "days_ahead": MOST_DAYS_AHEAD})


def get_area(session: Session, area_id: uuid.UUID) -> MarketInsight | None:
    """Return one area."""
    return session.get(MarketInsight, area_id)


def _matching(search: str | None) -> Select[MarketInsight]:
    query = select(MarketInsight)
    if search is not None:
        named = func.strpos(func.lower(MarketInsight.area_name), search.lower()) > 0
        also = select(AreaAlias.area_id).where(func.strpos(func.lower(AreaAlias.alias), search.lower()) > 0)
        query = query.where(or_(named, MarketInsight.area_id.in_(also)))
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
    """Return the areas one of whose names, lower-cased, is one of these."""
    also = select(AreaAlias.area_id).where(func.lower(AreaAlias.alias).in_(lowered))
    named = func.lower(MarketInsight.area_name).in_(lowered)
    query = select(MarketInsight).where(or_(named, MarketInsight.area_id.in_(also)))
    return session.scalars(query.order_by(MarketInsight.area_id)).all()


def history(session: Session, area_ids: Collection[uuid.UUID], limit: int) -> Sequence[MarketSnapshot]:
    """Return the newest snapshots of some areas, at most `limit` an area, newest first."""
    newest_first = (MarketSnapshot.observed_on.desc(), MarketSnapshot.snapshot_id.desc())
    of_area = select(MarketSnapshot).where(MarketSnapshot.area_id == MarketInsight.area_id)
    newest = aliased(MarketSnapshot, of_area.order_by(*newest_first).limit(limit).correlate(MarketInsight).lateral())
    query = select(newest).select_from(MarketInsight).join(newest, true()).where(MarketInsight.area_id.in_(area_ids))
    return session.scalars(query.order_by(newest.area_id, newest.observed_on.desc(), newest.snapshot_id.desc())).all()


def heat_months(session: Session, months: int) -> Sequence[Row[Any]]:
    """Return one row an area and month, for the `months` up to the newest observation of each area.

    Scores, days and views are means of the snapshots of the month. Sales are the sum over the days of each source,
    inventory the mean over days; of what one source says of a segment and day the last counts, sources are averaged,
    and what is said of all segments goes before the sum of ready and off-plan. A month that is not over
    may have more sales to come.
    """
    return session.execute(HEAT_MONTHS, {"months": months}).all()


def version(session: Session) -> tuple[int, str, dt.date]:
    """Return what differs after any change to an area and in another month.

    That is how many areas there are, the sum of their last changes, and the month. Changes carry the time of the
    clock, not of their transaction, so that two of one transaction differ as well.
    """
    changed = func.coalesce(func.sum(func.extract("epoch", MarketInsight.updated_at)), 0)
    month = cast(func.date_trunc("month", func.now()), Date)
    n, total, now = session.execute(select(func.count(), changed, month).select_from(MarketInsight)).one()
    return n, str(total), now


def _monthly_prices() -> Select[Any]:
    """Select the mean price of each area and month in the area's own currency, weighted by sales."""
    snapshot, weight = MarketSnapshot, func.greatest(func.coalesce(MarketSnapshot.sales_volume, 1), 1)
    month = cast(func.date_trunc("month", snapshot.observed_on), Date)
    price = cast(func.sum(snapshot.price_avg * weight) / func.sum(weight), Double)
    return (
        select(
            snapshot.area_id,
            month.label("month"),
            price.label("price"),
            func.bool_or(snapshot.segment == "ready").label("ready"),
            func.bool_or(snapshot.segment == "off_plan").label("off_plan"),
        )
        .join(MarketInsight, MarketInsight.area_id == snapshot.area_id)
        .where(snapshot.price_avg > 0, snapshot.currency == MarketInsight.currency)
        .group_by(snapshot.area_id, "month")
    )


def newest_day(session: Session, until: dt.date) -> dt.date | None:
    """Return the day of the newest snapshot with a price, of those up to a day."""
    snapshot = MarketSnapshot
    query = select(func.max(snapshot.observed_on)).where(snapshot.price_avg > 0, snapshot.observed_on <= until)
    return session.scalar(query)


def monthly_prices(session: Session, since: dt.date, until: dt.date) -> Sequence[Row[Any]]:
    """Return area, first day of the month, mean price in the area's own currency, and which segments it blends."""
    query = _monthly_prices().where(MarketSnapshot.observed_on.between(since, until))
    return session.execute(query.order_by("month", MarketSnapshot.area_id)).all()


def add_forecasts(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Keep published forecasts; what was published once stays as it was."""
    if rows:
        session.execute(insert(MarketForecast).on_conflict_do_nothing(), list(rows))


def was_published(session: Session, origin_month: dt.date) -> set[uuid.UUID]:
    """Return the areas whose forecast from this month is kept."""
    query = select(MarketForecast.area_id).where(MarketForecast.origin_month == origin_month).distinct()
    return set(session.scalars(query))


def track_record(session: Session, this_month: dt.date) -> Sequence[Row[Any]]:
    """Compare kept forecasts with the months that are over, by months ahead, and by month of origin within each.

    A row of all origins has none, and comes after theirs.
    """
    kept, came = MarketForecast, _monthly_prices().subquery("came")
    age = func.age(kept.month, kept.origin_month)
    months_ahead = cast(12 * func.extract("year", age) + func.extract("month", age), Integer)
    query = (
        select(
            months_ahead.label("months_ahead"),
            kept.origin_month,
            func.count().label("n"),
            func.count(kept.area_id.distinct()).label("areas"),
            func.count(kept.origin_month.distinct()).label("origins"),
            _mean(func.abs(kept.price - came.c.price) / came.c.price).label("error"),
            _mean(func.abs(kept.naive - came.c.price) / came.c.price).label("naive_error"),
            _mean(cast(came.c.price.between(kept.lower, kept.upper), Integer)).label("coverage_80"),
            _mean(cast(came.c.price.between(kept.lower_95, kept.upper_95), Integer)).label("coverage_95"),
            func.max(kept.month).label("as_of"),
        )
        .join(MarketInsight, (MarketInsight.area_id == kept.area_id) & (MarketInsight.currency == kept.currency))
        .join(came, (came.c.area_id == kept.area_id) & (came.c.month == kept.month))
        .where(kept.month < this_month)
        .group_by(text("GROUPING SETS ((months_ahead), (months_ahead, origin_month))"))
        .order_by("months_ahead", kept.origin_month)
    )
    return session.execute(query).all()


def _mean(value: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(func.avg(value), Double)


def add_aliases(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Add other names of areas; a known one is left alone."""
    if rows:
        session.execute(insert(AreaAlias).on_conflict_do_nothing(), list(rows))


def aliases(session: Session, area_ids: Collection[uuid.UUID]) -> Sequence[tuple[uuid.UUID, str]]:
    """Return (area, other name), in alphabetical order."""
    query = select(AreaAlias.area_id, AreaAlias.alias).where(AreaAlias.area_id.in_(area_ids))
    return [(row.area_id, row.alias) for row in session.execute(query.order_by(AreaAlias.alias))]
