"""What the API tells of areas."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime

from estate.sdk.models.base import Model, Reason, Status, TradeOff


class Snapshot(Model):
    """One stored observation."""

    observed_on: date
    source: str
    segment: str
    price_avg: Decimal | None
    currency: str
    sales_volume: int | None
    demand_score: float | None
    supply_score: float | None


class Area(Model):
    """One area: the aggregate of its snapshots and the newest of them."""

    area_id: UUID
    area_name: str
    price_avg: Decimal | None
    price_median: Decimal | None
    demand_score: float | None
    supply_score: float | None
    sales_volume: int | None
    new_projects: Any
    agent_density: float | None
    currency: str
    segments: dict[str, Any]
    aliases: tuple[str, ...]
    snapshot_count: int
    as_of: date | None
    updated_at: AwareDatetime
    history: tuple[Snapshot, ...]


class Driver(Model):
    """What moves a heat score away from 50."""

    name: str
    signal: str | None
    points: float
    share: float


class AreaHeat(Model):
    """How hot an area is."""

    area_id: UUID
    area_name: str
    heat_score: float
    heat_band: str
    heat_trend: float | None
    demand_score: float
    scarcity_score: float
    drivers: tuple[Driver, ...]
    months_of_supply: float | None
    sales_per_month: float | None
    days_on_market: float | None
    segments: tuple[str, ...]
    n: int
    confidence: float
    peers: int
    as_of: date | None
    why: str


class ForecastMonth(Model):
    """The forecast for one month ahead."""

    month: date
    price: float
    lower: float
    upper: float
    lower_95: float
    upper_95: float
    naive: float


class Forecast(Model):
    """Price forecast of one area with its intervals."""

    area_id: UUID
    status: Status
    currency: str
    level: float
    months: tuple[ForecastMonth, ...]
    segments: tuple[str, ...]
    n: int
    areas: int
    as_of: date | None
    why: str


class TrackedHorizon(Model):
    """How forecasts of one horizon did."""

    months_ahead: int
    status: Status
    n: int
    areas: int
    origins: int
    error: float | None
    naive_error: float | None
    skill: float | None
    skill_lower: float | None
    skill_upper: float | None
    coverage_80: float | None
    coverage_80_lower: float | None
    coverage_80_upper: float | None
    coverage_95: float | None
    coverage_95_lower: float | None
    coverage_95_upper: float | None


class TrackRecord(Model):
    """What became of the published forecasts."""

    items: tuple[TrackedHorizon, ...]
    n: int
    as_of: date | None
    why: str


class AreaForClient(Model):
    """An area for a client."""

    area_id: UUID
    area_name: str
    score: float
    n: int
    price_avg: Decimal | None
    currency: str
    reasons: tuple[Reason, ...]
    trade_offs: tuple[TradeOff, ...]
