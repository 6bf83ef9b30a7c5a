"""Takes events: each is stored once, with the work that follows from it."""

import datetime as dt
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from estate.behavior.crud import events as crud
from estate.behavior.crud.events import EventRow
from estate.behavior.crud.references import kept_clients
from estate.behavior.immutable import Delivery, first_of_each, settle
from estate.behavior.references import reference_problems
from estate.behavior.schemas import EventFilter, EventIn, EventOut
from estate.core.canonical import content_hash
from estate.core.ingest import Checked, IngestResult, SourceRow, Stored, check, ingest_checked, receipt_time
from estate.core.outbox import Job, enqueue
from estate.core.paging import Page

__all__ = ["FOLD", "SCORE", "check_event", "ingest_checked_events", "ingest_events", "list_events", "store_new"]

FOLD = "behavior.fold"
SCORE = "intelligence.score"
AGENT_FOLD = "agent.fold"
PROPERTY_FOLD = "property.fold"

EVENTS_PER_JOB = 500

REFERENCES = ("agent_id", "client_id", "deal_id", "conversation_id")
UNIT = ("property_project_id", "property_unit_id")


def ingest_events(session: Session, rows: Iterable[SourceRow], *, source: str = "api") -> IngestResult:
    """Store events in one transaction with the work that follows from them.

    An id that is stored already changes nothing: with the same content it is a ``duplicate``, with other
    content a ``conflict``. ``time_of_event`` may be absent and is then the time of receipt; a repeated
    delivery without it is a duplicate all the same, since the content as sent is compared.
    """
    return ingest_checked_events(session, [check_event(row) for row in rows], source=source)


def check_event(row: SourceRow) -> Checked[EventIn]:
    """Check an event by itself, without the database."""
    return check(EventIn, row)


def ingest_checked_events(session: Session, rows: Sequence[Checked[EventIn]], *, source: str = "api") -> IngestResult:
    """Store events that were checked before, as `ingest_events` does."""
    return ingest_checked(
        session, layer="behavior", rows=rows, store=_store, explain=_explain, again=_store_redirected, source=source
    )


def _explain(session: Session, events: Sequence[EventIn]) -> list[Stored | None]:
    """Name the references that do not exist: the foreign keys check them, so that good events need no look-up."""
    problems = reference_problems(session, events, REFERENCES, UNIT)
    return [
        None if problem is None else Stored(str(event.event_id), "rejected", problem)
        for event, problem in zip(events, problems, strict=True)
    ]


def _store(session: Session, events: Sequence[EventIn]) -> list[Stored]:
    """Store events whose client is there; the foreign key refuses one that was merged."""
    return _store_for(session, events, {})


def _store_redirected(session: Session, events: Sequence[EventIn]) -> list[Stored]:
    """Store events under the client that holds the history of theirs; the content as sent stays what is compared."""
    return _store_for(session, events, kept_clients(session, {e.client_id for e in events if e.client_id is not None}))


def _store_for(session: Session, events: Sequence[EventIn], kept: Mapping[uuid.UUID, uuid.UUID]) -> list[Stored]:
    contents = [event.content() for event in events]
    deliveries = [
        Delivery(event.event_id, content_hash(content), None) for event, content in zip(events, contents, strict=True)
    ]
    first = first_of_each(deliveries)
    received_at = receipt_time(session)
    rows = [_row(contents[i], deliveries[i].content_hash, received_at, kept) for i in first.values()]
    created = store_new(session, rows)
    return settle(deliveries, first, created, crud.content_hashes(session, first.keys() - created), "event_id")


def _row(
    content: Mapping[str, Any], hashed: bytes, received_at: dt.datetime, kept: Mapping[uuid.UUID, uuid.UUID]
) -> EventRow:
    client_id, at = content["client_id"], content["time_of_event"] or received_at
    return {**content, "client_id": kept.get(client_id, client_id), "time_of_event": at, "content_hash": hashed}


def store_new(session: Session, rows: Sequence[EventRow]) -> set[uuid.UUID]:
    """Store events that are not there yet, and enqueue the work that follows; return the ids that were new."""
    created = crud.add_events(session, rows)
    enqueue(session, _jobs([row for row in rows if row["event_id"] in created]))
    return created


def _jobs(rows: Sequence[EventRow]) -> Iterator[Job]:
    """Yield one job a topic for events that came together: a package claims only what its own rows gain."""
    for start in range(0, len(rows), EVENTS_PER_JOB):
        part = rows[start : start + EVENTS_PER_JOB]
        items: dict[str, list[Any]] = {
            FOLD: [row["event_id"] for row in part],
            AGENT_FOLD: [_agent_gain(row) for row in part if row["agent_id"] is not None],
            PROPERTY_FOLD: [_unit_gain(row) for row in part if row["property_unit_id"] is not None],
            SCORE: list({row["client_id"]: None for row in part if row["client_id"] is not None}),
        }
        key = str(part[0]["event_id"])
        yield from (Job(topic, key, items=gained) for topic, gained in items.items() if gained)


def _agent_gain(row: EventRow) -> dict[str, Any]:
    named = {name: row[name] for name in ("event_id", "time_of_event", "agent_id", "response_speed")}
    return {**named, "delta": 1}


def _unit_gain(row: EventRow) -> dict[str, Any]:
    unit = {"project_id": row["property_project_id"], "unit_id": row["property_unit_id"]}
    return {"event_id": row["event_id"], "time_of_event": row["time_of_event"], **unit, "delta": 1}


def list_events(session: Session, wanted: EventFilter) -> Page[EventOut]:
    """Return a page of events, newest first."""
    if wanted.client_id is not None:
        kept = kept_clients(session, [wanted.client_id])
        wanted = wanted.model_copy(update={"client_id": kept.get(wanted.client_id, wanted.client_id)})
    page = crud.page_events(session, wanted)
    return Page([EventOut.model_validate(event) for event in page.items], page.next_cursor)
