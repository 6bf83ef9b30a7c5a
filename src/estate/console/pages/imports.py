"""Imports: the list, and the way in for a file."""

from collections.abc import Mapping

import htpy
from fastapi import FastAPI, Request
from htpy import Node, a, button, form, label, p, span
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from estate.console import text
from estate.console.answers import refused
from estate.console.page import Sheet, View, page
from estate.console.pages import import_steps
from estate.console.pages.import_words import KINDS, STATES, kind_words, kinds_of
from estate.console.parts import Column, badge, card, choice, filters, listing, note, pager
from estate.console.session import estate_of, session_of
from estate.core.settings import get_console_settings
from estate.sdk import Estate, EstateError
from estate.sdk.models.house import Me
from estate.sdk.models.imports import ImportListed

__all__ = ["imports", "register"]

PAGE_ROWS = 25
ACCEPTED = ".csv,.tsv,.txt,.xlsx,.xlsm,.xlsb,.xls,.ods"

del import_steps  # Importing it serves its page and registers its actions.


def register(app: FastAPI) -> None:
    """Take the files that people bring."""
    app.post("/imports/bring")(_bring)


@page("/imports")
def imports(estate: Estate, view: View) -> Sheet:
    """List imports, and bring a file."""
    found = estate.imports.query(
        state=view.get("state"), kind=view.get("kind"), cursor=view.get("cursor"), limit=PAGE_ROWS
    ).first()
    names = _names(estate, view.me)
    columns = [
        Column[ImportListed]("File", lambda one: a(href=f"/imports/{one.import_id}", dir="auto")[one.filename]),
        Column[ImportListed]("Records", lambda one: kind_words(one.kind)),
        Column[ImportListed]("State", _state),
        Column[ImportListed]("Brought by", lambda one: span(dir="auto")[names.get(one.created_by, one.created_by)]),
        Column[ImportListed]("Brought", lambda one: text.moment(one.created_at)),
        Column[ImportListed]("Taken", lambda one: text.moment(one.committed_at)),
    ]
    states = {"": "Any"} | {name: said for name, (said, _) in STATES.items()}
    empty = "No import matches. Clear a filter." if any(view.query.values()) else "No file was brought yet."
    return Sheet(
        "Imports",
        [
            _way_in(view.me.role),
            filters(
                view.path,
                choice("state", "State", states, view.get("state")),
                choice("kind", "Records", {"": "Any"} | KINDS, view.get("kind")),
                query=view.query,
            ),
            card("Imports", listing("Imports", columns, found, empty=empty), pager(view.path, view.query, found)),
        ],
    )


def _way_in(role: str) -> Node:
    limit = get_console_settings().import_max_bytes
    file = htpy.input(type="file", name="file", accept=ACCEPTED, required=True)
    kinds = {"": "Find out by itself"} | dict(kinds_of(role))
    return card(
        "Bring a file",
        p["A CSV file or a workbook. It is read and checked first; nothing is stored as a record before you say so."],
        form(data_form="bring", data_max_bytes=str(limit))[
            htpy.div(".form-grid")[
                label(".field")[span[f"File (up to {_megabytes(limit)} MB)"], file], choice("kind", "Records", kinds)
            ],
            htpy.div(".row")[button(".primary", type="submit")["Bring it"]],
            p(".outcome", role="status"),
        ],
        note("Every row can be mended, and a whole import can be undone."),
        id="bring",
    )


def _megabytes(size: int) -> str:
    return f"{size / 1024**2:.3g}"


def _state(one: ImportListed) -> Node:
    said, tone = STATES.get(one.state, (text.words(one.state), ""))
    return badge(said, tone)


def _names(estate: Estate, me: Me) -> Mapping[str, str]:
    """Return the names of those who bring files; an administrator sees imports of others, too."""
    users = tuple(estate.system.users()) if me.role == "admin" else ()
    return {str(one.user_id): one.name or one.email for one in users} | {me.caller: "You"}


async def _bring(request: Request) -> Response:
    """Hand a file on as it is: the same key, the same import."""
    token, key = session_of(request), request.headers.get("x-key")
    if token is None:
        return JSONResponse({"detail": "Your session has ended: sign in, then bring the file again."}, 401)
    if not key:
        return JSONResponse({"detail": "A file is brought from the page only."}, 400)
    limit = get_console_settings().import_max_bytes
    content = await _received(request, limit)
    if content is None:
        return JSONResponse({"detail": f"The file is larger than {_megabytes(limit)} MB: split it."}, 413)
    filename, kind = request.query_params.get("filename", ""), request.query_params.get("kind") or None
    bring = estate_of(request).imports.bring
    try:
        brought = await run_in_threadpool(bring, content, filename=filename, kind=kind, idempotency_key=key)
    except EstateError as error:
        return refused(error)
    return JSONResponse({"go": f"/imports/{brought.import_id}"})


async def _received(request: Request, limit: int) -> bytes | None:
    """Return a body; None as soon as it is more than the limit."""
    if int(request.headers.get("content-length", "0")) > limit:
        return None
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > limit:
            return None
    return bytes(content)
