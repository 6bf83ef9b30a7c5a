"""Puts the sales and the market times of an area through the models, and says what the result rests on."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from estate.core.identifiers import UnitRef
from estate.property.analytics import survival
from estate.property.analytics.valuation import MIN_COMPARABLES, ValuationModel
from estate.property.models import Unit
from estate.property.schemas import Comparable, SaleChance, TimeToSellOut, ValueOut

__all__ = ["value_out"]

LEVEL = 0.8
SALE_DAYS = (30, 60, 90)
CENT = Decimal("0.01")

MarketTime = tuple[str | None, int | None, float, bool]


def value_out(unit: Unit, sales: Sequence[Unit], times: Sequence[Any], on: dt.date) -> ValueOut:
    """Value a unit on a day.

    Parameters
    ----------
    sales : sequence of Unit
        Sold units of the same area and currency, each with price, size and day of sale.
    times : sequence of (segment, bedrooms, days, sold)
        What is known of the time on the market in the area.
    """
    model = ValuationModel(area="area", size="size")
    model.fit(_frame(sales), [float(s.price or 0) for s in sales], [_sold_on(s) for s in sales])
    result = model.predict(_frame([unit]), np.datetime64(on), level=LEVEL)
    nearest = [sales[i] for i in model.comparables(_frame([unit]), np.datetime64(on))[0]]
    value = _money(result.value[0])
    return ValueOut(
        property_id=str(UnitRef(unit.project_id, unit.unit_id)),
        status="insufficient_data" if value is None else "ok",
        value=value,
        lower=_money(result.lower[0]),
        upper=_money(result.upper[0]),
        level=LEVEL,
        currency=unit.currency,
        price=unit.price,
        price_to_value=float(unit.price / value) if value and unit.price is not None else None,
        n=len(nearest),
        comparables=[_comparable(sale) for sale in nearest],
        as_of=on,
        why=_why(unit, len(nearest)),
        time_to_sell=_time_to_sell(unit, times),
    )


def _frame(units: Sequence[Unit]) -> pd.DataFrame:
    rows = [(str(u.area_id), float(u.area_sqm or "nan"), u.segment, u.bedrooms) for u in units]
    frame = pd.DataFrame(rows, columns=["area", "size", "segment", "bedrooms"])
    return frame.astype({"segment": object, "bedrooms": object, "size": float})


def _sold_on(sale: Unit) -> np.datetime64:
    if sale.sold_at is None:
        raise ValueError("a comparable sale has a day")
    return np.datetime64(sale.sold_at.date())


def _money(value: float) -> Decimal | None:
    return None if np.isnan(value) else Decimal(str(value)).quantize(CENT)


def _why(unit: Unit, n: int) -> str:
    if unit.area_id is None or unit.area_sqm is None:
        return "The unit states no area or no size, so that no sale can be compared with it."
    if n < MIN_COMPARABLES:
        return f"{n} comparable sales in the area in {unit.currency}; a value needs {MIN_COMPARABLES}."
    return f"Median price per m² of the {n} most alike sales of the area in {unit.currency}, times the size."


def _comparable(sale: Unit) -> Comparable:
    price, size = sale.price or Decimal(0), sale.area_sqm or Decimal(1)
    return Comparable(
        property_id=str(UnitRef(sale.project_id, sale.unit_id)),
        title=sale.title,
        price=price,
        area_sqm=float(size),
        price_per_sqm=(price / size).quantize(CENT),
        bedrooms=sale.bedrooms,
        segment=sale.segment,
        sold_on=_sold_on(sale).item(),
    )


def _time_to_sell(unit: Unit, times: Sequence[Any]) -> TimeToSellOut:
    frame = pd.DataFrame([tuple(row) for row in times], columns=["segment", "bedrooms", "days", "sold"])
    model = survival.fit(_traits(frame), frame["days"].to_numpy(float), frame["sold"].to_numpy(bool))
    own = _traits(pd.DataFrame({"segment": [unit.segment], "bedrooms": [unit.bedrooms]}))
    n, sold = model.pooled.n, model.pooled.sold
    known = sold >= survival.MIN_SOLD
    return TimeToSellOut(
        status="ok" if known else "insufficient_data",
        chances=_chances(model, own) if known else [],
        median_days=model.median_days(own)[0] if known else None,
        n=n,
        sold=sold,
        why=_time_why(n, sold, known),
    )


def _traits(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[["segment", "bedrooms"]].astype({"segment": object, "bedrooms": float})


def _chances(model: survival.TimeToSell, own: pd.DataFrame) -> list[SaleChance]:
    lower, upper = model.interval(own, SALE_DAYS)
    rows = zip(SALE_DAYS, model.predict(own, SALE_DAYS)[0], lower[0], upper[0], strict=True)
    return [SaleChance(days=day, probability=p, lower=low, upper=high) for day, p, low, high in rows]


def _time_why(n: int, sold: int, known: bool) -> str:
    if not known:
        return f"{sold} sales with a listing date among {n} units of the area; {survival.MIN_SOLD} are needed."
    return (
        f"Kaplan-Meier curve of {n} units of the area, {sold} sold and the others censored, moved by how fast units "
        "of this segment and number of bedrooms sold; 90 % intervals."
    )
