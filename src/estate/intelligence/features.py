"""Reads the layers once, as of a moment, and turns what was known then into features.

Nothing that was written after the outcome of a deal enters its features:

* events and conversations count up to the moment of the case, not beyond
* a profile counts only if it was last written before the deal closed, as older versions are not kept
* the agent's record holds the deals that had closed before the moment

A closed deal is seen at fixed moments of its life while it was still open (`LANDMARK_DAYS` after its opening), so
that a case that is open now is compared with cases that were open then; together they weigh one outcome.
"""

import datetime as dt
import uuid
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from estate.behavior import service as behavior
from estate.behavior.schemas import Activity, DealOut
from estate.client import service as client_service
from estate.client.schemas import ClientOut
from estate.intelligence import cards
from estate.intelligence.cards import UNKNOWN, Value
from estate.intelligence.scorecard import Cases
from estate.intelligence.wishes import Wishes, parse_wishes

__all__ = ["WINDOW_DAYS", "Book", "PastCase", "TrackRecord", "as_cases", "as_rows", "load_book"]

WINDOW_DAYS = 30
LANDMARK_DAYS = (0, 14, 60)
LEARNED_DEALS = 1_500
"""The newest closed deals are enough for a dozen weights, keep a request short, and an old market says less."""
CLOCK_SKEW = dt.timedelta(days=1)
"""A profile may be dated a day ahead; ingestion accepts that much."""


@dataclass(frozen=True, slots=True)
class PastCase:
    """A closed deal as it looked at one moment of its life.

    Parameters
    ----------
    deal : DealOut
        The deal.
    at : datetime
        The moment.
    weight : float
        One over the number of moments of the deal.
    values, usual : tuple of Value
        Features in the order of `cards.CLIENT_FEATURES`: what was known then, and whatever is known by now.
    """

    deal: DealOut
    at: dt.datetime
    weight: float
    values: tuple[Value, ...]
    usual: tuple[Value, ...]


class TrackRecord:
    """The closed deals of every agent in the order of their closing.

    Parameters
    ----------
    closed : iterable of DealOut
        Deals with an outcome.
    """

    def __init__(self, closed: Iterable[DealOut]) -> None:
        ordered = sorted(closed, key=_closed_at)
        self._all = _Run(ordered)
        by_agent: dict[uuid.UUID, list[DealOut]] = {}
        for deal in ordered:
            by_agent.setdefault(deal.agent_id, []).append(deal)
        self._agents = {agent_id: _Run(deals) for agent_id, deals in by_agent.items()}

    def skill(self, agent_id: uuid.UUID, at: dt.datetime) -> Value:
        """Return the agent's shrunk skill from what had closed before a moment."""
        won, n = self._all.until(at)
        weight = cards.CARD_WEIGHT
        rate = (won + weight * cards.BASE_RATE) / (n + weight)
        own = self._agents.get(agent_id)
        return UNKNOWN if own is None else cards.agent_skill(*own.until(at), rate)

    def count(self, agent_id: uuid.UUID, at: dt.datetime) -> tuple[int, int]:
        """Return how many deals the agent had won and closed before a moment."""
        own = self._agents.get(agent_id)
        return (0, 0) if own is None else own.until(at)


class _Run:
    """Deals in the order of their closing, counted up to any moment in logarithmic time."""

    def __init__(self, ordered: Sequence[DealOut]) -> None:
        self._times = [_closed_at(deal) for deal in ordered]
        self._won = [0, *accumulate(int(deal.outcome == "won") for deal in ordered)]

    def until(self, at: dt.datetime) -> tuple[int, int]:
        n = bisect_left(self._times, at)
        return self._won[n], n


@dataclass(frozen=True, slots=True)
class Book:
    """All that scoring reads, as of `now`.

    Parameters
    ----------
    now : datetime
        The moment.
    clients : mapping
        Every profile by its id.
    deals : tuple of DealOut
        Deals opened by then; one that closed later is open.
    past : tuple of PastCase
        Moments of the deals that had closed.
    present : mapping
        The features, in the order of `cards.CLIENT_FEATURES`, of the clients that were asked for.
    activity : mapping
        What these clients did in the last `WINDOW_DAYS`.
    wishes : mapping
        What these clients, and those of the past cases, wish.
    record : TrackRecord
        Of the agents.
    """

    now: dt.datetime
    clients: Mapping[uuid.UUID, ClientOut]
    deals: tuple[DealOut, ...]
    past: tuple[PastCase, ...]
    present: Mapping[uuid.UUID, tuple[Value, ...]]
    activity: Mapping[uuid.UUID, Activity]
    wishes: Mapping[uuid.UUID, Wishes]
    record: TrackRecord


def load_book(session: Session, client_ids: Collection[uuid.UUID], now: dt.datetime, most: int = LEARNED_DEALS) -> Book:
    """Read everything, in three queries whatever the number of clients.

    Parameters
    ----------
    client_ids : collection of UUID
        Whose present features are wanted; unknown ids are left out.
    most : int
        Closed deals, the newest, that become past cases.
    """
    clients = {client.client_id: client for client in client_service.all_clients(session)}
    deals = tuple(_as_of(deal, now) for deal in behavior.deals(session) if deal.opened_at <= now)
    all_closed = sorted((d for d in deals if d.outcome is not None), key=_closed_at)
    closed = all_closed[-most:]
    moments = [(deal, at) for deal in closed for at in _landmarks(deal)]
    wanted = [client_id for client_id in client_ids if client_id in clients]
    asked = [(deal.client_id, at) for deal, at in moments] + [(client_id, now) for client_id in wanted]
    seen = behavior.activity_at(session, asked, window_days=WINDOW_DAYS)
    activity = dict(zip(wanted, seen[len(moments) :], strict=True))
    stages = _open_stages(deals)
    wishes = {c: _wishes_of(clients[c]) for c in {deal.client_id for deal in closed}.union(wanted)}
    profiles = {c: _profile_values(clients[c], found) for c, found in wishes.items()}
    return Book(
        now=now,
        clients=clients,
        deals=deals,
        past=_past(clients, moments, profiles, seen),
        present={
            c: _as_known(clients[c], profiles[c], now + CLOCK_SKEW) + _activity_values(activity[c], stages.get(c))
            for c in wanted
        },
        activity=activity,
        wishes=wishes,
        record=TrackRecord(all_closed),
    )


def as_cases(
    past: Sequence[PastCase], values: Iterable[Sequence[Value]], usual: Iterable[Sequence[Value]], width: int
) -> Cases:
    """Return past cases as arrays, with `width` features each; see `Cases` for `usual`."""
    if not past:
        return Cases.none(width)
    order: dict[uuid.UUID, int] = {}
    return Cases(
        features=as_rows(values),
        won=np.array([float(case.deal.outcome == "won") for case in past]),
        weights=np.array([case.weight for case in past]),
        deals=np.array([order.setdefault(case.deal.deal_id, len(order)) for case in past], dtype=np.int64),
        usual=as_rows(usual),
    )


def as_rows(values: Iterable[Sequence[Value]]) -> NDArray[np.float64]:
    """Return features as float64[cases, features], NaN where unknown."""
    rows = [[np.nan if v.scaled is None else v.scaled for v in row] for row in values]
    return np.array(rows, dtype=np.float64)


def _as_of(deal: DealOut, now: dt.datetime) -> DealOut:
    """Return a deal as it stood at `now`; the stage that one had before it closed is not kept."""
    if deal.closed_at is None or deal.closed_at <= now:
        return deal
    return deal.model_copy(update={"outcome": None, "closed_at": None, "stage": "", "lost_reason": None})


def _landmarks(deal: DealOut) -> list[dt.datetime]:
    later = [deal.opened_at + dt.timedelta(days=days) for days in LANDMARK_DAYS[1:]]
    return [deal.opened_at, *(at for at in later if at < _closed_at(deal))]


def _past(
    clients: Mapping[uuid.UUID, ClientOut],
    moments: Sequence[tuple[DealOut, dt.datetime]],
    profiles: Mapping[uuid.UUID, tuple[Value, ...]],
    seen: Sequence[Activity],
) -> tuple[PastCase, ...]:
    per_deal = Counter(deal.deal_id for deal, _ in moments)
    return tuple(
        PastCase(
            deal=deal,
            at=at,
            weight=1 / per_deal[deal.deal_id],
            values=_as_known(clients[deal.client_id], profiles[deal.client_id], _closed_at(deal)) + done,
            usual=profiles[deal.client_id] + done,
        )
        for (deal, at), done in zip(moments, (_activity_values(found, None) for found in seen), strict=False)
    )


def _wishes_of(client: ClientOut) -> Wishes:
    return parse_wishes(client.interest, client.location_targets)


def _profile_values(client: ClientOut, wishes: Wishes) -> tuple[Value, ...]:
    """Return the features that the profile holds, the first of `cards.CLIENT_FEATURES`."""
    return (
        cards.decision_speed(client.decision_speed),
        cards.objections(client.objections),
        cards.wishes_stated(wishes, client.budget),
    )


def _as_known(client: ClientOut, values: tuple[Value, ...], written_by: dt.datetime) -> tuple[Value, ...]:
    """Return the values of a profile, or none of them when it was written later."""
    return values if client.updated_at <= written_by else (UNKNOWN,) * len(values)


def _activity_values(seen: Activity, stage: str | None) -> tuple[Value, ...]:
    """Return the features that events and deals hold, the rest of `cards.CLIENT_FEATURES`."""
    return (
        cards.mood(seen.emotions, WINDOW_DAYS),
        cards.contact(seen.n_events + seen.n_conversations, seen.first_at is not None, WINDOW_DAYS),
        cards.reply_speed(seen.mean_response_s),
        cards.stage(stage),
    )


def _open_stages(deals: Iterable[DealOut]) -> dict[uuid.UUID, str]:
    """Return the stage of the newest open deal of each client."""
    open_deals = sorted((deal for deal in deals if deal.outcome is None), key=lambda d: (d.opened_at, d.deal_id))
    return {deal.client_id: deal.stage for deal in open_deals}


def _closed_at(deal: DealOut) -> dt.datetime:
    return deal.closed_at or deal.opened_at
