"""Price forecasts of all areas: computed together, published, and later compared with what came."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Row
from sqlalchemy.orm import Session

from estate.core.db import database_time
from estate.market import crud
from estate.market.analytics.forecast import Forecast, forecast
from estate.market.analytics.track import coverage_interval, skill_interval
from estate.market.errors import AreaNotFound
from estate.market.heatmap import segments_of
from estate.market.models import MarketInsight
from estate.market.remembered import Remembered
from estate.market.schemas import ForecastMonth, ForecastOut, TrackedHorizon, TrackRecordOut

__all__ = ["MAX_HORIZON", "monthly_history", "predict", "publish", "track_record"]

HISTORY_MONTHS = 60  # Older prices say little about the next year.
MIN_MONTHS = 3  # Two changes are the least that a pace can be read from.
MAX_HORIZON = 24
PUBLISHED_MONTHS = 12
LEVEL = 0.8
LEVELS = (LEVEL, 0.95)
MIN_ORIGINS = 6  # Areas share the fortune of their month: however many, fewer months say little.
MIN_APART = 2  # Origins whose months ahead do not overlap; one alone cannot tell how much they differ.
ESTIMATED = ("skill", "coverage_80", "coverage_95")
MEASURED = ("error", "naive_error", *(name + end for name in ESTIMATED for end in ("", "_lower", "_upper")))


@dataclass(frozen=True, slots=True)
class _Panel:
    """Monthly prices [areas, months], NaN where a month is missing, and the forecast from the last month."""

    areas: dict[uuid.UUID, int]
    prices: npt.NDArray[np.float64]
    last_month: dt.date
    segments: Mapping[uuid.UUID, list[str]]
    ahead: Forecast | None

    def months_known(self, area_id: uuid.UUID) -> int:
        i = self.areas.get(area_id)
        return 0 if i is None else int(np.isfinite(self.prices[i]).sum())

    def last_price(self, i: int) -> float:
        known = self.prices[i][np.isfinite(self.prices[i])]
        return float(known[-1])

    def months_silent(self, i: int) -> int:
        """Return how many months the area's last price is older than the newest of all."""
        return int(np.isfinite(self.prices[i])[::-1].argmax())


def predict(session: Session, area_id: uuid.UUID, horizon_months: int) -> ForecastOut:
    """Forecast the mean price of an area, month by month, with intervals of 80 and 95 %.

    Raises
    ------
    AreaNotFound
        When no area has this id.
    """
    area = crud.get_area(session, area_id)
    if area is None:
        raise AreaNotFound("No area has this id.")
    panel = _REMEMBERED.get(session)
    n = panel.months_known(area_id)
    enough = n >= MIN_MONTHS
    return ForecastOut(
        area_id=area_id,
        status="ok" if enough else "insufficient_data",
        currency=area.currency,
        level=LEVEL,
        months=_months(panel, area_id, horizon_months) if enough else [],
        segments=panel.segments.get(area_id, []),
        n=n,
        areas=len(panel.areas) if enough else 0,
        as_of=area.as_of,
        why=_why(panel, area_id, n),
    )


def _why(panel: _Panel, area_id: uuid.UUID, n: int) -> str:
    if n < MIN_MONTHS:
        return f"A forecast needs prices of at least {MIN_MONTHS} months; this area has {n}."
    mixed = " The price is a mean of ready and off-plan sales." if len(panel.segments[area_id]) > 1 else ""
    path = f"The path shared by {len(panel.areas)} areas and how {n} months of this one depart from it"
    alone = f"The path of this area alone over {n} months"
    return f"{path if len(panel.areas) > 1 else alone}; the intervals {_tried(panel)}.{_silence(panel, area_id)}{mixed}"


def _tried(panel: _Panel) -> str:
    """Say what the intervals rest on."""
    origins = 0 if panel.ahead is None else panel.ahead.origins
    if not origins:
        return "are those of a random walk, since no past month has enough before it to try the model at"
    months = "1 past month" if origins == 1 else f"{origins} past months"
    return f"come from the model's own errors at {months}, and from a random walk where those are too few"


def _silence(panel: _Panel, area_id: uuid.UUID) -> str:
    silent = panel.months_silent(panel.areas[area_id])
    if not silent:
        return ""
    months = "1 month" if silent == 1 else f"{silent} months"
    return f" Its last price is {months} older than the newest of all areas, and the intervals allow for that."


def monthly_history(session: Session, area_id: uuid.UUID) -> list[tuple[dt.date, float]]:
    """Return (first day of the month, mean price) of an area, oldest first, as the forecast sees them."""
    panel = _REMEMBERED.get(session)
    if area_id not in panel.areas:
        return []
    prices = panel.prices[panel.areas[area_id]]
    return [
        (_month_after(panel.last_month, int(m) + 1 - len(prices)), float(prices[m]))
        for m in np.flatnonzero(np.isfinite(prices))
    ]


def _months(panel: _Panel, area_id: uuid.UUID, horizon: int) -> list[ForecastMonth]:
    if panel.ahead is None:
        return []
    i, ahead = panel.areas[area_id], panel.ahead
    return [
        ForecastMonth(
            month=_month_after(panel.last_month, h + 1),
            price=ahead.mean[i, h],
            lower=ahead.lower[0, i, h],
            upper=ahead.upper[0, i, h],
            lower_95=ahead.lower[1, i, h],
            upper_95=ahead.upper[1, i, h],
            naive=panel.last_price(i),
        )
        for h in range(horizon)
    ]


def _computed(session: Session) -> _Panel:
    """Forecast from the prices known today: a mistyped year must not push the others out of the history."""
    newest = crud.newest_day(session, until=database_time(session).date()) or dt.date.min
    since = newest - dt.timedelta(days=min(31 * HISTORY_MONTHS, newest.toordinal() - 1))
    return _panel(crud.monthly_prices(session, since, newest))


_REMEMBERED = Remembered(_computed)


def _panel(rows: Sequence[Row[Any]]) -> _Panel:
    if not rows:
        return _Panel({}, np.empty((0, 0)), dt.date.min, {}, None)
    areas = {area: i for i, area in enumerate(sorted({row.area_id for row in rows}))}
    months = [row.month.year * 12 + row.month.month for row in rows]
    prices = np.full((len(areas), max(months) - min(months) + 1), np.nan)
    blended: dict[uuid.UUID, set[str]] = {}
    for row, month in zip(rows, months, strict=True):
        prices[areas[row.area_id], month - min(months)] = row.price
        blended.setdefault(row.area_id, set()).update(segments_of(ready=row.ready, off_plan=row.off_plan))
    segments = {area: sorted(names) for area, names in blended.items()}
    last = max(row.month for row in rows)
    return _Panel(areas, prices, last, segments, forecast(prices, MAX_HORIZON, LEVELS))


def _month_after(month: dt.date, steps: int) -> dt.date:
    years, index = divmod(month.month - 1 + steps, 12)
    return dt.date(month.year + years, index + 1, 1)


def publish(session: Session) -> int:
    """Keep the forecast of every area from the newest month, once a month; return how many areas are new."""
    panel = _REMEMBERED.get(session)
    known = crud.was_published(session, panel.last_month)
    areas = [
        area
        for area in crud.areas(session)
        if area.area_id not in known and panel.months_known(area.area_id) >= MIN_MONTHS
    ]
    crud.add_forecasts(session, [row for area in areas for row in _published(panel, area)])
    return len(areas)


def _published(panel: _Panel, area: MarketInsight) -> list[dict[str, Any]]:
    origin = {"area_id": area.area_id, "origin_month": panel.last_month, "currency": area.currency}
    return [origin | month.model_dump() for month in _months(panel, area.area_id, PUBLISHED_MONTHS)]


def track_record(session: Session, now: dt.datetime) -> TrackRecordOut:
    """Compare every published forecast whose month is over with what came, next to the naive one."""
    by_origin: dict[int, list[Row[Any]]] = {}
    rows: list[Row[Any]] = []
    for row in crud.track_record(session, now.date().replace(day=1)):
        (rows if row.origin_month is None else by_origin.setdefault(row.months_ahead, [])).append(row)
    n = sum(row.n for row in rows)
    why = (
        f"{n} published forecasts of months that are over, compared with the price that came."
        if n
        else "No month of a published forecast is over yet."
    )
    return TrackRecordOut(
        items=[_tracked(row, by_origin[row.months_ahead]) for row in rows],
        n=n,
        as_of=max((row.as_of for row in rows), default=None),
        why=why,
    )


def _tracked(row: Row[Any], origins: Sequence[Row[Any]]) -> TrackedHorizon:
    enough = row.origins >= max(MIN_ORIGINS, MIN_APART * row.months_ahead)
    counted = {name: getattr(row, name) for name in ("months_ahead", "n", "areas", "origins")}
    measured = dict.fromkeys(MEASURED) | (_measured(row, origins) if enough else {})
    return TrackedHorizon(status="ok" if enough else "insufficient_data", **counted, **measured)


def _measured(row: Row[Any], origins: Sequence[Row[Any]]) -> dict[str, float]:
    trials = row.origins / row.months_ahead
    return {
        "error": row.error,
        "naive_error": row.naive_error,
        **_with_interval("coverage_80", row.coverage_80, coverage_interval(row.coverage_80, trials)),
        **_with_interval("coverage_95", row.coverage_95, coverage_interval(row.coverage_95, trials)),
        **_skill(row, origins, trials),
    }


def _skill(row: Row[Any], origins: Sequence[Row[Any]], trials: float) -> dict[str, float]:
    if not row.naive_error:
        return {}
    errors, naive_errors = ([getattr(one, name) * one.n for one in origins] for name in ("error", "naive_error"))
    return _with_interval("skill", 1 - row.error / row.naive_error, skill_interval(errors, naive_errors, trials))


def _with_interval(name: str, value: float, ends: tuple[float, float]) -> dict[str, float]:
    return dict(zip((name, f"{name}_lower", f"{name}_upper"), (value, *ends), strict=True))
