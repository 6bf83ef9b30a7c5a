"""Whom an agent should call next, and why."""

import datetime as dt
import math
import uuid

from sqlalchemy.orm import Session

from estate.agent.service import get_agent
from estate.behavior.schemas import Activity
from estate.client.schemas import ClientOut
from estate.client.service import clients_of
from estate.intelligence.explained import clock
from estate.intelligence.features import WINDOW_DAYS, load_book
from estate.intelligence.qualification import explain_from, fit_qualification
from estate.intelligence.schemas import NextCall, Qualification, Reason

__all__ = ["due", "may_call", "next_calls"]

LIMIT = 10
DUE_DAYS = 3.0
"""Two thirds of a call are due three days after the last contact, nineteen twentieths after nine."""


def next_calls(
    session: Session, agent_id: uuid.UUID, now: dt.datetime | None = None, limit: int = LIMIT
) -> list[NextCall]:
    """Order an agent's clients by qualification score times how much a call is due.

    Clients who asked not to be contacted, or refused consent, are never listed.

    Raises
    ------
    AgentNotFound
        When no agent has this id.
    """
    get_agent(session, agent_id)
    at = clock(now)
    clients = {c.client_id: c for c in clients_of(session, agent_id) if may_call(c)}
    book = load_book(session, clients, at)
    fitted = fit_qualification(book)
    calls = [
        _call(clients[client_id], explain_from(book, fitted, client_id), book.activity[client_id], at)
        for client_id in book.present
    ]
    return sorted(calls, key=lambda c: (-c.priority, str(c.client_id)))[:limit]


def may_call(client: ClientOut) -> bool:
    """Tell whether a client may be called: no refusal of any kind is on record."""
    return not client.do_not_contact and client.contact_consent is not False


def due(last_at: dt.datetime | None, now: dt.datetime) -> float:
    """Return 1 - exp(-days / `DUE_DAYS`) since the last contact, and 1 if there was none.

    Examples
    --------
    >>> due(None, dt.datetime(2026, 1, 1))
    1.0
    """
    if last_at is None:
        return 1.0
    return 1 - math.exp(-max(0.0, (now - last_at).total_seconds() / 86_400) / DUE_DAYS)


def _call(client: ClientOut, scored: Qualification, seen: Activity, now: dt.datetime) -> NextCall:
    return NextCall(
        client_id=client.client_id,
        name=client.name,
        priority=scored.score * due(seen.last_at, now),
        score=scored.score,
        lower=scored.lower,
        upper=scored.upper,
        n=scored.n,
        status=scored.status,
        reasons=_reasons(scored, seen, now),
    )


def _reasons(scored: Qualification, seen: Activity, now: dt.datetime) -> list[Reason]:
    text = f"A {scored.band} client: {scored.score:.0%} chance of a sale (90 % interval {scored.lower:.0%} to "
    reasons = [
        Reason(field="qualification_score", text=f"{text}{scored.upper:.0%}).", value=round(scored.score, 4)),
        _last_contact(seen, now),
    ]
    helping = [c for c in scored.contributions if c.logit > 0 and c.feature != "contact"]
    reasons += [Reason(field=c.feature, text=c.why, value=c.value) for c in helping[:1]]
    if seen.n_events:
        text = f"Events in the last {WINDOW_DAYS} days: {seen.n_events}."
        reasons.append(Reason(field="behavior_events", text=text, value=seen.n_events))
    return reasons


def _last_contact(seen: Activity, now: dt.datetime) -> Reason:
    if seen.last_at is None:
        return Reason(field="time_of_event", text="There was no contact yet.", value=None)
    days = max(0, (now - seen.last_at).days)
    text = f"Days since the last contact: {days}."
    return Reason(field="time_of_event", text=text, value=seen.last_at.isoformat())
