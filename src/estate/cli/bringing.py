"""`estate import file`: a CSV file or workbook of any layout, read, checked and taken by the API."""

import datetime as dt
import json
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from estate.cli.calling import AsJson, Debug, Url, calling, hint, show_json, show_table
from estate.cli.failing import HANDLED
from estate.cli.progress import bar
from estate.intake.analytics.targets import KINDS, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estate.sdk import Estate
    from estate.sdk.models.imports import Import, ImportRow, Question

__all__ = ["file", "take", "undo"]

POLL_S = 0.5
PATIENCE_S = 20.0
"""How long nothing may move before it is said."""
SHOWN_ROWS = 20

ImportId = Annotated[str, typer.Argument(help="The id that `estate import file` told.", show_default=False)]


def file(
    path: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV or Excel.")],
    kind: Annotated[Kind | None, typer.Option(help="What a row is; by default found by the columns.")] = None,
    at_once: Annotated[bool, typer.Option("--take", help="Take the rows, if nothing is left open.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    debug: Debug = False,
) -> None:
    """Bring a file: show what its columns are, and what is wrong with which row. Nothing is taken without --take.

    What was answered about a file is remembered, once it was taken, for the next one of the same caller with the same
    header. Exit code 1: something is to be answered first, or rows were rejected.
    """
    with calling(url, debug=debug) as estate:
        found = estate.imports.bring(path.read_bytes(), filename=path.name, kind=kind)
        if at_once and found.counts["waiting"] and not found.questions:
            hint(f"Import {found.import_id}; should this break off: estate import take {found.import_id}")
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
    """Take an import back: what it created is removed, what it changed is as before. Exit code 1: records were kept.

    Kept is what somebody changed since, or what other records hang on.
    """
    with calling(url, debug=debug) as estate:
        found = _settled(estate, estate.imports.undo(import_id))
    if as_json:
        show_json(found)
    else:
        became = [(getattr(found.undo, name), name) for name in ("restored", "removed", "kept")]
        show_table(("Records", "What became of them"), became)
    raise typer.Exit(HANDLED if found.undo.kept else 0)


def _settled(estate: "Estate", found: "Import") -> "Import":
    """Wait until the worker is through with what it was asked to do."""
    began, left = found.state, _left(found)
    with bar(found.filename, left) as advance:
        told = time.monotonic()
        while found.state == began:
            time.sleep(POLL_S)
            found = estate.imports.get(found.import_id)
            if (still := _left(found)) < left:
                advance(left - still)
                left, told = still, time.monotonic()
            elif time.monotonic() > told + PATIENCE_S:
                hint("Nothing moves. Does a worker run? `estate doctor` tells; the import goes on when one does.")
                told = time.monotonic()
    return found


def _left(found: "Import") -> int:
    """Return how much the worker has still to do."""
    return {"committing": found.counts["waiting"], "undoing": found.undo.waiting}.get(found.state, 0)


def _tell(estate: "Estate", found: "Import", *, as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    columns = [(one.header, one.target, one.why, one.filled) for one in found.columns]
    show_table(("Column", "Field", "Why", "Filled"), columns)
    show_table(("Rows", "What became of them"), [(n, name) for name, n in found.counts.items()])
    for asked in found.questions:
        hint(f"To be answered: {_asked(asked)}")
    for row in estate.imports.rows(found.import_id, status="rejected", limit=SHOWN_ROWS).first():
        hint(f"line {row.line}: {_wrong(row)}")
    if found.counts["rejected"] > SHOWN_ROWS:
        hint(f"All of them: estate api GET '/imports/{found.import_id}/rows?status=rejected'")
    hint(_next(found))


def _asked(question: "Question") -> str:
    where = f"{question.header or question.target or 'The file'} ({question.question})"
    return ": ".join(filter(None, (where, ", or ".join(one.meaning for one in question.options))))


def _wrong(row: "ImportRow") -> str:
    problems = (filter(None, (one.column or one.field, one.message)) for one in row.problems)
    return row.reason or "; ".join(map(": ".join, problems))


def _next(found: "Import") -> str:
    if found.questions:
        return _answering(found)
    if found.state == "read":
        return f"Nothing is taken yet; to take it: estate import take {found.import_id}"
    return f"Take it back with: estate import undo {found.import_id}"


def _answering(found: "Import") -> str:
    """Say how the questions are answered; the command that is shown gives the first answer to each."""
    if found.kind is None:
        return f"Answer by bringing it again with --kind {'|'.join(KINDS)}"
    answers = shlex.quote(json.dumps(_first_answers(found.questions)))
    return (
        f"Answer with your choices by: estate api POST /imports/{found.import_id}/mapping --data {answers}; "
        f"an administrator also in the console. Then: estate import take {found.import_id}"
    )


def _first_answers(questions: "Sequence[Question]") -> dict[str, Any]:
    """Return the first answer to each question, in one object a column: what is said of it is said as a whole."""
    said: dict[str, Any] = {}
    columns: dict[int, dict[str, Any]] = {}
    for asked in questions:
        answer = asked.options[0].value if asked.options else dt.datetime.now(dt.UTC).date().isoformat()
        about = said if asked.column is None else columns.setdefault(asked.column, {"column": asked.column})
        about[asked.question] = answer
    return said | ({"columns": list(columns.values())} if columns else {})
