"""The public verbs of the imports: bring a file, say what its columns are, look, take it, mend a row, take it back."""

import datetime as dt
import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy.orm import Session

from estate.core.db import database_time, take_time
from estate.core.outbox import enqueue_once
from estate.core.paging import Page
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.intake.analytics.cells import Cell
from estate.intake.analytics.targets import Kind
from estate.intake.crud import imports as crud
from estate.intake.crud.privacy import ERASED
from estate.intake.errors import ImportNotFound, NotNow, OpenQuestions
from estate.intake.files import FileRow, Table, read_file
from estate.intake.known import frame_of, known_agents
from estate.intake.models import Import, ImportRow
from estate.intake.planning import Plan, checked, plan, readers
from estate.intake.records import Known
from estate.intake.report import import_out, listed, open_questions, row_out
from estate.intake.schemas import (
    FixIn,
    ImportFilter,
    ImportListed,
    ImportOut,
    ImportUpload,
    MappingIn,
    RowFilter,
    RowOut,
)
from estate.intake.taking import COMMIT, FileCells, keep_outcomes, order, take
from estate.intake.undoing import UNDO

__all__ = [
    "Prepared",
    "bring",
    "context",
    "fix",
    "get",
    "kind_of",
    "list_imports",
    "list_rows",
    "prepare",
    "remap",
    "reread",
    "start",
    "undo",
]

Json = dict[str, Any]
READING = ("encoding", "delimiter", "sheet", "header_line")
REMEMBERED = ("kind", "source", "currency", "owner_agent_id", "columns")
"""What is said of a layout and not of one file: the day of a snapshot is not."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that was read, with what its columns are and what is wrong with each row; not stored yet."""

    table: Table
    stated: Json
    planned: Plan
    rows: Sequence[Json]
    remembered: bool = False


def context(session: Session, fingerprint: str) -> tuple[Json, Known]:
    """Return what was said of the last file with a header, and the agents that rows may name."""
    said = crud.remembered(session, fingerprint) or {}
    return {name: said[name] for name in REMEMBERED if said.get(name) is not None}, known_agents(session)


def prepare(table: Table, stated: Json, known: Known, *, remembered: bool = False) -> Prepared:
    """Decide what the columns of a file are and check every row; it takes seconds, and no session.

    Raises
    ------
    Invalid
        See `estate.intake.planning.plan`.
    """
    planned = plan(table, stated)
    reading, frame = readers(planned.kind, planned.columns), frame_of(stated, table.fingerprint)
    rows = [
        {
            "line": row.line,
            "raw": row.raw,
            "cells": list(map(_storable, row.cells)),
            "refusal": row.refusal,
            **checked(row, planned.kind, planned.columns, reading, frame, known),
        }
        for row in table.rows
    ]
    return Prepared(table, stated, planned, rows, remembered)


def _storable(cell: Cell) -> Cell:
    """Return a cell as JSON can hold it; of one that it cannot, the row's bytes are kept."""
    if not isinstance(cell, str):
        return cell
    return cell.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def bring(session: Session, actor: Actor, upload: ImportUpload, raw: bytes, made: Prepared) -> ImportOut:
    """Keep a file that was read, with its rows."""
    import_id = uuid.uuid4()
    take_time(session, get_settings().db_worker_statement_timeout_ms)
    crud.add_import(
        session,
        {
            "import_id": import_id,
            "caller": actor.caller,
            "role": actor.role,
            "agent_id": actor.agent_id,
            "team_id": actor.team_id,
            "filename": upload.filename,
            "sha256": hashlib.sha256(raw).digest(),
            "size_bytes": len(raw),
            "content": raw,
            **_described(made),
        },
    )
    crud.write_rows(session, import_id, made.rows)
    return get(session, import_id)


def _described(made: Prepared) -> Json:
    return {
        "kind": made.planned.kind,
        "fingerprint": made.table.fingerprint,
        "records": len(made.rows),
        "stated": made.stated,
        "reading": made.table.reading | {"questions": made.planned.questions, "remembered": made.remembered},
        "columns": made.planned.columns,
    }


def reread(session: Session, import_id: uuid.UUID, said: MappingIn) -> tuple[Table, Json]:
    """Return the rows of an import and all that was said of it, with what is said now.

    Rows that were mended stay so, unless the file itself is to be read in another way.

    Raises
    ------
    ImportNotFound
        When there is none.
    NotNow
        When it was taken already, or has to be read anew and its bytes are gone.
    """
    imported = _get(crud.get_import(session, import_id, with_content=True))
    _require(imported, "read")
    stated = _joined(imported.stated, said)
    if all(stated.get(name) == imported.stated.get(name) for name in READING):
        rows = [_file_row(row) for row in crud.stored_rows(session, import_id)]
        return Table({k: v for k, v in imported.reading.items() if k != "questions"}, rows), stated
    if imported.content is None:
        raise NotNow("The bytes of the file are no longer here: bring it again.")
    return read_file(imported.content, stated), stated


def _file_row(row: ImportRow) -> FileRow:
    """Return a row as it stood in the file; of one whose client was erased nothing is left to read."""
    ignored = row.reason if row.status == "ignored" or row.reason == ERASED else None
    return FileRow(row.line, tuple(row.cells), row.raw, ignored, row.refusal)


def _joined(before: Json, said: MappingIn) -> Json:
    """Return what was said before with what is said now in its place; null takes something back."""
    now = said.model_dump(mode="json", exclude_unset=True)
    columns = dict(before.get("columns", {}))
    if now.get("kind", before.get("kind")) != before.get("kind"):  # Its fields are others.
        columns = {at: {name: v for name, v in own.items() if name != "target"} for at, own in columns.items()}
    for column in now.pop("columns", None) or ():
        columns[str(column.pop("column"))] = column
    joined = {**before, **now, "columns": columns}
    return {name: value for name, value in joined.items() if value is not None}


def remap(session: Session, import_id: uuid.UUID, made: Prepared) -> ImportOut:
    """Store what the columns of a file are now.

    Raises
    ------
    ImportNotFound, NotNow
        See `reread`.
    """
    imported = _get(crud.lock_import(session, import_id))
    _require(imported, "read")
    take_time(session, get_settings().db_worker_statement_timeout_ms)
    crud.change_import(session, import_id, _described(made))
    crud.write_rows(session, import_id, made.rows)
    return get(session, import_id)


def _get(imported: Import | None) -> Import:
    if imported is None:
        raise ImportNotFound("No import has this id.")
    return imported


def _require(imported: Import, *states: str) -> None:
    if imported.state not in states:
        raise NotNow(f"The import is {imported.state}; this needs one that is {' or '.join(states)}.")


def get(session: Session, import_id: uuid.UUID) -> ImportOut:
    """Return one import with what was found, what is to be answered and what became of its rows.

    Raises
    ------
    ImportNotFound
        When there is none, or none that the caller may see.
    """
    imported = _get(crud.get_import(session, import_id))
    return import_out(
        imported, crud.counts(session, import_id), crud.ignored(session, import_id), crud.undone(session, import_id)
    )


def kind_of(session: Session, import_id: uuid.UUID) -> Kind | None:
    """Return what the records of an import are; None while that is open.

    Raises
    ------
    ImportNotFound
        See `get`.
    """
    return cast("Kind | None", _get(crud.get_import(session, import_id)).kind)


def list_imports(session: Session, wanted: ImportFilter) -> Page[ImportListed]:
    """Return imports, the newest first."""
    page = crud.page_imports(session, wanted)
    return Page([listed(imported) for imported in page.items], page.next_cursor)


def list_rows(session: Session, import_id: uuid.UUID, wanted: RowFilter) -> Page[RowOut]:
    """Return rows of an import in the order of the file.

    Raises
    ------
    ImportNotFound
        When there is no such import.
    """
    _get(crud.get_import(session, import_id))
    page = crud.page_rows(session, import_id, wanted)
    return Page([row_out(row) for row in page.items], page.next_cursor)


def start(session: Session, import_id: uuid.UUID, actor: Actor) -> ImportOut:
    """Have the rows of an import taken by the worker, on behalf of the actor; asked again, it is done once.

    Raises
    ------
    ImportNotFound, NotNow
        See `reread`.
    OpenQuestions
        When something is to be answered first; the problems name it.
    """
    imported = _get(crud.lock_import(session, import_id))
    _require(imported, "read", "committing")
    if problems := open_questions(imported):
        raise OpenQuestions("What the file leaves open must be answered first.", problems=problems)
    crud.change_import(session, import_id, {"state": "committing"})
    enqueue_once(session, order(COMMIT, import_id, actor))
    return get(session, import_id)


def fix(session: Session, import_id: uuid.UUID, line: int, fixed: FixIn) -> RowOut:
    """Put other cells into a row that was rejected or ignored, and check it again; once the import was taken, take it.

    Raises
    ------
    ImportNotFound
        When there is no such import or row.
    NotNow
        When the import is being taken or taken back, or the row is neither rejected nor ignored.
    """
    imported = _get(crud.lock_import(session, import_id))
    _require(imported, "read", "committed")
    row = crud.get_row(session, import_id, line)
    if row is None:
        raise ImportNotFound("The import has no such row.")
    if row.status not in ("rejected", "ignored"):
        raise NotNow(f"The row is {row.status}; one that is rejected or ignored can be mended.")
    width = len(imported.columns)
    refusal = None if len(fixed.cells) == width else f"has {len(fixed.cells)} cells, the header {width}"
    mended = FileRow(line, tuple(map(_storable, fixed.cells)), refusal=refusal)
    outcome = _checked_now(session, imported, mended)
    if imported.state == "committed" and outcome["status"] == "waiting":
        (outcome,) = take(session, imported, [FileCells(line, mended.cells)])
    row.cells, row.refusal = list(mended.cells), refusal
    session.flush()
    keep_outcomes(session, import_id, [{"record_id": None, "said": None, **outcome, "line": line}])
    return row_out(cast("ImportRow", crud.get_row(session, import_id, line)))


def _checked_now(session: Session, imported: Import, row: FileRow) -> Json:
    frame = frame_of(imported, imported.fingerprint)
    kind = cast("Kind | None", imported.kind)
    reading = readers(kind, imported.columns)
    return checked(row, kind, imported.columns, reading, frame, known_agents(session))


def undo(session: Session, import_id: uuid.UUID, actor: Actor) -> ImportOut:
    """Have an import taken back by the worker, for the actor; asked again, it is done once.

    Raises
    ------
    ImportNotFound
        When there is no such import.
    NotNow
        When it was not taken, or too long ago.
    """
    imported = _get(crud.lock_import(session, import_id))
    _require(imported, "committed", "undoing")
    days, now = get_settings().retention_imports_days, database_time(session)
    if days and imported.created_at < now - dt.timedelta(days=days):
        raise NotNow("The former states of its records are no longer kept.")
    crud.change_import(session, import_id, {"state": "undoing"})
    enqueue_once(session, order(UNDO, import_id, actor))
    return get(session, import_id)
