"""`estate import file`: a CSV file or workbook of any layout, read, checked and taken by the API."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from estate.cli.calling import AsJson, Debug, Url, calling, hint, show_json, show_table
from estate.cli.failing import HANDLED
from estate.cli.progress import bar

if TYPE_CHECKING:
    from estate.sdk import Estate
    from estate.sdk.models.imports import Import

__all__ = ["file", "take", "undo"]

POLL_S = 0.5
SHOWN_ROWS = 20
UNDER_WAY = ("committing", "undoing")

ImportId = Annotated[str, typer.Argument(help="The id that `estate import file` told.", show_default=False)]


def file(
    path: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV or Excel.")],
    kind: Annotated[str | None, typer.Option(help="What a row is; by default found by the columns.")] = None,
    at_once: Annotated[bool, typer.Option("--take", help="Take the rows, if nothing is left open.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    debug: Debug = False,
) -> None:
    """Bring a file: show what its columns are, and what is wrong with which row. Nothing is taken without --take.

    What was answered in the console about a file is remembered for the next one with the same header. Exit code 1:
    something is to be answered first, or rows were rejected.
    """
    with calling(url, debug=debug) as estate:
        found = estate.imports.bring(path.read_bytes(), filename=path.name, kind=kind)
        if at_once and not found.questions:
            found = _settled(estate, estate.imports.commit(found.import_id))
        _tell(estate, found, as_json=as_json)
    raise typer.Exit(HANDLED if found.questions or found.counts["rejected"] else 0)


def take(import_id: ImportId, as_json: AsJson = False, url: Url = None, debug: Debug = False) -> None:
    """Take the rows of a file that was brought. Exit code 1: rows were rejected; they can be mended in the console."""
    with calling(url, debug=debug) as estate:
        found = _settled(estate, estate.imports.commit(import_id))
        _tell(estate, found, as_json=as_json)
    raise typer.Exit(HANDLED if found.counts["rejected"] else 0)


def undo(import_id: ImportId, as_json: AsJson = False, url: Url = None, debug: Debug = False) -> None:
    """Take an import back: what it created is removed, what it changed is as before."""
    with calling(url, debug=debug) as estate:
        found = _settled(estate, estate.imports.undo(import_id))
    if as_json:
        show_json(found)
    else:
        show_table(
            ("Records", "What became of them"), [(getattr(found.undo, n), n) for n in ("restored", "removed", "kept")]
        )


def _settled(estate: "Estate", found: "Import") -> "Import":
    """Wait until the worker is through with an import."""
    total = found.counts["read"]
    with bar(found.filename, total) as advance:
        seen = 0
        while found.state in UNDER_WAY:
            time.sleep(POLL_S)
            found = estate.imports.get(found.import_id)
            done = total - (found.counts.get("waiting", 0) if found.state == "committing" else found.undo.waiting)
            advance(done - seen)
            seen = done
    return found


def _tell(estate: "Estate", found: "Import", *, as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    show_table(
        ("Column", "Field", "Why", "Filled"), [(one.header, one.target, one.why, one.filled) for one in found.columns]
    )
    show_table(("Rows", "What became of them"), [(n, name) for name, n in found.counts.items()])
    for asked in found.questions:
        where = asked.header or asked.target or "The file"
        answers = ", or ".join(one.meaning for one in asked.options)
        hint(f"To be answered: {where} ({asked.question}): {answers}")
    for row in estate.imports.rows(found.import_id, status="rejected", limit=SHOWN_ROWS).first():
        wrong = "; ".join(f"{one.column or one.field}: {one.message}" for one in row.problems)
        hint(f"line {row.line}: {row.reason or wrong}")
    hint(_next(found))


def _next(found: "Import") -> str:
    if found.questions:
        return f"Answer in the console, /imports/{found.import_id}, and then: estate import take {found.import_id}"
    if found.state == "read":
        return f"Nothing is taken yet; to take it: estate import take {found.import_id}"
    return f"Take it back with: estate import undo {found.import_id}"
