"""Imports of files: bring one, say what its columns are, look at its rows, take it, mend a row, take it back."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy.orm import Session

from estate.api.body import FILE_TYPES
from estate.api.deps import NO_PARAMETERS, Answer, Caller, OnceDep, OnceWithFile, ReadSession, Subject
from estate.api.openapi import json_body
from estate.api.rights import require_import
from estate.core.db import unit_of_work
from estate.core.paging import PageOut
from estate.core.types import WHOLE_FROM_TEXT, NoParameters, Uuid
from estate.intake import service
from estate.intake.analytics.targets import Kind
from estate.intake.files import read_file
from estate.intake.schemas import (
    FixIn,
    ImportFilter,
    ImportListed,
    ImportOut,
    ImportUpload,
    LineNumber,
    MappingIn,
    RowFilter,
    RowOut,
)

router = APIRouter(prefix="/imports", tags=["imports"])

LAYERS = {"clients": "client", "units": "property", "agents": "agent", "market": "market"}
FILE = """Name,Mobile,Budget (AED),Agreed
Huda Salem,+971 50 123 4567,"1,900,000.00",yes
Karim Adel,call his wife,2M,no
Omar Nasser,+971 50 123 4569,850k,yes
"""
UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            media_type: {"schema": {"type": "string", "format": "binary", "minLength": 1}}
            | ({"example": FILE} if media_type == "text/csv" else {})
            for media_type in FILE_TYPES
        },
    }
}
MAPPING = {"kind": "clients", "source": "crm", "columns": [{"column": 3, "target": "contact_consent"}]}
FIX = {"cells": ["Karim Adel", "+971501234568", "2M", "no"]}

ImportId = Annotated[Uuid, Path()]
Line = Annotated[LineNumber, WHOLE_FROM_TEXT, Path(description="Where the row starts in the file.")]


@router.post("", response_model=ImportOut, openapi_extra=UPLOAD)
def bring(once: OnceWithFile, upload: Annotated[ImportUpload, Query()]) -> Response:
    """Bring a CSV file or an Excel workbook: it is read, its columns are found, every row is checked; nothing is taken.

    The body is the file as it is. What an earlier file with the same header was told is taken over.
    """
    if (repeated := once.replay()) is not None:
        return repeated
    table = read_file(once.body.raw, {})
    with unit_of_work(once.actor, read_only=True) as session:
        said, known = service.context(session, table.fingerprint)
    stated = said | ({"kind": upload.kind} if upload.kind else {})
    made = service.prepare(table, stated, known, remembered=bool(said))

    def keep(session: Session) -> Answer:
        kept = service.bring(session, once.actor, upload, once.body.raw, made)
        return Answer(200, kept, subject=Subject("imports", kept.import_id, {"kind": kept.kind, **kept.counts}))

    return once.run(keep)


@router.get("")
def query(session: ReadSession, wanted: Annotated[ImportFilter, Query()]) -> PageOut[ImportListed]:
    """List imports, the newest first: your own; an administrator sees all."""
    page = service.list_imports(session, wanted)
    return PageOut(items=list(page.items), next_cursor=page.next_cursor)


@router.get("/{import_id}", dependencies=[NO_PARAMETERS])
def get(session: ReadSession, import_id: ImportId) -> ImportOut:
    """Show what was found in a file, what is to be answered, and what became of its rows."""
    return service.get(session, import_id)


@router.post(
    "/{import_id}/mapping", response_model=ImportOut, openapi_extra=json_body(MappingIn, example=MAPPING, batch=False)
)
def remap(once: OnceDep, import_id: ImportId) -> Response:
    """Say what a file is, what its columns are and how they are written; every row is checked again."""
    said = once.body.one(MappingIn)
    if (repeated := once.replay()) is not None:
        return repeated
    with unit_of_work(once.actor, read_only=True) as session:
        table, stated = service.reread(session, import_id, said)
        _, known = service.context(session, table.fingerprint)
    made = service.prepare(table, stated, known)
    subject = Subject("imports", import_id)
    return once.run(lambda session: Answer(200, service.remap(session, import_id, made), subject=subject))


@router.get("/{import_id}/rows")
def rows(session: ReadSession, import_id: ImportId, wanted: Annotated[RowFilter, Query()]) -> PageOut[RowOut]:
    """List rows of a file, with what is wrong with which cell; titles, blanks and totals are `ignored`."""
    page = service.list_rows(session, import_id, wanted)
    return PageOut(items=list(page.items), next_cursor=page.next_cursor)


@router.post(
    "/{import_id}/rows/{line}", response_model=RowOut, openapi_extra=json_body(FixIn, example=FIX, batch=False)
)
def fix(once: OnceDep, import_id: ImportId, line: Line) -> Response:
    """Mend a row that was rejected or ignored; when the import was taken, that row alone is taken now."""
    fixed = once.body.one(FixIn)

    def mend(session: Session) -> Answer:
        _require_kind(once.actor, service.kind_of(session, import_id))
        return Answer(
            200, service.fix(session, import_id, line, fixed), subject=Subject("imports", import_id, {"line": line})
        )

    return once.run(mend)


@router.post(
    "/{import_id}/commit",
    status_code=202,
    response_model=ImportOut,
    openapi_extra=json_body(NoParameters, example={}, batch=False),
)
def commit(once: OnceDep, import_id: ImportId) -> Response:
    """Have the rows taken by the worker on your behalf; ask for the import to see how far it is."""
    once.body.one(NoParameters)

    def take(session: Session) -> Answer:
        _require_kind(once.actor, service.kind_of(session, import_id))
        return Answer(202, service.start(session, import_id, once.actor), subject=Subject("imports", import_id))

    return once.run(take)


@router.post(
    "/{import_id}/undo",
    status_code=202,
    response_model=ImportOut,
    openapi_extra=json_body(NoParameters, example={}, batch=False),
)
def undo(once: OnceDep, import_id: ImportId) -> Response:
    """Take an import back: records that nobody changed since are as before; the other rows say why not."""
    once.body.one(NoParameters)
    return once.run(
        lambda session: Answer(202, service.undo(session, import_id, once.actor), subject=Subject("imports", import_id))
    )


def _require_kind(actor: Caller, kind: Kind | None) -> None:
    if kind is not None:
        require_import(actor, LAYERS[kind])
