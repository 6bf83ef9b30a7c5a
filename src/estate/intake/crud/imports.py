"""SQL of the imports and their rows."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, cast

from pydantic_core import to_json
from sqlalchemy import Table, delete, func, insert, select, text, update
from sqlalchemy.orm import Session, undefer

from estate.core.bulk import copy_rows
from estate.core.paging import Key, Page, fetch_page
from estate.intake.models import Import, ImportChange, ImportRow
from estate.intake.schemas import ImportFilter, RowFilter

__all__ = [
    "add_import",
    "change_import",
    "counts",
    "get_import",
    "get_row",
    "ignored",
    "lock_import",
    "mark_undone",
    "page_imports",
    "page_rows",
    "projects_named",
    "remembered",
    "said_before",
    "set_rows",
    "stored_rows",
    "undone",
    "waiting_rows",
    "write_rows",
]

Values = Mapping[str, Any]

_SET_ROWS = text("""
UPDATE import_rows r SET status = n.status, reason = n.reason, problems = n.problems, record_id = n.record_id,
    said = decode(n.said, 'hex')
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS n (line integer, status text, reason text, problems jsonb, record_id text, said text)
WHERE r.import_id = :import_id AND r.line = n.line
""")
_PROJECTS = text("""
SELECT lower(name), project_id, area_id FROM projects WHERE lower(name) = ANY(:names) ORDER BY project_id
""")
_MARK = text("""
UPDATE import_rows r SET undone = coalesce(
    (SELECT min(c.reason) FROM import_changes c
     WHERE c.import_id = r.import_id AND c.line = r.line AND c.outcome = 'kept'), 'back')
WHERE r.import_id = :import_id AND r.status IN ('created', 'updated')
""")


def add_import(session: Session, values: Values) -> None:
    """Write a new import."""
    session.execute(insert(Import), [dict(values)])


def change_import(session: Session, import_id: uuid.UUID, changes: Values) -> None:
    """Write some columns of an import."""
    session.execute(update(Import).where(Import.import_id == import_id).values(**changes))


def get_import(session: Session, import_id: uuid.UUID, *, with_content: bool = False) -> Import | None:
    """Return one import."""
    query = select(Import).where(Import.import_id == import_id).execution_options(populate_existing=True)
    return session.scalar(query.options(undefer(Import.content)) if with_content else query)


def lock_import(session: Session, import_id: uuid.UUID) -> Import | None:
    """Return one import, locked: one call or worker at a time is at it."""
    query = select(Import).where(Import.import_id == import_id).with_for_update()
    return session.scalar(query.execution_options(populate_existing=True))


def page_imports(session: Session, wanted: ImportFilter) -> Page[Import]:
    """Return imports, the newest first."""
    query = select(Import)
    if wanted.state is not None:
        query = query.where(Import.state == wanted.state)
    if wanted.kind is not None:
        query = query.where(Import.kind == wanted.kind)
    key = Key((Import.created_at, Import.import_id), descending=True)
    return fetch_page(session, query, key, cursor=wanted.cursor, limit=wanted.limit)


def remembered(session: Session, fingerprint: str) -> Values | None:
    """Return what was said of the last file with this header that was taken."""
    query = select(Import.kind, Import.stated).where(Import.fingerprint == fingerprint)
    query = query.where(Import.committed_at.is_not(None)).order_by(Import.committed_at.desc()).limit(1)
    found = session.execute(query).first()
    return None if found is None else {**found.stated, "kind": found.kind}


def write_rows(session: Session, import_id: uuid.UUID, rows: Iterable[Values]) -> None:
    """Write the rows of an import in place of those that it had."""
    session.execute(delete(ImportRow).where(ImportRow.import_id == import_id))
    copy_rows(session, cast(Table, ImportRow.__table__), ({"import_id": import_id, **row} for row in rows))


def set_rows(session: Session, import_id: uuid.UUID, rows: Sequence[Values]) -> None:
    """Write what became of some rows."""
    session.execute(_SET_ROWS, {"import_id": import_id, "rows": to_json(list(rows)).decode()})


def stored_rows(session: Session, import_id: uuid.UUID) -> Sequence[ImportRow]:
    """Return every row of an import in the order of the file."""
    query = select(ImportRow).where(ImportRow.import_id == import_id).order_by(ImportRow.line)
    return session.scalars(query.execution_options(populate_existing=True)).all()


def waiting_rows(session: Session, import_id: uuid.UUID, limit: int) -> Sequence[ImportRow]:
    """Return the first rows that nothing became of yet."""
    query = select(ImportRow).where(ImportRow.import_id == import_id, ImportRow.status == "waiting")
    return session.scalars(query.order_by(ImportRow.line).limit(limit)).all()


def get_row(session: Session, import_id: uuid.UUID, line: int) -> ImportRow | None:
    """Return one row."""
    return session.get(ImportRow, (import_id, line), populate_existing=True)


def page_rows(session: Session, import_id: uuid.UUID, wanted: RowFilter) -> Page[ImportRow]:
    """Return rows of an import in the order of the file."""
    query = select(ImportRow).where(ImportRow.import_id == import_id)
    if wanted.status is not None:
        query = query.where(ImportRow.status == wanted.status)
    return fetch_page(session, query, Key((ImportRow.line,)), cursor=wanted.cursor, limit=wanted.limit)


def said_before(
    session: Session, import_id: uuid.UUID, record_ids: Collection[str]
) -> dict[str, tuple[bytes | None, int]]:
    """Return of those of some records that rows of the import said already: the hash of what, and the line."""
    query = select(ImportRow.record_id, ImportRow.said, ImportRow.line).where(
        ImportRow.import_id == import_id,
        ImportRow.record_id.in_(record_ids),
        ImportRow.status.in_(("created", "updated", "unchanged")),
    )
    return {str(row.record_id): (row.said, row.line) for row in session.execute(query.order_by(ImportRow.line.desc()))}


def counts(session: Session, import_id: uuid.UUID) -> dict[str, int]:
    """Count the rows of an import by what became of them."""
    query = select(ImportRow.status, func.count()).where(ImportRow.import_id == import_id)
    return {str(row[0]): int(row[1]) for row in session.execute(query.group_by(ImportRow.status))}


def ignored(session: Session, import_id: uuid.UUID) -> dict[str, int]:
    """Count the rows that hold no record by reason."""
    query = select(ImportRow.reason, func.count()).where(ImportRow.import_id == import_id)
    query = query.where(ImportRow.status == "ignored").group_by(ImportRow.reason).order_by(ImportRow.reason)
    return {str(reason): n for reason, n in session.execute(query)}


def undone(session: Session, import_id: uuid.UUID) -> dict[str, int]:
    """Count the changes of an import by how far they are taken back."""
    outcome = func.coalesce(ImportChange.outcome, "waiting")
    query = select(outcome, func.count()).where(ImportChange.import_id == import_id).group_by(outcome)
    return {str(row[0]): int(row[1]) for row in session.execute(query)}


def mark_undone(session: Session, import_id: uuid.UUID) -> None:
    """Note on each row that was taken whether its record is back, or why it was kept."""
    session.execute(_MARK, {"import_id": import_id})


def projects_named(session: Session, names: Collection[str]) -> dict[str, list[tuple[uuid.UUID, uuid.UUID | None]]]:
    """Return id and area of the projects with some names, by their name in small letters."""
    found: dict[str, list[tuple[uuid.UUID, uuid.UUID | None]]] = {}
    for name, project_id, area_id in session.execute(_PROJECTS, {"names": sorted(names)}) if names else ():
        found.setdefault(name, []).append((project_id, area_id))
    return found
