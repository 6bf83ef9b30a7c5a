"""What a client prefers, read from what was asked about: log-lifts of each trait over what is for sale.

A log-lift is the logarithm of how much more often a client goes for a value than the stock offers it. Shares are
shrunk in steps, each a Dirichlet posterior mean: stock, all clients, like clients, the stated wish, the client's
own interest. So a client without behaviour is read from the wish and from like clients, a unit without behaviour from
its traits, and a value that says nothing has the log-lift 0. Adding the lifts is naive Bayes.
"""

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["FIELDS", "Crowd", "Home", "Lift", "Own", "amenity_lift", "lifts", "likeness", "score"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Value = str | int | None

FIELDS = ("area_id", "project_id", "developer", "bedrooms", "unit_type", "segment")
DAMPED: Mapping[str, float] = {"project_id": 0.6, "segment": 0.5, "unit_type": 0.5}
"""Naive Bayes counts twice what goes together: a project fixes its area and developer, rooms go with the type."""
ALL_WEIGHT, LIKE_WEIGHT, WISH_WEIGHT = 20.0, 6.0, 4.0
"""How many enquiries the step before counts as: stock among all, all among the like, the wish among one's own."""
HALF_LIFE_DAYS = 60.0
LOG_PRICE_SPREAD = 0.35
PRICE_BELOW_BUDGET = 0.2
"""Clients look somewhat below the most that they would pay: in logarithms."""
PRICE_WEIGHT, SIZE_WEIGHT = 3.0, 4.0
LOWEST = -3.0
WEEK = 7.0
"""Days for which a unit is new."""
SEEN_LIFT = 1.0
"""A client who asked about a unit comes back to it."""
UNIT_WEIGHT = 2.0
WISHED_ODDS = 3.0
LATE_DAYS = 365.0
REFUSED_DAMPED = 0.5


@dataclass(frozen=True, slots=True)
class Home:
    """The traits of a unit; `price` is in the client's currency, None when no rate leads there."""

    values: Mapping[str, Value]
    price: float | None
    sqm: float | None
    amenities: frozenset[str]
    listed_at: dt.datetime | None
    delivery_on: dt.date | None
    key: str


@dataclass(frozen=True, slots=True)
class Crowd:
    """The newest enquiries of all clients, one row each.

    Parameters
    ----------
    clients : sequence
        Whose they are.
    homes : sequence of Home
        What they were about.
    ages : array of float
        Days since the unit was listed when it was asked about; NaN when that is not known.
    days : float
        Length of the time that the rows are from.
    """

    clients: Sequence[str]
    homes: Sequence[Home]
    ages: Floats
    days: float


@dataclass(frozen=True, slots=True)
class Own:
    """What is known of the client.

    Parameters
    ----------
    client : str
        The client's key in the crowd.
    homes, ages : sequence of Home, array of float
        Units asked about, and days since then.
    refused : sequence of Home
        Units of lost deals.
    boost : mapping
        Field to a function that says how many times as likely as by chance the stated wish makes a value.
    wished_amenities : frozenset of str
    budget : float or None
    delivery_by : date or None
    """

    client: str
    homes: Sequence[Home]
    ages: Floats
    refused: Sequence[Home]
    boost: Mapping[str, Callable[[Value], float]]
    wished_amenities: frozenset[str]
    budget: float | None
    delivery_by: dt.date | None

    @property
    def weights(self) -> Floats:
        """Weight of each unit asked about: one half after `HALF_LIFE_DAYS`."""
        return np.asarray(0.5 ** (self.ages / HALF_LIFE_DAYS), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Lift:
    """Log-lift of each candidate in one trait, between the least and the greatest that the trait can give.

    `usual` is what the count of each candidate was held against, where it was one.
    """

    values: Floats
    low: float
    high: float
    usual: Floats | None = None

    @classmethod
    def of(cls, values: Floats, low: float, high: float, usual: Floats | None = None) -> "Lift":
        """Keep 0, which stands for nothing known, within the ends."""
        low, high = min(low, 0.0), max(high, 0.0)
        return cls(np.clip(np.nan_to_num(values), low, high), low, high, usual)


def lifts(
    homes: Sequence[Home], stock: Sequence[Home], crowd: Crowd, own: Own, alike: Floats, now: dt.datetime
) -> dict[str, Lift]:
    """Return the log-lifts of candidates by trait; traits about which nothing can be said are absent.

    Parameters
    ----------
    homes : sequence of Home
        The candidates.
    stock : sequence of Home
        A sample of what the client could buy.
    alike : array of float, one a row of the crowd
        See `likeness`.
    """
    if not homes:
        return {}
    found: dict[str, Lift | None] = {field: _category(field, homes, stock, crowd, own, alike) for field in FIELDS}
    found["price"] = _price(homes, stock, own)
    found["area_sqm"] = _size(homes, stock, own)
    found["amenities"] = _amenities(homes, stock, crowd, own, alike)
    found["delivery_date"] = _delivery(homes, own)
    found["listed_at"] = _fresh(homes, stock, crowd, now)
    found["enquiries"] = _asked_about(homes, crowd, own, now)
    found["interest"] = _seen(homes, own)
    found["refused"] = _refused(homes, stock, own)
    return {name: lift for name, lift in found.items() if lift is not None and lift.high > lift.low}


def score(found: Mapping[str, Lift]) -> Floats:
    """Return Σ (lift - low) / Σ (high - low) of each candidate: 1 is the best in everything that is known."""
    width = sum(lift.high - lift.low for lift in found.values())
    total = sum((lift.values - lift.low for lift in found.values()), start=np.zeros(1))
    return np.asarray(total / width if width else total)


# Shares


def _codes(field: str, *groups: Sequence[Home]) -> tuple[list[Ints], list[Value]]:
    """Give the values of a trait numbers, the same in each group of units; -1 is not known."""
    known: dict[Value, int] = {}
    coded = []
    for group in groups:
        values = (home.values[field] for home in group)
        coded.append(np.array([-1 if v is None else known.setdefault(v, len(known)) for v in values], dtype=np.int64))
    return coded, list(known)


def _counts(codes: Ints, n: int, weights: Floats | None = None) -> Floats:
    known = codes >= 0
    weights = None if weights is None else weights[known]
    return np.asarray(np.bincount(codes[known], weights, minlength=n), dtype=np.float64)


def _posterior(counts: Floats, prior: Floats, weight: float) -> Floats:
    return np.asarray((counts + weight * prior) / (counts.sum() + weight))


def _category(
    field: str, homes: Sequence[Home], stock: Sequence[Home], crowd: Crowd, own: Own, alike: Floats
) -> Lift | None:
    (mine, offered, asked, ours), values = _codes(field, homes, stock, crowd.homes, own.homes)
    boost = own.boost.get(field)
    if not values or (boost is None and not len(asked) and not len(ours)):
        return None
    n = len(values)
    share = _posterior(_counts(offered, n), np.full(n, 1 / n), 1.0)
    everyone = _posterior(_counts(asked, n), share, ALL_WEIGHT)
    like = _posterior(_counts(asked, n, alike), everyone, LIKE_WEIGHT)
    wish = like if boost is None else like * np.array([boost(value) for value in values])
    wish = wish / wish.sum()
    lift = np.log(_posterior(_counts(ours, n, own.weights), wish, WISH_WEIGHT) / share) * DAMPED.get(field, 1.0)
    known = np.append(lift, 0.0)  # The code -1 of an unknown value leads to the last one.
    return Lift.of(known[mine], *_ends(lift, values, boost))


def _ends(lift: Floats, values: Sequence[Value], boost: Callable[[Value], float] | None) -> tuple[float, float]:
    """Return the least and greatest lift; with a wish at least what a met and a missed one would make."""
    low, high = float(lift.min()), float(lift.max())
    if boost is not None:
        met, missed = max(boost(v) for v in values), min(boost(v) for v in values)
        if met == missed:
            low, high = min(low, -1.0), max(high, 1.0) if met > 1 else high
    return max(low, LOWEST), high


def likeness(crowd: Crowd, own: Own) -> Floats:
    """Return how like the client the author of each row is, 0 to 1: the cosine of interests, squared, and the price."""
    if not crowd.homes:
        return np.zeros(0)
    people: dict[str, int] = {}
    who = np.array([people.setdefault(client, len(people)) for client in crowd.clients])
    theirs, mine = [], []
    for field in ("area_id", "project_id", "developer", "bedrooms"):
        (asked, ours), values = _codes(field, crowd.homes, own.homes)
        table = np.zeros((len(people), len(values) + 1))
        np.add.at(table, (who, asked), 1.0)
        theirs.append(table[:, :-1] / np.maximum(table[:, :-1].sum(axis=1, keepdims=True), 1))
        wish = (
            np.array([max(0.0, own.boost[field](v) - 1) for v in values])
            if field in own.boost
            else np.zeros(len(values))
        )
        ours_counted = _counts(ours, len(values), own.weights) + (wish / wish.sum() if wish.sum() else 0)
        mine.append(ours_counted / max(float(ours_counted.sum()), 1e-9))
    theirs_all, mine_all = np.hstack(theirs), np.concatenate(mine)
    lengths = np.linalg.norm(theirs_all, axis=1) * max(float(np.linalg.norm(mine_all)), 1e-9)
    like = (theirs_all @ mine_all / np.maximum(lengths, 1e-9)) ** 2 * _price_alike(crowd, own, who, len(people))
    if own.client in people:
        like[people[own.client]] = 0.0
    return np.asarray(like[who])


def _price_alike(crowd: Crowd, own: Own, who: Ints, n: int) -> Floats:
    target = _target(own)
    logs = _log_prices(crowd.homes)
    known = ~np.isnan(logs)
    if target is None or not known.any():
        return np.ones(n)
    total, count = np.bincount(who[known], logs[known], minlength=n), np.bincount(who[known], minlength=n)
    gap = np.where(count > 0, total / np.maximum(count, 1) - target, 0.0)
    return np.asarray(np.exp(-0.5 * (gap / (2 * LOG_PRICE_SPREAD)) ** 2))


# Amounts


def _log_prices(homes: Sequence[Home]) -> Floats:
    return np.array([math.log(h.price) if h.price else np.nan for h in homes], dtype=np.float64)


def _target(own: Own) -> float | None:
    """Return the logarithm of the price that the client looks around."""
    logs = _log_prices(own.homes)
    known = ~np.isnan(logs)
    weights = own.weights[known] if len(logs) else np.zeros(0)
    if own.budget:
        prior = math.log(own.budget) - PRICE_BELOW_BUDGET
        return float((weights @ logs[known] + PRICE_WEIGHT * prior) / (weights.sum() + PRICE_WEIGHT))
    return float(weights @ logs[known] / weights.sum()) if weights.sum() else None


def _price(homes: Sequence[Home], stock: Sequence[Home], own: Own) -> Lift | None:
    target, offered = _target(own), _log_prices(stock)
    offered = offered[~np.isnan(offered)]
    if target is None or not len(offered):
        return None
    logs, weights = _log_prices(own.homes), own.weights
    known = ~np.isnan(logs)
    squares = float(weights[known] @ (logs[known] - target) ** 2) + PRICE_WEIGHT * LOG_PRICE_SPREAD**2
    spread = math.sqrt(squares / (float(weights[known].sum()) + PRICE_WEIGHT))
    return _bell(_log_prices(homes), target, spread, offered)


def _size(homes: Sequence[Home], stock: Sequence[Home], own: Own) -> Lift | None:
    """Compare the size for the number of rooms with that of the units asked about."""
    usual = _usual_sizes(stock)
    sizes, offered, asked = (_spare_size(group, usual) for group in (homes, stock, own.homes))
    offered, known = offered[~np.isnan(offered)], ~np.isnan(asked)
    if len(offered) < 2 or not known.any():
        return None
    weights = own.weights[known]
    mean = float(weights @ asked[known] / (weights.sum() + SIZE_WEIGHT))
    return _bell(sizes, mean, float(max(offered.std(), 0.05)), offered)


def _usual_sizes(stock: Sequence[Home]) -> dict[Value, float]:
    by_rooms: dict[Value, list[float]] = {}
    for home in stock:
        if home.sqm:
            by_rooms.setdefault(home.values["bedrooms"], []).append(math.log(home.sqm))
    return {rooms: float(np.median(sizes)) for rooms, sizes in by_rooms.items()}


def _spare_size(homes: Sequence[Home], usual: Mapping[Value, float]) -> Floats:
    found = [(h.sqm, usual.get(h.values["bedrooms"])) for h in homes]
    return np.array(
        [np.nan if not sqm or rooms is None else math.log(sqm) - rooms for sqm, rooms in found], dtype=np.float64
    )


def _bell(x: Floats, mean: float, spread: float, offered: Floats) -> Lift:
    """Return the log of a bell around what is wanted over its mean over what is offered."""
    usual = float(np.exp(-0.5 * ((offered - mean) / spread) ** 2).mean())
    peak = -math.log(max(usual, math.exp(LOWEST)))
    return Lift.of(np.maximum(peak - 0.5 * ((x - mean) / spread) ** 2, LOWEST), LOWEST, peak)


# Other traits


def amenity_lift(stock: Sequence[Home], crowd: Crowd, own: Own, alike: Floats) -> tuple[list[str], Floats, Floats]:
    """Return amenities, and the log-lift of having and of lacking each."""
    names = sorted(own.wished_amenities.union(*(h.amenities for h in stock), *(h.amenities for h in own.homes)))
    share = _shrunk(_having(stock, names), np.ones(len(stock)), np.full(len(names), 0.5), 2.0)
    asked = _having(crowd.homes, names)
    everyone = _shrunk(asked, np.ones(len(asked)), share, ALL_WEIGHT)
    like = _shrunk(asked, alike, everyone, LIKE_WEIGHT)
    odds = like / (1 - like) * np.where([name in own.wished_amenities for name in names], WISHED_ODDS, 1.0)
    mine = _shrunk(_having(own.homes, names), own.weights, odds / (1 + odds), WISH_WEIGHT)
    return names, np.asarray(np.log(mine / share)), np.asarray(np.log((1 - mine) / (1 - share)))


def _having(homes: Sequence[Home], names: Sequence[str]) -> Floats:
    column = {name: i for i, name in enumerate(names)}
    table = np.zeros((len(homes), len(names)))
    for row, home in enumerate(homes):
        for name in home.amenities:
            if name in column:
                table[row, column[name]] = 1.0
    return table


def _shrunk(has: Floats, weights: Floats, prior: Floats, weight: float) -> Floats:
    return np.asarray((weights @ has + weight * prior) / (weights.sum() + weight))


def _amenities(homes: Sequence[Home], stock: Sequence[Home], crowd: Crowd, own: Own, alike: Floats) -> Lift | None:
    if not own.wished_amenities and not crowd.homes and not own.homes:
        return None
    names, having, lacking = amenity_lift(stock, crowd, own, alike)
    has = _having(homes, names)
    ends = float(np.minimum(having, lacking).sum()), float(np.maximum(having, lacking).sum())
    return Lift.of(has @ having + (1 - has) @ lacking, *ends)


def _delivery(homes: Sequence[Home], own: Own) -> Lift | None:
    if own.delivery_by is None:
        return None
    late = np.array([np.nan if h.delivery_on is None else (h.delivery_on - own.delivery_by).days for h in homes])
    return Lift.of(np.where(late <= 0, 0.5, np.maximum(-late / LATE_DAYS, -1.0)), -1.0, 0.5)


def _age(homes: Sequence[Home], now: dt.datetime) -> Floats:
    return np.array(
        [np.nan if h.listed_at is None else max((now - h.listed_at).total_seconds() / 86_400, 0.0) for h in homes],
        dtype=np.float64,
    )


def _fresh(homes: Sequence[Home], stock: Sequence[Home], crowd: Crowd, now: dt.datetime) -> Lift | None:
    """Compare how often units younger than a week are asked about with how many they are."""
    offered, asked = _age(stock, now), crowd.ages[~np.isnan(crowd.ages)]
    offered = offered[~np.isnan(offered)]
    if not len(offered) or not len(asked):
        return None
    share = ((offered < WEEK).sum() + 1.0) / (len(offered) + 2.0)
    wanted = ((asked < WEEK).sum() + ALL_WEIGHT * share) / (len(asked) + ALL_WEIGHT)
    young, old = math.log(wanted / share), math.log((1 - wanted) / (1 - share))
    age = _age(homes, now)
    return Lift.of(np.where(np.isnan(age), np.nan, np.where(age < WEEK, young, old)), min(young, old), max(young, old))


def _asked_about(homes: Sequence[Home], crowd: Crowd, own: Own, now: dt.datetime) -> Lift | None:
    """Compare the enquiries of others about a unit with what its time for sale would lead to expect."""
    if not crowd.homes or not crowd.days:
        return None
    by_key: dict[str, int] = {}
    for client, home in zip(crowd.clients, crowd.homes, strict=True):
        if client != own.client:
            by_key[home.key] = by_key.get(home.key, 0) + 1
    count = np.array([by_key.get(h.key, 0) for h in homes], dtype=np.float64)
    age = np.nan_to_num(np.minimum(_age(homes, now), crowd.days), nan=crowd.days)
    rate = count.sum() / max(float(age.sum()), 1.0)
    usual = rate * age
    lift = np.log((count + UNIT_WEIGHT) / (usual + UNIT_WEIGHT))
    return Lift.of(lift, float(lift.min()), float(lift.max()), usual)


def _seen(homes: Sequence[Home], own: Own) -> Lift | None:
    seen = {home.key for home in own.homes}
    return Lift.of(np.array([SEEN_LIFT * (h.key in seen) for h in homes]), 0.0, SEEN_LIFT) if seen else None


def _refused(homes: Sequence[Home], stock: Sequence[Home], own: Own) -> Lift | None:
    """Take off what units of lost deals have in common beyond the stock."""
    if not own.refused:
        return None
    total, least = np.zeros(len(homes)), 0.0
    for field in ("area_id", "project_id", "developer", "bedrooms"):
        (mine, offered, refused), values = _codes(field, homes, stock, own.refused)
        n = len(values)
        if not n:
            continue
        share = _posterior(_counts(offered, n), np.full(n, 1 / n), 1.0)
        lift = np.log(_posterior(_counts(refused, n), share, 2 * WISH_WEIGHT) / share)
        against = np.append(-REFUSED_DAMPED * np.maximum(lift, 0.0), 0.0)
        total += against[mine]
        least += float(against.min())
    return Lift.of(total, least, 0.0)
