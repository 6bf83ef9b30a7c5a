"""SQL that finds, and takes, a client out of what was imported."""

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Executable, String, cast, delete, func, or_, select, text, update
from sqlalchemy.orm import Session

from estate.core.export import held
from estate.core.traces import Redaction
from estate.intake.models import Import, ImportChange, ImportRow

__all__ = ["ERASED", "blank_rows", "erase_client", "rows_about"]

ERASED = "erased"
BLANK: dict[str, Any] = {
    "cells": [],
    "raw": None,
    "refusal": None,
    "problems": [],
    "record_id": None,
    "said": None,
    "reason": ERASED,
}
_IGNORE_WAITING = text("UPDATE import_rows SET status = 'ignored' WHERE status = 'waiting' AND reason = 'erased'")


def rows_about(session: Session, ids: Collection[uuid.UUID]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows about a client that is known by some ids, whole, by table."""
    named = [str(client_id) for client_id in ids]
    return {
        "import_rows": held(session, ImportRow, ImportRow.record_id.in_(named)),
        "import_changes": held(session, ImportChange, ImportChange.record_id.in_(named)),
    }


def blank_rows(session: Session, import_id: uuid.UUID, lines: Collection[int]) -> None:
    """Empty some rows; what became of them stays counted."""
    if lines:
        session.execute(
            update(ImportRow).where(ImportRow.import_id == import_id, ImportRow.line.in_(lines)).values(BLANK)
        )


def erase_client(session: Session, ids: Collection[uuid.UUID], redaction: Redaction) -> dict[str, int]:
    """Empty the rows that a client is, or that name it, and files not taken yet; delete its former states."""
    named = [str(client_id) for client_id in ids]
    found = _naming(named, redaction)
    imports = session.scalars(select(ImportRow.import_id).where(found).distinct()).all()
    session.execute(update(Import).where(Import.import_id.in_(imports)).values(content=None))
    blanked = _affected(session, update(ImportRow).where(found).values(BLANK))
    session.execute(_IGNORE_WAITING)
    of_client = ImportChange.subject_table == "client_profiles", ImportChange.record_id.in_(named)
    deleted = _affected(session, delete(ImportChange).where(*of_client))
    return {"import_rows (cleared)": blanked, "import_changes": deleted}


def _affected(session: Session, statement: Executable) -> int:
    done = session.execute(statement.execution_options(synchronize_session=False))
    return int(done.rowcount)  # type: ignore[attr-defined]


def _naming(named: Collection[str], redaction: Redaction) -> ColumnElement[bool]:
    raw = func.encode(ImportRow.raw, "escape")
    return or_(
        ImportRow.record_id.in_(named),
        cast(ImportRow.cells, String).op("~*")(redaction.pattern),
        raw.op("~*")(redaction.bytes_pattern),
    )
