"""Puts a unit and the market times of its area through the models, and says what the result rests on."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from estate.core.identifiers import UnitRef
from estate.core.types import MONEY_LIMIT
from estate.property.analytics import survival
from estate.property.analytics.comparables import MIN_COMPARABLES
from estate.property.analytics.valuation import Comparables
from estate.property.fair_value import Fitted, SaleRow
from estate.property.models import Unit
from estate.property.schemas import Comparable, SaleChance, TimeToSellOut, ValueOut

__all__ = ["value_out"]

LEVEL = 0.8
SALE_DAYS = (30, 60, 90)
CENT = Decimal("0.01")


def value_out(unit: Unit, fitted: Fitted, times: Sequence[Any], on: dt.date) -> ValueOut:
    """Value a unit on a day.

    Parameters
    ----------
    fitted : Fitted
        A model of sales in the unit's currency.
    times : sequence of (segment, bedrooms, days, sold)
        What is known of the time on the market in the area.
    """
    frame, day = fitted.frame(unit), np.datetime64(on)
    result = fitted.model.predict(frame, day, level=LEVEL)
    found = fitted.model.comparables(frame, day)
    ends = np.concatenate([result.value, result.lower, result.upper])
    tellable = _are_money(ends) and _are_money(found.adjusted)
    nearest = _comparables(fitted, found) if tellable else []
    value, lower, upper = (_money(end) if tellable else None for end in ends)
    return ValueOut(
        property_id=str(UnitRef(unit.project_id, unit.unit_id)),
        status="insufficient_data" if value is None else "ok",
        value=value,
        lower=lower,
        upper=upper,
        level=LEVEL,
        currency=unit.currency,
        price=unit.price,
        price_to_value=float(unit.price / value) if value and unit.price is not None else None,
        n=len(nearest),
        comparables=nearest,
        as_of=on,
        method="learned" if fitted.learned else "comparables",
        sales=len(fitted.sales),
        why=_why(unit, fitted, len(nearest)) if tellable else _untellable(unit),
        reasons=[] if value is None else _reasons(unit, fitted, nearest, value),
        time_to_sell=_time_to_sell(unit, times),
    )


def _are_money(amounts: npt.NDArray[np.float64]) -> bool:
    """Tell whether each amount that is there can be a price."""
    return not ((amounts < float(CENT)) | (amounts >= float(MONEY_LIMIT))).any()


def _money(value: float) -> Decimal | None:
    return None if np.isnan(value) else Decimal(str(value)).quantize(CENT)


def _untellable(unit: Unit) -> str:
    return (
        f"For a unit of this size, the comparable sales lead to an amount below {CENT} or above "
        f"{MONEY_LIMIT - CENT:,} {unit.currency}, which cannot be a price."
    )


def _why(unit: Unit, fitted: Fitted, n: int) -> str:
    if unit.area_id is None or unit.area_sqm is None:
        return "The unit states no area or no size, so that no sale can be compared with it."
    if n < MIN_COMPARABLES:
        return f"{n} comparable sales in the area in {unit.currency}; a value needs {MIN_COMPARABLES}."
    if fitted.learned:
        return f"A model of {len(fitted.sales)} sales in {unit.currency}, by features, comparables and day."
    mean = f"Mean of the {n} most alike sales of the area in {unit.currency}, adjusted to size"
    if fitted.model.follows_prices:
        return f"{mean} and day."
    return f"{mean} and not to the day: {len(fitted.sales)} sales do not tell how prices moved."


def _reasons(unit: Unit, fitted: Fitted, nearest: Sequence[Comparable], value: Decimal) -> list[str]:
    adjusted = sorted(sale.adjusted_price for sale in nearest)
    newest, moved = max(sale.sold_on for sale in nearest), 100 * (nearest[0].time_adjustment - 1)
    since = f"prices moved by {moved:+.1f} % since the most alike one"
    if not fitted.model.follows_prices:
        since = "how prices moved since is not known"
    reasons = [
        f"The {len(nearest)} comparables, adjusted, lie between {adjusted[0]:,.0f} and {adjusted[-1]:,.0f} "
        f"{unit.currency}; the value is {value:,.0f}.",
        f"The newest of them was sold on {newest.day} {newest:%b %Y}; {since}.",
    ]
    if unit.price is not None and unit.status != "sold":
        gap = 100 * (unit.price / value - 1)
        reasons.append(f"The asking price is {abs(gap):.1f} % {'above' if gap > 0 else 'below'} the value.")
    return reasons


def _comparables(fitted: Fitted, found: Comparables) -> list[Comparable]:
    """Return the comparables of the one unit that was asked for."""
    columns = (found.sale[0], found.size_adjustment[0], found.time_adjustment[0], found.adjusted[0])
    return [
        _comparable(fitted.sales[sale], size, time, adjusted)
        for sale, size, time, adjusted in zip(*columns, strict=True)
        if sale >= 0
    ]


def _comparable(sale: SaleRow, size: float, time: float, adjusted: float) -> Comparable:
    return Comparable(
        property_id=str(UnitRef(sale.project_id, sale.unit_id)),
        title=sale.title,
        price=sale.price,
        area_sqm=float(sale.area_sqm),
        price_per_sqm=(sale.price / sale.area_sqm).quantize(CENT),
        size_adjustment=size,
        time_adjustment=time,
        adjusted_price=Decimal(str(adjusted)).quantize(CENT),
        bedrooms=sale.bedrooms,
        segment=sale.segment,
        sold_on=sale.sold_at.date(),
    )


def _time_to_sell(unit: Unit, times: Sequence[Any]) -> TimeToSellOut:
    frame = pd.DataFrame([tuple(row) for row in times], columns=["segment", "bedrooms", "days", "sold"])
    model = survival.fit(_traits(frame), frame["days"].to_numpy(float), frame["sold"].to_numpy(bool))
    own = _traits(pd.DataFrame({"segment": [unit.segment], "bedrooms": [unit.bedrooms]}))
    n, sold = len(frame), int(frame["sold"].sum())
    days = [day for day in SALE_DAYS if day <= model.watched] if sold >= survival.MIN_SOLD else []
    return TimeToSellOut(
        status="ok" if days else "insufficient_data",
        chances=_chances(model, own, days),
        median_days=model.median_days(own)[0] if days else None,
        n=n,
        sold=sold,
        why=_time_why(unit, n, sold, model.watched),
    )


def _traits(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[["segment", "bedrooms"]].astype({"segment": object, "bedrooms": float})


def _chances(model: survival.TimeToSell, own: pd.DataFrame, days: Sequence[int]) -> list[SaleChance]:
    lower, upper = model.interval(own, days)
    rows = zip(days, model.predict(own, days)[0], lower[0], upper[0], strict=True)
    return [SaleChance(days=day, probability=p, lower=low, upper=high) for day, p, low, high in rows]


def _time_why(unit: Unit, n: int, sold: int, watched: float) -> str:
    if unit.area_id is None:
        return "The unit states no area, so that no sale can be compared with it."
    if sold < survival.MIN_SOLD:
        return f"{sold} sales among {n} units of the area with a listing date; {survival.MIN_SOLD} are needed."
    known = (
        f"Kaplan-Meier curve of {n} units of the area, {sold} sold and the others censored, moved by how fast units "
        "of this segment and number of bedrooms sold; 90 % intervals."
    )
    left_out = [day for day in SALE_DAYS if day > watched]
    if not left_out:
        return known
    unknown = (
        f"Too few of the {n} units of the area were seen for longer than {int(watched)} days to tell the chance of a "
        f"sale within {left_out[0]} days or more."
    )
    return unknown if len(left_out) == len(SALE_DAYS) else f"{known} {unknown}"
