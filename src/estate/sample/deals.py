"""Deals of the sample world: which unit, what chance by the true model, and how it ended."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from estate.sample.draws import Bools, Floats, Ints, Row, hundredths, logistic, moment, uuids, winter
from estate.sample.homes import Homes
from estate.sample.leads import Leads, Scene
from estate.sample.market import CURRENCY
from estate.sample.people import OBJECTIONS, Clients
from estate.sample.truth import BASE, COLUMNS, WEIGHTS, coefficients

__all__ = [
    "LOST",
    "OPEN",
    "WON",
    "Deals",
    "close_deals",
    "deal_rows",
    "fit_features",
    "furthest_stages",
    "objections_heard",
    "stage_rows",
]

OPEN, LOST, WON = -1, 0, 1
RUNNING_STAGES = ("new", "qualified", "viewing", "negotiation", "reserved")
OTHER_REASONS = ("payment_terms", "trust", "timing", "handover_delay")
# An agent shows the best of so many units that happen to be at hand.
SHOWN = 10
FIT = ("over_budget", "in_target_area", "bedroom_gap")


@dataclass(frozen=True, eq=False, slots=True)
class Deals:
    """What became of each lead; `outcome` is `WON`, `LOST` or `OPEN`, `value` in whole units of the currency."""

    deal_ids: list[UUID]
    unit: Ints
    outcome: Ints
    features: Floats
    win_probability: Floats
    stage: Ints
    """Index into `RUNNING_STAGES`; it matters while the deal is open."""
    value: Ints
    lost_reason: list[str]

    def sold_at(self, leads: Leads, units: int) -> Ints:
        """Return the time of sale of each unit, 0 where none is sold."""
        sold = np.zeros(units, dtype=np.int64)
        won = self.outcome == WON
        sold[self.unit[won]] = leads.ends_at[won]
        return sold

    def reserved(self) -> Ints:
        """Return the units that an open deal has reserved."""
        held: Ints = self.unit[(self.outcome == OPEN) & (self.stage == len(RUNNING_STAGES) - 1)]
        return held


def close_deals(rng: np.random.Generator, scene: Scene, said: Bools) -> Deals:
    """Give each lead a unit and draw its outcome by the law in `estate.sample.truth`."""
    leads, homes, clients = scene.leads, scene.homes, scene.clients
    count = len(leads.client)
    features = np.zeros((count, len(COLUMNS)))
    features[:, COLUMNS.index("agent_skill")] = scene.agents.skill[leads.agent]
    features[:, COLUMNS.index("client_readiness")] = clients.readiness[leads.client]
    features[:, COLUMNS.index("season")] = winter(leads.opened_at)
    features[:, len(WEIGHTS) :] = said
    running = leads.ends_at > leads.until
    unit, won = _sell(rng, scene, BASE + features @ coefficients(), running)
    features[:, [COLUMNS.index(name) for name in FIT]] = fit_features(clients, homes, leads.client, unit)
    outcome = np.where(running, OPEN, np.where(won, WON, LOST))
    price, discount = homes.price[unit], rng.uniform(0, 0.04, count)
    agreed = (100 * np.rint(price * (1 - discount) / 100)).astype(np.int64)
    passed = (leads.until - leads.opened_at) / (leads.ends_at - leads.opened_at)
    return Deals(
        deal_ids=uuids(rng, count),
        unit=unit,
        outcome=outcome,
        features=features,
        win_probability=logistic(BASE + features @ coefficients()),
        stage=np.minimum(passed * len(RUNNING_STAGES), len(RUNNING_STAGES) - 1).astype(np.int64),
        value=np.where(outcome == WON, agreed, price),
        lost_reason=_lost_reasons(rng, features),
    )


def fit_features(clients: Clients, homes: Homes, client: Ints, unit: Ints) -> Floats:
    """Return [pairs, FIT]: how far over the true budget, in a wanted area or not, and bedrooms off."""
    over = np.clip(homes.price[unit] / clients.budget[client] - 1, 0, 0.6)
    inside = clients.wanted_areas[client, homes.area[unit]]
    gap = np.minimum(2, np.abs(homes.bedrooms[unit] - clients.bedrooms[client]))
    return np.column_stack([over, inside, gap])


def deal_rows(deals: Deals, scene: Scene) -> Iterator[Row]:
    """Yield the rows of `deals`."""
    leads, homes = scene.leads, scene.homes
    for index, deal_id in enumerate(deals.deal_ids):
        outcome, unit = int(deals.outcome[index]), int(deals.unit[index])
        ended = moment(int(leads.ends_at[index])) if outcome != OPEN else None
        opened_at = moment(int(leads.opened_at[index]))
        result = {WON: "won", LOST: "lost", OPEN: None}[outcome]
        yield {
            "deal_id": deal_id,
            "agent_id": scene.agents.agent_ids[leads.agent[index]],
            "client_id": scene.clients.client_ids[leads.client[index]],
            "project_id": homes.project_ids[homes.project[unit]],
            "unit_id": homes.unit_ids[unit],
            "stage": result or RUNNING_STAGES[deals.stage[index]],
            "opened_at": opened_at,
            "closed_at": ended,
            "outcome": result,
            "value": hundredths(100 * int(deals.value[index])),
            "currency": CURRENCY,
            "lost_reason": deals.lost_reason[index] if outcome == LOST else None,
            "updated_at": ended or opened_at,
        }


def furthest_stages(rng: np.random.Generator, deals: Deals) -> Ints:
    """Return the furthest running stage of each deal: all of a won one, fewer of a lost one the poorer its chance."""
    ease = logistic(np.log(deals.win_probability / (1 - deals.win_probability)) + 1.0)
    lost = rng.binomial(len(RUNNING_STAGES) - 1, ease)
    return np.select([deals.outcome == OPEN, deals.outcome == WON], [deals.stage, len(RUNNING_STAGES) - 1], lost)


def stage_rows(deals: Deals, furthest: Ints, leads: Leads) -> Iterator[Row]:
    """Yield the rows of `deal_stages`: stages follow each other evenly, the outcome comes last."""
    for index, deal_id in enumerate(deals.deal_ids):
        start, end = int(leads.opened_at[index]), int(leads.ends_at[index])
        outcome, last = int(deals.outcome[index]), int(furthest[index])
        steps = len(RUNNING_STAGES) if outcome == OPEN else last + 1
        for place, stage in enumerate(RUNNING_STAGES[: last + 1]):
            reached_at = moment(start + (end - start) * place // steps)
            yield {"deal_id": deal_id, "stage": stage, "reached_at": reached_at}
        if outcome != OPEN:
            yield {"deal_id": deal_id, "stage": "won" if outcome == WON else "lost", "reached_at": moment(end)}


def objections_heard(deals: Deals, leads: Leads, agents: int) -> list[Counter[str]]:
    """Count the reasons of the lost deals of each agent."""
    heard: list[Counter[str]] = [Counter() for _ in range(agents)]
    for index in np.flatnonzero(deals.outcome == LOST).tolist():
        heard[leads.agent[index]][deals.lost_reason[index]] += 1
    return heard


def _sell(rng: np.random.Generator, scene: Scene, logit: Floats, running: Bools) -> tuple[Ints, Bools]:
    """Walk through the leads in time: show units on the market, keep the best, draw whether it is won.

    A unit leaves the market with the first deal that is not lost, so that it is never sold twice.
    """
    leads, homes, clients = scene.leads, scene.homes, scene.clients
    weights = np.array([WEIGHTS[name] for name in FIT])
    chance, hand = rng.random(len(logit)), rng.random((len(logit), SHOWN))
    taste = rng.gumbel(0, 0.7, hand.shape)
    listed = np.argsort(homes.listed_at, kind="stable")
    on_market: list[int] = []
    entered = 0
    unit, won = np.zeros(len(logit), dtype=np.int64), np.zeros(len(logit), dtype=np.bool_)
    for index, count in enumerate(np.searchsorted(homes.listed_at[listed], leads.opened_at).tolist()):
        on_market.extend(listed[entered:count].tolist())
        entered = count
        places = (hand[index] * len(on_market)).astype(np.int64)
        shown = np.array([on_market[place] for place in places])
        fit = fit_features(clients, homes, np.broadcast_to(leads.client[index], SHOWN), shown) @ weights
        best = int(np.argmax(fit + taste[index]))
        unit[index] = shown[best]
        won[index] = chance[index] < 1 / (1 + np.exp(-logit[index] - fit[best]))
        if won[index] or running[index]:
            on_market[places[best]] = on_market[-1]
            on_market.pop()
    return unit, won


def _lost_reasons(rng: np.random.Generator, features: Floats) -> list[str]:
    """Return a reason for each deal, used if it is lost: the price or the place when they do not fit."""
    other = rng.integers(0, len(OTHER_REASONS), len(features)).tolist()
    stated = rng.random(len(features)) < 0.7
    dear = stated & (features[:, COLUMNS.index("over_budget")] > 0.05)
    far = stated & (features[:, COLUMNS.index("in_target_area")] == 0)
    return [
        OBJECTIONS[0] if is_dear else OBJECTIONS[1] if is_far else OTHER_REASONS[index]
        for index, is_dear, is_far in zip(other, dear.tolist(), far.tolist(), strict=True)
    ]
