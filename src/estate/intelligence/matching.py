"""Which units to show to a client, best first, each with checked reasons."""

import datetime as dt
import uuid
from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy.orm import Session

from estate.behavior import service as behavior
from estate.behavior.schemas import DealOut
from estate.client.schemas import ClientOut
from estate.client.service import get_client
from estate.core.fx import Rates, load_rates
from estate.core.types import UnitRef
from estate.intelligence.explained import clock
from estate.intelligence.schemas import Recommendation
from estate.intelligence.unit_fit import BUDGET_TOLERANCE, Asked, Fit, fit_of, pool_of
from estate.intelligence.wishes import parse_wishes
from estate.market.service import all_areas
from estate.property.schemas import UnitOut
from estate.property.service import candidates

__all__ = ["recommend"]

LIMIT = 10
ENOUGH = 60
"""Candidates after which the search stops widening: six for each of ten places."""
POOL = 200
CURRENCIES = 8


def recommend(
    session: Session, client_id: uuid.UUID, now: dt.datetime | None = None, limit: int = LIMIT
) -> list[Recommendation]:
    """Recommend units to a client.

    Hard limits: the unit is for sale, was not part of a deal that the client lost, and costs at most
    1 + `BUDGET_TOLERANCE` times the budget, compared through a dated rate. A price in a currency without a rate
    stands behind the others and says so. Everything else is a soft wish, see `estate.intelligence.unit_fit.fit_of`.

    Raises
    ------
    ClientNotFound
        When no client has this id.
    """
    client = get_client(session, client_id)
    rates = load_rates(session, clock(now).date())
    area_names = {area.area_id: area.area_name for area in all_areas(session)}
    activity = behavior.client_activity(session, [client_id]).get(client_id)
    asked = Asked(
        wishes=parse_wishes(client.interest, client.location_targets),
        budget=client.budget,
        currency=client.currency,
        viewed=frozenset(activity.units if activity else ()),
    )
    refused = {ref for deal in behavior.deals(session, client_ids=[client_id]) if (ref := _lost(deal))}
    wanted_ids = tuple(i for i, name in area_names.items() if asked.wishes.wants_area(i, name))
    found = _search(session, client, rates, wanted_ids, asked.wishes.bedrooms_min)
    allowed = [(unit, price) for ref, (unit, price) in found.items() if ref not in refused]
    pool = pool_of([unit for unit, _ in allowed], area_names)
    scored = [(unit, price, fit_of(unit, asked, pool, price)) for unit, price in allowed]
    scored.sort(key=lambda s: (s[1] is None, -s[2].score, str(s[0].unit_id)))
    return [_recommendation(unit, fit) for unit, _, fit in scored[:limit]]


Found = dict[UnitRef, tuple[UnitOut, Decimal | None]]


def _search(
    session: Session, client: ClientOut, rates: Rates, area_ids: tuple[uuid.UUID, ...], bedrooms_min: int | None
) -> Found:
    """Search from the narrowest wish to none, until there are enough candidates."""
    found: Found = {}
    for areas, bedrooms in _widening(area_ids, bedrooms_min):
        for currency, price_max in _price_limits(client, rates):
            units = candidates(
                session,
                area_ids=areas,
                price_max=price_max,
                currency=currency,
                bedrooms_min=bedrooms,
                limit=POOL,
            )
            for unit in units:
                if _within_budget(client, unit, price := _in_budget_currency(client, unit, rates)):
                    found[unit.ref] = (unit, price)
        if len(found) >= ENOUGH:
            break
    return found


def _widening(
    area_ids: tuple[uuid.UUID, ...], bedrooms_min: int | None
) -> list[tuple[tuple[uuid.UUID, ...] | None, int | None]]:
    """Return filters from the narrowest to none, each once."""
    areas = area_ids or None
    return list(dict.fromkeys([(areas, bedrooms_min), (areas, None), (None, bedrooms_min), (None, None)]))


def _price_limits(client: ClientOut, rates: Rates) -> Iterator[tuple[str | None, Decimal | None]]:
    """Yield the greatest price in each currency that a rate leads to, then no limit for the others."""
    if client.budget:
        most = client.budget * (1 + BUDGET_TOLERANCE)
        others = sorted(rates.currencies() - {client.currency})
        for currency in [client.currency, *others][:CURRENCIES]:
            if (limit := rates.convert(most, client.currency, currency)) is not None:
                yield currency, limit
    yield None, None


def _in_budget_currency(client: ClientOut, unit: UnitOut, rates: Rates) -> Decimal | None:
    return None if unit.price is None else rates.convert(unit.price, unit.currency, client.currency)


def _within_budget(client: ClientOut, unit: UnitOut, price: Decimal | None) -> bool:
    """Keep the hard limit; a price that is not stated cannot keep it."""
    if not client.budget:
        return True
    if unit.price is None:
        return False
    return price is None or price <= client.budget * (1 + BUDGET_TOLERANCE)


def _lost(deal: DealOut) -> UnitRef | None:
    if deal.outcome != "lost" or deal.project_id is None or deal.unit_id is None:
        return None
    return UnitRef(deal.project_id, deal.unit_id)


def _recommendation(unit: UnitOut, fit: Fit) -> Recommendation:
    return Recommendation(
        property_id=unit.property_id,
        project_id=unit.project_id,
        unit_id=unit.unit_id,
        title=unit.title,
        price=unit.price,
        currency=unit.currency,
        score=fit.score,
        reasons=list(fit.reasons),
        trade_offs=list(fit.trade_offs),
    )
