"""What the assistant takes and gives."""

import datetime as dt
import uuid
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue
from pydantic.dataclasses import dataclass

from estate.core.types import BigCount, Schema, SchemaOut, Text, UnitRef, Uuid

__all__ = [
    "AgentContext",
    "CiteOut",
    "Claim",
    "ClientInput",
    "FeedbackIn",
    "FeedbackOut",
    "Outcome",
    "PolicyOut",
    "Reply",
    "RespondIn",
    "ResponseOut",
    "RollBackIn",
    "Said",
    "UsedRecord",
    "UsedRecords",
    "Verdict",
]

ClientInput = Annotated[str, Text(4_000), Field(description="What the client said or asks.")]
Verdict = Literal["helpful", "not_helpful", "wrong"]
Outcome = Literal["won", "went_on", "lost"]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class AgentContext:
    """Who asks, about whom and about which unit.

    Parameters
    ----------
    agent_id : uuid.UUID
        The agent that the reply is for.
    client_id : uuid.UUID or None
        The client that the agent talks to.
    property_id : UnitRef or None
        The unit that they talk about; ``"project:unit"`` is read as well.
    """

    agent_id: Uuid
    client_id: Uuid | None = None
    property_id: UnitRef | None = None


class RespondIn(Schema):
    """A question with its context."""

    client_input: ClientInput
    agent_id: Uuid
    client_id: Uuid | None = None
    property: UnitRef | None = Field(None, description="The unit that the talk is about.")

    def context(self) -> AgentContext:
        """Return who asks, about whom and about which unit."""
        return AgentContext(self.agent_id, self.client_id, self.property)


class CiteOut(SchemaOut):
    """The field of a record that a claim rests on."""

    layer: str
    id: str
    field: str


class Claim(SchemaOut):
    """One sentence of the reply with what it rests on."""

    claim: str
    cites: list[CiteOut]


class Said(Claim):
    """A sentence as soon as it was checked, before the reply is whole."""

    audience: Literal["client", "agent"]


class UsedRecords(SchemaOut):
    """The records of one layer that the reply cites; a unit's id is `project:unit`."""

    layer: str
    ids: list[str]


class Reply(SchemaOut):
    """An answer in which every figure and name stands in a cited field."""

    response_id: uuid.UUID
    text: str
    reasoning: list[Claim]
    used_records: list[UsedRecords]
    confidence: float = Field(ge=0, le=1, description="Estimated chance that the answer is right; see the docs.")
    abstained: bool = Field(description="The records do not support an answer; the text says what is missing.")


class UsedRecord(SchemaOut):
    """A record as it was when the reply was made."""

    layer: str
    id: str
    version: int | None = Field(None, description="Of its search document; null before there was one.")
    content_hash: str = Field(description="SHA-256 of the fields, hexadecimal.")
    fields: dict[str, JsonValue]


class ResponseOut(Reply):
    """A stored reply: what was asked, what was answered and on what."""

    agent_id: uuid.UUID | None
    client_id: uuid.UUID | None
    property: UnitRef | None
    client_input: str
    intent: str
    records: list[UsedRecord]
    composer_version: str = Field(description="Who wrote it: the composer, or a language model with its prompt.")
    created_at: dt.datetime


class FeedbackIn(Schema):
    """What somebody thought of a reply."""

    response_id: Uuid
    verdict: Verdict
    note: Annotated[str, Text(2_000)] | None = None
    edited_text: Annotated[str, Text(20_000)] | None = Field(
        None, description="The reply as it was sent in the end: what is left of it was of use."
    )
    outcome: Outcome | None = Field(None, description="What came of it with the client.")


class FeedbackOut(SchemaOut):
    """The stored feedback."""

    feedback_id: uuid.UUID
    response_id: uuid.UUID
    verdict: Verdict


class PolicyOut(SchemaOut):
    """A version of the weights that rank records."""

    version: int = Field(description="0 is what the program brings along.")
    before: int | None = Field(description="The version that `rollback` returns to; null: there is none.")
    why: str = Field(description="built_in, learned or rolled_back.")
    layers: dict[str, dict[str, float]] = Field(description="Topic to layer to the factor of its scores.")
    gain: float | None = Field(description="Estimated when it was promoted, see docs/decisions/0024.")
    gain_lower: float | None
    n: int = Field(description="Judged replies that it was learned from.")


class RollBackIn(Schema):
    """Which version of the ranking shall be left; naming it makes a call that is sent twice harmless."""

    version: BigCount = Field(description="The version in force, as `GET /gpt/ranking` says.")
