"""What is told of deals to those who look through them, one by one or all that are open together."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Literal

from pydantic import Field

from estate.behavior.schemas import Outcome, Stage
from estate.core.types import Instant, Money, Name, QueryLimit, Schema, SchemaOut, UnitRef, Uuid

__all__ = ["DealFilter", "DealListed", "PipelineOut", "PipelineStage", "StageValue"]


class DealFilter(Schema):
    """Which deals to list."""

    agent_id: Uuid | None = None
    client_id: Uuid | None = None
    unit: UnitRef | None = Field(None, description="project_id:unit_id")
    stage: Stage | None = None
    outcome: Literal["won", "lost", "open"] | None = None
    since: Instant | None = Field(None, description="Deals opened at this time or later.")
    until: Instant | None = Field(None, description="Deals opened before this time.")
    cursor: Name | None = None
    limit: QueryLimit = 50


class DealListed(SchemaOut):
    """One deal, and since when it is where it is."""

    deal_id: uuid.UUID
    agent_id: uuid.UUID
    client_id: uuid.UUID
    unit: str | None = Field(description="project_id:unit_id")
    stage: Stage
    stage_since: dt.datetime | None = Field(
        description="When it first reached its stage (since it was opened again), or closed; null: nobody reported it."
    )
    outcome: Outcome | None = Field(description="Null while the deal is open.")
    opened_at: dt.datetime
    closed_at: dt.datetime | None
    value: Money | None = Field(description="In `currency`.")
    currency: str
    lost_reason: str | None
    updated_at: dt.datetime


class StageValue(SchemaOut):
    """What the open deals of a stage are worth in one currency."""

    currency: str
    n: int = Field(description="Deals with a value in it.")
    value: Decimal = Field(description="Sum of these values, as a decimal string.")


class PipelineStage(SchemaOut):
    """The open deals of one stage."""

    stage: Stage
    n: int
    values: list[StageValue] = Field(description="By currency; a deal without a value is in none.")
    n_stale: int = Field(description="Deals that reached the stage more than `stale_days` ago.")
    n_undated: int = Field(description="Deals of which nobody reported when they reached it; they are not stale.")


class PipelineOut(SchemaOut):
    """The open deals by stage, in the order of the sale."""

    items: list[PipelineStage]
    n: int = Field(description="Open deals.")
    stale_days: int
    as_of: dt.datetime
    why: str
