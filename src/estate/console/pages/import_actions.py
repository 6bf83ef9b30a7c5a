"""What people do with an import: say what its columns are, mend a row, have it taken, take it back."""

import json
import re
from collections.abc import Mapping
from typing import Any

from estate.console import text
from estate.console.actions import Done, Sent, action
from estate.console.pages.import_words import ASKED, BECAME, rows
from estate.sdk import Estate

__all__ = ["NO_FIELD", "commit", "fix", "mapping", "said_of", "shown", "undo"]

NO_FIELD = "-"
ABOUT_FILE = ("encoding", "delimiter", "sheet", "header_line", "source", "currency", "observed_on", "owner_agent_id")
ABOUT_COLUMN = ("target", "bad_values", *ASKED)
_COLUMN = re.compile(rf"({'|'.join(ABOUT_COLUMN)})_(\d+)")

Cell = str | float | bool | None


@action("import_mapping")
def mapping(estate: Estate, sent: Sent) -> Done:
    """Say what a file is and what its columns are; every row is checked again."""
    found = estate.imports.mapping(sent["import_id"], said_of(sent.fields), idempotency_key=sent.key)
    ready, wrong = rows(found.counts["waiting"]), text.number(found.counts["rejected"])
    return Done(f"Checked again: {ready} ready, {wrong} rejected.", "")


@action("import_fix")
def fix(estate: Estate, sent: Sent) -> Done:
    """Put other cells into a row."""
    row = estate.imports.fix(sent["import_id"], int(sent["line"]), cells=_cells(sent.fields), idempotency_key=sent.key)
    wrong = "; ".join(problem.message for problem in row.problems)
    status = BECAME.get(row.status, (row.status, ""))[0].lower()
    return Done(f"Line {row.line} is {status}{f': {wrong}' if wrong else ''}.", "")


@action("import_commit")
def commit(estate: Estate, sent: Sent) -> Done:
    """Have the rows taken."""
    estate.imports.commit(sent["import_id"], idempotency_key=sent.key)
    return Done("The rows are being taken.", "")


@action("import_undo")
def undo(estate: Estate, sent: Sent) -> Done:
    """Take an import back."""
    estate.imports.undo(sent["import_id"], idempotency_key=sent.key)
    return Done("The import is being taken back.", "")


def said_of(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return what a form says as the API takes it; a column that is named says all that is said of it.

    An empty field takes back what was said before. The kind goes along only when it is another one: it makes the API
    forget to which fields columns were brought.
    """
    said: dict[str, Any] = {name: fields[name].strip(" ") or None for name in ABOUT_FILE if name in fields}
    if said.get("header_line") is not None:
        said["header_line"] = int(said["header_line"])
    if said.get("currency") is not None:
        said["currency"] = said["currency"].upper()
    if fields.get("kind", "") != fields.get("was_kind", ""):
        said["kind"] = fields.get("kind") or None
    columns = _columns_of(fields)
    return said | ({"columns": columns} if columns else {})


def _columns_of(fields: Mapping[str, str]) -> list[dict[str, Any]]:
    columns: dict[int, dict[str, Any]] = {}
    for field, value in fields.items():
        if (named := _COLUMN.fullmatch(field)) is None:
            continue
        column = columns.setdefault(int(named[2]), {"column": int(named[2])})
        if value.strip():
            column[named[1]] = _said(named[1], value.strip())
    return [columns[at] for at in sorted(columns)]


def _said(name: str, value: str) -> str | None:
    if name == "target" and value == NO_FIELD:
        return None
    return value.upper() if name == "region" else value


def shown(cell: Cell) -> str:
    """Write a cell of a file as a person may change it."""
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else json.dumps(cell)


def _cells(fields: Mapping[str, str]) -> list[Cell]:
    """Return the cells of a row in their order; one that nobody touched stays what it was, a number a number."""
    cells: list[Cell] = []
    while (name := f"cell_{len(cells)}") in fields:
        written = fields[name].replace("\r\n", "\n")
        was: Cell = json.loads(fields.get(f"was_{len(cells)}", '""'))
        cells.append(was if written == shown(was).replace("\r\n", "\n") else written)
    return cells
