"""Reads the layers as of a moment, and turns what was known then into features.

Nothing that was written after the outcome of a deal enters its features:

* events and conversations count up to the moment of the case, not beyond
* a profile counts only if it was last written before the deal closed, as older versions are not kept
* the agent's record holds the deals that had closed before the moment
* the stage is the last one that the deal had reached by then

A closed deal is seen once, at a moment of its life when it was still open: at its opening or some days later
(`LANDMARK_DAYS`), which of them its id decides. So open cases are compared with cases that were open, and one deal
is one outcome.
"""

import datetime as dt
import uuid
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from sqlalchemy.orm import Session

from estate.behavior import service as behavior
from estate.behavior.schemas import Activity, DealOut
from estate.client import service as client_service
from estate.client.schemas import ClientOut
from estate.intelligence import cards
from estate.intelligence.cards import UNKNOWN, Value
from estate.intelligence.wishes import Wishes, parse_wishes

__all__ = [
    "WINDOW_DAYS",
    "History",
    "PastCase",
    "Present",
    "Record",
    "closed_by",
    "history_of",
    "load_deals",
    "load_history",
    "load_present",
    "load_record",
]

WINDOW_DAYS = 30
LANDMARK_DAYS = (0, 14, 60)
CLOCK_SKEW = dt.timedelta(days=1)
"""A profile may be dated a day ahead; ingestion accepts that much."""


@dataclass(frozen=True, slots=True)
class Record:
    """Deals won and closed before a moment, of all and of each agent."""

    won: int
    n: int
    agents: Mapping[uuid.UUID, tuple[int, int]]

    def skill(self, agent_id: uuid.UUID) -> Value:
        """Return the agent's shrunk skill."""
        rate = (self.won + cards.CARD_WEIGHT * cards.BASE_RATE) / (self.n + cards.CARD_WEIGHT)
        return cards.agent_skill(*self.count(agent_id), rate)

    def count(self, agent_id: uuid.UUID) -> tuple[int, int]:
        """Return how many deals the agent had won and closed."""
        return self.agents.get(agent_id, (0, 0))


class _TrackRecord:
    """The closed deals in the order of their closing, so that a record of any moment is found fast."""

    def __init__(self, closed: Iterable[DealOut]) -> None:
        ordered = sorted(closed, key=closed_by)
        self._all = _Run(ordered)
        by_agent: dict[uuid.UUID, list[DealOut]] = {}
        for deal in ordered:
            by_agent.setdefault(deal.agent_id, []).append(deal)
        self._agents = {agent_id: _Run(deals) for agent_id, deals in by_agent.items()}

    def at(self, agent_id: uuid.UUID, moment: dt.datetime) -> Record:
        """Return the record of one agent and of all before a moment."""
        own = self._agents.get(agent_id)
        return Record(*self._all.until(moment), {} if own is None else {agent_id: own.until(moment)})


class _Run:
    """Deals in the order of their closing, counted up to any moment in logarithmic time."""

    def __init__(self, ordered: Sequence[DealOut]) -> None:
        self._times = [closed_by(deal) for deal in ordered]
        self._won = [0, *accumulate(int(deal.outcome == "won") for deal in ordered)]

    def until(self, at: dt.datetime) -> tuple[int, int]:
        n = bisect_left(self._times, at)
        return self._won[n], n


@dataclass(frozen=True, slots=True)
class PastCase:
    """A closed deal as it looked at one moment of its life.

    Parameters
    ----------
    deal : DealOut
        The deal.
    client : ClientOut
        Its client, as of today.
    wishes : Wishes
        What the client wishes.
    skill : Value
        Of the agent, from what had closed before.
    values, usual : tuple of Value
        Features in the order of `cards.CLIENT_FEATURES`: what was known then, and whatever is known by now.
    """

    deal: DealOut
    client: ClientOut
    wishes: Wishes
    skill: Value
    values: tuple[Value, ...]
    usual: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class History:
    """Closed deals to learn from, in the order of their closing; `cut` where older ones were not read."""

    now: dt.datetime
    past: tuple[PastCase, ...]
    cut: bool


@dataclass(frozen=True, slots=True)
class Present:
    """What is known of some clients now.

    Parameters
    ----------
    now : datetime
        The moment.
    clients : mapping
        Their profiles; who is not known is absent.
    values : mapping
        Their features, in the order of `cards.CLIENT_FEATURES`.
    activity : mapping
        What they did in the last `WINDOW_DAYS`.
    wishes : mapping
        What they wish.
    deals : tuple of DealOut
        Their deals.
    """

    now: dt.datetime
    clients: Mapping[uuid.UUID, ClientOut]
    values: Mapping[uuid.UUID, tuple[Value, ...]]
    activity: Mapping[uuid.UUID, Activity]
    wishes: Mapping[uuid.UUID, Wishes]
    deals: tuple[DealOut, ...]


def load_present(session: Session, client_ids: Collection[uuid.UUID], now: dt.datetime) -> Present:
    """Read some clients, in three queries whatever their number."""
    clients = client_service.some_clients(session, client_ids)
    seen = behavior.activity_at(session, [(client_id, now) for client_id in clients], window_days=WINDOW_DAYS)
    activity = dict(zip(clients, seen, strict=True))
    deals = load_deals(session, now, client_ids=clients)
    stages = _open_stages(deals)
    wishes = {client_id: _wishes_of(client) for client_id, client in clients.items()}
    values = {
        client_id: _as_known(client, _profile_values(client, wishes[client_id]), now + CLOCK_SKEW)
        + _activity_values(activity[client_id], stages.get(client_id))
        for client_id, client in clients.items()
    }
    return Present(now, clients, values, activity, wishes, deals)


def load_history(session: Session, now: dt.datetime, most: int) -> History:
    """Read the newest closed deals, in five queries whatever their number; `most` are read."""
    return history_of(session, load_deals(session, now), now, most)


def history_of(
    session: Session, deals: Iterable[DealOut], now: dt.datetime, most: int, but: Collection[uuid.UUID] = ()
) -> History:
    """Read what was known of the newest closed ones of all deals, in three queries; of those in `but` nothing."""
    closed = sorted((deal for deal in deals if deal.outcome is not None), key=closed_by)
    record = _TrackRecord(closed)
    newest = [deal for deal in closed[-most:] if deal.deal_id not in but]
    clients = client_service.some_clients(session, {deal.client_id for deal in newest})
    wanted = [deal for deal in newest if deal.client_id in clients]  # Some may have been merged or erased meanwhile.
    moments = [(deal, _landmark(deal)) for deal in wanted]
    seen = behavior.activity_at(session, [(deal.client_id, at) for deal, at in moments], window_days=WINDOW_DAYS)
    stages = behavior.stages(session, [deal.deal_id for deal in wanted])
    past = []
    for (deal, at), done in zip(moments, seen, strict=True):
        stage = _stage_at(stages.get(deal.deal_id, {}), at)
        past.append(_past_case(deal, clients[deal.client_id], record.at(deal.agent_id, at), done, stage))
    return History(now, tuple(past), len(closed) > most)


def load_deals(
    session: Session, now: dt.datetime, *, client_ids: Collection[uuid.UUID] | None = None
) -> tuple[DealOut, ...]:
    """Return the deals opened by a moment, of all or of some clients; one that closed later is open."""
    return tuple(_as_of(deal, now) for deal in behavior.deals(session, client_ids=client_ids) if deal.opened_at <= now)


def load_record(session: Session, now: dt.datetime) -> Record:
    """Count the closed deals of every agent, in one query."""
    agents = behavior.closed_counts(session, now)
    return Record(sum(won for won, _ in agents.values()), sum(n for _, n in agents.values()), agents)


def closed_by(deal: DealOut) -> dt.datetime:
    """Return when a deal closed; an open one, when it opened."""
    return deal.closed_at or deal.opened_at


def _stage_at(reached: Mapping[str, dt.datetime], at: dt.datetime) -> str | None:
    """Return the stage that a deal had reached last by a moment; None where its history does not tell."""
    return max((stage for stage, when in reached.items() if when <= at), key=lambda s: reached[s], default=None)


def _past_case(deal: DealOut, client: ClientOut, record: Record, seen: Activity, stage: str | None) -> PastCase:
    wishes = _wishes_of(client)
    profile, done = _profile_values(client, wishes), _activity_values(seen, stage)
    return PastCase(
        deal=deal,
        client=client,
        wishes=wishes,
        skill=record.skill(deal.agent_id),
        values=_as_known(client, profile, closed_by(deal)) + done,
        usual=profile + done,
    )


def _as_of(deal: DealOut, now: dt.datetime) -> DealOut:
    """Return a deal as it stood at `now`; the stage that one had before it closed is not kept."""
    if deal.closed_at is None or deal.closed_at <= now:
        return deal
    return deal.model_copy(update={"outcome": None, "closed_at": None, "stage": "", "lost_reason": None})


def _landmark(deal: DealOut) -> dt.datetime:
    moments = [deal.opened_at + dt.timedelta(days=days) for days in LANDMARK_DAYS]
    lived = [at for at in moments if at < closed_by(deal)] or moments[:1]
    return lived[deal.deal_id.int % len(lived)]


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
        cards.contact(seen.n_touches, seen.first_at is not None, WINDOW_DAYS),
        cards.reply_speed(seen.mean_response_s),
        cards.stage(stage),
    )


def _open_stages(deals: Iterable[DealOut]) -> dict[uuid.UUID, str]:
    """Return the stage of the newest open deal of each client."""
    open_deals = sorted((deal for deal in deals if deal.outcome is None), key=lambda d: (d.opened_at, d.deal_id))
    return {deal.client_id: deal.stage for deal in open_deals}
