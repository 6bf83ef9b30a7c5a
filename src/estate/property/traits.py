"""What a unit is compared by when it is matched with a client, and what it must keep to be considered."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

__all__ = ["HardLimits", "Near", "Traits"]


@dataclass(frozen=True, slots=True)
class Traits:
    """A unit, of whatever status, reduced to what is compared; ids are text, which is fast to count.

    Parameters
    ----------
    key : str
        ``"project:unit"``.
    """

    key: str
    project_id: str
    area_id: str | None
    developer: str | None
    unit_type: str | None
    segment: str | None
    bedrooms: int | None
    price: Decimal | None
    currency: str
    area_sqm: float | None
    delivery_date: dt.date | None
    amenities: list[str]
    listed_at: dt.datetime | None
    event_count: int


@dataclass(frozen=True, slots=True)
class HardLimits:
    """What every candidate keeps; None or nothing is no limit.

    Parameters
    ----------
    prices : mapping
        Currency to the greatest price in it. A price in another one cannot be held against the budget.
    has_budget : bool
        Whether there is a greatest price; then a unit without a price is left out.
    type_pattern : str or None
        Regular expression that the type in lower case matches.
    amenities : frozenset of str
        Codes that a unit has all of.
    refused : frozenset of str
        Keys of units that are left out.
    """

    prices: Mapping[str, Decimal] = field(default_factory=dict)
    has_budget: bool = False
    area_ids: frozenset[uuid.UUID] | None = None
    bedrooms_min: int | None = None
    bedrooms_max: int | None = None
    type_pattern: str | None = None
    segment: str | None = None
    delivery_by: dt.date | None = None
    amenities: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Near:
    """Where candidates are looked for, and how many at most.

    Parameters
    ----------
    targets : mapping
        Currency to the price that candidates are taken around.
    area_ids : tuple of UUID
        Areas that are searched on their own.
    named : frozenset of str
        Keys of units that are candidates whatever they cost within the limits.
    per_area, anywhere, newest : int
        Units on either side of the target an area, on either side wherever, and the newest.
    """

    targets: Mapping[str, Decimal]
    area_ids: tuple[uuid.UUID, ...]
    named: frozenset[str]
    per_area: int = 25
    anywhere: int = 60
    newest: int = 120
