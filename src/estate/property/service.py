"""The public verbs of the property layer."""

import datetime as dt
import re
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from estate.core.documents import DocumentText, document_jobs
from estate.core.errors import FieldProblem, Invalid
from estate.core.figures import figure_jobs
from estate.core.identifiers import UnitRef
from estate.core.ingest import IngestResult, SourceRow, Stored, receipt_time
from estate.core.ingest import ingest as ingest_rows
from estate.core.outbox import enqueue
from estate.core.paging import Page
from estate.core.settings import get_settings
from estate.core.upsert import Written
from estate.property import describe, estimates, fair_value, figures
from estate.property.analytics import comparison
from estate.property.crud import figures as sold
from estate.property.crud import units as crud
from estate.property.errors import AmbiguousUnit, BadUnits, UnitNotFound
from estate.property.models import Project, Unit
from estate.property.money import money_over_time
from estate.property.schemas import (
    PROJECT_FIELDS,
    ComparedUnit,
    ComparisonOut,
    First,
    MoneyOverTime,
    PointOut,
    ProjectIn,
    UnitFilter,
    UnitIn,
    UnitOut,
    UnitsWanted,
    ValueOut,
)
from estate.property.traits import HardLimits, Near, Traits

__all__ = [
    "candidates",
    "compare",
    "count_units",
    "documents",
    "get_unit",
    "ingest",
    "ingest_projects",
    "list_units",
    "matching",
    "predict",
    "refresh_documents",
    "resolve",
    "resolve_all",
    "sample",
    "take_back",
    "traits",
    "units",
]

MAX_COMPARED = 5
NEVER_STATED = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""`updated_at` of a project of which only the id is known, so that whatever is stated later is newer."""
COUNTED_FROM = {*figures.FIGURES, "status", "listed_at", "sold_at"}
"""Columns of a unit that its figures, or those of its project, depend on."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Values = dict[str, Any]


# Ingest


def ingest(session: Session, rows: Iterable[SourceRow], *, source: str = "api") -> IngestResult:
    """Store units, and the projects that they name, in one transaction."""
    return ingest_rows(session, layer="property", model=UnitIn, rows=rows, store=_store, source=source)


def ingest_projects(session: Session, rows: Iterable[SourceRow], *, source: str = "api") -> IngestResult:
    """Store projects in one transaction."""
    return ingest_rows(session, layer="property", model=ProjectIn, rows=rows, store=_store_projects, source=source)


def _store(session: Session, stated: Sequence[UnitIn]) -> list[Stored]:
    now = receipt_time(session)
    refused = _unknown_areas(session, [(u.area_id, u.project.area_id if u.project else None) for u in stated])
    kept = [unit for unit, problem in zip(stated, refused, strict=True) if problem is None]
    changed = _write_projects(session, _project_rows(kept, now))
    defaults = {"currency": get_settings().default_currency, "status": "available"}
    written = crud.upsert_units(session, [_unit_row(unit, now, defaults) for unit in kept], on_insert=defaults)
    stored = _stored([str(_ref(unit)) for unit in stated], refused, written)
    refs = {item.id for item in stored if item.status in ("created", "updated")}
    refs |= {str(ref) for ref in crud.refs_in_projects(session, changed)} if changed else set()
    fresh = [(unit, status) for unit, status in zip(kept, written, strict=True) if status != "stale"]
    figures.give_back(session, [(_ref(unit), unit.model_fields_set) for unit, _ in fresh])
    recounted = {_ref(unit) for unit, status in fresh if status == "created" or unit.model_fields_set & COUNTED_FROM}
    enqueue(session, document_jobs("property", sorted(refs)) + figure_jobs(recounted))
    return stored


def _stored(ids: Sequence[str], refused: Sequence[str | None], written: Iterable[Written]) -> list[Stored]:
    """Join what was refused with what was written, in the order of the rows."""
    statuses = iter(written)
    return [
        Stored(row_id, "rejected", problem) if problem else Stored(row_id, next(statuses))
        for row_id, problem in zip(ids, refused, strict=True)
    ]


def _ref(unit: UnitIn) -> UnitRef:
    return UnitRef(unit.project_id, unit.unit_id)


def _unknown_areas(session: Session, named: Sequence[tuple[uuid.UUID | None, ...]]) -> list[str | None]:
    """Return for each row what is wrong with the areas it names; one query for all rows."""
    known = crud.known_areas(session, {area for areas in named for area in areas if area})
    return ["area_id: no such area" if any(a and a not in known for a in areas) else None for areas in named]


def _unit_row(unit: UnitIn, now: dt.datetime, defaults: Mapping[str, Any]) -> Values:
    row = {name: _exact(value) for name, value in unit.unit_fields().items()}
    cleared = {name: value for name, value in defaults.items() if name in row and row[name] is None}
    return row | cleared | {"updated_at": unit.updated_at or now}


def _exact(value: object) -> object:
    """Return the shortest decimal that names a float; the database would round it to 15 digits."""
    return Decimal(repr(value)) if isinstance(value, float) else value


def _project_rows(stated: Sequence[UnitIn], now: dt.datetime) -> list[Values]:
    """Return one row a project: what its units say of it, the newest last word."""
    rows: dict[uuid.UUID, Values] = {}
    for unit in sorted(stated, key=lambda u: u.updated_at or now):
        said = unit.project_fields()
        row = rows.setdefault(unit.project_id, {"project_id": unit.project_id, "updated_at": NEVER_STATED})
        if said:
            row |= {name: _exact(value) for name, value in said.items()} | {"updated_at": unit.updated_at or now}
    return list(rows.values())


def _write_projects(session: Session, rows: Sequence[Values]) -> list[uuid.UUID]:
    """Create projects that are not known and write those that differ; return the known ones that changed."""
    stored = crud.projects(session, [row["project_id"] for row in rows])
    news = [row for row in rows if _says_news(stored.get(row["project_id"]), row)]
    statuses = crud.upsert_projects(session, news)
    return [row["project_id"] for row, status in zip(news, statuses, strict=True) if status == "updated"]


def _says_news(stored: Project | None, row: Values) -> bool:
    if stored is None:
        return True
    return any(getattr(stored, name) != row[name] for name in PROJECT_FIELDS if name in row)


def _store_projects(session: Session, stated: Sequence[ProjectIn]) -> list[Stored]:
    now = receipt_time(session)
    refused = _unknown_areas(session, [(project.area_id,) for project in stated])
    rows = [
        {name: _exact(getattr(project, name)) for name in project.model_fields_set}
        | {"updated_at": project.updated_at or now}
        for project, problem in zip(stated, refused, strict=True)
        if problem is None
    ]
    stored = _stored([str(project.project_id) for project in stated], refused, crud.upsert_projects(session, rows))
    updated = {uuid.UUID(item.id) for item in stored if item.status == "updated"}
    enqueue(session, document_jobs("property", crud.refs_in_projects(session, updated)) if updated else [])
    return stored


# Read


def list_units(session: Session, wanted: UnitFilter) -> Page[UnitOut]:
    """Return a page of units; prices are compared within one currency only."""
    page = crud.page_units(session, wanted, _compared_in(wanted))
    return Page(_outs(session, page.items), page.next_cursor)


def count_units(session: Session, wanted: UnitsWanted) -> int:
    """Return how many units `list_units` lists on all its pages."""
    return crud.count_units(session, wanted, _compared_in(wanted))


def _compared_in(wanted: UnitsWanted) -> str | None:
    """Return the one currency in which prices are compared; None where none are."""
    return wanted.currency or (get_settings().default_currency if wanted.by_price else None)


def get_unit(session: Session, ref: UnitRef) -> UnitOut:
    """Return one unit.

    Raises
    ------
    UnitNotFound
        When there is no such unit.
    """
    return _outs(session, [_one(session, ref)])[0]


def units(session: Session, refs: Collection[UnitRef]) -> dict[UnitRef, UnitOut]:
    """Return some units by identity; those that are gone are absent."""
    return {unit.ref: unit for unit in _outs(session, crud.units(session, refs))}


def _one(session: Session, ref: UnitRef) -> Unit:
    found = crud.units(session, [ref])
    if not found:
        raise UnitNotFound("There is no such unit.")
    return found[0]


def _outs(session: Session, stored: Sequence[Unit]) -> list[UnitOut]:
    projects = crud.projects(session, {unit.project_id for unit in stored})
    return [describe.unit_out(unit, projects[unit.project_id]) for unit in stored]


def resolve(session: Session, text: str, *, field: str = "unit") -> UnitRef:
    """Find the unit that a text names: ``"project:unit"``, or a bare unit id where that is unique.

    Parameters
    ----------
    field : str
        The parameter to name when the text is refused.

    Raises
    ------
    Invalid
        When it is neither.
    AmbiguousUnit
        When several projects have a unit with this bare id.
    UnitNotFound
        When there is no such unit.
    """
    project, _, unit = text.rpartition(":")
    if not _UUID.fullmatch(unit) or (":" in text and not _UUID.fullmatch(project)):
        problem = FieldProblem(field, "Write the unit as project_id:unit_id, or its bare unit_id where it is unique.")
        raise Invalid("The unit cannot be read.", problems=(problem,))
    if project:
        return get_unit(session, UnitRef(uuid.UUID(project), uuid.UUID(unit))).ref
    found = crud.refs_with_unit_id(session, uuid.UUID(unit))
    if not found:
        raise UnitNotFound("There is no such unit.")
    if len(found) > 1:
        problem = FieldProblem(field, "Several projects have a unit with this id: write project_id:unit_id.")
        raise AmbiguousUnit("The unit is ambiguous.", problems=(problem,))
    return found[0]


def resolve_all(session: Session, named: Sequence[tuple[str, str]]) -> list[UnitRef]:
    """Find different units by (parameter, text).

    Raises
    ------
    BadUnits
        When one is named twice; otherwise as `resolve` does.
    """
    refs: list[UnitRef] = []
    for field, text in named:
        ref = resolve(session, text, field=field)
        if ref in refs:
            raise BadUnits("One unit is named twice.", problems=(FieldProblem(field, "Name another unit here."),))
        refs.append(ref)
    return refs


def candidates(
    session: Session,
    *,
    area_ids: Collection[uuid.UUID] | None = None,
    project_ids: Collection[uuid.UUID] | None = None,
    price_min: Decimal | None = None,
    price_max: Decimal | None = None,
    currency: str | None = None,
    bedrooms_min: int | None = None,
    bedrooms_max: int | None = None,
    type_pattern: str | None = None,
    refused_pattern: str | None = None,
    first: First | None = None,
    limit: int,
) -> list[UnitOut]:
    """Return available units to choose from: the dearest up to `price_max` first, else the cheapest from `price_min`.

    Without a limit of price the newest come first.

    Parameters
    ----------
    price_min, price_max, currency : Decimal and str, optional
        Limits in `currency`, by default ``ESTATE_DEFAULT_CURRENCY``; only units priced in it are returned.
    type_pattern : str, optional
        Regular expression that the lower-case ``unit_type`` matches.
    refused_pattern : str, optional
        Regular expression that it does not match; a unit without a type is kept.
    first : {"cheapest", "dearest", "largest", "smallest"}, optional
        Another order; by price, units of one currency only are returned.
    """
    if price_min is not None or price_max is not None or first in ("cheapest", "dearest"):
        currency = currency or get_settings().default_currency
    found = crud.candidates(
        session,
        area_ids=area_ids,
        project_ids=project_ids,
        price_min=price_min,
        price_max=price_max,
        currency=currency,
        bedrooms_min=bedrooms_min,
        bedrooms_max=bedrooms_max,
        type_pattern=type_pattern,
        refused_pattern=refused_pattern,
        first=first,
        limit=limit,
    )
    return _outs(session, found)


def matching(session: Session, limits: HardLimits, near: Near) -> list[Traits]:
    """Return a bounded number of units for sale, all of which keep the limits."""
    return crud.matching(session, limits, near)


def stock(session: Session, limits: HardLimits) -> dict[uuid.UUID, int]:
    """Count the units for sale that keep the limits by area.

    Against a budget a unit without a price, or priced in a currency that is not compared with it, is left out.
    """
    return crud.stock(session, limits)


def traits(session: Session, keys: Collection[str]) -> dict[str, Traits]:
    """Return what some units, named ``"project:unit"``, are compared by; those that are gone are absent."""
    return {found.key: found for found in crud.traits(session, keys)}


def sample(session: Session, most: int) -> list[Traits]:
    """Return a sample of the units for sale."""
    return crud.sample(session, most)


# Compute


def compare(session: Session, refs: Sequence[UnitRef]) -> ComparisonOut:
    """Compare two to five different units.

    Raises
    ------
    BadUnits
        When they are fewer or more, or one is named twice.
    UnitNotFound
        When one does not exist.
    """
    if not 2 <= len(refs) <= MAX_COMPARED:
        raise BadUnits(f"Compare two to {MAX_COMPARED} units.")
    if len(set(refs)) != len(refs):
        raise BadUnits("A unit is compared with other units only; one is named twice.")
    by_ref = {UnitRef(u.project_id, u.unit_id): u for u in crud.units(session, refs)}
    if len(by_ref) != len(refs):
        raise UnitNotFound("There is no such unit.")
    ordered = [by_ref[ref] for ref in refs]
    projects = crud.projects(session, {unit.project_id for unit in ordered})
    dated = [(unit, unit.delivery_date or projects[unit.project_id].handover_on) for unit in ordered]
    today = dt.datetime.now(dt.UTC).date()
    result = comparison.compare([describe.listing(unit, handover, today) for unit, handover in dated])
    titles = {str(ref): unit.title or str(ref) for ref, unit in by_ref.items()}
    return ComparisonOut(
        units=[_compared(unit, result, money_over_time(unit, handover, today)) for unit, handover in dated],
        reasons=[f"{titles[p.ref]}: {p.text}" for p in result.points if p.kind != "con"],
        not_compared=list(result.not_compared),
    )


def _compared(unit: Unit, result: comparison.Comparison, money: MoneyOverTime | str) -> ComparedUnit:
    ref = str(UnitRef(unit.project_id, unit.unit_id))
    names = PointOut.model_fields
    pros, cons, even = (
        [PointOut(**{name: getattr(point, name) for name in names}) for point in result.of(ref, kind)]
        for kind in ("pro", "con", "even")
    )
    return ComparedUnit(
        property_id=ref,
        title=unit.title,
        price=unit.price,
        currency=unit.currency,
        pros=pros,
        cons=cons,
        even=even,
        money_over_time=None if isinstance(money, str) else money,
        money_missing=money if isinstance(money, str) else None,
    )


def predict(session: Session, ref: UnitRef, wins: Mapping[UnitRef, dt.datetime], now: dt.datetime) -> ValueOut:
    """Estimate the fair value of a unit from comparable sales, and how long units like it take to sell.

    Parameters
    ----------
    wins : mapping
        When the newest won deal of a unit of its area closed: one that is not stated as sold was sold then.

    Raises
    ------
    UnitNotFound
        When there is no such unit.
    """
    unit = _one(session, ref)
    times = [] if unit.area_id is None else sold.market_times(session, unit.area_id, wins, now)
    return estimates.value_out(unit, fair_value.fitted_for(session, unit, now), times, now.date())


# Search


def documents(session: Session, record_ids: Collection[str]) -> list[DocumentText]:
    """Describe units for search; those that are gone are absent."""
    found = crud.units(session, [UnitRef.parse(record_id) for record_id in record_ids])
    projects = crud.projects(session, {unit.project_id for unit in found})
    return [describe.document(unit, projects[unit.project_id]) for unit in found]


def refresh_documents(session: Session, project_ids: Collection[uuid.UUID]) -> None:
    """Have the documents of the units of some projects written anew."""
    enqueue(session, document_jobs("property", crud.refs_in_projects(session, project_ids)))


def take_back(session: Session, counted: Iterable[UnitRef], refs: Collection[UnitRef]) -> None:
    """Take events that are gone out of the counters of their units.

    Parameters
    ----------
    counted : iterable of UnitRef
        The unit of each event that was counted.
    refs : collection of UnitRef
        Units that had any of the events, counted or not, or a deal that is gone.
    """
    taken: Counter[UnitRef] = Counter(counted)
    crud.add_events(session, [(ref, -n, None) for ref, n in sorted(taken.items())])
    crud.newest_again(session, refs)
    documents = document_jobs("property", [f"{ref.project_id}:{ref.unit_id}" for ref in sorted(refs)])
    enqueue(session, documents + figure_jobs(refs))
