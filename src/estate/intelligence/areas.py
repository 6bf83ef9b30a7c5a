"""Which areas suit a client."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy.orm import Session

from estate.behavior import service as behavior
from estate.client.schemas import ClientOut
from estate.client.service import get_client
from estate.core.db import whole_house
from estate.core.fx import Rates, load_rates
from estate.intelligence.explained import clock
from estate.intelligence.matching import OWN_INTEREST, hard_limits
from estate.intelligence.schemas import AreaForClient, Reason, TradeOff
from estate.intelligence.wishes import Wishes, parse_wishes
from estate.market.schemas import AreaHeat, AreaOut
from estate.market.service import all_areas, heatmap
from estate.property.service import stock

__all__ = ["WEIGHTS", "Seeker", "area_fit", "areas_for"]

LIMIT = 10
WEIGHTS: Mapping[str, float] = {"area_id": 0.40, "price_avg": 0.30, "stock": 0.20, "heat_score": 0.10}
"""Shares of the score, rescaled over what is known: the wish, the means, what is for sale, the market."""
STOCK_ENOUGH = 5


@dataclass(frozen=True, slots=True)
class Seeker:
    """What a client wants of an area.

    Parameters
    ----------
    wishes : Wishes
        From the profile.
    budget : Decimal or None
        In `currency`.
    currency : str
        Of the budget.
    rates : Rates
        Exchange rates of the day.
    """

    wishes: Wishes
    budget: Decimal | None
    currency: str
    rates: Rates


@dataclass(frozen=True, slots=True)
class _Part:
    field: str
    fit: float
    text: str
    value: str | float | int | None
    wish: bool


def areas_for(
    session: Session, client_id: uuid.UUID, now: dt.datetime | None = None, limit: int = LIMIT
) -> list[AreaForClient]:
    """Order the areas for a client, each with reasons and what speaks against it.

    Raises
    ------
    ClientNotFound
        When no client has this id.
    """
    client = get_client(session, client_id)
    wishes = parse_wishes(client.interest, client.location_targets)
    rates = load_rates(session, clock(now).date())
    seeker = Seeker(wishes, client.budget, client.currency, rates)
    heats = {heat.area_id: heat for heat in heatmap(session)}
    areas = all_areas(session)
    counts = _counts(session, client, seeker, areas)
    found = [area_fit(area, seeker, heats.get(area.area_id), counts) for area in areas]
    return sorted(found, key=lambda a: (-a.score, a.area_name, str(a.area_id)))[:limit]


def _counts(session: Session, client: ClientOut, seeker: Seeker, areas: Iterable[AreaOut]) -> Mapping[uuid.UUID, int]:
    """Count by area the units for sale that may be shown to the client and have as many bedrooms as wished."""
    with whole_house(session):
        interest = behavior.interest_of(session, client.client_id, OWN_INTEREST)
    limits = hard_limits(client, {area.area_id: area.area_name for area in areas}, seeker.rates, interest)
    bedrooms = max(limits.bedrooms_min or 0, seeker.wishes.bedrooms_min or 0)
    return stock(session, replace(limits, bedrooms_min=bedrooms or None))


def area_fit(area: AreaOut, seeker: Seeker, heat: AreaHeat | None, stock: Mapping[uuid.UUID, int]) -> AreaForClient:
    """Score one area: Σ w · fit with the weights `WEIGHTS` rescaled over the parts that apply.

    Parameters
    ----------
    stock : mapping
        Area to the number of units for sale that keep the client's limits and have the bedrooms wished.
    """
    parts = [_stock_part(stock.get(area.area_id, 0), seeker.wishes.bedrooms_min)]
    if seeker.wishes.has_area:
        parts.append(_wish_part(area, seeker.wishes))
    if seeker.budget and area.price_avg:
        parts.append(_price_part(area, area.price_avg, seeker, seeker.budget))
    if heat is not None and heat.confidence:
        parts.append(_heat_part(heat))
    total = sum(WEIGHTS[p.field] for p in parts)
    reasons = [
        Reason(field=p.field, text=p.text, value=p.value, part=WEIGHTS[p.field] / total * p.fit)
        for p in sorted(parts, key=lambda p: -WEIGHTS[p.field] * p.fit)
        if p.fit > 0
    ]
    return AreaForClient(
        area_id=area.area_id,
        area_name=area.area_name,
        score=min(1.0, sum(r.part for r in reasons)),
        n=area.snapshot_count,
        price_avg=area.price_avg,
        currency=area.currency,
        reasons=reasons,
        trade_offs=[TradeOff(field=p.field, text=p.text, value=p.value) for p in parts if p.wish and p.fit < 1],
    )


def _stock_part(n: int, bedrooms: int | None) -> _Part:
    wished = f" with {bedrooms} or more bedrooms" if bedrooms else ""
    text = f"Units for sale within the limits{wished}: {n}."
    return _Part("stock", min(n, STOCK_ENOUGH) / STOCK_ENOUGH, text, n, n == 0)


def _wish_part(area: AreaOut, wishes: Wishes) -> _Part:
    wanted = wishes.wants_area(area.area_id, area.area_name)
    text = "One of the wanted areas." if wanted else "Not one of the wanted areas."
    return _Part("area_id", float(wanted), text, str(area.area_id), True)


def _price_part(area: AreaOut, price_avg: Decimal, seeker: Seeker, budget: Decimal) -> _Part:
    """Fit 1 where the budget reaches the average price, falling to 0 where it reaches half of it."""
    average = seeker.rates.convert(price_avg, area.currency, seeker.currency)
    if average is None:
        text = f"Prices in {area.currency} are not compared with the budget in {seeker.currency}: no exchange rate."
        return _Part("price_avg", 0, text, str(price_avg), True)
    share = float(budget / average)
    text = f"The budget is {share:.0%} of the average price of {price_avg:,.0f} {area.currency}."
    return _Part("price_avg", min(1.0, max(0.0, 2 * share - 1)), text, str(price_avg), True)


def _heat_part(heat: AreaHeat) -> _Part:
    text = f"Market heat {heat.heat_score:.0f} of 100 ({heat.heat_band}, {heat.n} months)."
    return _Part("heat_score", heat.heat_score / 100, text, heat.heat_score, False)
