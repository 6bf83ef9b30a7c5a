"""Keeps what came of a call, with what follows from it, and says who may be called."""

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from estate.behavior import service as behavior
from estate.behavior.contact_schemas import ContactIn, PastCalls, SkipCount, SkipIn
from estate.client import service as client_service
from estate.client.schemas import ClientOut
from estate.core.db import whole_house
from estate.core.stats import Proportion, proportion, shrunk_proportion
from estate.intelligence.analytics.permission import CallRecord, may_call
from estate.intelligence.analytics.rest import COOL_DOWN, called_for, rest
from estate.intelligence.call_schemas import ContactLogged, MayCall, SkipNoted, SkipReasonOut
from estate.intelligence.contact_rules import callee, contact_rules

__all__ = ["Standing", "log_contact", "note_skip", "permission", "skip_reasons", "standings"]

JUDGED_DAYS = 30
"""A skip is judged by whether the client was reached within so many days."""
PRIOR_N = 10.0
"""A reason counts for itself as much as for all reasons together once it was judged ten times."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a client stands in the queue.

    Parameters
    ----------
    may_call : MayCall
        Whether a call may begin.
    callback_at : datetime or None
        When the client asked to be called back, if that moment has come.
    """

    may_call: MayCall
    callback_at: dt.datetime | None


def standings(session: Session, clients: Iterable[ClientOut], now: dt.datetime) -> dict[uuid.UUID, Standing]:
    """Say of each client whether a call may begin: by the law of the place, then by what was agreed on or skipped.

    A refusal, and a call without an answer, counts whoever of the house made the call, and under whichever id the
    number stands.
    """
    asked = {client.client_id: client for client in clients}
    with whole_house(session):
        past = behavior.past_calls(session, {c.client_id: c.phone for c in asked.values()}, now)
    return {client_id: _standing(client, past[client_id], now) for client_id, client in asked.items()}


def permission(session: Session, client_id: uuid.UUID, now: dt.datetime) -> MayCall:
    """Say whether a client may be called.

    Raises
    ------
    ClientNotFound, ClientMerged
        See `estate.client.service.get_client`.
    """
    client = client_service.get_client(session, client_id)
    return standings(session, [client], now)[client_id].may_call


def _standing(client: ClientOut, past: PastCalls, now: dt.datetime) -> Standing:
    who, record = callee(client), CallRecord(past.unanswered, past.refused, past.wrong_numbers)
    found, pause = may_call(who, record, contact_rules(), now), rest(past, now)
    reason, why, from_when = found.reason, found.why, found.from_when
    if pause is not None:
        from_when = may_call(who, record, contact_rules(), pause.until).from_when
    told = MayCall(
        client_id=client.client_id,
        allowed=found.allowed and pause is None,
        reason=pause.reason if pause is not None and reason is None else reason,
        why=pause.why if pause is not None and reason is None else why,
        from_when=from_when,
    )
    return Standing(told, called_for(past, now))


def log_contact(session: Session, client_id: uuid.UUID, given: ContactIn, now: dt.datetime) -> ContactLogged:
    """Keep what came of an attempt to reach a client; a refusal takes the client's consent back.

    Raises
    ------
    ClientNotFound, ClientMerged
        See `estate.client.service.get_client`.
    Invalid
        See `estate.behavior.contacts.add_contact`.
    """
    client = client_service.get_client(session, client_id)
    contact = behavior.add_contact(session, client_id, client.phone, given, now)
    withdrawn = given.outcome == "refused" and client_service.withdraw_consent(session, client_id)
    return ContactLogged(
        contact=contact,
        consent_withdrawn=withdrawn,
        may_call=permission(session, client_id, max(now, contact.contacted_at)),
    )


def note_skip(session: Session, client_id: uuid.UUID, given: SkipIn, now: dt.datetime) -> SkipNoted:
    """Keep why an agent does not call a client, who leaves the queue for a while.

    Raises
    ------
    ClientNotFound, ClientMerged, Invalid
        As for `log_contact`.
    """
    client_service.get_client(session, client_id)
    skip = behavior.add_skip(session, client_id, given, now)
    return SkipNoted(skip=skip, may_call=permission(session, client_id, now))


def skip_reasons(session: Session, now: dt.datetime) -> list[SkipReasonOut]:
    """Return every reason to skip, with how often the client was reached within `JUDGED_DAYS` when it was given.

    Notes
    -----
    The rate of a reason is the mean of a Beta posterior whose prior is the rate of all reasons, worth `PRIOR_N`
    skips. It is shown and orders nothing yet: where it is high after a long cool-down, the cool-down is too long.
    """
    with whole_house(session):
        counts = {count.reason: count for count in behavior.skip_counts(session, now, JUDGED_DAYS)}
    usual = proportion(sum(c.n_reached for c in counts.values()), sum(c.n_judged for c in counts.values()))
    return [_reason(counts.get(reason, SkipCount(reason, 0, 0, 0)), usual) for reason in COOL_DOWN]


def _reason(count: SkipCount, usual: Proportion) -> SkipReasonOut:
    rate = shrunk_proportion(count.n_reached, count.n_judged, prior_share=usual.value, prior_n=PRIOR_N)
    return SkipReasonOut(
        reason=count.reason,
        cool_down_hours=COOL_DOWN[count.reason].total_seconds() / 3_600,
        times=count.n,
        n=count.n_judged,
        reached_rate=rate.value,
        lower=rate.lower,
        upper=rate.upper,
        status="ok" if count.n_judged >= PRIOR_N else "insufficient_data",
        why=f"Reached within {JUDGED_DAYS} days after {count.n_reached} of {count.n_judged} skips that long ago; "
        + (f"{usual.value:.0%} is usual." if usual.n else "nothing is usual yet."),
    )
