"""What the assistant answers."""

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime

from estate.sdk.models.base import Model, Open


class Cite(Model):
    """The field of a record that a claim rests on."""

    layer: str
    id: str
    field: str


class Claim(Model):
    """One sentence of the reply with what it rests on."""

    claim: str
    cites: tuple[Cite, ...]


class Sentence(Model):
    """A sentence as soon as it was checked, before the reply is whole."""

    claim: str
    cites: tuple[Cite, ...]
    audience: Open[Literal["client", "agent"]]


class UsedRecords(Model):
    """The records of one layer that the reply cites; a unit's id is `project:unit`."""

    layer: str
    ids: tuple[str, ...]


class Reply(Model):
    """An answer in which every figure and name stands in a cited field."""

    response_id: UUID
    text: str
    reasoning: tuple[Claim, ...]
    used_records: tuple[UsedRecords, ...]
    confidence: float
    abstained: bool


class UsedRecord(Model):
    """A record as it was when the reply was made."""

    layer: str
    id: str
    version: int | None = None
    content_hash: str
    fields: dict[str, Any]


class StoredReply(Reply):
    """A stored reply: what was asked, what was answered and on what."""

    agent_id: UUID | None
    client_id: UUID | None
    property: str | None
    client_input: str
    intent: str
    records: tuple[UsedRecord, ...]
    composer_version: str
    created_at: AwareDatetime


class Feedback(Model):
    """The stored feedback."""

    feedback_id: UUID
    response_id: UUID
    verdict: Open[Literal["helpful", "not_helpful", "wrong"]]


class Policy(Model):
    """A version of the weights that rank records."""

    version: int
    before: int | None
    why: str
    layers: dict[str, dict[str, float]]
    gain: float | None
    gain_lower: float | None
    n: int
