"""The rows of a file: the law that their counts keep, what is wrong with them, and a form that mends each."""

import json
from typing import Any

from htpy import (
    Node,
    a,
    caption,
    dd,
    details,
    div,
    dl,
    h3,
    label,
    p,
    span,
    summary,
    table,
    tbody,
    td,
    textarea,
    th,
    thead,
    tr,
)
from htpy import dt as term
from htpy import input as field

from estate.console import text
from estate.console.page import View
from estate.console.pages import import_words as words
from estate.console.pages.import_actions import shown
from estate.console.parts import action, badge, card, note, pager, reasons, submit, with_query
from estate.sdk.models.base import Page
from estate.sdk.models.imports import Column, Import, ImportRow

__all__ = ["rows_of"]

MENDABLE = ("rejected", "ignored")
ALWAYS = ("created", "updated", "unchanged", "rejected", "ignored")


def rows_of(found: Import, rows: Page[ImportRow], view: View) -> Node:
    """List rows of the file with what became of them."""
    status = view.get("status")
    named = words.BECAME.get(status or "", (None, ""))[0]
    empty = "No row became that." if status else "The file has no rows."
    mend = [row for row in rows if _is_mendable(found, row)]
    return card(
        "Rows",
        _equation(found, view),
        p[f"Shown: {named.lower()}. ", a(href=with_query(view.path, {}))["Show all rows"]] if named else None,
        _row_table(found, rows) if len(rows) else note(empty),
        [h3["Mend a row"], [_mending(found, row, is_open=row is mend[0]) for row in mend]] if mend else None,
        pager(view.path, view.query, rows),
        id="rows",
    )


def _is_mendable(found: Import, row: ImportRow) -> bool:
    return found.state in ("read", "committed") and not found.questions and row.status in MENDABLE


def _equation(found: Import, view: View) -> Node:
    """Draw the law of the report: every row that was read became one thing."""
    parts: list[Node] = [div[term["Read"], dd[text.number(found.counts["read"])]]]
    for at, name in enumerate((*ALWAYS, "waiting") if found.counts.get("waiting") else ALWAYS):
        said = words.BECAME[name][0]
        link = a(href=f"{view.path}?status={name}#rows")[text.number(found.counts.get(name, 0))]
        parts.append(div(data_sign="+" if at else "=")[term[said], dd[link]])
    verdict = badge("adds up", "good") if found.adds_up else badge("does not add up", "bad")
    ignored = ", ".join(f"{n} {reason}" for reason, n in found.ignored.items())
    return [dl(".equation")[parts], p[verdict], note(f"Ignored: {ignored}.") if ignored else None]


def _row_table(found: Import, rows: Page[ImportRow]) -> Node:
    is_back = found.state == "undone"
    heads = ["Line", "Became", "What is wrong", *(["Taken back"] if is_back else [])]
    names = [one.header or f"Column {one.column + 1}" for one in found.columns]
    head = [th(scope="col")[name] for name in heads] + [th(scope="col", dir="auto")[name] for name in names]
    body = [_row(found, row) for row in rows]
    return div(".scroll", tabindex="0", role="region", aria_label="Rows of the file")[
        table(".wide.rows")[caption(".unseen")["Rows of the file"], thead[tr[head]], tbody[body]]
    ]


def _row(found: Import, row: ImportRow) -> Node:
    width = len(found.columns)
    became, tone = words.BECAME.get(row.status, (text.words(row.status), ""))
    cells = [td(dir="auto")[shown(cell)] for cell in (*row.cells, *[None] * width)[:width]]
    undone = td[{"back": "Yes"}.get(row.undone or "", row.undone or text.DASH)] if found.state == "undone" else None
    line = a(href=f"#line-{row.line}")[str(row.line)] if _is_mendable(found, row) else str(row.line)
    return tr[
        td(".number.narrow")[line], td(".narrow")[badge(became, tone)], td(".words")[_what_is_wrong(row)], undone, cells
    ]


def _what_is_wrong(row: ImportRow) -> Node:
    said = [f"{problem.column}: {problem.message}" if problem.column else problem.message for problem in row.problems]
    if not said and not row.reason:
        return text.DASH
    return [text.words(row.reason) if row.reason else None, reasons(said, "against")]


def _mending(found: Import, row: ImportRow, *, is_open: bool) -> Node:
    """Draw a row as a form with its cells in their order."""
    width = len(found.columns)
    cells = (*row.cells, *[""] * width)[:width]
    wrong = {problem.column: problem.message for problem in row.problems}
    surplus = [shown(cell) for cell in row.cells[width:]]
    title = "; ".join(wrong.values()) or (text.words(row.reason) if row.reason else "")
    fields = [_cell(one, cell, wrong.get(one.header)) for one, cell in zip(found.columns, cells, strict=True)]
    return details(".mend", id=f"line-{row.line}", open=is_open and row.status == "rejected")[
        summary[f"Line {row.line}: ", badge(words.BECAME[row.status][0], words.BECAME[row.status][1]), f" {title}"],
        note("Cells that the header has no place for: ", span(dir="auto")[" · ".join(surplus)]) if surplus else None,
        action(
            "import_fix",
            div(".form-grid")[fields],
            div(".row")[submit("Check and keep" if found.state == "read" else "Take this row")],
            draft=f"import-{found.import_id}-{row.line}",
            import_id=found.import_id,
            line=row.line,
        ),
    ]


def _cell(column: Column, cell: Any, wrong: str | None) -> Node:
    name, written = f"cell_{column.column}", shown(cell)
    common = {"name": name, "dir": "auto", "aria_invalid": "true" if wrong else None}
    typed = textarea(rows="3", **common)[f"\n{written}"] if "\n" in written else field(value=written, **common)
    was = None
    if not isinstance(cell, str) or "\n" in cell:
        was = field(type="hidden", name=f"was_{column.column}", value=json.dumps(cell))
    title = [column.header or f"Column {column.column + 1}", span(".wrong")[f" – {wrong}"] if wrong else None]
    return [label(".field")[span(dir="auto")[title], typed], was]
