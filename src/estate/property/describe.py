"""Describes a stored unit for others: as an answer, as a listing to compare, as a document to search."""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from estate.core.documents import DocumentText
from estate.core.identifiers import UnitRef
from estate.core.json_text import json_text
from estate.core.types import MONEY_LIMIT
from estate.property.analytics.comparison import Count, Figure, Listing
from estate.property.analytics.payment_plan import PaymentPlan, PlanError
from estate.property.models import Project, Unit
from estate.property.schemas import UnitOut

__all__ = ["document", "listing", "plan_of", "rooms", "unit_out"]

OF_PROJECT = {
    "project_name": "name",
    "developer": "developer",
    "handover_on": "handover_on",
    "percent_complete": "percent_complete",
}
DIRECT_FIGURES = (
    "price",
    "cash_ratio",
    "delivery_date",
    "area_sqm",
    "bedrooms",
    "bathrooms",
    "real_demand",
    "sales_velocity",
)
COUNTED = ("amenities", "negative_reviews", "positive_triggers")
CENT = Decimal("0.01")


def unit_out(unit: Unit, project: Project) -> UnitOut:
    """Return a unit with what its project adds."""
    own = {name: getattr(unit, name) for name in UnitOut.model_fields if hasattr(unit, name)}
    added = {name: getattr(project, source) for name, source in OF_PROJECT.items()}
    return UnitOut(property_id=_id(unit), **own, **added)


def _id(unit: Unit) -> str:
    return str(UnitRef(unit.project_id, unit.unit_id))


def plan_of(unit: Unit) -> PaymentPlan | None:
    """Read the stored plan; one that was loaded around the schema and cannot be read counts as none."""
    try:
        return None if unit.payment_plan is None else PaymentPlan.parse(unit.payment_plan)
    except PlanError:
        return None


def listing(unit: Unit, handover_on: dt.date | None, booked_on: dt.date) -> Listing:
    """Return the figures of a unit that are known, for a buyer who books on a given day."""
    known: dict[str, Any] = {name: getattr(unit, name) for name in DIRECT_FIGURES}
    known |= {name: _count(getattr(unit, name)) for name in COUNTED}
    known["price_per_sqm"] = _price_per_sqm(unit)
    plan = plan_of(unit)
    known["paid_before_handover_pct"] = plan and plan.before_handover_pct(booked_on, handover_on)
    figures = {name: _figure(v) for name, v in known.items() if v is not None}
    return Listing(_id(unit), unit.currency, figures, _counts(unit, figures))


def _counts(unit: Unit, figures: Mapping[str, Any]) -> dict[str, Count]:
    """Return what the counted figures count: a pace its sales, every other one what it is."""
    known = {name: evidence for name, evidence in unit.computed.items() if name in figures}
    return {
        name: Count(evidence["n"] if name == "sales_velocity" else int(figures[name]), evidence["window_days"] or 1)
        for name, evidence in known.items()
    }


def _figure(value: Decimal | int | dt.date) -> Figure:
    return Decimal(value) if isinstance(value, int) else value


def _count(stated: Sequence[Any] | Mapping[str, Any] | None) -> int | None:
    """Count what is listed; an object may state its own ``count``."""
    if isinstance(stated, Mapping) and isinstance(stated.get("count"), int):
        return int(stated["count"])
    return None if stated is None else len(stated)


def _price_per_sqm(unit: Unit) -> Decimal | None:
    """Return the price of a square metre, where it is an amount of money."""
    if unit.price is None or unit.area_sqm is None or unit.price >= MONEY_LIMIT * unit.area_sqm:
        return None
    return (unit.price / unit.area_sqm).quantize(CENT)


def document(unit: Unit, project: Project) -> DocumentText:
    """Return what a unit is found by, and the exact values that a sentence may cite."""
    plan = plan_of(unit)
    before = None if plan is None else plan.paid_before_handover_pct
    words = (
        unit.title,
        project.name,
        project.developer,
        unit.unit_type,
        rooms(unit.bedrooms),
        unit.segment and unit.segment.replace("_", " "),
        unit.status,
        ", ".join(_labels(unit.amenities)),
        plan and plan.stated.name and f"payment plan {plan.stated.name}",
        unit.area_id and f"area {unit.area_id}",
        unit.price and f"price {_text(unit.price)} {unit.currency}",
        unit.delivery_date and f"delivery {unit.delivery_date}",
    )
    fields = {
        "title": unit.title,
        "project_name": project.name,
        "developer": project.developer,
        "area_id": str(unit.area_id) if unit.area_id else None,
        "price": _text(unit.price),
        "currency": unit.currency,
        "bedrooms": unit.bedrooms,
        "bathrooms": unit.bathrooms,
        "area_sqm": _text(unit.area_sqm),
        "delivery_date": unit.delivery_date.isoformat() if unit.delivery_date else None,
        "status": unit.status,
        "segment": unit.segment,
        "unit_type": unit.unit_type,
        "payment_plan": plan.stated.name if plan else None,
        "paid_before_handover_pct": _text(before),
        "cash_ratio": _text(unit.cash_ratio),
        "real_demand": _text(unit.real_demand),
        "sales_velocity": _text(unit.sales_velocity),
        "positive_triggers": _said(unit.positive_triggers),
        "negative_reviews": _said(unit.negative_reviews),
        "amenities": ", ".join(_labels(unit.amenities)) or None,
        "updated_at": unit.updated_at.isoformat(),
    }
    return DocumentText(
        layer="property",
        record_id=_id(unit),
        title=unit.title or project.name or "Unit",
        text=". ".join(word for word in words if word),
        fields=fields,
        names=tuple(name for name in (project.name, project.developer) if name),
    )


def rooms(bedrooms: int | None) -> str | None:
    """Write a number of bedrooms.

    Examples
    --------
    >>> rooms(0), rooms(1), rooms(2), rooms(None)
    ('studio', '1 bedroom', '2 bedrooms', None)
    """
    if not bedrooms:
        return None if bedrooms is None else "studio"
    return "1 bedroom" if bedrooms == 1 else f"{bedrooms} bedrooms"


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def _said(listed: Sequence[Any] | Mapping[str, Any] | None) -> str | None:
    """Write what is listed as words: the terms that were counted, and what was stated in whatever shape."""
    items = listed if isinstance(listed, list) else [listed]
    return json_text([item.get("term", item) if isinstance(item, Mapping) else item for item in items]) or None


def _labels(amenities: Sequence[Any] | Mapping[str, Any] | None) -> list[str]:
    items = amenities if isinstance(amenities, list) else []
    return [str(item.get("label") or item.get("code")) for item in items if isinstance(item, Mapping)]
