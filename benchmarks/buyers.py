"""A generated market for `estate bench recommend`: units, each sold once, and clients with a taste that nobody states.

Taste is geographic (an anchor on a map), has an elasticity of its own around a price that the client has in mind,
likes and dislikes of amenities, developers and size, and a liking of the single unit; four kinds of client share
much of it. What is stored of it is a profile that names some of the wishes, and the units that were asked about.
"""

import datetime as dt
import uuid
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "AMENITIES",
    "DAYS",
    "DEVELOPERS",
    "NOW",
    "TYPES",
    "YOUNG_DAYS",
    "Buyer",
    "Deal",
    "World",
    "at",
    "draw_world",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
DAYS = 120
YOUNG_DAYS = 7
YOUNG_SHARE = 0.3
AREAS, PROJECTS, DEVELOPERS, KINDS = 12, 48, 8, 4
AMENITIES = ("Pool", "FitnessCenter", "Golf", "Park", "Concierge", "Playground", "Sauna", "x_smart_home")
TYPES = ("apartment", "townhouse", "villa")
HELD_OUT = 10
DEAL_SHARE = 0.08
TEMPERATURE = 0.6


@dataclass(slots=True)
class Buyer:
    """What is stored of a client, and what is not.

    Parameters
    ----------
    wanted : tuple of int
        Areas that the profile names.
    bedrooms : int or None
        The wish that the profile states.
    must : dict
        Hard limits beside the budget, as the profile states them.
    asked : list of (day, unit)
        Stored interest, the oldest first.
    later : dict
        Unit to gain: the interest of the days to come, which nobody is shown.
    utility : array of float, one a unit
        What the client thinks of each unit; never stored.
    """

    client_id: uuid.UUID
    budget: float
    wanted: tuple[int, ...]
    bedrooms: int | None
    amenities: tuple[str, ...]
    must: dict[str, Any]
    allowed: Flags
    utility: Floats
    cold: bool
    asked: list[tuple[float, int]] = field(default_factory=list)
    later: dict[int, float] = field(default_factory=dict)
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Deal:
    """A closed deal; a unit is won at most once."""

    client: int
    unit: int
    day: float
    won: bool


@dataclass(frozen=True, slots=True)
class World:
    """Everything that was drawn; days count from 0, `DAYS` is now."""

    ids: list[uuid.UUID]
    area_ids: list[uuid.UUID]
    project_ids: list[uuid.UUID]
    area: Ints
    project: Ints
    project_area: Ints
    developer: Ints
    bedrooms: Ints
    kind: Ints
    price: Floats
    sqm: Floats
    amenities: Flags
    delivery: Ints
    listed: Floats
    sold: Floats
    buyers: list[Buyer]
    deals: list[Deal]

    def delivered(self, unit: int) -> dt.date:
        """Return when a unit is delivered."""
        return NOW.date() + dt.timedelta(days=int(self.delivery[unit]))

    def available(self, day: float) -> Flags:
        """Return which units are for sale on a day."""
        return np.asarray((self.listed <= day) & (day < self.sold))

    def eligible(self, client: int) -> Flags:
        """Return which units may be shown to a client now: for sale, within the limits, not turned down."""
        allowed = self.available(DAYS) & self.buyers[client].allowed
        allowed[[d.unit for d in self.deals if d.client == client and not d.won]] = False
        return allowed

    @property
    def young(self) -> Flags:
        """Which units are younger than a week now."""
        return np.asarray(self.listed > DAYS - YOUNG_DAYS)


def at(day: float) -> dt.datetime:
    """Return the time of a day of the world."""
    return NOW + dt.timedelta(days=float(day) - DAYS)


def draw_world(seed: int, units: int, warm: int, cold: int) -> World:
    """Draw the market, its clients and their past, and the interest to come."""
    rng = np.random.default_rng(seed)
    place = rng.normal(size=(AREAS, 2))
    world = _market(rng, units)
    shared = _shared_taste(rng)
    liked = rng.normal(0, 0.35, units) + rng.normal(0, 0.4, PROJECTS)[world.project]
    for number in range(warm + cold):
        world.buyers.append(_buyer(rng, world, place, shared, liked, cold=number >= warm))
    _live(rng, world)
    for client, buyer in enumerate(world.buyers):
        if not buyer.gone:
            _look_ahead(rng, world, client, buyer)
    return world


def _ids(rng: np.random.Generator, n: int) -> list[uuid.UUID]:
    return [uuid.UUID(bytes=rng.bytes(16), version=4) for _ in range(n)]


def _market(rng: np.random.Generator, n: int) -> World:
    level = rng.normal(9.2, 0.25, AREAS)
    project_area = rng.integers(0, AREAS, PROJECTS)
    premium = rng.normal(0, 0.12, PROJECTS)
    project = rng.integers(0, PROJECTS, n)
    kind = rng.choice(len(TYPES), PROJECTS, p=(0.7, 0.15, 0.15))[project]
    bedrooms = np.clip(rng.poisson(1.6 + kind, n), 0, 6)
    sqm = (38 + 36 * bedrooms) * np.exp(rng.normal(0, 0.18, n)) * (1 + 0.15 * kind)
    price = sqm * np.exp(level[project_area[project]] + premium[project] + rng.normal(0, 0.1, n))
    per_project = rng.random((PROJECTS, len(AMENITIES))) < rng.uniform(0.2, 0.7, len(AMENITIES))
    early = rng.random(n) < 0.4
    return World(
        ids=_ids(rng, n),
        area_ids=_ids(rng, AREAS),
        project_ids=_ids(rng, PROJECTS),
        area=project_area[project],
        project=project,
        project_area=project_area,
        developer=rng.integers(0, DEVELOPERS, PROJECTS)[project],
        bedrooms=bedrooms,
        kind=kind,
        price=np.round(price, -3),
        sqm=np.asarray(np.round(sqm, 1), dtype=np.float64),
        amenities=per_project[project] ^ (rng.random((n, len(AMENITIES))) < 0.05),
        delivery=rng.integers(0, 1_200, PROJECTS)[project],
        listed=np.where(early, -rng.exponential(40, n), rng.uniform(0, DAYS, n)),
        sold=np.full(n, np.inf),
        buyers=[],
        deals=[],
    )


@dataclass(frozen=True, slots=True)
class _Shared:
    """What clients of one kind have in common."""

    anchor: Floats
    rooms: Floats
    thrift: Floats
    amenities: Floats
    developers: Floats
    space: Floats


def _shared_taste(rng: np.random.Generator) -> _Shared:
    return _Shared(
        anchor=rng.normal(0, 0.9, (KINDS, 2)),
        rooms=rng.choice([1, 2, 3, 4], KINDS, replace=False).astype(float),
        thrift=rng.uniform(0.6, 0.95, KINDS),
        amenities=rng.normal(0, 0.35, (KINDS, len(AMENITIES))),
        developers=rng.normal(0, 0.4, (KINDS, DEVELOPERS)),
        space=rng.normal(0.4, 0.5, KINDS),
    )


def _buyer(
    rng: np.random.Generator, world: World, place: Floats, shared: _Shared, liked: Floats, *, cold: bool
) -> Buyer:
    kind = int(rng.integers(KINDS))
    rooms = int(np.clip(round(shared.rooms[kind] + rng.normal(0, 0.8)), 0, 6))
    near = np.hypot(*(place - shared.anchor[kind] - rng.normal(0, 0.5, 2)).T)
    usual = world.price[world.bedrooms == rooms]
    budget = float(np.round(rng.choice(usual) * rng.uniform(1.0, 1.7), -4))
    likes = shared.amenities[kind] + rng.normal(0, 0.3, len(AMENITIES))
    utility = _utility(rng, world, kind, rooms, near, likes, budget, shared) + liked
    utility += rng.normal(0, 0.45, len(utility))
    named = np.argsort(near + rng.normal(0, 0.4, AREAS))[: rng.integers(1, 4)]
    must, allowed = _limits(rng, world, budget, rooms)
    favourite = AMENITIES[int(np.argmax(likes))]
    return Buyer(
        client_id=_ids(rng, 1)[0],
        budget=budget,
        wanted=tuple(int(a) for a in named) if rng.random() < 0.85 else (),
        bedrooms=rooms if rng.random() < 0.8 else None,
        amenities=(favourite,) if rng.random() < 0.4 else (),
        must=must,
        allowed=allowed,
        utility=utility,
        cold=cold,
    )


def _utility(
    rng: np.random.Generator,
    world: World,
    kind: int,
    rooms: int,
    near: Floats,
    likes: Floats,
    budget: float,
    shared: _Shared,
) -> Floats:
    in_mind = budget * np.clip(shared.thrift[kind] + rng.normal(0, 0.1), 0.4, 1.0)
    gap = np.log(world.price / in_mind)
    dear = np.where(gap > 0, rng.uniform(3, 6) * gap, rng.uniform(0.5, 2.0) * -gap)
    wrong = np.where(world.bedrooms < rooms, 1.1, 0.6) * np.abs(world.bedrooms - rooms) ** 0.9
    developers = shared.developers[kind] + rng.normal(0, 0.3, DEVELOPERS)
    space = shared.space[kind] * np.log(world.sqm / (38 + 36 * world.bedrooms))
    total = -rng.uniform(1.0, 2.0) * near[world.area] - dear - wrong + space + developers[world.developer]
    return np.asarray(total + world.amenities @ likes)


def _limits(rng: np.random.Generator, world: World, budget: float, rooms: int) -> tuple[dict[str, Any], Flags]:
    """Draw what a client insists on; everybody has a budget."""
    must: dict[str, Any] = {}
    allowed = world.price <= budget
    if rng.random() < 0.2:
        must["bedrooms_min"] = max(0, rooms - 1)
        allowed &= world.bedrooms >= rooms - 1
    if rng.random() < 0.1:
        must["delivery_by"] = (NOW.date() + dt.timedelta(days=900)).isoformat()
        allowed &= world.delivery <= 900
    if rng.random() < 0.1:
        wished = int(rng.integers(len(AMENITIES)))
        must["amenities"] = [AMENITIES[wished]]
        allowed &= world.amenities[:, wished]
    return must, np.asarray(allowed)


def _live(rng: np.random.Generator, world: World) -> None:
    """Let the past happen, day by day: clients ask about units, and some deals close."""
    moments = []
    for client, buyer in enumerate(world.buyers):
        if not buyer.cold:
            days = DAYS * rng.beta(2.0, 1.2, 2 + rng.poisson(9))
            moments += [(float(day), client) for day in days]
    for day, client in sorted(moments):
        buyer = world.buyers[client]
        if buyer.gone:
            continue
        unit = _asks_about(rng, world, buyer, day)
        if unit is None:
            continue
        buyer.asked.append((day, unit))
        if rng.random() < DEAL_SHARE:
            _decide(rng, world, client, unit, day)


def _asks_about(rng: np.random.Generator, world: World, buyer: Buyer, day: float) -> int | None:
    open_to = world.available(day) & buyer.allowed
    young = open_to & (world.listed > day - YOUNG_DAYS)
    pool = np.flatnonzero(young if young.any() and rng.random() < YOUNG_SHARE else open_to)
    if not len(pool):
        return None
    return int(pool[np.argmax(buyer.utility[pool] / TEMPERATURE + rng.gumbel(size=len(pool)))])


def _decide(rng: np.random.Generator, world: World, client: int, unit: int, day: float) -> None:
    """Close a deal: one who finds nearly the best of what there is buys, the others turn the unit down."""
    buyer = world.buyers[client]
    best = np.quantile(buyer.utility[world.available(day) & buyer.allowed], 0.98)
    won = bool(buyer.utility[unit] + rng.normal(0, 0.5) > best)
    world.deals.append(Deal(client, unit, day, won))
    if won:
        world.sold[unit] = day
        buyer.gone = True


def _look_ahead(rng: np.random.Generator, world: World, client: int, buyer: Buyer) -> None:
    """Draw the coming interest: three in ten in young units, and twice the gain for the one liked most."""
    eligible = world.eligible(client)
    keys = buyer.utility / TEMPERATURE + rng.gumbel(size=len(eligible))
    order = np.argsort(-keys)
    order = order[eligible[order]]
    first = order[world.young[order]][: round(HELD_OUT * YOUNG_SHARE)]
    others = order[~np.isin(order, first)][: HELD_OUT - len(first)]
    buyer.later = dict.fromkeys([*first.tolist(), *others.tolist()], 1.0)
    if buyer.later:
        buyer.later[max(buyer.later, key=lambda u: float(buyer.utility[u]))] = 2.0
