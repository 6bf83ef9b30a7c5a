"""What the API tells of units."""

from datetime import date
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime

from estate.sdk.models.base import Model, Open, Reason, Status, TradeOff


class Counted(Model):
    """What a counted figure rests on."""

    n: int
    as_of: AwareDatetime
    window_days: int | None
    why: str


class Unit(Model):
    """One unit with its project."""

    property_id: str
    project_id: UUID
    unit_id: UUID
    title: str | None
    price: Decimal | None
    payment_plan: Any
    cash_ratio: float | None
    delivery_date: date | None
    amenities: Any
    real_demand: float | None
    sales_velocity: float | None
    negative_reviews: Any
    positive_triggers: Any
    computed: dict[str, Counted]
    updated_at: AwareDatetime
    currency: str
    area_id: UUID | None
    unit_type: str | None
    segment: str | None
    bedrooms: int | None
    bathrooms: int | None
    area_sqm: float | None
    status: str
    listed_at: AwareDatetime | None
    sold_at: AwareDatetime | None
    event_count: int
    last_event_at: AwareDatetime | None
    project_name: str | None
    developer: str | None
    handover_on: date | None
    percent_complete: float | None


class Comparable(Model):
    """One sale that a value rests on."""

    property_id: str
    title: str | None
    price: Decimal
    area_sqm: float
    price_per_sqm: Decimal
    size_adjustment: float
    time_adjustment: float
    adjusted_price: Decimal
    bedrooms: int | None
    segment: str | None
    sold_on: date


class SaleChance(Model):
    """Chance of a sale within some days of listing."""

    days: int
    probability: float
    lower: float
    upper: float


class TimeToSell(Model):
    """How long units like this take to sell."""

    status: Status
    chances: tuple[SaleChance, ...]
    median_days: float | None
    n: int
    sold: int
    why: str


class Value(Model):
    """Fair value of a unit with its interval, what it rests on, and the time to sell."""

    property_id: str
    status: Status
    value: Decimal | None
    lower: Decimal | None
    upper: Decimal | None
    level: float
    currency: str
    price: Decimal | None
    price_to_value: float | None
    n: int
    comparables: tuple[Comparable, ...]
    as_of: date
    method: Open[Literal["comparables", "learned"]]
    sales: int
    why: str
    reasons: tuple[str, ...]
    time_to_sell: TimeToSell


class Recommendation(Model):
    """One unit for a client."""

    property_id: str
    project_id: UUID
    unit_id: UUID
    title: str | None
    price: Decimal | None
    currency: str
    score: float
    reasons: tuple[Reason, ...]
    trade_offs: tuple[TradeOff, ...]


class Point(Model):
    """One statement about a unit against another."""

    field: str
    text: str
    value: str
    other: str
    against: str
    difference: float
    threshold: float
    unit: str


class Instalment(Model):
    """One payment."""

    due_on: date
    amount: Decimal
    stage: str


class LateHandover(Model):
    """The same plan when the handover comes later."""

    delay_months: int
    last_due_on: date
    cash_equivalent_price: Decimal
    peak_12m_outlay: Decimal


class MoneyOverTime(Model):
    """When a unit is paid, and what that is worth on the day of booking."""

    booked_on: date
    handover_on: date
    annual_rate_pct: Decimal
    schedule_source: str
    instalments: tuple[Instalment, ...]
    cash_equivalent_price: Decimal
    cash_equivalent_ratio: float | None
    cash_price: Decimal | None
    implied_annual_rate: float | None
    peak_12m_outlay: Decimal
    late_handover: tuple[LateHandover, ...]


class ComparedUnit(Model):
    """What speaks for and against one unit."""

    property_id: str
    title: str | None
    price: Decimal | None
    currency: str
    pros: tuple[Point, ...]
    cons: tuple[Point, ...]
    even: tuple[Point, ...]
    money_over_time: MoneyOverTime | None
    money_missing: str | None


class Comparison(Model):
    """Units side by side."""

    units: tuple[ComparedUnit, ...]
    reasons: tuple[str, ...]
    not_compared: tuple[str, ...]
