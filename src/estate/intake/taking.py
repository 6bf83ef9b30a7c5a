"""Takes rows of an import: reads them, hands them to their layer, and keeps how every record was before."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from estate.agent import service as agents
from estate.client import service as clients
from estate.client.schemas import ClientOut
from estate.core.audit import audit
from estate.core.db import act_as, database_time
from estate.core.erasure import erased_ids
from estate.core.identifiers import UnitRef
from estate.core.ingest import IngestResult, Item, SourceRow
from estate.core.outbox import Claim, Job, enqueue
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.intake.analytics.cells import Cell
from estate.intake.analytics.rows import CellProblem, RowRead, read_row
from estate.intake.analytics.targets import Kind
from estate.intake.crud import changes
from estate.intake.crud import imports as crud
from estate.intake.crud.changes import Touch
from estate.intake.crud.privacy import blank_rows
from estate.intake.keys import is_id
from estate.intake.known import frame_of, known_of
from estate.intake.models import Import
from estate.intake.planning import field_target, left_out, problem_json, readers
from estate.intake.records import Made, RowRefused, make
from estate.market import service as market
from estate.property import service as homes
from estate.property.describe import rooms

__all__ = ["COMMIT", "FileCells", "commit_some", "keep_outcomes", "order", "ordered_by", "take"]

COMMIT = "intake.commit"
Json = dict[str, Any]
Ingest = Callable[..., IngestResult]
LAYERS: Mapping[str, Ingest] = {
    "clients": clients.ingest,
    "units": homes.ingest,
    "agents": agents.ingest,
    "market": market.ingest,
}
TAKEN = ("created", "updated")
_ACTOR = TypeAdapter(Actor)


class _NotAsItIs(Exception):
    """Some of the rows that were tried must not be written: go back, and write the others."""


@dataclass(frozen=True, slots=True)
class FileCells:
    """The cells of one row."""

    line: int
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class _Tried:
    """A row on its way: what it says, and which of its cells were left out."""

    line: int
    made: Made
    read: RowRead


def order(topic: str, import_id: uuid.UUID, actor: Actor) -> Job:
    """Return work on an import, to be done on behalf of somebody."""
    return Job(topic, str(import_id), {"actor": asdict(actor)})


def ordered_by(claim: Claim) -> Actor:
    """Return on whose behalf work is done."""
    return _ACTOR.validate_python(claim.payload["actor"])


def commit_some(session: Session, import_id: uuid.UUID, actor: Actor) -> None:
    """Take the next rows of an import on behalf of somebody, and leave the others as work.

    The transaction decides, so each row is taken once.
    """
    imported = crud.lock_import(session, import_id)
    if imported is None or imported.state != "committing":
        return
    system: Actor = session.info["actor"]
    rows = crud.waiting_rows(session, import_id, get_settings().import_batch_rows)
    if rows:
        act_as(session, actor)
        outcomes = take(session, imported, [FileCells(row.line, row.cells) for row in rows])
        act_as(session, system)
        keep_outcomes(session, import_id, outcomes)
        enqueue(session, [order(COMMIT, import_id, actor)])
        return
    crud.change_import(
        session, import_id, {"state": "committed", "committed_at": database_time(session), "content": None}
    )
    audit(session, actor, "imports.committed", "imports", import_id, **crud.counts(session, import_id))


def take(session: Session, imported: Import, rows: Sequence[FileCells]) -> list[Json]:
    """Take some rows, and return what became of each."""
    kind = cast("Kind", imported.kind)
    reading = readers(kind, imported.columns)
    outcomes: dict[int, Json] = {}
    read: dict[int, RowRead] = {}
    for row in rows:
        found = read_row(row.cells, reading)
        if found.problems:
            outcomes[row.line] = _rejected(row.line, found.problems, imported.columns)
        else:
            read[row.line] = found
    tried = _made(session, imported, read, outcomes)
    tried = _once_each(session, imported, tried, outcomes)
    items = _write(session, imported, _filled_up(session, kind, tried, _default_owner(imported)))
    for one in tried:
        outcomes[one.line] = _outcome(one, items[one.line], imported.columns)
    for line in _of_erased(session, kind, tried, items):
        outcomes[line]["erased"] = True
    return [outcomes[row.line] for row in rows]


def keep_outcomes(session: Session, import_id: uuid.UUID, outcomes: Sequence[Json]) -> None:
    """Keep what became of rows; of a client who was erased nothing is kept but that."""
    crud.set_rows(session, import_id, outcomes)
    blank_rows(session, import_id, [outcome["line"] for outcome in outcomes if outcome.get("erased")])


def _of_erased(session: Session, kind: Kind, tried: Sequence[_Tried], items: Mapping[int, Item]) -> list[int]:
    """Return the rows that were refused because their client was erased."""
    if kind != "clients":
        return []
    refused = {uuid.UUID(one.made.record_id): one.line for one in tried if items[one.line].status == "rejected"}
    return [refused[client_id] for client_id in erased_ids(session, refused)]


def _made(session: Session, imported: Import, read: Mapping[int, RowRead], outcomes: dict[int, Json]) -> list[_Tried]:
    """Make records of rows that were read; note of the others why not."""
    kind = cast("Kind", imported.kind)
    frame = frame_of(imported, imported.fingerprint)
    known = known_of(session, kind, [found.values for found in read.values()])
    tried = []
    for line, found in read.items():
        try:
            tried.append(_Tried(line, make(kind, found.values, frame, known), found))
        except RowRefused as error:
            outcomes[line] = _rejected(line, [error.problem], imported.columns)
    return tried


def _once_each(session: Session, imported: Import, tried: Sequence[_Tried], outcomes: dict[int, Json]) -> list[_Tried]:
    """Let a file say each record once: the same again is unchanged, otherwise again is refused."""
    said = crud.said_before(session, imported.import_id, {one.made.record_id for one in tried})
    first = []
    for one in tried:
        before = said.get(one.made.record_id)
        if before is None or before[1] == one.line:
            said[one.made.record_id] = (one.made.said, one.line)
            first.append(one)
        elif before[0] == one.made.said:
            outcomes[one.line] = _row(one.line, "unchanged", f"says the same as line {before[1]}", one=one)
        else:
            other = f"is the same record as line {before[1]} and says otherwise"
            outcomes[one.line] = _rejected(one.line, [CellProblem(None, None, other)], imported.columns)
    return first


def _default_owner(imported: Import) -> uuid.UUID | None:
    """Return the agent of new clients that name none: the stated one, else the agent who brought the file."""
    brought_by = imported.agent_id if imported.role == "agent" else None
    return frame_of(imported, imported.fingerprint).owner_agent_id or brought_by


def _filled_up(session: Session, kind: Kind, tried: Sequence[_Tried], owner: uuid.UUID | None) -> list[_Tried]:
    """Add what hangs on the record that is there: wishes are added to, a new client gets its agent, a unit a title."""
    if kind == "clients":
        merged = clients.merged_ids(session)
        there = clients.some_clients(session, {uuid.UUID(one.made.record_id) for one in tried})
        return [_client(one, there.get(uuid.UUID(one.made.record_id)), merged, owner) for one in tried]
    if kind == "units":
        stored = homes.units(session, {UnitRef.parse(one.made.record_id) for one in tried})
        return [_unit(one, UnitRef.parse(one.made.record_id) in stored) for one in tried]
    return list(tried)


def _client(
    one: _Tried, there: ClientOut | None, merged: Mapping[uuid.UUID, uuid.UUID], owner: uuid.UUID | None
) -> _Tried:
    content = dict(one.made.content)
    if there is None:
        content = ({"owner_agent_id": str(owner)} if owner else {}) | content
    elif "interest" in content and isinstance(there.interest, dict):
        content["interest"] = {**there.interest, **content["interest"]}
    kept = merged.get(uuid.UUID(one.made.record_id))
    touches = (("client_profiles", {"client_id": str(kept)}),) if kept else one.made.touches
    return replace(one, made=replace(one.made, content=content, touches=touches))


def _unit(one: _Tried, is_there: bool) -> _Tried:
    content = dict(one.made.content)
    if is_there or "title" in content:
        return one
    content["title"] = _title(one.read.values)[:200]
    return replace(one, made=replace(one.made, content=content))


def _title(values: Mapping[str, Any]) -> str:
    """Name a unit by where it is and its number, which tells it from its neighbours, and by what it is."""
    number = str(values.get("unit_id", "")).rpartition(":")[2].strip()
    if is_id(number):
        number = ""
    place = values.get("project_name") or values.get("area") or ("Unit" if number else "")
    words = (f"{place} {number}".strip(), values.get("unit_type"), rooms(values.get("bedrooms")))
    return ", ".join(str(word) for word in words if word) or "Unit"


def _write(session: Session, imported: Import, tried: Sequence[_Tried]) -> dict[int, Item]:
    """Hand records to their layer. One that changes nothing, or that the layer refuses, is not written at all."""
    items: dict[int, Item] = {}
    left = list(tried)
    while left:
        try:
            with session.begin_nested():
                done, quiet = _attempt(session, imported, left)
                items |= done
                if quiet:
                    raise _NotAsItIs
            return items
        except _NotAsItIs:
            left = [one for one in left if one.line not in quiet]
    return items


def _attempt(session: Session, imported: Import, tried: Sequence[_Tried]) -> tuple[dict[int, Item], set[int]]:
    """Write records; return what became of each, and the lines that should not have been written."""
    touches = [Touch(table, key, one.line) for one in tried for table, key in one.made.touches]
    changes.note_before(session, imported.import_id, touches)
    new_areas = dict(one.made.new_area for one in tried if one.made.new_area is not None)
    if new_areas:
        market.name_areas(session, new_areas, currency=frame_of(imported, imported.fingerprint).currency)
    rows = [SourceRow(one.line, one.made.content) for one in tried]
    result = LAYERS[str(imported.kind)](session, rows, source=imported.filename)
    changed = changes.changed_lines(session, imported.import_id, touches)
    changes.note_after(session, imported.import_id, touches)
    done = {one.line: item for one, item in zip(tried, result.items, strict=True)}
    quiet = {line for line, item in done.items() if item.status not in TAKEN or line not in changed}
    return done | {line: replace(done[line], status="duplicate") for line in quiet if done[line].status in TAKEN}, quiet


def _outcome(one: _Tried, item: Item, columns: Sequence[Json]) -> Json:
    if item.status in ("rejected", "conflict"):
        problems = [CellProblem(None, field_target(p.field) if p.field else None, p.message) for p in item.problems]
        return _rejected(one.line, problems, columns)
    status = item.status if item.status in TAKEN else "unchanged"
    return _row(one.line, status, None, left_out(one.read, columns), one, item.id)


def _row(
    line: int,
    status: str,
    reason: str | None,
    problems: Sequence[Json] = (),
    one: _Tried | None = None,
    record_id: str | None = None,
) -> Json:
    made = one.made if one is not None else None
    return {
        "line": line,
        "status": status,
        "reason": reason,
        "problems": list(problems),
        "record_id": made.record_id if made else record_id,
        "said": made.said.hex() if made else None,
    }


def _rejected(line: int, problems: Sequence[CellProblem], columns: Sequence[Json]) -> Json:
    return _row(line, "rejected", None, [problem_json(problem, columns) for problem in problems])
