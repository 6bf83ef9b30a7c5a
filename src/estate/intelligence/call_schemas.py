"""What the intelligence floor answers about calls: the queue, who is held back, and what became of a call."""

import datetime as dt
import uuid
from typing import Literal

from pydantic import Field

from estate.behavior.contact_schemas import ContactOut, SkipOut, SkipReason
from estate.core.paging import PageOut
from estate.core.types import SchemaOut
from estate.intelligence.analytics.permission import Hold
from estate.intelligence.analytics.rest import RestReason
from estate.intelligence.schemas import NextCall, Status

__all__ = ["CallQueue", "ContactLogged", "HeldBack", "HeldReason", "MayCall", "SkipNoted", "SkipReasonOut"]

HeldReason = Literal[Hold, RestReason]


class MayCall(SchemaOut):
    """Whether a client may be called."""

    client_id: uuid.UUID
    allowed: bool
    reason: HeldReason | None = Field(description="What stands against it, the first of several; null: nothing.")
    why: str
    from_when: dt.datetime | None = Field(
        description="First moment at which nothing known now stands against it; null: none in sight."
    )


class HeldBack(SchemaOut):
    """Clients who are not in the queue, for one reason."""

    reason: HeldReason
    n: int
    from_when: dt.datetime | None = Field(description="When the first of them comes free; null: none in sight.")
    why: str = Field(description="In words, of the client who comes free first.")


class CallQueue(PageOut[NextCall]):
    """Whom to call, and who is held back.

    Every client of the agent is counted once: in `callable` or in one line of `held`.
    """

    at: dt.datetime = Field(description="The moment that the queue is for.")
    callable: int = Field(description="Clients who may be called at that moment; the first of them are in `items`.")
    held: list[HeldBack] = Field(description="The others, by reason, the most frequent first.")
    next_free_at: dt.datetime | None = Field(description="When the next of them comes free; null: none in sight.")


class ContactLogged(SchemaOut):
    """A contact that was kept, and what follows from it."""

    contact: ContactOut
    consent_withdrawn: bool = Field(description="Whether the client's consent was taken back by it.")
    may_call: MayCall = Field(description="Whether the client may be called now, else from when.")


class SkipNoted(SchemaOut):
    """A skip that was kept, and what follows from it."""

    skip: SkipOut
    may_call: MayCall = Field(description="Whether the client may be called now, else from when.")


class SkipReasonOut(SchemaOut):
    """A reason to skip a client, and what followed when it was given."""

    reason: SkipReason
    cool_down_hours: float = Field(description="How long the client leaves the queue.")
    times: int = Field(description="Skips with this reason.")
    n: int = Field(description="Of these, skips that are old enough to be judged.")
    reached_rate: float = Field(
        ge=0, le=1, description="Share after which the client was reached in time, shrunk towards that of all reasons."
    )
    lower: float = Field(ge=0, le=1, description="Lower end of its 90 % interval.")
    upper: float = Field(ge=0, le=1)
    status: Status
    why: str
