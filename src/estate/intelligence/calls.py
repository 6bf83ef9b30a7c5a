"""Whom an agent should call next, and why."""

import datetime as dt
import math
import uuid
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from sqlalchemy.orm import Session

from estate.agent.service import get_agent
from estate.behavior.schemas import Activity, DealOut
from estate.client.service import clients_of
from estate.core.db import whole_house
from estate.intelligence import register
from estate.intelligence.analytics.rest import moment
from estate.intelligence.call_schemas import CallQueue, HeldBack, HeldReason, MayCall
from estate.intelligence.cards import QUALIFICATION
from estate.intelligence.contacts import standings
from estate.intelligence.explained import clock
from estate.intelligence.features import WINDOW_DAYS, Present, load_present
from estate.intelligence.qualification import explain_from
from estate.intelligence.schemas import NextCall, Qualification, Reason

__all__ = ["due", "next_calls"]

LIMIT = 10
LAST = dt.datetime.max.replace(tzinfo=dt.UTC)
DUE_DAYS = 3.0
"""Two thirds of a call are due three days after the last contact, nineteen twentieths after nine."""


def next_calls(session: Session, agent_id: uuid.UUID, now: dt.datetime | None = None, limit: int = LIMIT) -> CallQueue:
    """Order those of an agent's clients who may be called, by what a call now is expected to gain; count the others.

    Who asked to be called back comes first, the longest due before the others. Then it is the qualification score
    times how much a call is due: wholly, while a lead waits for its first answer. Nobody is listed whom the rules of
    `contact_rules.json` or an agreement keep from being called at that moment.

    Raises
    ------
    AgentNotFound
        When no agent has this id.
    """
    get_agent(session, agent_id)
    at = clock(now)
    found = standings(session, clients_of(session, agent_id), at)
    free = [client_id for client_id, standing in found.items() if standing.may_call.allowed]
    asked = {client_id: when for client_id in free if (when := found[client_id].callback_at) is not None}
    held = [standing.may_call for standing in found.values() if not standing.may_call.allowed]
    return CallQueue(
        items=_items(session, free, asked, at, limit),
        next_cursor=None,
        at=at,
        callable=len(free),
        held=_held_back(held),
        next_free_at=min((one.from_when for one in held if one.from_when is not None), default=None),
    )


def _items(
    session: Session, free: Sequence[uuid.UUID], asked: Mapping[uuid.UUID, dt.datetime], at: dt.datetime, limit: int
) -> list[NextCall]:
    with whole_house(session):
        present = load_present(session, free, at)
    scorer = register.scorer(session, QUALIFICATION.kind)
    scores = scorer.predict(present.values.values()).tolist() if free else []
    leads = _waiting_since(present.deals, present.activity)
    last = {client_id: seen.last_contact_at for client_id, seen in present.activity.items()}
    gains = {
        client_id: score * (1.0 if client_id in {*leads, *asked} else due(last[client_id], at))
        for client_id, score in zip(present.values, scores, strict=True)
    }

    def place(client_id: uuid.UUID) -> tuple[dt.datetime, float, str]:
        return asked.get(client_id, LAST), -gains[client_id], str(client_id)

    scored = explain_from(present, scorer, sorted(gains, key=place)[:limit])
    return [
        _call(present, one, gains[one.client_id], leads.get(one.client_id), asked.get(one.client_id)) for one in scored
    ]


def _held_back(held: Iterable[MayCall]) -> list[HeldBack]:
    """Count who is held back by reason, with the one who comes free first."""
    by_reason: dict[HeldReason, list[MayCall]] = {}
    for one in held:
        if one.reason is not None:
            by_reason.setdefault(one.reason, []).append(one)
    counted = []
    for reason, those in by_reason.items():
        first = min(those, key=lambda one: (one.from_when or LAST, str(one.client_id)))
        counted.append(HeldBack(reason=reason, n=len(those), from_when=first.from_when, why=first.why))
    return sorted(counted, key=lambda one: (-one.n, one.reason))


def due(last_contact_at: dt.datetime | None, now: dt.datetime) -> float:
    """Return 1 - exp(-days / `DUE_DAYS`) since the last contact, and 1 if there was none.

    Examples
    --------
    >>> due(None, dt.datetime(2026, 1, 1))
    1.0
    """
    if last_contact_at is None:
        return 1.0
    return 1 - math.exp(-max(0.0, (now - last_contact_at).total_seconds() / 86_400) / DUE_DAYS)


def _waiting_since(deals: Iterable[DealOut], activity: Mapping[uuid.UUID, Activity]) -> dict[uuid.UUID, dt.datetime]:
    """Return since when each client waits for a first answer: the oldest new deal that no contact followed."""
    waiting: dict[uuid.UUID, dt.datetime] = {}
    for deal in deals:
        last = activity[deal.client_id].last_contact_at
        if deal.stage == "new" and (last is None or last < deal.opened_at):
            waiting[deal.client_id] = min(deal.opened_at, waiting.get(deal.client_id, deal.opened_at))
    return waiting


def _call(
    present: Present, scored: Qualification, gain: float, since: dt.datetime | None, asked: dt.datetime | None
) -> NextCall:
    client = present.clients[scored.client_id]
    waited = None if since is None else (present.now - since).total_seconds() / 3_600
    return NextCall(
        client_id=client.client_id,
        name=client.name,
        priority=gain,
        at_stake=None if client.budget is None else (client.budget * Decimal(gain)).quantize(Decimal("0.01")),
        currency=client.currency,
        phone=client.phone,
        callback_at=asked,
        waiting_hours=None if waited is None else round(waited, 2),
        score=scored.score,
        lower=scored.lower,
        upper=scored.upper,
        n=scored.n,
        status=scored.status,
        reasons=_reasons(scored, present.activity[client.client_id], present.now, waited, asked),
    )


def _reasons(
    scored: Qualification, seen: Activity, now: dt.datetime, waited: float | None, asked: dt.datetime | None
) -> list[Reason]:
    text = f"A {scored.band} client: {scored.score:.0%} chance of a sale (90 % interval {scored.lower:.0%} to "
    reasons = [
        Reason(field="qualification_score", text=f"{text}{scored.upper:.0%}).", value=round(scored.score, 4)),
        _last_contact(seen, now),
    ]
    if waited is not None:
        text = f"Has waited {waited:,.1f} hours for a first answer."
        reasons.insert(1, Reason(field="deals.opened_at", text=text, value=round(waited, 2)))
    if asked is not None:
        text = f"Asked to be called back on {moment(asked)}."
        reasons.insert(0, Reason(field="contacts.next_at", text=text, value=asked.isoformat()))
    helping = [c for c in scored.contributions if c.logit > 0 and c.value is not None and c.feature != "contact"]
    reasons += [Reason(field=c.feature, text=c.why, value=c.value) for c in helping[:1]]
    if seen.n_touches:
        text = f"Events in the last {WINDOW_DAYS} days: {seen.n_touches}."
        reasons.append(Reason(field="behavior_events", text=text, value=seen.n_touches))
    return reasons


def _last_contact(seen: Activity, now: dt.datetime) -> Reason:
    if seen.last_contact_at is None:
        return Reason(field="time_of_event", text="There was no contact yet.", value=None)
    days = max(0, (now - seen.last_contact_at).days)
    text = f"Days since the last contact: {days}."
    return Reason(field="time_of_event", text=text, value=seen.last_contact_at.isoformat())
