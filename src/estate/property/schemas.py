"""What the property layer takes and gives."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import InitErrorDetails

from estate.core.free_json import JsonList, JsonObject
from estate.core.identifiers import UnitRef
from estate.core.problems import refused
from estate.core.types import (
    MAX_NAMED,
    NUMBER_LIMIT,
    WHOLE_FROM_TEXT,
    Currency,
    Day,
    Instant,
    Money,
    Name,
    NonNegative,
    PastInstant,
    Percent,
    QueryLimit,
    Schema,
    SchemaOut,
    Share,
    ShortText,
    Uuid,
)
from estate.property.analytics.amenities import normalise
from estate.property.analytics.payment_plan import PaymentPlan, PlanError

__all__ = [
    "PROJECT_FIELDS",
    "Comparable",
    "ComparedUnit",
    "ComparisonOut",
    "CountedOut",
    "First",
    "InstalmentOut",
    "LateHandover",
    "MoneyOverTime",
    "PointOut",
    "ProjectIn",
    "ProjectStated",
    "SaleChance",
    "TimeToSellOut",
    "UnitFilter",
    "UnitIn",
    "UnitOut",
    "UnitsWanted",
    "ValueOut",
]

Segment = Literal["ready", "off_plan"]
Status = Literal["available", "reserved", "sold", "withdrawn"]
First = Literal["cheapest", "dearest", "largest", "smallest"]
Sort = Literal["id", "price", "-price", "updated", "-updated"]
Rooms = Annotated[int, Field(strict=True, ge=0, le=100)]
SquareMetres = Annotated[float, Field(strict=True, gt=0, le=NUMBER_LIMIT, description="Size in m².")]
MAX_AMENITIES = 200

_COUNTED = "Counted from events and deals while nobody states it; what is stated stands until null clears it."
_OTHER = TypeAdapter(JsonObject)


def _refused_at(path: tuple[str | int, ...], message: str) -> ValidationError:
    """Make an error whose place is below the field or model that is being checked."""
    details = InitErrorDetails(type=refused(message), loc=path, input=None)
    return ValidationError.from_exception_data("refused", [details])


def _plan(value: object) -> dict[str, Any]:
    """Bring a plan into our own words; a refusal keeps its place in the plan."""
    try:
        plan = PaymentPlan.parse(value).to_json()
    except PlanError as error:
        raise _refused_at(error.path, error.message) from None
    _OTHER.validate_python({"fees": plan.get("fees"), "other": plan.get("other")})
    return plan


def _amenities(value: object) -> list[Any]:
    if not isinstance(value, list | dict) or len(value) > MAX_AMENITIES:
        raise refused("This must be a list of at most {limit} amenities.", limit=MAX_AMENITIES)
    try:
        found = normalise(value)
    except ValueError as error:
        raise refused(str(error)) from None
    return _LIST.validate_python(found)


_LIST = TypeAdapter(JsonList)

PlanIn = Annotated[
    dict[str, Any],
    PlainValidator(_plan),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "object"},
                {"type": "string", "examples": ["60/40", "10/50/40", "20% on booking, 80% on handover", "cash"]},
            ],
            "description": "Instalments, or headline percentages by stage, or a ratio; they sum to 100.",
        }
    ),
]
AmenitiesIn = Annotated[
    list[Any],
    PlainValidator(_amenities),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"anyOf": [{"type": "string"}, {"type": "object"}]},
            "description": "Names, or objects with `code` or `label`.",
        }
    ),
]


class ProjectStated(Schema):
    """What is said about a project."""

    name: ShortText | None = None
    developer: ShortText | None = None
    area_id: Uuid | None = None
    status: Name | None = Field(
        None, description="announced, presale, selling, sold_out, on_hold, cancelled, completed"
    )
    handover_on: Day | None = None
    percent_complete: Percent | None = None


PROJECT_FIELDS = tuple(ProjectStated.model_fields)


class ProjectIn(ProjectStated):
    """One development or building."""

    project_id: Uuid
    updated_at: PastInstant | None = None


class UnitIn(Schema):
    """One unit for sale or sold; an absent field keeps its value, null clears it."""

    project_id: Uuid
    unit_id: Uuid
    title: ShortText | None = None
    price: Money | None = Field(None, description="Asking price, or what it was sold for, in `currency`.")
    payment_plan: PlanIn | None = None
    cash_ratio: Share | None = Field(None, description="Cash price over plan price; 1 means no discount for cash.")
    delivery_date: Day | None = None
    amenities: AmenitiesIn | None = None
    real_demand: NonNegative | None = Field(None, description=f"Distinct interested people in 30 days. {_COUNTED}")
    sales_velocity: NonNegative | None = Field(None, description=f"Contracts of the project a month. {_COUNTED}")
    negative_reviews: JsonObject | JsonList | None = Field(None, description=_COUNTED)
    positive_triggers: JsonObject | JsonList | None = Field(None, description=_COUNTED)
    updated_at: PastInstant | None = Field(None, description="An older row than the stored one is `stale`.")
    currency: Currency | None = Field(None, description="Of a new unit without it: ESTATE_DEFAULT_CURRENCY.")
    area_id: Uuid | None = None
    unit_type: Name | None = None
    segment: Segment | None = None
    bedrooms: Rooms | None = Field(None, description="0 is a studio.")
    bathrooms: Rooms | None = None
    area_sqm: SquareMetres | None = None
    status: Status | None = Field(None, description="Of a new unit without it: available.")
    listed_at: Instant | None = None
    sold_at: PastInstant | None = None
    project: ProjectStated | None = Field(None, description="The project; one that is not known is created.")
    project_name: ShortText | None = Field(None, description="Short for `project.name`.")
    developer: ShortText | None = Field(None, description="Short for `project.developer`.")
    handover_on: Day | None = Field(None, description="Short for `project.handover_on`.")

    @model_validator(mode="after")
    def _sold_after_listed(self) -> Self:
        if self.listed_at and self.sold_at and self.sold_at < self.listed_at:
            raise _refused_at(("sold_at",), "This must not lie before listed_at.")
        return self

    def unit_fields(self) -> dict[str, Any]:
        """Return the columns of the unit that were given."""
        return {name: getattr(self, name) for name in self.model_fields_set - _PROJECT_INPUTS.keys() - {"project"}}

    def project_fields(self) -> dict[str, Any]:
        """Return the columns of the project that were given; the short forms win over the object."""
        stated = self.project.model_dump(include=self.project.model_fields_set) if self.project else {}
        given = self.model_fields_set & _PROJECT_INPUTS.keys()
        return stated | {_PROJECT_INPUTS[name]: getattr(self, name) for name in given}


_PROJECT_INPUTS = {"project_name": "name", "developer": "developer", "handover_on": "handover_on"}


class UnitsWanted(Schema):
    """Which units are meant."""

    unit: list[UnitRef] = Field([], max_length=MAX_NAMED, description="Units as project_id:unit_id.")
    area_id: Uuid | None = None
    project_id: Uuid | None = None
    status: Status | None = None
    segment: Segment | None = None
    bedrooms: Annotated[Rooms, WHOLE_FROM_TEXT] | None = None
    currency: Currency | None = Field(
        None, description="Default ESTATE_DEFAULT_CURRENCY for a price range and the order by price."
    )
    price_min: Money | None = None
    price_max: Money | None = None
    search: Name | None = Field(None, description="Part of the title, the project's name or the developer.")
    sort: Sort = Field("id", description="The order by price leaves out units without one.")

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.price_min is not None and self.price_max is not None and self.price_min > self.price_max:
            raise _refused_at(("price_min",), "This must not be above price_max.")
        return self

    @property
    def by_price(self) -> bool:
        """Whether prices are compared, which is done within one currency only."""
        return self.sort in ("price", "-price") or self.price_min is not None or self.price_max is not None


class UnitFilter(UnitsWanted):
    """Which units to list, and in which order."""

    cursor: ShortText | None = None
    limit: QueryLimit = 50


class CountedOut(SchemaOut):
    """What a counted figure rests on."""

    n: int = Field(description="Events, deals or sales that were counted.")
    as_of: dt.datetime = Field(description="Since when it has come out like this.")
    window_days: int | None = Field(description="Days up to the count that it covers; null: the whole history.")
    why: str


class UnitOut(SchemaOut):
    """One unit with its project."""

    property_id: str = Field(description="project_id:unit_id")
    project_id: uuid.UUID
    unit_id: uuid.UUID
    title: str | None
    price: Money | None
    payment_plan: Any
    cash_ratio: float | None
    delivery_date: dt.date | None
    amenities: Any
    real_demand: float | None = Field(description="Distinct clients who named the unit, in an event or a new deal.")
    sales_velocity: float | None = Field(description="Units of the project sold a month.")
    negative_reviews: Any = Field(description="Counted: terms that went with losing, none of them said by an agent.")
    positive_triggers: Any = Field(description="Counted: terms that went with winning.")
    computed: dict[str, CountedOut] = Field(
        description="Evidence of those of these four that were counted; one with a value and not named here was stated."
    )
    updated_at: dt.datetime
    currency: str
    area_id: uuid.UUID | None
    unit_type: str | None
    segment: str | None
    bedrooms: int | None
    bathrooms: int | None
    area_sqm: float | None
    status: str
    listed_at: dt.datetime | None
    sold_at: dt.datetime | None
    event_count: int
    last_event_at: dt.datetime | None
    project_name: str | None
    developer: str | None
    handover_on: dt.date | None
    percent_complete: float | None

    @property
    def ref(self) -> UnitRef:
        """The unit's identity."""
        return UnitRef(self.project_id, self.unit_id)


class PointOut(SchemaOut):
    """One statement about a unit against another."""

    field: str
    text: str
    value: str = Field(description="The exact figure of this unit.")
    other: str = Field(description="The exact figure of the other unit.")
    against: str = Field(description="The other unit: project_id:unit_id")
    difference: float = Field(ge=0, description="In `unit`.")
    threshold: float = Field(
        description="The smallest difference that counts, in `unit`; one of counts must be beyond chance too."
    )
    unit: str


class InstalmentOut(SchemaOut):
    """One payment."""

    due_on: dt.date
    amount: Money
    stage: str


class LateHandover(SchemaOut):
    """The same plan when the handover comes later."""

    delay_months: int
    last_due_on: dt.date
    cash_equivalent_price: Money
    peak_12m_outlay: Money


class MoneyOverTime(SchemaOut):
    """When a unit is paid, and what that is worth on the day of booking."""

    booked_on: dt.date
    handover_on: dt.date
    annual_rate_pct: Decimal = Field(description="Effective annual rate of discount, ESTATE_DISCOUNT_RATE_PCT.")
    schedule_source: str = Field(description="`stated`, or `generated` from the headline.")
    instalments: list[InstalmentOut]
    cash_equivalent_price: Money = Field(description="Present value of the instalments.")
    cash_equivalent_ratio: float | None = Field(description="That over the price.")
    cash_price: Money | None = Field(description="The price less the discount for cash, where one is stated.")
    implied_annual_rate: float | None = Field(
        description="Effective annual rate that paying by the plan costs against the cash price; 0.08 is 8 %."
    )
    peak_12m_outlay: Money = Field(description="The most that falls due within any twelve months.")
    late_handover: list[LateHandover]


class ComparedUnit(SchemaOut):
    """What speaks for and against one unit."""

    property_id: str
    title: str | None
    price: Money | None
    currency: str
    pros: list[PointOut]
    cons: list[PointOut]
    even: list[PointOut] = Field(description="Differences under their threshold; each told for one unit of the pair.")
    money_over_time: MoneyOverTime | None
    money_missing: str | None = Field(description="Why there is no `money_over_time`.")


class ComparisonOut(SchemaOut):
    """Units side by side."""

    units: list[ComparedUnit]
    reasons: list[str] = Field(description="Every statement once, with the unit that it favours; never empty.")
    not_compared: list[str]


class Comparable(SchemaOut):
    """One sale that a value rests on."""

    property_id: str
    title: str | None
    price: Money
    area_sqm: float
    price_per_sqm: Decimal
    size_adjustment: float = Field(description="Factor that brings the price to the size of the unit.")
    time_adjustment: float = Field(description="Factor that brings it to the day of the valuation, by the price index.")
    adjusted_price: Money = Field(description="The price after both.")
    bedrooms: int | None
    segment: str | None
    sold_on: dt.date


class SaleChance(SchemaOut):
    """Chance of a sale within some days of listing."""

    days: int
    probability: float = Field(ge=0, le=1)
    lower: float
    upper: float


class TimeToSellOut(SchemaOut):
    """How long units like this take to sell."""

    status: Literal["ok", "insufficient_data"]
    chances: list[SaleChance] = Field(description="Without the horizons for which too few units were seen that long.")
    median_days: float | None = Field(description="Null when fewer than half are sold by the end of what was seen.")
    n: int = Field(description="Units of the area that it rests on, sold or not.")
    sold: int
    why: str


class ValueOut(SchemaOut):
    """Fair value of a unit with its interval, what it rests on, and the time to sell."""

    property_id: str
    status: Literal["ok", "insufficient_data"]
    value: Money | None
    lower: Money | None
    upper: Money | None
    level: float = Field(description="Probability of the interval.")
    currency: str
    price: Money | None
    price_to_value: float | None = Field(description="Above 1, the price is over the fair value.")
    n: int = Field(description="Comparable sales.")
    comparables: list[Comparable] = Field(description="The most alike first; at least five where there is a value.")
    as_of: dt.date
    method: Literal["comparables", "learned"] = Field(
        description="`comparables`: their mean; `learned`: a model of all sales, once there are enough."
    )
    sales: int = Field(description="Sales in `currency` behind the method.")
    why: str
    reasons: list[str] = Field(description="What speaks for the value, each with its figures; empty without one.")
    time_to_sell: TimeToSellOut
