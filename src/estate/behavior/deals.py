"""Takes deals: an upsert in which stage, outcome and closing time always agree."""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from estate.behavior.crud import deals as crud
from estate.behavior.events import FOLD, SCORE
from estate.behavior.references import redirected, reference_problems
from estate.behavior.schemas import CLOSED, DealIn, DealOut, Stage
from estate.behavior.stages import told
from estate.core.db import database_time
from estate.core.documents import document_jobs
from estate.core.figures import figure_jobs
from estate.core.identifiers import UnitRef
from estate.core.ingest import IngestResult, SourceRow, Stored, receipt_time
from estate.core.ingest import ingest as ingest_rows
from estate.core.outbox import Job, enqueue, enqueue_once
from estate.core.settings import get_settings
from estate.core.upsert import waves

__all__ = ["DEAL_KEY", "deals", "ingest_deals"]

TRAIN = "intelligence.train"
DEAL_KEY = "deal:"
"""Prefix of a fold job's key that names a deal: all events that it may concern are folded again."""

REFERENCES = ("agent_id", "client_id")
UNIT = ("project_id", "unit_id")
DECISIVE = ("agent_id", "client_id", *UNIT, "stage", "outcome", "opened_at", "closed_at")
"""Columns on which the attribution, outcome or stage of an event depends."""

Row = dict[str, Any]


def ingest_deals(session: Session, rows: Iterable[SourceRow], *, source: str = "api") -> IngestResult:
    """Upsert deals in one transaction: absent keeps, null clears, an older ``updated_at`` is stale.

    Stage and outcome are one fact: whichever is given sets the other. A deal that closes without a closing
    time, or with another outcome than before, closes at its ``updated_at``; one that is opened again loses outcome
    and closing time. When anything changes that decides about events, these are folded again, so that the counts
    of triggers always equal a recount.
    """
    return ingest_rows(session, layer="behavior", model=DealIn, rows=rows, store=_store, source=source)


def deals(
    session: Session, *, agent_id: uuid.UUID | None = None, client_ids: Collection[uuid.UUID] | None = None
) -> list[DealOut]:
    """Return all deals, or those of an agent or of some clients, the newest first."""
    return [DealOut.model_validate(deal) for deal in crud.deals(session, agent_id=agent_id, client_ids=client_ids)]


def _store(session: Session, given: Sequence[DealIn]) -> list[Stored]:
    problems = reference_problems(session, given, REFERENCES, UNIT)
    given = redirected(session, given)
    results = [Stored(str(d.deal_id), "rejected", problem) for d, problem in zip(given, problems, strict=True)]
    now = receipt_time(session)
    good = [i for i, problem in enumerate(problems) if problem is None]
    for wave in waves([given[i].deal_id for i in good]):
        _store_wave(session, given, [good[i] for i in wave], results, now)
    return results


def _store_wave(
    session: Session, given: Sequence[DealIn], wave: Sequence[int], results: list[Stored], now: dt.datetime
) -> None:
    """Write deals of different ids, each merged with what is stored under its lock."""
    before = crud.lock_deals(session, [given[i].deal_id for i in wave])
    rows: dict[int, Row] = {}
    for i in wave:
        row = _merged(given[i], before.get(given[i].deal_id), now)
        problem = _problem(row)
        if problem is None:
            rows[i] = row
        else:
            results[i] = Stored(str(given[i].deal_id), "rejected", problem)
    written = crud.write_deals(session, list(rows.values()))
    crud.add_stages(
        session, [(given[i].deal_id, *reached) for i in rows for reached in _reached(given[i], before, now)]
    )
    jobs: list[Job] = []
    for (i, row), status in zip(rows.items(), written, strict=True):
        results[i] = Stored(str(row["deal_id"]), status)
        if status != "stale":
            jobs.extend(_jobs(before.get(row["deal_id"]), row))
    enqueue(session, jobs)
    if any(row["outcome"] is not None for row in rows.values()):
        _train_soon(session)


def _reached(given: DealIn, before: Mapping[uuid.UUID, Row], now: dt.datetime) -> Iterable[tuple[Stage, dt.datetime]]:
    stored = before.get(given.deal_id)
    return told(given, now, stored["stage"] if stored else None).items()


def _train_soon(session: Session) -> None:
    """Learn from what closed, together with what closes in the next moments."""
    due = database_time(session) + dt.timedelta(seconds=get_settings().training_delay_s)
    enqueue_once(session, Job(TRAIN, "all"), due_at=due)


def _merged(given: DealIn, before: Row | None, now: dt.datetime) -> Row:
    """Return every column of the deal as it shall be."""
    stated = {name: getattr(given, name) for name in given.model_fields_set - {"stages_reached"}}
    at = given.updated_at or now
    kept = {"project_id": None, "unit_id": None, "value": None, "lost_reason": None, "closed_at": None}
    row = kept | (before or {"stage": "new"}) | stated | {"updated_at": at}
    row["stage"] = given.stage or given.outcome or (before or {}).get("stage", "new")
    row["outcome"] = row["stage"] if row["stage"] in CLOSED else None
    if given.closed_at is None and (row["closed_at"] is None or row["outcome"] != (before or {}).get("outcome")):
        row["closed_at"] = at if row["outcome"] else None
    if row.get("opened_at") is None:
        row["opened_at"] = (before or {}).get("opened_at") or min(at, row["closed_at"] or at)
    if row.get("currency") is None:
        row["currency"] = get_settings().default_currency
    return row


def _problem(row: Mapping[str, Any]) -> str | None:
    if (row["project_id"] is None) != (row["unit_id"] is None):
        return "unit_id: give the project and the unit, or neither"
    if row["closed_at"] is None:
        return None
    if row["outcome"] is None:
        return "closed_at: an open deal has no closing time"
    if row["closed_at"] < row["opened_at"]:
        return "closed_at: must not lie before opened_at"
    return None


def _jobs(before: Mapping[str, Any] | None, row: Mapping[str, Any]) -> Iterator[Job]:
    yield from document_jobs("behavior", [row["deal_id"]])
    if before is not None and all(before[name] == row[name] for name in DECISIVE):
        return
    yield Job(FOLD, f"{DEAL_KEY}{row['deal_id']}")
    yield from figure_jobs(unit for unit in map(_unit, (before or row, row)) if unit)
    for client_id in {row["client_id"], (before or row)["client_id"]}:
        yield Job(SCORE, str(client_id))


def _unit(row: Mapping[str, Any]) -> UnitRef | None:
    return None if row["unit_id"] is None else UnitRef(row["project_id"], row["unit_id"])
