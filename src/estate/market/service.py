"""The public verbs of the market layer."""

import datetime as dt
import math
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy.orm import Session

from estate.core.documents import DocumentText, document_jobs
from estate.core.ingest import IngestResult, SourceRow, Stored
from estate.core.ingest import ingest as ingest_rows
from estate.core.outbox import enqueue
from estate.core.paging import Page
from estate.core.settings import get_settings
from estate.core.upsert import waves
from estate.market import crud
from estate.market.analytics.forecast import forecast as forecast_panel
from estate.market.analytics.heat import NEUTRAL, band, heat
from estate.market.errors import AreaNotFound
from estate.market.models import MarketInsight, MarketSnapshot
from estate.market.schemas import (
    AreaFilter,
    AreaHeat,
    AreaOut,
    ForecastMonth,
    ForecastOut,
    SnapshotIn,
    SnapshotOut,
)

__all__ = [
    "all_areas",
    "documents",
    "find_areas",
    "get_area",
    "heatmap",
    "ingest",
    "list_areas",
    "name_areas",
    "predict",
    "refresh",
]

HISTORY_SHOWN = 12
HISTORY_MONTHS = 60  # Older prices say little about the next year.
MIN_MONTHS = 3  # Two changes are the least that a drift can be read from.
LEVEL = 0.8


def ingest(session: Session, rows: Iterable[SourceRow], *, source: str = "api") -> IngestResult:
    """Store snapshots and refresh the areas that they name, in one transaction."""
    return ingest_rows(session, layer="market", model=SnapshotIn, rows=rows, store=_store, source=source)


def _store(session: Session, snapshots: Sequence[SnapshotIn]) -> list[Stored]:
    settings = get_settings()
    today = dt.datetime.now(dt.UTC).date()
    names = {s.area_id: s.area_name for s in snapshots}
    crud.add_areas(
        session,
        [{"area_id": area, "area_name": name, "currency": settings.default_currency} for area, name in names.items()],
    )
    rows = [_snapshot_row(s, today, settings.default_currency) for s in snapshots]
    created = [False] * len(rows)
    keys = [_restatement_key(row, i) for i, row in enumerate(rows)]
    for wave in waves(keys):
        for i, new in zip(wave, crud.add_snapshots(session, [rows[i] for i in wave]), strict=True):
            created[i] = new
    crud.refresh_insights(session, names.keys(), settings.market_window_days)
    enqueue(session, document_jobs("market", names))
    return [Stored(str(s.area_id), "created" if new else "updated") for s, new in zip(snapshots, created, strict=True)]


def name_areas(session: Session, names: Mapping[uuid.UUID, str], *, currency: str) -> None:
    """Create areas that have no snapshot yet, or rename those that exist."""
    rows = [{"area_id": area, "area_name": name, "currency": currency} for area, name in names.items()]
    crud.add_areas(session, rows)
    enqueue(session, document_jobs("market", names))


def _snapshot_row(snapshot: SnapshotIn, today: dt.date, currency: str) -> dict[str, object]:
    row = snapshot.model_dump(exclude={"area_name", "updated_at"})
    return row | {
        "stated": snapshot.observed_on is not None,
        "observed_on": snapshot.observed_on or today,
        "source": snapshot.source or "api",
        "currency": snapshot.currency or currency,
        "received_at": dt.datetime.now(dt.UTC),
    }


def _restatement_key(row: dict[str, object], position: int) -> object:
    if not row["stated"]:
        return position
    return (row["area_id"], row["segment"], row["observed_on"], row["source"])


def refresh(session: Session) -> None:
    """Recompute the aggregate of every area, after snapshots were loaded by COPY."""
    crud.refresh_insights(session, [area.area_id for area in crud.areas(session)], get_settings().market_window_days)


def list_areas(session: Session, wanted: AreaFilter) -> Page[AreaOut]:
    """Return a page of areas with their newest snapshots."""
    page = crud.page_areas(
        session, search=wanted.search, area_id=wanted.area_id, cursor=wanted.cursor, limit=wanted.limit
    )
    return Page(_with_history(session, page.items), page.next_cursor)


def get_area(session: Session, area_id: uuid.UUID) -> AreaOut:
    """Return one area.

    Raises
    ------
    AreaNotFound
        When no area has this id.
    """
    area = crud.get_area(session, area_id)
    if area is None:
        raise AreaNotFound("No area has this id.")
    return _with_history(session, [area])[0]


def _with_history(session: Session, areas: Sequence[MarketInsight]) -> list[AreaOut]:
    by_area: dict[uuid.UUID, list[SnapshotOut]] = {area.area_id: [] for area in areas}
    for row in crud.history(session, by_area.keys(), HISTORY_SHOWN):
        by_area[row.area_id].append(SnapshotOut.model_validate(row))
    return [_area_out(area, by_area[area.area_id]) for area in areas]


def _area_out(area: MarketInsight, history: list[SnapshotOut]) -> AreaOut:
    fields = {name: getattr(area, name) for name in AreaOut.model_fields if name != "history"}
    return AreaOut(**fields, history=history)


def heatmap(session: Session) -> list[AreaHeat]:
    """Return every area by heat, hottest first.

    See `estate.market.analytics.heat.heat` for the formula; each area is compared with all others in its
    own newest window of ``ESTATE_MARKET_WINDOW_DAYS``.
    """
    areas = {area.area_id: area for area in crud.areas(session)}
    days = get_settings().market_window_days
    scored = heat(_frame(crud.newest_rows(session, 2 * days)), window_days=days)
    hot = [_heat_out(areas[row.area_id], row, len(scored)) for row in scored.itertuples()]
    seen = {area.area_id for area in hot}
    return hot + [_unseen(area) for area in areas.values() if area.area_id not in seen]


def _frame(rows: Sequence[MarketSnapshot]) -> pd.DataFrame:
    columns = ("area_id", "observed_on", "price_avg", "sales_volume", "demand_score", "supply_score")
    return pd.DataFrame([[getattr(row, name) for name in columns] for row in rows], columns=columns)


def predict(session: Session, area_id: uuid.UUID, horizon_months: int) -> ForecastOut:
    """Forecast the mean price of an area, month by month, with an 80 % interval.

    Raises
    ------
    AreaNotFound
        When no area has this id.
    """
    area = crud.get_area(session, area_id)
    if area is None:
        raise AreaNotFound("No area has this id.")
    since = (area.as_of or dt.datetime.now(dt.UTC).date()) - dt.timedelta(days=31 * HISTORY_MONTHS)
    panel = _panel(crud.monthly_prices(session, since))
    n = panel.months_known(area_id)
    if n < MIN_MONTHS:
        return _no_forecast(area, n)
    result = forecast_panel(panel.prices, horizon_months, levels=(LEVEL,))
    i = panel.areas[area_id]
    return ForecastOut(
        area_id=area_id,
        status="ok",
        currency=area.currency,
        level=LEVEL,
        months=[
            ForecastMonth(
                month=_month_after(panel.last_month, h + 1),
                price=result.mean[i, h],
                lower=result.lower[0, i, h],
                upper=result.upper[0, i, h],
            )
            for h in range(horizon_months)
        ],
        n=n,
        areas=len(panel.areas),
        as_of=area.as_of,
        why=f"Drift of {n} monthly prices of this area, shrunk towards that of {len(panel.areas)} areas.",
    )


@dataclass(frozen=True, slots=True)
class _Panel:
    """Monthly prices [areas, months], NaN where a month is missing."""

    areas: dict[uuid.UUID, int]
    prices: npt.NDArray[np.float64]
    last_month: dt.date

    def months_known(self, area_id: uuid.UUID) -> int:
        i = self.areas.get(area_id)
        return 0 if i is None else int(np.isfinite(self.prices[i]).sum())


def _panel(rows: Sequence[tuple[uuid.UUID, dt.date, float]]) -> _Panel:
    areas = {area: i for i, area in enumerate(sorted({row[0] for row in rows}))}
    months = [month.year * 12 + month.month for _, month, _ in rows]
    first, last = (min(months), max(months)) if rows else (0, 0)
    prices = np.full((len(areas), last - first + 1), np.nan)
    for (area, _, price), month in zip(rows, months, strict=True):
        prices[areas[area], month - first] = price
    return _Panel(areas, prices, max((row[1] for row in rows), default=dt.date.min))


def _month_after(month: dt.date, steps: int) -> dt.date:
    years, index = divmod(month.month - 1 + steps, 12)
    return dt.date(month.year + years, index + 1, 1)


def _no_forecast(area: MarketInsight, n: int) -> ForecastOut:
    return ForecastOut(
        area_id=area.area_id,
        status="insufficient_data",
        currency=area.currency,
        level=LEVEL,
        months=[],
        n=n,
        areas=0,
        as_of=area.as_of,
        why=f"A forecast needs prices of at least {MIN_MONTHS} months; this area has {n}.",
    )


def _heat_out(area: MarketInsight, row: NamedTuple, peers: int) -> AreaHeat:
    scored = row._asdict()
    trend = float(scored["heat_trend"])
    demand, scarcity = scored["demand_score"], scored["scarcity_score"]
    return AreaHeat(
        area_id=area.area_id,
        area_name=area.area_name,
        heat_score=scored["heat_score"],
        heat_band=scored["heat_band"],
        heat_trend=None if math.isnan(trend) else trend,
        demand_score=demand,
        scarcity_score=scarcity,
        n=scored["n"],
        confidence=scored["confidence"],
        peers=peers,
        as_of=area.as_of,
        why=f"Demand stands at {demand:.0f} and scarcity at {scarcity:.0f} of 100 among {peers} areas.",
    )


def _unseen(area: MarketInsight) -> AreaHeat:
    """Say of an area without snapshots that nothing is known: neutral, with no confidence."""
    return AreaHeat(
        area_id=area.area_id,
        area_name=area.area_name,
        heat_score=NEUTRAL,
        heat_band=band(NEUTRAL),
        heat_trend=None,
        demand_score=NEUTRAL,
        scarcity_score=NEUTRAL,
        n=0,
        confidence=0.0,
        peers=0,
        as_of=None,
        why="There is no snapshot of this area yet.",
    )


def all_areas(session: Session) -> list[AreaOut]:
    """Return every area, without history."""
    return [_area_out(area, []) for area in crud.areas(session)]


def find_areas(session: Session, names: Collection[str]) -> list[AreaOut]:
    """Return the areas with these names; upper and lower case are alike."""
    return [_area_out(area, []) for area in crud.areas_named(session, {name.lower() for name in names})]


def documents(session: Session, record_ids: Collection[str]) -> list[DocumentText]:
    """Describe areas for search."""
    ids = [uuid.UUID(record_id) for record_id in record_ids]
    return [_document(area) for area in crud.areas(session, ids)]


def _document(area: MarketInsight) -> DocumentText:
    fields = {
        "area_name": area.area_name,
        "price_avg": _plain(area.price_avg),
        "price_median": _plain(area.price_median),
        "currency": area.currency,
        "demand_score": _number(area.demand_score),
        "supply_score": _number(area.supply_score),
        "sales_volume": area.sales_volume,
        "snapshot_count": area.snapshot_count,
        "as_of": area.as_of.isoformat() if area.as_of else None,
    }
    text = f"Market area {area.area_name}: average price, demand, supply and sales."
    return DocumentText("market", str(area.area_id), area.area_name, text, fields)


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
