"""How well a unit fits a client: parts that sum to a score, each with the stored fact that proves it."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from estate.core.types import UnitRef
from estate.intelligence.schemas import Reason, TradeOff
from estate.intelligence.wishes import Wishes, amenity_keys, unit_type_key
from estate.property.analytics.amenities import label
from estate.property.schemas import UnitOut

__all__ = ["BUDGET_TOLERANCE", "WEIGHTS", "Asked", "Fit", "Part", "Pool", "fit_of", "parts_of", "pool_of"]

BUDGET_TOLERANCE = Decimal("0.10")
"""List prices are talked down: up to a tenth above the budget is shown, with the trade-off said."""
WEIGHTS: Mapping[str, float] = {
    "area_id": 0.28,
    "bedrooms": 0.20,
    "price": 0.16,
    "interest": 0.12,
    "unit_type": 0.08,
    "amenities": 0.06,
    "delivery_date": 0.06,
    "segment": 0.04,
    "price_per_sqm": 0.06,
    "real_demand": 0.04,
}
"""Shares of the score, rescaled over the wishes that are known: place first, then size, then price."""
MIN_PEERS = 5
"""Fewer comparable units for sale give no median worth naming."""
LATE_DAYS = 730.0
REASONS_AT_LEAST = 2


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client wants, ready for comparison.

    Parameters
    ----------
    wishes : Wishes
        From the profile.
    budget : Decimal or None
        In `currency`.
    currency : str
        Of the budget.
    viewed : frozenset of UnitRef
        Units that the client's events and deals name.
    """

    wishes: Wishes
    budget: Decimal | None
    currency: str
    viewed: frozenset[UnitRef]


@dataclass(frozen=True, slots=True)
class Pool:
    """What a unit is compared with.

    Parameters
    ----------
    area_names : mapping
        Names of the areas.
    per_sqm : mapping
        (area, currency) to the median price of a square metre and the number of units behind it; the area None
        stands for all areas.
    demand : tuple of float
        Sorted `real_demand` of the candidates that have it.
    """

    area_names: Mapping[uuid.UUID, str]
    per_sqm: Mapping[tuple[uuid.UUID | None, str], tuple[float, int]]
    demand: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One comparison.

    Parameters
    ----------
    field : str
        Key of `WEIGHTS`.
    fit : float
        0 (missed) to 1 (met).
    text : str
        The fact in words.
    value : str, float, int or None
        The stored value.
    wish : bool
        Whether missing it is a trade-off.
    """

    field: str
    fit: float
    text: str
    value: str | float | int | None
    wish: bool = True


@dataclass(frozen=True, slots=True)
class Fit:
    """The score of one unit and what it consists of."""

    score: float
    reasons: tuple[Reason, ...]
    trade_offs: tuple[TradeOff, ...]


def pool_of(units: Sequence[UnitOut], area_names: Mapping[uuid.UUID, str]) -> Pool:
    """Summarise the candidates."""
    prices: dict[tuple[uuid.UUID | None, str], list[float]] = {}
    for unit in units:
        if (price := _per_sqm(unit)) is not None:
            for place in {unit.area_id, None}:
                prices.setdefault((place, unit.currency), []).append(price)
    medians = {key: (median(found), len(found)) for key, found in prices.items() if len(found) >= MIN_PEERS}
    demand = tuple(sorted(float(u.real_demand) for u in units if u.real_demand is not None))
    return Pool(area_names, medians, demand if len(demand) >= MIN_PEERS else ())


def fit_of(unit: UnitOut, asked: Asked, pool: Pool, price: Decimal | None) -> Fit:
    """Score a unit.

    The score is Σ w · fit over the parts, the weights `WEIGHTS` rescaled to sum to 1 over the parts that apply; it is
    the sum of the parts of the reasons. A wish that is not fully met is a trade-off.

    Parameters
    ----------
    price : Decimal or None
        In the currency of the budget; None when no rate leads there.
    """
    parts = parts_of(unit, asked, pool, price)
    total = sum(WEIGHTS[part.field] for part in parts)
    met = [
        Reason(field=p.field, text=p.text, value=p.value, part=WEIGHTS[p.field] / total * p.fit)
        for p in parts
        if p.fit > 0
    ]
    reasons = sorted(met, key=lambda r: (-r.part, r.field))
    reasons += _facts(unit)[: max(0, REASONS_AT_LEAST - len(reasons))]
    missed = [TradeOff(field=p.field, text=p.text, value=p.value) for p in parts if p.wish and p.fit < 1]
    return Fit(min(1.0, sum(r.part for r in reasons)), tuple(reasons), tuple(missed))


def parts_of(unit: UnitOut, asked: Asked, pool: Pool, price: Decimal | None) -> list[Part]:
    """Compare a unit with every wish that is known, and with its peers."""
    found = (
        _place(unit, asked.wishes, pool),
        _bedrooms(unit, asked.wishes),
        _price(unit, asked, price),
        _interest(unit, asked.viewed),
        _type(unit, asked.wishes),
        _amenities(unit, asked.wishes),
        _delivery(unit, asked.wishes.delivery_by),
        _segment(unit, asked.wishes.segment),
        _value(unit, pool),
        _demand(unit, pool),
    )
    return [part for part in found if part is not None]


def _place(unit: UnitOut, wishes: Wishes, pool: Pool) -> Part | None:
    if not wishes.has_area:
        return None
    name = None if unit.area_id is None else pool.area_names.get(unit.area_id)
    value = None if unit.area_id is None else str(unit.area_id)
    if wishes.wants_area(unit.area_id, name):
        return Part("area_id", 1, f"In {name or 'a wanted area'}, one of the wanted areas.", value)
    return Part("area_id", 0, f"In {name or 'an unknown area'}, not one of the wanted areas.", value)


def _bedrooms(unit: UnitOut, wishes: Wishes) -> Part | None:
    if wishes.bedrooms_min is None:
        return None
    if unit.bedrooms is None:
        return Part("bedrooms", 0, "The number of bedrooms is not stated.", None)
    gap, wish = wishes.bedroom_gap(unit.bedrooms), _span(wishes.bedrooms_min, wishes.bedrooms_max)
    text = f"Bedrooms: {unit.bedrooms}, {'as wished' if gap == 0 else f'wished are {wish}'}."
    return Part("bedrooms", max(0.0, 1 - gap / 2), text, unit.bedrooms)


def _price(unit: UnitOut, asked: Asked, price: Decimal | None) -> Part | None:
    if not asked.budget:
        return None
    stated = None if unit.price is None else str(unit.price)
    if price is None:
        text = f"The price in {unit.currency} is not compared with the budget in {asked.currency}: no exchange rate."
        return Part("price", 0, text, stated)
    over = price / asked.budget - 1
    if over <= 0:
        text = f"Asks {_money(unit)}, within the budget of {asked.budget:,.0f} {asked.currency}."
        return Part("price", 1, text, stated)
    text = f"Asks {_money(unit)}, {over:.1%} above the budget of {asked.budget:,.0f} {asked.currency}."
    return Part("price", max(0.0, float(1 - over / BUDGET_TOLERANCE)), text, stated)


def _interest(unit: UnitOut, viewed: frozenset[UnitRef]) -> Part | None:
    if not viewed:
        return None
    ref = unit.ref
    if ref in viewed:
        return Part("interest", 1, "The client has already asked about or looked at this unit.", str(ref), wish=False)
    same = sum(other.project_id == unit.project_id for other in viewed)
    text = f"The client has looked at {_count(same, 'unit')} of the same project."
    return Part("interest", 0.5 if same else 0, text, same, wish=False)


def _type(unit: UnitOut, wishes: Wishes) -> Part | None:
    if not wishes.unit_types:
        return None
    wanted = " or ".join(sorted(wishes.unit_types))
    if unit_type_key(unit.unit_type) in wishes.unit_types:
        return Part("unit_type", 1, f"Is a wished {unit.unit_type}.", unit.unit_type)
    return Part("unit_type", 0, f"Is {unit.unit_type or 'of unknown type'}, wished is {wanted}.", unit.unit_type)


def _amenities(unit: UnitOut, wishes: Wishes) -> Part | None:
    if not wishes.amenities:
        return None
    has = wishes.amenities & amenity_keys(unit.amenities)
    lacks = sorted(label(code).lower() for code in wishes.amenities - has)
    text = f"Wished amenities: {len(has)} of {len(wishes.amenities)}"
    text += f", without {', '.join(lacks)}." if lacks else "."
    return Part("amenities", len(has) / len(wishes.amenities), text, ", ".join(sorted(has)) or None)


def _delivery(unit: UnitOut, wanted: dt.date | None) -> Part | None:
    if wanted is None:
        return None
    if unit.delivery_date is None:
        return Part("delivery_date", 0, "The delivery date is not stated.", None)
    late, day = (unit.delivery_date - wanted).days, unit.delivery_date.isoformat()
    if late <= 0:
        return Part("delivery_date", 1, f"Delivered by {day}, in time for {wanted.isoformat()}.", day)
    text = f"Delivered by {day}, {_count(late, 'day')} after the wished {wanted.isoformat()}."
    return Part("delivery_date", max(0.0, 1 - late / LATE_DAYS), text, day)


def _segment(unit: UnitOut, wanted: str | None) -> Part | None:
    if wanted is None:
        return None
    stated = (unit.segment or "of unknown segment").replace("_", "-")
    if unit.segment == wanted:
        return Part("segment", 1, f"Is {stated}, as wished.", unit.segment)
    return Part("segment", 0, f"Is {stated}, wished is {wanted.replace('_', '-')}.", unit.segment)


def _value(unit: UnitOut, pool: Pool) -> Part | None:
    """Compare the price of a square metre with the median: 0.5 at the median, 1 at a quarter below it."""
    if not pool.per_sqm:
        return None
    place = unit.area_id if (unit.area_id, unit.currency) in pool.per_sqm else None
    peers, own = pool.per_sqm.get((place, unit.currency)), _per_sqm(unit)
    if peers is None or own is None:
        return Part("price_per_sqm", 0, "No price per square metre to compare.", None, wish=False)
    gap = own / peers[0] - 1
    where = "all areas" if place is None else pool.area_names.get(place, "its area")
    text = (
        f"Asks {own:,.0f} {unit.currency} per m², {abs(gap):.0%} {'below' if gap < 0 else 'above'} the median of "
        f"{peers[1]} candidates in {where}."
    )
    return Part("price_per_sqm", min(1.0, max(0.0, 0.5 - 2 * gap)), text, round(own, 2), wish=False)


def _demand(unit: UnitOut, pool: Pool) -> Part | None:
    if not pool.demand:
        return None
    if unit.real_demand is None:
        return Part("real_demand", 0, "No demand is recorded.", None, wish=False)
    own = float(unit.real_demand)
    share = sum(other < own for other in pool.demand) / len(pool.demand)
    text = f"Its demand of {own:g} is above that of {share:.0%} of {len(pool.demand)} candidates."
    return Part("real_demand", share, text, own, wish=False)


def _facts(unit: UnitOut) -> list[Reason]:
    """Return plain facts for a unit about which little can be compared; they add nothing to the score."""
    facts = [Reason(field="status", text="It is for sale now.", value=unit.status)]
    if unit.price is not None:
        facts.append(Reason(field="price", text=f"Asks {_money(unit)}.", value=str(unit.price)))
    if unit.delivery_date is not None:
        day = unit.delivery_date.isoformat()
        facts.append(Reason(field="delivery_date", text=f"Delivered by {day}.", value=day))
    facts.append(Reason(field="unit_id", text="It is on our own list.", value=str(unit.unit_id)))
    return facts


def _per_sqm(unit: UnitOut) -> float | None:
    return float(unit.price) / float(unit.area_sqm) if unit.price and unit.area_sqm else None


def _money(unit: UnitOut) -> str:
    return "an unknown price" if unit.price is None else f"{unit.price:,.0f} {unit.currency}"


def _span(low: int | None, high: int | None) -> str:
    return f"{low}" if low == high else f"{low} to {high}"


def _count(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"
