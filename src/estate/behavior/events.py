"""Takes events: each is stored once, with the work that follows from it."""

import datetime as dt
import uuid
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from estate.behavior.crud import events as crud
from estate.behavior.crud.events import EventRow
from estate.behavior.immutable import Delivery, first_of_each, settle
from estate.behavior.references import reference_problems
from estate.behavior.schemas import EventFilter, EventIn, EventOut
from estate.core.canonical import content_hash
from estate.core.ingest import IngestResult, SourceRow, Stored
from estate.core.ingest import ingest as ingest_rows
from estate.core.outbox import Job, enqueue
from estate.core.paging import Page

__all__ = ["FOLD", "SCORE", "ingest_events", "list_events", "store_new"]

FOLD = "behavior.fold"
SCORE = "intelligence.score"
AGENT_FOLD = "agent.fold"
PROPERTY_FOLD = "property.fold"

REFERENCES = ("agent_id", "client_id", "deal_id", "conversation_id")
UNIT = ("property_project_id", "property_unit_id")


def ingest_events(session: Session, rows: Iterable[SourceRow], *, source: str = "api") -> IngestResult:
    """Store events in one transaction with the work that follows from them.

    An id that is stored already changes nothing: with the same content it is a ``duplicate``, with other
    content a ``conflict``. ``time_of_event`` may be absent and is then the time of receipt; a repeated
    delivery without it is a duplicate all the same, since the content as sent is compared.
    """
    return ingest_rows(session, layer="behavior", model=EventIn, rows=rows, store=_store, source=source)


def _store(session: Session, events: Sequence[EventIn]) -> list[Stored]:
    problems = reference_problems(session, events, REFERENCES, UNIT)
    deliveries = [
        Delivery(event.event_id, content_hash(event.content()), problem)
        for event, problem in zip(events, problems, strict=True)
    ]
    first = first_of_each(deliveries)
    received_at = dt.datetime.now(dt.UTC)
    created = store_new(session, [_row(events[i], deliveries[i].content_hash, received_at) for i in first.values()])
    return settle(deliveries, first, crud.content_hashes(session, first.keys() - created), "event_id")


def _row(event: EventIn, hashed: bytes, received_at: dt.datetime) -> EventRow:
    content = event.content()
    return {
        **content,
        "response_speed": _exact(event.response_speed),
        "conversion_effect": _exact(event.conversion_effect),
        "time_of_event": event.time_of_event or received_at,
        "content_hash": hashed,
    }


def _exact(value: float | None) -> Decimal | None:
    """Return the shortest decimal that names a float; the database would round it to 15 digits."""
    return None if value is None else Decimal(repr(value))


def store_new(session: Session, rows: Sequence[EventRow]) -> set[uuid.UUID]:
    """Store events that are not there yet, and enqueue the work that follows; return the ids that were new."""
    created = crud.add_events(session, rows)
    enqueue(session, _jobs([row for row in rows if row["event_id"] in created]))
    return created


def _jobs(rows: Sequence[EventRow]) -> Iterator[Job]:
    """Yield one job a topic for each event: a package claims only what its own rows gain."""
    for row in rows:
        key = str(row["event_id"])
        yield Job(FOLD, key)
        gain: dict[str, Any] = {"event_id": key, "time_of_event": row["time_of_event"].isoformat(), "delta": 1}
        if row["agent_id"] is not None:
            speed = row["response_speed"]
            spoke = {"agent_id": str(row["agent_id"]), "response_speed": None if speed is None else float(speed)}
            yield Job(AGENT_FOLD, key, gain | spoke)
        if row["property_unit_id"] is not None:
            unit = {"project_id": str(row["property_project_id"]), "unit_id": str(row["property_unit_id"])}
            yield Job(PROPERTY_FOLD, key, gain | unit)
    for client_id in sorted({str(row["client_id"]) for row in rows if row["client_id"] is not None}):
        yield Job(SCORE, client_id)


def list_events(session: Session, wanted: EventFilter) -> Page[EventOut]:
    """Return a page of events, newest first."""
    page = crud.page_events(session, wanted)
    return Page([EventOut.model_validate(event) for event in page.items], page.next_cursor)
