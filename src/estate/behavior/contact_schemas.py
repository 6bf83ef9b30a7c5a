"""What the behavior layer takes and gives about contacts: what came of a call, who was skipped, what happened."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, JsonValue

from estate.core.types import Instant, LongText, PastInstant, QueryLimit, Schema, SchemaOut, ShortText, Uuid

__all__ = [
    "REACHED",
    "ContactChannel",
    "ContactIn",
    "ContactOut",
    "ContactOutcome",
    "PastCalls",
    "SkipCount",
    "SkipIn",
    "SkipOut",
    "SkipReason",
    "TimelineItem",
    "TimelinePage",
]

ContactChannel = Literal["call", "whatsapp", "email", "meeting"]
ContactOutcome = Literal[
    "reached", "no_answer", "call_back", "refused", "not_interested", "booked_viewing", "wrong_number"
]
REACHED: tuple[ContactOutcome, ...] = ("reached", "call_back", "refused", "not_interested", "booked_viewing")
"""Outcomes of an attempt in which the client was spoken to."""
SkipReason = Literal[
    "busy",
    "wrong_time",
    "spoke_elsewhere",
    "need_information",
    "waiting_for_client",
    "not_ready",
    "not_mine",
    "other",
]


class ContactIn(Schema):
    """What came of an attempt to reach a client."""

    agent_id: Uuid = Field(description="Who tried.")
    channel: ContactChannel
    outcome: ContactOutcome = Field(
        description="`refused`: never again for marketing. `call_back`: at `next_at`. `not_interested`: not now. "
        "`wrong_number`: the number is somebody else's."
    )
    note: LongText | None = None
    at: PastInstant | None = Field(None, description="When; absent: now.")
    next_at: Instant | None = Field(
        None, description="When to take it up again, later than `at`; needed for `call_back`."
    )


class ContactOut(SchemaOut):
    """A contact as it is kept."""

    contact_id: uuid.UUID
    client_id: uuid.UUID
    agent_id: uuid.UUID
    contacted_at: dt.datetime
    channel: ContactChannel
    outcome: ContactOutcome
    phone: str | None = Field(description="The number on record at that time, of a call or WhatsApp message.")
    note: str | None
    next_at: dt.datetime | None


class SkipIn(Schema):
    """Why an agent does not call a client who was suggested."""

    agent_id: Uuid = Field(description="Who skips.")
    reason: SkipReason
    note: ShortText | None = None


class SkipOut(SchemaOut):
    """A skip as it is kept."""

    skip_id: uuid.UUID
    client_id: uuid.UUID
    agent_id: uuid.UUID
    skipped_at: dt.datetime
    reason: SkipReason
    note: str | None


class TimelinePage(Schema):
    """Which page of a time line."""

    cursor: ShortText | None = None
    limit: QueryLimit = 50


class TimelineItem(SchemaOut):
    """One thing that happened with a client."""

    kind: Literal["event", "conversation", "deal_opened", "deal_stage", "contact", "skip"]
    id: str = Field(description="Id of the event, conversation, deal, contact or skip; of a stage, deal_id:stage.")
    at: dt.datetime
    agent_id: uuid.UUID | None
    unit: str | None = Field(description="project_id:unit_id, where a unit is named.")
    what: str = Field(description="Trigger word, emotion or type of an event; channel; stage; outcome; reason.")
    note: str | None
    fields: dict[str, JsonValue] = Field(description="What else is kept of it, by column.")


@dataclass(frozen=True, slots=True)
class PastCalls:
    """What the next call to a client depends on.

    Parameters
    ----------
    unanswered : tuple of datetime
        Calls in the last eight days that nobody answered, to the client or to the same number.
    refused : bool
        Whether a call to the client or the same number was ever refused.
    wrong_numbers : frozenset of str
        Numbers at which the client was not.
    last_at, last_outcome, next_at : datetime, str, datetime or None
        The newest contact.
    skipped_at, skip_reason : datetime, str or None
        The newest skip.
    """

    unanswered: tuple[dt.datetime, ...] = ()
    refused: bool = False
    wrong_numbers: frozenset[str] = frozenset()
    last_at: dt.datetime | None = None
    last_outcome: ContactOutcome | None = None
    next_at: dt.datetime | None = None
    skipped_at: dt.datetime | None = None
    skip_reason: SkipReason | None = None


@dataclass(frozen=True, slots=True)
class SkipCount:
    """How often a reason was given, and what followed.

    Parameters
    ----------
    reason : str
        The reason.
    n : int
        Skips.
    n_judged, n_reached : int
        Skips whose time to be followed is over, and those after which the client was reached in that time.
    """

    reason: SkipReason
    n: int
    n_judged: int
    n_reached: int
