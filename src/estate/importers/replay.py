"""Sends refused rows through ingestion again, as they came or repaired."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from estate.agent import service as agent
from estate.behavior import service as behavior
from estate.client import service as client
from estate.core import rejected
from estate.core.db import unit_of_work
from estate.core.errors import EstateError, Invalid
from estate.core.ingest import IngestResult, SourceRow, received
from estate.core.ndjson import read_file
from estate.core.rejected import Waiting
from estate.core.security import Actor
from estate.core.strict_json import parse
from estate.importers.batches import Progress, Report
from estate.market import service as market
from estate.property import service as homes

__all__ = ["read_repairs", "replay"]

BATCH_ROWS = 500
SOURCE = "replay"
TAKEN = ("created", "updated", "duplicate", "stale")

Verb = Callable[..., IngestResult]


def replay(layer: str | None, repairs: Mapping[int, bytes] | None, progress: Progress, *, now: dt.datetime) -> Report:
    """Ingest refused rows again and mark those that are taken; a row that is refused again waits on.

    A row is taken as of when it first came, also in a repaired form: it is stale where newer rows came meanwhile.

    Parameters
    ----------
    layer : str or None
        Rows of one layer only.
    repairs : mapping or None
        Row by ``rejected_id``: these rows only, and in this form.
    progress : callable
        Called with the number of rows tried.
    """
    report = Report()
    after = 0
    while True:
        with unit_of_work(Actor.system()) as session:
            rows = rejected.waiting(session, layer, repairs and repairs.keys(), after=after, limit=BATCH_ROWS)
            if not rows:
                return report
            _again(session, rows, repairs or {}, report, now)
        after = rows[-1].rejected_id
        progress(len(rows))


def _again(
    session: Session, rows: Sequence[Waiting], repairs: Mapping[int, bytes], report: Report, now: dt.datetime
) -> None:
    batches: defaultdict[tuple[dt.datetime, str, Verb], list[tuple[int, SourceRow]]] = defaultdict(list)
    for row in rows:
        source = _source(row, repairs.get(row.rejected_id, row.raw))
        batches[row.received_at, *_kind(row.layer, source.content)].append((row.rejected_id, source))
    for (received_at, kind, verb), batch in batches.items():
        with received(session, received_at):
            result = verb(session, [source for _, source in batch], source=SOURCE)
        rejected.forget_refusals(session, result.batch_id)
        taken = [batch[item.index][0] for item in result.items if item.status in TAKEN]
        rejected.mark_replayed(session, taken, now)
        report.add(kind, result)


def _source(row: Waiting, raw: bytes) -> SourceRow:
    try:
        return SourceRow(row.row_number, parse(raw), raw)
    except EstateError as error:
        return SourceRow(row.row_number, None, raw, error.message)


def _kind(layer: str, content: object) -> tuple[str, Verb]:
    """Return what kind of record it is; of those that share a layer each has a field that the others lack."""
    names = content.keys() if isinstance(content, dict) else ()
    if layer == "behavior" and "turns" in names:
        return "conversations", behavior.ingest_conversations
    if layer == "behavior" and "deal_id" in names and "event_id" not in names:
        return "deals", behavior.ingest_deals
    if layer == "property" and "unit_id" not in names:
        return "projects", homes.ingest_projects
    return KINDS[layer]


KINDS: dict[str, tuple[str, Verb]] = {
    "market": ("snapshots", market.ingest),
    "agent": ("agents", agent.ingest),
    "client": ("clients", client.ingest),
    "property": ("units", homes.ingest),
    "behavior": ("events", behavior.ingest_events),
}


def read_repairs(path: Path) -> dict[int, bytes]:
    """Read repaired rows, one ``{"rejected_id": ..., "row": {...}}`` a line.

    Raises
    ------
    Invalid
        When a line is anything else.
    """
    repairs: dict[int, bytes] = {}
    with path.open("rb") as file:
        for line in read_file(file):
            repairs |= _repair(line)
    return repairs


def _repair(line: SourceRow) -> dict[int, bytes]:
    content = line.content
    if not isinstance(content, dict) or content.keys() != {"rejected_id", "row"}:
        raise Invalid(f'Line {line.number} is not {{"rejected_id": number, "row": {{...}}}}.')
    if type(content["rejected_id"]) is not int:
        raise Invalid(f"Line {line.number}: rejected_id must be a whole number.")
    return {content["rejected_id"]: SourceRow(0, content["row"]).original()}
