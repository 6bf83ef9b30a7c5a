"""How long a client is left in peace after a contact or a skip: custom of the house, beside what the law asks."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from estate.behavior.contact_schemas import ContactOutcome, PastCalls, SkipReason

__all__ = ["AFTER_CONTACT", "COOL_DOWN", "Rest", "RestReason", "called_for", "moment", "rest"]

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)

COOL_DOWN: Mapping[SkipReason, dt.timedelta] = {
    "busy": 4 * HOUR,  # The agent's day, not the client's: later today, or tomorrow.
    "wrong_time": DAY,
    "spoke_elsewhere": 3 * DAY,  # A contact that nobody logged: as long as a call takes to be due again.
    "need_information": DAY,
    "waiting_for_client": 7 * DAY,
    "not_ready": 30 * DAY,
    "not_mine": 7 * DAY,  # Time for a leader to give the client to somebody else.
    "other": DAY,
}
AFTER_CONTACT: Mapping[ContactOutcome, dt.timedelta] = {
    "reached": DAY,
    "no_answer": DAY,
    "call_back": DAY,  # Not used: a call back has a time.
    "refused": dt.timedelta(0),  # The law speaks.
    "not_interested": 90 * DAY,
    "booked_viewing": DAY,
    "wrong_number": dt.timedelta(0),  # Until there is another number, which may be called at once.
}
"""Where no time was agreed on."""

RestReason = Literal["agreed_later", "just_contacted", "skipped"]


@dataclass(frozen=True, slots=True)
class Rest:
    """Until when a client is left in peace.

    Parameters
    ----------
    reason : RestReason
        What for.
    why : str
        The same in words.
    until : datetime
        When it ends.
    """

    reason: RestReason
    why: str
    until: dt.datetime


def rest(past: PastCalls, now: dt.datetime) -> Rest | None:
    """Return the rest that lasts longest at a moment, or None.

    A contact ends a skip before it; so does the moment for which a call was agreed on, when it has come.
    """
    lasting = [one for one in (_after_contact(past), _after_skip(past, now)) if one is not None and one.until > now]
    return max(lasting, key=lambda one: one.until, default=None)


def called_for(past: PastCalls, now: dt.datetime) -> dt.datetime | None:
    """Return when the client asked to be called back, if that moment has come and no contact followed."""
    is_due = past.last_outcome == "call_back" and past.next_at is not None and past.next_at <= now
    return past.next_at if is_due else None


def _after_contact(past: PastCalls) -> Rest | None:
    if past.last_at is None or past.last_outcome is None:
        return None
    if past.next_at is not None:
        return Rest("agreed_later", f"Agreed to speak again on {moment(past.next_at)}.", past.next_at)
    outcome = past.last_outcome.replace("_", " ")
    until = past.last_at + AFTER_CONTACT[past.last_outcome]
    return Rest("just_contacted", f"Contacted on {moment(past.last_at)}: {outcome}.", until)


def _after_skip(past: PastCalls, now: dt.datetime) -> Rest | None:
    if past.skipped_at is None or past.skip_reason is None:
        return None
    if past.last_at is not None and past.last_at > past.skipped_at:
        return None
    due = called_for(past, now)
    if due is not None and due > past.skipped_at:
        return None
    reason = past.skip_reason.replace("_", " ")
    return Rest(
        "skipped", f"Skipped on {moment(past.skipped_at)}: {reason}.", past.skipped_at + COOL_DOWN[past.skip_reason]
    )


def moment(at: dt.datetime) -> str:
    """Write a moment, to the minute, as it is told to people."""
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
