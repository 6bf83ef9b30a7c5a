"""Keeps what came of calls and whom agents skipped, and tells all that happened with a client."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from estate.behavior.contact_schemas import (
    ContactIn,
    ContactOut,
    PastCalls,
    SkipCount,
    SkipIn,
    SkipOut,
    TimelineItem,
    TimelinePage,
)
from estate.behavior.crud import contacts as crud
from estate.behavior.crud.references import known_ids
from estate.behavior.crud.timeline import page_timeline
from estate.behavior.events import SCORE
from estate.core.errors import FieldProblem, Invalid
from estate.core.outbox import Job, enqueue
from estate.core.paging import Page

__all__ = ["add_contact", "add_skip", "past_calls", "skip_counts", "timeline"]

UNANSWERED_DAYS = 8
"""A day more than any rule counts."""
BY_NUMBER = ("call", "whatsapp")


def add_contact(
    session: Session, client_id: uuid.UUID, phone: str | None, given: ContactIn, now: dt.datetime
) -> ContactOut:
    """Keep what came of an attempt to reach a client, and have the client scored anew.

    Raises
    ------
    Invalid
        When the agent does not exist, or `next_at` is missing or not later than the contact.
    """
    at = given.at or now
    _known_agent(session, given.agent_id)
    if given.outcome == "call_back" and given.next_at is None:
        raise _wrong("next_at", "when to call back")
    if given.next_at is not None and given.next_at <= at:
        raise _wrong("next_at", "must be later than the contact")
    row: dict[str, Any] = {
        "contact_id": uuid.uuid4(),
        "client_id": client_id,
        "contacted_at": at,
        "phone": phone if given.channel in BY_NUMBER else None,
        **given.model_dump(exclude={"at"}),
    }
    crud.add_contact(session, row)
    enqueue(session, [Job(SCORE, str(client_id))])
    return ContactOut(**row)


def add_skip(session: Session, client_id: uuid.UUID, given: SkipIn, now: dt.datetime) -> SkipOut:
    """Keep why an agent does not call a client.

    Raises
    ------
    Invalid
        When the agent does not exist.
    """
    _known_agent(session, given.agent_id)
    row: dict[str, Any] = {
        "skip_id": uuid.uuid4(),
        "client_id": client_id,
        "skipped_at": now,
        **given.model_dump(),
    }
    crud.add_skip(session, row)
    return SkipOut(**row)


def _known_agent(session: Session, agent_id: uuid.UUID) -> None:
    if not known_ids(session, {"agent_id": [agent_id]})["agent_id"]:
        raise _wrong("agent_id", "no such agent")


def _wrong(field: str, message: str) -> Invalid:
    return Invalid("The contact was refused.", problems=(FieldProblem(field, message),))


def past_calls(
    session: Session, phones: Mapping[uuid.UUID, str | None], now: dt.datetime
) -> dict[uuid.UUID, PastCalls]:
    """Return for each client, given with its number, what the next call depends on.

    What the session may not see is not counted: let it see the whole house, since a refusal counts whoever heard it.
    """
    return crud.past_calls(session, phones, now, UNANSWERED_DAYS)


def skip_counts(session: Session, now: dt.datetime, days: int) -> list[SkipCount]:
    """Return how often each reason to skip was given, and how often the client was reached within some days."""
    return crud.skip_counts(session, now, days)


def timeline(session: Session, client_id: uuid.UUID, wanted: TimelinePage) -> Page[TimelineItem]:
    """Return a page of events, conversations, stages of deals, contacts and skips of a client, the newest first."""
    page = page_timeline(session, client_id, cursor=wanted.cursor, limit=wanted.limit)
    return Page([TimelineItem.model_validate(item) for item in page.items], page.next_cursor)
