"""What the market layer takes and gives."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from estate.core.types import (
    WHOLE_FROM_TEXT,
    BigCount,
    Currency,
    Day,
    JsonList,
    JsonObject,
    Money,
    Name,
    NonNegative,
    PastInstant,
    QueryLimit,
    Schema,
    SchemaOut,
    ShortText,
    Uuid,
)

__all__ = [
    "AreaFilter",
    "AreaHeat",
    "AreaOut",
    "ForecastMonth",
    "ForecastOut",
    "QueryHorizon",
    "SnapshotIn",
    "SnapshotOut",
]

Segment = Literal["all", "ready", "off_plan"]
QueryHorizon = Annotated[int, Field(strict=True, ge=1, le=24, description="Months ahead."), WHOLE_FROM_TEXT]


class SnapshotIn(Schema):
    """One observation of one area."""

    area_id: Uuid
    area_name: ShortText
    price_avg: Money | None = Field(None, description="Mean price of what was sold, in `currency`.")
    demand_score: NonNegative | None = Field(None, description="Higher means more demand; any one scale.")
    supply_score: NonNegative | None = Field(None, description="Higher means more for sale; any one scale.")
    sales_volume: BigCount | None = Field(None, description="Sales in the observed period.")
    new_projects: JsonObject | JsonList | None = Field(None, description="Projects launched, with counts.")
    agent_density: NonNegative | None = Field(None, description="Active agents per 100 sales in 12 months.")
    updated_at: PastInstant | None = Field(None, description="Accepted for completeness; the platform keeps its own.")
    observed_on: Day | None = Field(None, description="Day of the observation; with it, the row can be restated.")
    source: Name | None = Field(None, description="Who observed; default `api`.")
    segment: Segment = Field("all", description="Off-plan and ready sales are never blended silently.")
    currency: Currency | None = None
    days_on_market: NonNegative | None = Field(None, description="Median days from listing to sale.")
    inventory: BigCount | None = Field(None, description="Units for sale at the end of the period.")
    views_per_listing: NonNegative | None = None


class AreaFilter(Schema):
    """Which areas to list."""

    area_id: Uuid | None = None
    search: Name | None = Field(None, description="Part of the area's name.")
    cursor: Name | None = None
    limit: QueryLimit = 50


class SnapshotOut(SchemaOut):
    """One stored observation."""

    observed_on: dt.date
    source: str
    segment: str
    price_avg: Money | None
    currency: str
    sales_volume: int | None
    demand_score: float | None
    supply_score: float | None


class AreaOut(SchemaOut):
    """One area: the aggregate of its snapshots and the newest of them."""

    area_id: uuid.UUID
    area_name: str
    price_avg: Decimal | None = Field(description="Mean of the window, weighted by sales, in `currency`.")
    price_median: Decimal | None
    demand_score: float | None
    supply_score: float | None
    sales_volume: int | None = Field(description="Sales at the newest observation.")
    new_projects: Any
    agent_density: float | None
    currency: str
    segments: dict[str, Any] = Field(description="The same mean by segment, with n.")
    snapshot_count: int = Field(description="Snapshots in the window (n).")
    as_of: dt.date | None
    updated_at: dt.datetime
    history: list[SnapshotOut] = Field(description="The newest snapshots, newest first.")


class AreaHeat(SchemaOut):
    """How hot an area is."""

    area_id: uuid.UUID
    area_name: str
    heat_score: float = Field(ge=0, le=100)
    heat_band: str
    heat_trend: float | None = Field(description="Change of the score against the previous window, in points.")
    demand_score: float
    scarcity_score: float
    n: int = Field(description="Snapshots behind the score.")
    confidence: float = Field(ge=0, le=1)
    peers: int = Field(description="Areas compared.")
    as_of: dt.date | None
    why: str


class ForecastMonth(SchemaOut):
    """The forecast for one month ahead."""

    month: dt.date
    price: float
    lower: float
    upper: float


class ForecastOut(SchemaOut):
    """Price forecast of one area with its interval."""

    area_id: uuid.UUID
    status: Literal["ok", "insufficient_data"]
    currency: str
    level: float
    months: list[ForecastMonth]
    n: int = Field(description="Months of history of this area.")
    areas: int = Field(description="Areas whose changes were pooled.")
    as_of: dt.date | None
    why: str
