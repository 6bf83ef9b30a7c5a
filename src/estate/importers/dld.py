"""Imports transactions of the Dubai Land Department: areas, weekly snapshots, projects and sold units.

Only sales are sales: mortgages and gifts are counted and left out, and so is land, which has no unit.
Off-plan and ready sales make snapshots of their own and are never blended. A week that runs over two files is counted
from both: the units of the first are stored when the second comes.
"""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from estate.core.db import unit_of_work
from estate.core.ingest import SourceRow, check
from estate.core.security import Actor
from estate.importers import crud
from estate.importers.batches import Progress, Report, derived_id, send
from estate.importers.files import CsvRow, read_csv
from estate.market import service as market
from estate.property import service as homes
from estate.property.schemas import UnitIn

__all__ = ["import_transactions"]

SOURCE = "dld"
CURRENCY = "AED"
COLUMNS = (
    "Transaction Number",
    "Transaction Date",
    "Transaction Type",
    "Registration type",
    "Area",
    "Property Type",
    "Property Sub Type",
    "Amount",
    "Property Size (sq.m)",
    "Room(s)",
    "Project",
)
SEGMENTS = {"Off-Plan": "off_plan", "Ready": "ready"}
HOMES = frozenset({"Unit", "Building"})  # What a brokerage sells; the rest is land.


@dataclass(frozen=True, slots=True)
class _Week:
    """What one snapshot stands for."""

    area: str
    segment: str
    ends_on: dt.date

    @classmethod
    def of(cls, area: str, segment: str, day: dt.date) -> "_Week":
        """Return the week of a sale, from Monday to Sunday."""
        return cls(area, segment, day + dt.timedelta(days=6 - day.weekday()))


_Amounts = dict[_Week, dict[uuid.UUID, Decimal]]
"""Of each week the price of every unit that was sold."""


def import_transactions(path: Path, progress: Progress) -> Report:
    """Import a file of transactions; importing it again changes nothing.

    Parameters
    ----------
    path : Path
        CSV with the columns of the public DLD export.
    progress : callable
        Called with the number of rows done.
    """
    report = Report()
    amounts: _Amounts = defaultdict(dict)
    rows = list(_sales(path, report, amounts))
    _add_stored(amounts)
    send(report, "snapshots", market.ingest, _snapshots(amounts), path.name, progress)
    send(report, "units", homes.ingest, rows, path.name, progress)
    return report


def _sales(path: Path, report: Report, amounts: _Amounts) -> Iterator[SourceRow]:
    for row in read_csv(path, COLUMNS):
        reason = _left_out(row)
        if reason is not None:
            report.left_out[reason] += 1
            continue
        try:
            sale = _read(row)
        except ValueError as error:
            yield SourceRow(row.number, {}, row.raw, str(error))
            continue
        unit = SourceRow(row.number, sale.unit(row), row.raw)
        if check(UnitIn, unit).value is not None:  # What will be refused as a unit is no sale of its week either.
            amounts[_Week.of(sale.area, sale.segment, sale.day)][_unit_id(row)] = sale.amount
        yield unit


def _left_out(row: CsvRow) -> str | None:
    if row.refusal is not None:
        return None
    if row.fields["Transaction Type"] != "Sales":
        return f"{row.fields['Transaction Type'].lower()}: not a sale"
    if row.fields["Property Type"] not in HOMES:
        return f"{row.fields['Property Type'].lower()}: not a unit"
    return None


@dataclass(frozen=True, slots=True)
class _Sale:
    day: dt.date
    amount: Decimal
    size: float | None
    segment: str
    area: str

    def unit(self, row: CsvRow) -> dict[str, object]:
        fields = row.fields
        project = fields["Project"]
        sold_at = _midnight(self.day).isoformat()
        return {
            "project_id": str(_project_id(self.area, project)),
            "unit_id": str(_unit_id(row)),
            "project": {"name": project or None, "area_id": str(area_id(self.area))},
            "title": _title(fields, project or area_name(self.area)),
            "price": str(self.amount),
            "currency": CURRENCY,
            "area_id": str(area_id(self.area)),
            "unit_type": fields["Property Sub Type"],
            "segment": self.segment,
            "bedrooms": _bedrooms(fields["Room(s)"]),
            "area_sqm": self.size,
            "status": "sold",
            "sold_at": sold_at,
            "updated_at": sold_at,
        }


def _read(row: CsvRow) -> _Sale:
    if row.refusal is not None:
        raise ValueError(row.refusal)
    fields = row.fields
    if fields["Registration type"] not in SEGMENTS:
        raise ValueError("Registration type: must be Off-Plan or Ready")
    if not fields["Area"]:
        raise ValueError("Area: is missing")
    return _Sale(
        _day(fields["Transaction Date"]),
        _positive(fields["Amount"], "Amount"),
        float(_positive(fields["Property Size (sq.m)"], "Property Size (sq.m)")),
        SEGMENTS[fields["Registration type"]],
        fields["Area"].upper(),  # The file writes some areas in two ways.
    )


def _day(text: str) -> dt.date:
    try:
        return dt.datetime.strptime(text, "%d/%m/%Y").replace(tzinfo=dt.UTC).date()
    except ValueError:
        raise ValueError("Transaction Date: must be DD/MM/YYYY") from None


def _positive(text: str, field: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{field}: must be a number") from None
    if not number.is_finite() or number <= 0:
        raise ValueError(f"{field}: must be above 0")
    return number


def _bedrooms(rooms: str) -> int | None:
    """Return the number of bedrooms; offices, shops and penthouses state none."""
    if rooms == "Studio":
        return 0
    number, _, unit = rooms.partition(" ")
    return int(number) if unit == "B/R" and number.isdigit() else None


def _unit_id(row: CsvRow) -> uuid.UUID:
    return derived_id(SOURCE, "unit", *row.fields.values())


def _project_id(area: str, name: str) -> uuid.UUID:
    return derived_id(SOURCE, "project", area, name)


def _title(fields: dict[str, str], place: str) -> str:
    rooms = fields["Room(s)"].replace("B/R", "bedroom")
    kind = fields["Property Sub Type"].lower()
    return f"{rooms} {kind}, {place}".strip() if rooms not in ("", "NA") else f"{kind.capitalize()}, {place}"


def area_id(name: str) -> uuid.UUID:
    """Return the id of an area by its registered name in capitals."""
    return derived_id(SOURCE, "area", name)


def area_name(name: str) -> str:
    """Return a registered name as people write it.

    Examples
    --------
    >>> area_name("BUSINESS BAY")
    'Business Bay'
    """
    return name.title()


def _add_stored(amounts: _Amounts) -> None:
    """Add what earlier files sold in the weeks of this one."""
    ends: dict[str, list[dt.date]] = defaultdict(list)
    for week in amounts:
        ends[week.area].append(week.ends_on)
    for area, days in ends.items():
        since, until = min(days) - dt.timedelta(days=6), max(days) + dt.timedelta(days=1)
        with unit_of_work(Actor.system(), read_only=True) as session:
            for unit in crud.sold(session, area_id(area), CURRENCY, _midnight(since), _midnight(until)):
                week = _Week.of(area, unit.segment, unit.day)
                if week in amounts and unit.project_id == _project_id(area, unit.project or ""):
                    amounts[week].setdefault(unit.unit_id, unit.price)


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def _snapshots(amounts: _Amounts) -> Iterator[SourceRow]:
    weeks = sorted(amounts, key=lambda week: (week.ends_on, week.area, week.segment))
    for number, week in enumerate(weeks):
        sold = amounts[week].values()
        content = {
            "area_id": str(area_id(week.area)),
            "area_name": area_name(week.area),
            "observed_on": week.ends_on.isoformat(),
            "source": SOURCE,
            "segment": week.segment,
            "price_avg": str(round(sum(sold) / len(sold), 2)),
            "currency": CURRENCY,
            "sales_volume": len(sold),
        }
        yield SourceRow(number, content)
