"""Imports Egyptian listings: areas, compounds and available units with payment and delivery terms."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from estate.core.db import unit_of_work
from estate.core.ingest import SourceRow
from estate.core.security import Actor
from estate.importers.batches import Progress, Report, derived_id, send
from estate.importers.files import CsvRow, read_csv
from estate.market import service as market
from estate.property import service as homes

__all__ = ["import_listings"]

SOURCE = "egypt_houses"
CURRENCY = "EGP"
COLUMNS = (
    "Type",
    "Price",
    "Bedrooms",
    "Bathrooms",
    "Area",
    "Furnished",
    "Compound",
    "Payment_Option",
    "Delivery_Date",
    "Delivery_Term",
    "City",
)
UNKNOWN = frozenset({"", "Unknown", "Unknown Payment"})
READY = "Ready to move"
SOON = frozenset({"soon", "within 6 months"})
PLANS = {
    "Cash": {"name": "Cash", "plan_type": "cash"},
    "Installment": {"name": "Installment", "plan_type": "custom"},
    "Cash or Installment": {"name": "Cash or Installment", "plan_type": "custom"},
}
FINISHES = {
    "Finished": "x_finished",
    "Semi Finished": "x_semi_finished",
    "Not Finished": "x_not_finished",
    "Core & Shell": "x_core_and_shell",
}


def import_listings(path: Path, progress: Progress) -> Report:
    """Import a file of listings; importing it again changes nothing, and two equal lines are one listing.

    Parameters
    ----------
    path : Path
        CSV with the columns of the public listing file.
    progress : callable
        Called with the number of rows done.
    """
    report = Report()
    cities = {row.fields["City"] for row in read_csv(path, COLUMNS) if row.fields.get("City")}
    with unit_of_work(Actor.system()) as session:
        market.name_areas(session, {area_id(city): city for city in sorted(cities)}, currency=CURRENCY)
    report.made["areas"] = Counter({"named": len(cities)})
    send(report, "units", homes.ingest, _units(path), path.name, progress)
    return report


def area_id(city: str) -> uuid.UUID:
    """Return the id of a city or district."""
    return derived_id(SOURCE, "area", city.lower())


def _units(path: Path) -> Iterator[SourceRow]:
    modified = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC).isoformat()
    for row in read_csv(path, COLUMNS):
        try:
            content = _unit(row) | {"updated_at": modified}
        except ValueError as error:
            yield SourceRow(row.number, {}, row.raw, str(error))
        else:
            yield SourceRow(row.number, content, row.raw)


def _unit(row: CsvRow) -> dict[str, object]:
    if row.refusal is not None:
        raise ValueError(row.refusal)
    fields = row.fields
    if fields["City"] in UNKNOWN:
        raise ValueError("City: is missing")
    price = _whole(fields["Price"], "Price")
    if price is None:
        raise ValueError("Price: is missing")
    compound = _known(fields["Compound"])
    city = area_id(fields["City"])
    return {
        "project_id": str(derived_id(SOURCE, "project", fields["City"], compound or "")),
        "unit_id": str(derived_id(SOURCE, "unit", *fields.values())),
        "project": {"name": compound, "area_id": str(city)},
        "title": _title(fields, compound),
        "price": str(price),
        "currency": CURRENCY,
        "area_id": str(city),
        "unit_type": _known(fields["Type"].title().replace("Standalone", "Stand Alone")),
        "segment": _segment(fields["Delivery_Date"]),
        "bedrooms": _whole(fields["Bedrooms"], "Bedrooms"),
        "bathrooms": _whole(fields["Bathrooms"], "Bathrooms"),
        "area_sqm": _size(fields["Area"]),
        "status": "available",
        "payment_plan": PLANS.get(fields["Payment_Option"]),
        "delivery_date": _delivery(fields["Delivery_Date"]),
        "amenities": _amenities(fields),
    }


def _known(text: str) -> str | None:
    return None if text in UNKNOWN else text


def _whole(text: str, field: str) -> int | None:
    """Return a whole number; "10+" counts as 10, what is not known as nothing."""
    if text in UNKNOWN:
        return None
    try:
        return int(text.removesuffix("+").removesuffix(".0"))
    except ValueError:
        raise ValueError(f"{field}: must be a number") from None


def _size(text: str) -> float | None:
    size = _whole(text, "Area")
    if size == 0:
        raise ValueError("Area: must be above 0")
    return None if size is None else float(size)


def _segment(delivery: str) -> str | None:
    if delivery == READY:
        return "ready"
    return None if delivery in UNKNOWN else "off_plan"


def _delivery(text: str) -> str | None:
    """Return the last day of the stated year; "soon" names no day."""
    if text in UNKNOWN or text in SOON or text == READY:
        return None
    if not text.isdigit():
        raise ValueError("Delivery_Date: must be a year")
    return f"{text}-12-31"


def _amenities(fields: dict[str, str]) -> list[dict[str, str]]:
    found = []
    if fields["Delivery_Term"] in FINISHES:
        found.append((FINISHES[fields["Delivery_Term"]], fields["Delivery_Term"]))
    if fields["Furnished"] == "Yes":
        found.append(("x_furnished", "Furnished"))
    return [{"code": code, "label": label, "scope": "unit", "vocabulary": "local"} for code, label in found]


def _title(fields: dict[str, str], compound: str | None) -> str:
    rooms = f", {fields['Bedrooms']} bedrooms" if fields["Bedrooms"] not in UNKNOWN else ""
    kind = _known(fields["Type"]) or "Home"
    return f"{kind}{rooms}, {compound or fields['City']}"
