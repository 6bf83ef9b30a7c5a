"""The public verbs of the market layer."""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal

from sqlalchemy.orm import Session

from estate.core.db import database_time
from estate.core.documents import DocumentText, document_jobs
from estate.core.ingest import IngestResult, SourceRow, Stored, receipt_time
from estate.core.ingest import ingest as ingest_rows
from estate.core.outbox import Job, enqueue, enqueue_once
from estate.core.paging import Page
from estate.core.settings import get_settings
from estate.core.upsert import Written, waves
from estate.market import crud
from estate.market.errors import AreaNotFound
from estate.market.forecasting import monthly_history, predict, track_record
from estate.market.heatmap import heatmap
from estate.market.models import MarketInsight
from estate.market.schemas import AreaFilter, AreaOut, SnapshotIn, SnapshotOut

__all__ = [
    "PUBLISH",
    "all_areas",
    "area_names",
    "documents",
    "find_areas",
    "get_area",
    "heatmap",
    "ingest",
    "list_areas",
    "monthly_history",
    "name_areas",
    "predict",
    "refresh",
    "settle",
    "track_record",
]

HISTORY_SHOWN = 12
PUBLISH = "market.publish"
PUBLISH_AFTER_S = 60  # Rows of one delivery come in many batches; a forecast from half of them would stay.


def ingest(session: Session, rows: Iterable[SourceRow], *, source: str = "api") -> IngestResult:
    """Store snapshots and refresh the areas that they name, in one transaction."""
    return ingest_rows(session, layer="market", model=SnapshotIn, rows=rows, store=_store, source=source)


def _store(session: Session, snapshots: Sequence[SnapshotIn]) -> list[Stored]:
    settings = get_settings()
    now = receipt_time(session)
    names = {s.area_id: s.area_name for s in snapshots}
    crud.add_areas(session, _area_rows(names, settings.default_currency, now))
    rows = [_snapshot_row(s, now, settings.default_currency) for s in snapshots]
    written: dict[int, Written] = {}
    for wave in waves([_restatement_key(row, i) for i, row in enumerate(rows)]):
        written |= zip(wave, crud.add_snapshots(session, [rows[i] for i in wave]), strict=True)
    crud.add_aliases(session, _alias_rows(snapshots))
    crud.refresh_insights(session, names.keys(), settings.market_window_days)
    enqueue(session, document_jobs("market", names))
    _publish_soon(session)
    return [Stored(str(snapshot.area_id), written[i]) for i, snapshot in enumerate(snapshots)]


def _area_rows(names: Mapping[uuid.UUID, str], currency: str, now: dt.datetime) -> list[dict[str, object]]:
    common = {"currency": currency, "updated_at": now}
    return [{"area_id": area, "area_name": name, **common} for area, name in names.items()]


def _alias_rows(snapshots: Sequence[SnapshotIn]) -> list[dict[str, object]]:
    pairs = {(s.area_id, alias) for s in snapshots for alias in s.aliases}
    return [{"area_id": area, "alias": alias} for area, alias in sorted(pairs, key=str)]


def _publish_soon(session: Session) -> None:
    due = database_time(session) + dt.timedelta(seconds=PUBLISH_AFTER_S)
    enqueue_once(session, Job(PUBLISH, "forecasts"), due_at=due)


def name_areas(session: Session, names: Mapping[uuid.UUID, str], *, currency: str) -> None:
    """Create areas that have no snapshot yet, or rename those that exist."""
    crud.add_areas(session, _area_rows(names, currency, receipt_time(session)))
    enqueue(session, document_jobs("market", names))


def _snapshot_row(snapshot: SnapshotIn, now: dt.datetime, currency: str) -> dict[str, object]:
    row = snapshot.model_dump(exclude={"area_name", "updated_at", "aliases"})
    return row | {
        "stated": snapshot.observed_on is not None,
        "observed_on": snapshot.observed_on or now.date(),
        "source": snapshot.source or "api",
        "currency": snapshot.currency or currency,
        "received_at": now,
    }


def _restatement_key(row: dict[str, object], position: int) -> object:
    if not row["stated"]:
        return position
    return (row["area_id"], row["segment"], row["observed_on"], row["source"])


def refresh(session: Session) -> None:
    """Recompute the aggregate of every area, after snapshots were loaded by COPY."""
    crud.refresh_insights(session, [area.area_id for area in crud.areas(session)], get_settings().market_window_days)


def settle(session: Session, area_ids: Collection[uuid.UUID]) -> None:
    """Aggregate some areas again after snapshots of theirs were taken back; one that has none left states nothing."""
    crud.refresh_insights(session, area_ids, get_settings().market_window_days)
    crud.empty_insights(session, area_ids)
    enqueue(session, document_jobs("market", sorted(area_ids)))


def list_areas(session: Session, wanted: AreaFilter) -> Page[AreaOut]:
    """Return a page of areas with their newest snapshots."""
    page = crud.page_areas(
        session, search=wanted.search, area_id=wanted.area_id, cursor=wanted.cursor, limit=wanted.limit
    )
    return Page(_with_history(session, page.items), page.next_cursor)


def get_area(session: Session, area_id: uuid.UUID) -> AreaOut:
    """Return one area.

    Raises
    ------
    AreaNotFound
        When no area has this id.
    """
    area = crud.get_area(session, area_id)
    if area is None:
        raise AreaNotFound("No area has this id.")
    return _with_history(session, [area])[0]


def _with_history(session: Session, areas: Sequence[MarketInsight]) -> list[AreaOut]:
    by_area: dict[uuid.UUID, list[SnapshotOut]] = {area.area_id: [] for area in areas}
    for row in crud.history(session, by_area.keys(), HISTORY_SHOWN):
        by_area[row.area_id].append(SnapshotOut.model_validate(row))
    return _areas_out(session, areas, by_area)


def _areas_out(
    session: Session, areas: Sequence[MarketInsight], history: Mapping[uuid.UUID, list[SnapshotOut]]
) -> list[AreaOut]:
    other: dict[uuid.UUID, list[str]] = {area.area_id: [] for area in areas}
    for area_id, alias in crud.aliases(session, other.keys()):
        other[area_id].append(alias)
    own = AreaOut.model_fields.keys() - {"history", "aliases"}
    return [
        AreaOut(
            **{name: getattr(area, name) for name in own},
            history=history.get(area.area_id, []),
            aliases=other[area.area_id],
        )
        for area in areas
    ]


def all_areas(session: Session) -> list[AreaOut]:
    """Return every area, without history."""
    return _areas_out(session, crud.areas(session), {})


def area_names(session: Session) -> dict[uuid.UUID, str]:
    """Return the name of every area."""
    return {area.area_id: area.area_name for area in crud.areas(session)}


def find_areas(session: Session, names: Collection[str]) -> list[AreaOut]:
    """Return the areas with these names; upper and lower case are alike; aliases count."""
    return _areas_out(session, crud.areas_named(session, {name.lower() for name in names}), {})


def documents(session: Session, record_ids: Collection[str]) -> list[DocumentText]:
    """Describe areas for search."""
    ids = [uuid.UUID(record_id) for record_id in record_ids]
    other: dict[uuid.UUID, list[str]] = {}
    for area_id, alias in crud.aliases(session, ids):
        other.setdefault(area_id, []).append(alias)
    return [_document(area, other.get(area.area_id, [])) for area in crud.areas(session, ids)]


def _document(area: MarketInsight, aliases: Sequence[str]) -> DocumentText:
    fields = {
        "area_name": area.area_name,
        "price_avg": _plain(area.price_avg),
        "price_median": _plain(area.price_median),
        "currency": area.currency,
        "demand_score": _number(area.demand_score),
        "supply_score": _number(area.supply_score),
        "sales_volume": area.sales_volume,
        "snapshot_count": area.snapshot_count,
        "as_of": area.as_of.isoformat() if area.as_of else None,
    }
    text = f"Market area {area.area_name}: average price, demand, supply and sales."
    if aliases:
        text += f" Also called {', '.join(aliases)}."
    return DocumentText("market", str(area.area_id), area.area_name, text, fields, names=(area.area_name, *aliases))


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
