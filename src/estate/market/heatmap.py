"""The heat of every area, from stored snapshots."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from sqlalchemy.orm import Session

from estate.market import crud
from estate.market.analytics.companions import companions
from estate.market.analytics.heat import MONTHS_NEEDED, NEUTRAL, band, drivers, heat
from estate.market.models import MarketInsight
from estate.market.remembered import Remembered
from estate.market.schemas import AreaHeat, Driver

__all__ = ["heatmap", "segments_of"]

SHOWN_DRIVERS = 3


def heatmap(session: Session) -> list[AreaHeat]:
    """Return every area by heat, hottest first; see `estate.market.analytics.heat.heat` for the formula."""
    return list(_REMEMBERED.get(session))


def _computed(session: Session) -> Sequence[AreaHeat]:
    rows = _scored(pd.DataFrame(crud.heat_months(session, MONTHS_NEEDED)))
    areas = {area.area_id: area for area in crud.areas(session)}
    hot = [_heat(areas[row["area_id"]], row) for row in rows]
    seen = {area.area_id for area in hot}
    return hot + [_unseen(area) for area in areas.values() if area.area_id not in seen]


_REMEMBERED = Remembered(_computed)


def _scored(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return for each area its heat, the absolute figures and what it blends, hottest first; None where unknown."""
    if frame.empty:
        return []
    frame["sales"] = frame["sales"].where(frame["is_over"] | ~frame["is_over"].any())  # More may come this month.
    frame["area_id"], ids = frame["area_id"].factorize()  # Numbers are compared many times faster than ids.
    scored = heat(frame).set_index("area_id").join(companions(frame))
    scored = scored.join(frame.groupby("area_id")[["ready", "off_plan"]].any())
    scored["area_id"] = ids[scored.index]
    rows = scored.astype(object).where(scored.notna(), None).to_dict("records")
    return sorted(rows, key=lambda row: (-row["heat_score"], str(row["area_id"])))


def segments_of(*, ready: bool, off_plan: bool) -> list[str]:
    """Name what a figure blends; `all` where the source does not tell.

    Examples
    --------
    >>> segments_of(ready=True, off_plan=True)
    ['ready', 'off_plan']
    """
    return [name for name, there in (("ready", ready), ("off_plan", off_plan)) if there] or ["all"]


def _heat(area: MarketInsight, row: Mapping[str, Any]) -> AreaHeat:
    demand, scarcity, score = row["demand_score"], row["scarcity_score"], row["heat_score"]
    blended = segments_of(ready=row["ready"], off_plan=row["off_plan"])
    return AreaHeat(
        area_id=area.area_id,
        area_name=area.area_name,
        heat_score=score,
        heat_band=row["heat_band"],
        heat_trend=row["heat_trend"],
        demand_score=demand,
        scarcity_score=scarcity,
        drivers=_drivers(row),
        months_of_supply=row["months_of_supply"],
        sales_per_month=row["sales_per_month"],
        days_on_market=row["days_on_market"],
        segments=blended,
        n=row["n"],
        confidence=row["confidence"],
        peers=row["peers"],
        as_of=row["observed_on"].date(),
        why=_why(row, blended),
    )


def _drivers(row: Mapping[str, Any]) -> list[Driver]:
    points = drivers(row["demand_score"], row["scarcity_score"], row["heat_score"], n=row["n"], signals=row["signals"])
    total = sum(abs(value) for value in points.values())
    read = {"demand": row["demand_signal"], "scarcity": row["supply_signal"]}
    ordered = sorted(points.items(), key=lambda item: -abs(item[1]))[:SHOWN_DRIVERS]
    return [
        Driver(name=name, signal=read.get(name), points=value, share=abs(value) / total if total else 0.0)
        for name, value in ordered
    ]


def _why(row: Mapping[str, Any], segments: Sequence[str]) -> str:
    mixed = " Ready and off-plan sales are taken together." if len(segments) > 1 else ""
    if not row["signals"]:
        return "There is nothing to compare this area by yet."
    return (
        f"Among {row['peers']} areas, demand ranks {row['demand_score']:.0f} and scarcity "
        f"{row['scarcity_score']:.0f} of 100, weighted over {row['n']} months.{mixed}"
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
        drivers=[],
        months_of_supply=None,
        sales_per_month=None,
        days_on_market=None,
        segments=[],
        n=0,
        confidence=0.0,
        peers=0,
        as_of=None,
        why="There is no snapshot of this area yet.",
    )
