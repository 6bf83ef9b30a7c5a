"""Which units to show to a client, best first, each with checked reasons."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from statistics import median
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from estate.behavior import service as behavior
from estate.client.schemas import ClientOut
from estate.client.service import get_client
from estate.core.db import whole_house
from estate.core.fx import Rates, load_rates
from estate.core.types import UnitRef
from estate.intelligence.crowd import Enquiries, enquiries
from estate.intelligence.explained import clock
from estate.intelligence.schemas import Recommendation
from estate.intelligence.taste import Crowd, Home, Lift, Own, Value, amenity_lift, lifts, likeness, score
from estate.intelligence.unit_fit import Asked, Fit, Known, explain
from estate.intelligence.wishes import Wishes, parse_must, parse_wishes, type_pattern, unit_type_key
from estate.market import service as market
from estate.property import service as homes_service
from estate.property.schemas import UnitOut
from estate.property.traits import HardLimits, Near, Traits

__all__ = ["OWN_INTEREST", "hard_limits", "recommend"]

T = TypeVar("T")

LIMIT = 10
OWN_INTEREST = 100
MOST_AREAS = 8
MOST_NAMED = 150
LEAST_STOCK = 30
"""Fewer units of the sample within the limits say little about what the client could buy."""
TARGET_SHARE = Decimal("0.8")
"""Of the budget: the price around which candidates are taken until behaviour says another."""
SAME_PROJECT = 0.02
"""What a unit loses of its score for each better one of its project: near-identical homes crowd a list."""
AREA_BOOST, TYPE_BOOST, SEGMENT_BOOST = 5.0, 4.0, 3.0
ROOM_BOOST = 4.0
"""How many times as likely as by chance a wish makes the wished value; a room more or less counts half."""


def recommend(
    session: Session, client_id: uuid.UUID, now: dt.datetime | None = None, limit: int = LIMIT
) -> list[Recommendation]:
    """Recommend units to a client.

    Hard limits: the unit is for sale, was not part of a deal that the client lost, costs no more than the budget,
    compared through a dated rate, and is what ``interest.must`` states. A price in a currency without a rate stands
    behind the others and says so. Everything else is a matter of taste, see `estate.intelligence.taste`.

    Raises
    ------
    ClientNotFound
        When no client has this id.
    """
    now = clock(now)
    client = get_client(session, client_id)
    with whole_house(session):
        search = _search(session, client, now)
    found = homes_service.matching(session, search.limits, search.near)
    candidates = [search.home(traits) for traits in found]
    lifted = lifts(candidates, search.stock, search.crowd, search.own, search.alike, now)
    scores = score(lifted) if lifted else np.zeros(len(found))
    known_price = np.array([search.client.budget is None or home.price is not None for home in candidates])
    chosen = _diverse([t.project_id for t in found], scores, known_price, limit)
    refs = {row: UnitRef.parse(found[row].key) for row in chosen}
    shown = homes_service.units(session, refs.values())
    known = search.known()
    fits = [(shown[refs[row]], search.explained(shown[refs[row]], known, lifted, row)) for row in chosen]
    return [_recommendation(unit, fit) for unit, fit in fits]


def _diverse(projects: Sequence[str], scores: np.ndarray, first: np.ndarray, limit: int) -> list[int]:
    """Choose rows one by one, each project losing a little every time, and return them by their own score."""
    left = scores + first  # What can be compared with the budget goes first: scores end at 1.
    of_project: dict[str, list[int]] = {}
    for row, project in enumerate(projects):
        of_project.setdefault(project, []).append(row)
    chosen: list[int] = []
    for _ in range(min(limit, len(projects))):
        row = int(np.argmax(left))
        chosen.append(row)
        left[of_project[projects[row]]] -= SAME_PROJECT
        left[row] = -np.inf
    return sorted(chosen, key=lambda row: (not first[row], -scores[row], row))


@dataclass(frozen=True, slots=True)
class _Search:
    """Everything that one recommendation is made from."""

    client: ClientOut
    asked: Asked
    rates: Rates
    area_names: Mapping[uuid.UUID, str]
    limits: HardLimits
    near: Near
    stock: list[Home]
    crowd: Crowd
    own: Own
    alike: NDArray[np.float64]
    now: dt.datetime

    def home(self, traits: Traits) -> Home:
        return _home(traits, self.client, self.rates)

    def known(self) -> Known:
        names, having, _ = amenity_lift(self.stock, self.crowd, self.own, self.alike)
        liked = dict(zip(names, having.tolist(), strict=True))
        return Known(self.area_names, self.own.homes, self.own.refused, self.crowd.homes, liked, self.now)

    def explained(self, unit: UnitOut, known: Known, lifted: Mapping[str, Lift], row: int) -> Fit:
        price = None if unit.price is None else self.rates.convert(unit.price, unit.currency, self.client.currency)
        return explain(unit, self.asked, known, price, lifted, row)


def _search(session: Session, client: ClientOut, now: dt.datetime) -> _Search:
    rates = load_rates(session, now.date())
    area_names = market.area_names(session)
    asked = Asked(parse_wishes(client.interest, client.location_targets), client.budget, client.currency)
    interest = behavior.interest_of(session, client.client_id, OWN_INTEREST)
    limits = hard_limits(client, area_names, rates, interest)
    refused = limits.refused
    newest: dict[str, dt.datetime] = {}
    for row in interest:
        if row.unit not in refused:
            newest[row.unit] = max(row.at, newest.get(row.unit, row.at))
    everyone = enquiries(session, now)
    traits = homes_service.traits(session, newest.keys() | refused)
    to_home = _maker(client, rates)
    own = Own(
        client=str(client.client_id),
        homes=[to_home(traits[ref]) for ref in newest if ref in traits],
        ages=np.array([max((now - at).total_seconds() / 86_400, 0.0) for ref, at in newest.items() if ref in traits]),
        refused=[to_home(traits[ref]) for ref in sorted(refused) if ref in traits],
        boost=_boosts(asked.wishes, area_names),
        wished_amenities=asked.wishes.amenities,
        budget=float(client.budget) if client.budget else None,
        delivery_by=asked.wishes.delivery_by,
    )
    priced = (client.currency, *sorted(rates.quoted.items()))
    crowd, stock = everyone.once(
        priced, lambda all_: (_crowd(all_, to_home), [to_home(traits) for traits in all_.sample])
    )
    affordable = [home for home in stock if not client.budget or (home.price or np.inf) <= client.budget]
    return _Search(
        client=client,
        asked=asked,
        rates=rates,
        area_names=area_names,
        limits=limits,
        near=_near(client, asked, rates, area_names, own, everyone),
        stock=affordable if len(affordable) >= LEAST_STOCK else stock,
        crowd=crowd,
        own=own,
        alike=likeness(crowd, own),
        now=now,
    )


def _maker(client: ClientOut, rates: Rates) -> Callable[[Traits], Home]:
    return lambda traits: _home(traits, client, rates)


def _home(traits: Traits, client: ClientOut, rates: Rates) -> Home:
    values: dict[str, Value] = {
        "area_id": traits.area_id,
        "project_id": traits.project_id,
        "developer": traits.developer,
        "bedrooms": traits.bedrooms,
        "unit_type": _type_key(traits.unit_type),
        "segment": traits.segment,
    }
    price = None if traits.price is None else rates.convert(traits.price, traits.currency, client.currency)
    return Home(
        values=values,
        price=None if price is None else float(price),
        sqm=traits.area_sqm,
        amenities=frozenset(traits.amenities),
        listed_at=traits.listed_at,
        delivery_on=traits.delivery_date,
        key=traits.key,
    )


_type_key = lru_cache(maxsize=1_024)(unit_type_key)


def _crowd(everyone: Enquiries, to_home: Callable[[Traits], Home]) -> Crowd:
    homes = {ref: to_home(traits) for ref, traits in everyone.traits.items()}
    rows = [row for row in everyone.rows if row.unit in homes]
    ages = [
        np.nan if (listed := homes[row.unit].listed_at) is None else (row.at - listed).total_seconds() / 86_400
        for row in rows
    ]
    days = (rows[0].at - rows[-1].at).total_seconds() / 86_400 if rows else 0.0
    return Crowd([row.client for row in rows], [homes[row.unit] for row in rows], np.array(ages, dtype=float), days)


def _boosts(wishes: Wishes, area_names: Mapping[uuid.UUID, str]) -> dict[str, Callable[[Value], float]]:
    """Return how much more likely the stated wishes make a value."""
    boosts: dict[str, Callable[[Value], float]] = {}
    if wishes.has_area:
        wanted = {str(i) for i, name in area_names.items() if wishes.wants_area(i, name)}
        boosts["area_id"] = lambda value: AREA_BOOST if value in wanted else 1.0
    if wishes.has_bedrooms:
        boosts["bedrooms"] = lambda value: (
            1 + ROOM_BOOST * 0.25 ** wishes.bedroom_gap(value) if isinstance(value, int) else 1.0
        )
    if wishes.unit_types:
        boosts["unit_type"] = lambda value: TYPE_BOOST if value in wishes.unit_types else 1.0
    if wishes.segment:
        boosts["segment"] = lambda value: SEGMENT_BOOST if value == wishes.segment else 1.0
    return boosts


def hard_limits(
    client: ClientOut, area_names: Mapping[uuid.UUID, str], rates: Rates, interest: Iterable[behavior.Interest]
) -> HardLimits:
    """Return what every unit for a client keeps: the budget, what the client insists on, none that was turned down."""
    must = parse_must(client.interest)
    return HardLimits(
        prices=rates.in_every_currency(client.budget, client.currency) if client.budget else {},
        has_budget=bool(client.budget),
        area_ids=frozenset(i for i, n in area_names.items() if must.wants_area(i, n)) if must.has_area else None,
        bedrooms_min=must.bedrooms_min,
        bedrooms_max=must.bedrooms_max,
        type_pattern=type_pattern(must.unit_types) if must.unit_types else None,
        segment=must.segment,
        delivery_by=must.delivery_by,
        amenities=must.amenities,
        refused=frozenset(i.unit for i in interest if i.kind == "lost"),
    )


def _near(
    client: ClientOut,
    asked: Asked,
    rates: Rates,
    area_names: Mapping[uuid.UUID, str],
    own: Own,
    everyone: Enquiries,
) -> Near:
    """Look in the wanted areas, those asked about and those asked about by all, around a price."""
    wanted = [str(i) for i, name in sorted(area_names.items()) if asked.wishes.wants_area(i, name)]
    liked = _most(home.values["area_id"] for home in own.homes)
    usual = _most(everyone.traits[row.unit].area_id for row in everyone.rows if row.unit in everyone.traits)
    areas = [uuid.UUID(str(a)) for a in dict.fromkeys([*liked[:MOST_AREAS], *wanted, *usual]) if a is not None]
    named = _most(row.unit for row in everyone.rows)[:MOST_NAMED]
    return Near(
        targets=_targets(client, rates, own, everyone.sample),
        area_ids=tuple(areas[:MOST_AREAS]),
        named=frozenset([*(home.key for home in own.homes), *named]),
    )


def _most(values: Iterable[T]) -> list[T]:
    return [value for value, _ in Counter(values).most_common()]


def _targets(client: ClientOut, rates: Rates, own: Own, sample: Sequence[Traits]) -> dict[str, Decimal]:
    """Return in each currency on offer the price to look around."""
    prices = [home.price for home in own.homes if home.price is not None]
    amount = Decimal(median(prices)) if prices else client.budget * TARGET_SHARE if client.budget else None
    if amount is not None and client.budget:
        amount = min(amount, client.budget)  # Candidates below the target are not held against the budget again.
    targets = {}
    for currency in sorted({t.currency for t in sample} | {client.currency}):
        offered = [t.price for t in sample if t.currency == currency and t.price is not None]
        target = None if amount is None else rates.convert(amount, client.currency, currency)
        if target is None and offered and not client.budget:
            target = median(offered)
        if target is not None and (offered or currency == client.currency):
            targets[currency] = target
    return targets


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
