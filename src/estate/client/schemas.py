"""What the client layer takes and gives."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from estate.core.types import (
    MAX_NAMED,
    NUMBER_FROM_TEXT,
    Currency,
    Email,
    Instant,
    JsonList,
    JsonObject,
    Money,
    Name,
    NonNegative,
    PastInstant,
    Phone,
    QueryLimit,
    QueryShare,
    Schema,
    SchemaOut,
    Share,
    ShortText,
    Uuid,
)

__all__ = [
    "ClientFilter",
    "ClientIn",
    "ClientOut",
    "ClientsWanted",
    "Match",
    "MergeIn",
    "MergeOut",
    "OverrideIn",
    "ScoreMade",
]

QueryAmount = Annotated[NonNegative, NUMBER_FROM_TEXT]
Country = Annotated[str, Field(strict=True, pattern=r"^[A-Z]{2}$")]


class ClientIn(Schema):
    """One client as the CRM reports it; an absent field keeps its value, null clears it."""

    client_id: Uuid
    name: ShortText | None = None
    interest: JsonObject | JsonList | None = Field(
        None, description="Purpose, unit types, bedrooms, amenities; under `must` the same as limits."
    )
    budget: Money | None = Field(None, description="Most that the client would pay, in `currency`.")
    location_targets: JsonObject | JsonList | None = Field(
        None, description="Wanted areas: names, or objects with `area_id` and `area_name`."
    )
    objections: JsonObject | JsonList | None = Field(None, description="Objections raised.")
    decision_speed: Name | None = Field(None, description="How fast the client decides, such as `fast`.")
    emotional_type: Name | None = Field(None, description="Temper in talks, such as `analytical`.")
    qualification_score: Share | None = Field(
        None, description="A score that somebody stated, 0 to 1: kept as `stated_score`; the platform computes its own."
    )
    response_history: JsonObject | JsonList | None = Field(
        None, description="Earlier contacts: `at`, `channel`, `response_seconds`."
    )
    updated_at: PastInstant | None = Field(
        None, description="When the CRM changed the row, default now; a row older than the stored one is stale."
    )
    currency: Currency | None = Field(None, description="Of `budget`; default the platform's.")
    owner_agent_id: Uuid | None = Field(None, description="Agent whose client this is; the agent must exist.")
    phone: Phone | None = None
    email: Email | None = None
    contact_consent: bool | None = Field(None, description="Whether the client agreed to be contacted; null: unknown.")
    do_not_contact: bool | None = Field(
        None, description="The client asked not to be contacted, or is on a do-not-contact registry; null means false."
    )
    country: Country | None = Field(
        None,
        description="Where the client is, ISO 3166-1 alpha-2: its contact rules and local time; null: by the phone.",
    )


class ClientsWanted(Schema):
    """Which clients are meant."""

    client_id: list[Uuid] = Field([], max_length=MAX_NAMED, description="Clients by id.")
    owner_agent_id: Uuid | None = None
    search: Name | None = Field(
        None,
        description="Words of the name, part of an interest, location or objection, end of a phone, or whole e-mail.",
    )
    location: Name | None = Field(None, description="Part of a wanted location, or the id of an area.")
    budget_min: QueryAmount | None = Field(None, description="Least budget, in `currency`.")
    budget_max: QueryAmount | None = Field(None, description="Greatest budget, in `currency`.")
    currency: Currency | None = Field(
        None,
        description="Only clients whose budget is in this currency; with a budget range, by default the platform's:"
        " amounts in different currencies are not compared.",
    )
    min_score: QueryShare | None = Field(None, description="Least qualification score, 0 to 1.")
    updated_since: Instant | None = Field(None, description="Only rows changed at or after this time.")


class ClientFilter(ClientsWanted):
    """Which clients to list."""

    cursor: ShortText | None = None
    limit: QueryLimit = 50


class ClientOut(SchemaOut):
    """One client: wishes, means, contact rights and the current qualification score."""

    client_id: uuid.UUID
    name: str | None
    interest: Any = Field(description="Purpose, unit types, bedrooms, amenities; under `must` the same as limits.")
    budget: Money | None = Field(description="Most that the client would pay, in `currency`.")
    location_targets: Any = Field(description="Wanted areas.")
    objections: Any = Field(description="Objections raised.")
    decision_speed: str | None
    emotional_type: str | None
    qualification_score: float | None = Field(description="Computed by the platform, 0 to 1; null until it was.")
    response_history: Any = Field(description="Earlier contacts.")
    updated_at: dt.datetime
    currency: str
    stated_score: float | None = Field(description="The score that somebody stated, 0 to 1.")
    owner_agent_id: uuid.UUID | None
    phone: str | None = Field(description="E.164 number.")
    email: str | None
    contact_consent: bool | None
    do_not_contact: bool
    country: str | None = Field(description="Where the client is, ISO 3166-1 alpha-2; null: where the phone number is.")
    qualification_lower: float | None = Field(description="Lower end of the 90 % interval of the computed score.")
    qualification_upper: float | None = Field(description="Upper end of it.")
    qualification_n: int | None = Field(description="Closed deals that the computed score rests on.")


@dataclass(frozen=True, slots=True)
class Match:
    """Two clients that look like one person.

    Parameters
    ----------
    first, second : ClientOut
        In the order of their ids.
    agree : sequence of str
        Columns in which they agree, of `phone`, `email`, `name`, `owner_agent_id`, `budget`, `location_targets`.
    """

    first: ClientOut
    second: ClientOut
    agree: Sequence[str]


class MergeIn(Schema):
    """Which client is kept, and which becomes part of it."""

    keep: Uuid = Field(description="The client that stays; one that was merged stands for the one that was kept.")
    merge: Uuid = Field(description="The client whose history it gets.")


class MergeOut(SchemaOut):
    """The record of a merge."""

    merged_id: uuid.UUID = Field(description="The client that is no longer one of its own.")
    merged_into: uuid.UUID = Field(description="The client that it became part of then.")
    kept_id: uuid.UUID = Field(description="The client that holds its history now, after further merges.")
    merged_by: str = Field(description="Name of the key that asked for it.")
    merged_at: dt.datetime
    moved: dict[str, int] = Field(description="Rows handed over, by table.")
    filled: list[str] = Field(description="Columns of the kept profile that changed.")


class OverrideIn(Schema):
    """A score that a person states: it stands beside the model's, which goes on."""

    client_id: Uuid
    score: Share | None = Field(description="0 to 1; null withdraws the stated score.")
    reason: ShortText = Field(description="What the person knows and the records do not.")


@dataclass(frozen=True, slots=True)
class ScoreMade:
    """A qualification score as the platform computed it.

    Parameters
    ----------
    score, lower, upper : float
        Chance and its 90 % interval.
    n : int
        Closed deals that the model had learned from.
    model_id : UUID or None
        The model; None is the documented card.
    """

    score: float
    lower: float
    upper: float
    n: int
    model_id: uuid.UUID | None
