"""What the market layer takes and gives."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from estate.core.problems import refused
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
    "MOST_DAYS_AHEAD",
    "AreaFilter",
    "AreaHeat",
    "AreaOut",
    "Driver",
    "ForecastMonth",
    "ForecastOut",
    "ObservedDay",
    "QueryHorizon",
    "SnapshotIn",
    "SnapshotOut",
    "TrackRecordOut",
    "TrackedHorizon",
]

MOST_DAYS_AHEAD = 31  # A week or month that still runs may be dated by its last day.


def _not_far_ahead(day: dt.date) -> dt.date:
    if day > dt.datetime.now(dt.UTC).date() + dt.timedelta(days=MOST_DAYS_AHEAD):
        raise refused(f"This must not lie more than {MOST_DAYS_AHEAD} days in the future.")
    return day


ObservedDay = Annotated[Day, AfterValidator(_not_far_ahead)]
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
    observed_on: ObservedDay | None = Field(
        None,
        description="Day of the observation; with it, the row can be restated. A week or month may be dated by its "
        f"last day, so it may lie up to {MOST_DAYS_AHEAD} days ahead.",
    )
    source: Name | None = Field(None, description="Who observed; default `api`.")
    segment: Segment = Field("all", description="Off-plan and ready sales are never blended silently.")
    currency: Currency | None = None
    days_on_market: NonNegative | None = Field(None, description="Median days from listing to sale.")
    inventory: BigCount | None = Field(None, description="Units for sale at the end of the period.")
    views_per_listing: NonNegative | None = None
    aliases: list[ShortText] = Field(
        default_factory=list, max_length=20, description="Other names of the area, in any language; they are added."
    )


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
    sales_volume: int | None = Field(description="Sales at the newest observation; a mean where sources differ.")
    new_projects: Any
    agent_density: float | None
    currency: str
    segments: dict[str, Any] = Field(description="Mean and median by segment (ready, off-plan), with n and as_of.")
    aliases: list[str] = Field(description="Other names of the area.")
    snapshot_count: int = Field(description="Snapshots in the window (n).")
    as_of: dt.date | None
    updated_at: dt.datetime
    history: list[SnapshotOut] = Field(description="The newest snapshots, newest first.")


class Driver(SchemaOut):
    """What moves a heat score away from 50."""

    name: str
    signal: str | None = Field(description="The column that it was read from.")
    points: float = Field(description="Signed; the points of all drivers sum to heat_score - 50.")
    share: float = Field(ge=0, le=1, description="Of the absolute points of all drivers.")


class AreaHeat(SchemaOut):
    """How hot an area is."""

    area_id: uuid.UUID
    area_name: str
    heat_score: float = Field(ge=0, le=100)
    heat_band: str
    heat_trend: float | None = Field(
        description="Change in a year, in points; null before three months, or when nothing told it then."
    )
    demand_score: float = Field(description="100 for the area with most demand in its newest month, 0 for the least.")
    scarcity_score: float = Field(description="100 for the area with the least for sale; the opposite of supply.")
    drivers: list[Driver] = Field(description="The strongest first, at most three.")
    months_of_supply: float | None = Field(description="Homes for sale per sale a month.")
    sales_per_month: float | None = Field(
        description="Mean of at most six months up to the newest with sales that is over; one without any row had none."
    )
    days_on_market: float | None
    segments: list[str] = Field(description="What the figures blend: ready, off_plan, or all.")
    n: int = Field(description="Months behind the score.")
    confidence: float = Field(ge=0, le=1)
    peers: int = Field(description="Areas compared.")
    as_of: dt.date | None = Field(description="Day of the newest snapshots with a signal; without any, of the newest.")
    why: str


class ForecastMonth(SchemaOut):
    """The forecast for one month ahead."""

    month: dt.date
    price: float
    lower: float = Field(description="Lower end of the 80 % interval.")
    upper: float
    lower_95: float
    upper_95: float
    naive: float = Field(description="The last known price: what a forecast must beat.")


class ForecastOut(SchemaOut):
    """Price forecast of one area with its intervals."""

    area_id: uuid.UUID
    status: Literal["ok", "insufficient_data"]
    currency: str
    level: float = Field(description="Of `lower` and `upper`.")
    months: list[ForecastMonth]
    segments: list[str] = Field(description="What the price blends: ready, off_plan, or all.")
    n: int = Field(description="Months of history of this area.")
    areas: int = Field(description="Areas whose changes were pooled.")
    as_of: dt.date | None
    why: str


class TrackedHorizon(SchemaOut):
    """How forecasts of one horizon did."""

    months_ahead: int
    status: Literal["ok", "insufficient_data"]
    n: int = Field(description="Forecasts whose month is over and whose price came.")
    areas: int
    origins: int = Field(description="Months in which they were published: the independent evidence.")
    error: float | None = Field(description="Mean absolute error as a share of what came.")
    naive_error: float | None = Field(description="The same of the last price before the forecast.")
    skill: float | None = Field(description="1 - error / naive_error; below 0 the naive forecast was better.")
    skill_lower: float | None = Field(description="Lower end of its 90 % interval, over origins.")
    skill_upper: float | None
    coverage_80: float | None
    coverage_80_lower: float | None = Field(description="Lower end of its 90 % interval, over origins.")
    coverage_80_upper: float | None
    coverage_95: float | None
    coverage_95_lower: float | None = Field(description="Lower end of its 90 % interval, over origins.")
    coverage_95_upper: float | None


class TrackRecordOut(SchemaOut):
    """What became of the published forecasts."""

    items: list[TrackedHorizon]
    n: int
    as_of: dt.date | None
    why: str
