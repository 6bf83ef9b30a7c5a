"""Tells of an import in one object: what was found, what is to be answered, and counts that add up."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from estate.core.errors import FieldProblem
from estate.core.settings import get_settings
from estate.intake.known import frame_of
from estate.intake.models import Import, ImportRow
from estate.intake.schemas import ColumnOut, ImportListed, ImportOut, QuestionOut, RowOut, UndoneOut

__all__ = ["import_out", "listed", "open_questions", "row_out"]

Json = dict[str, Any]
BECAME = ("waiting", "created", "updated", "unchanged", "rejected", "ignored")


def listed(imported: Import) -> ImportListed:
    """Return an import as a list shows it."""
    return ImportListed(**_listed(imported))


def _listed(imported: Import) -> Json:
    names = ("import_id", "filename", "state", "kind", "created_at", "committed_at", "undone_at")
    return {name: getattr(imported, name) for name in names} | {"created_by": imported.caller}


def import_out(
    imported: Import, counts: Mapping[str, int], ignored: Mapping[str, int], undone: Mapping[str, int]
) -> ImportOut:
    """Return the report of an import."""
    reading, frame = imported.reading, frame_of(imported, imported.fingerprint)
    became = {status: counts.get(status, 0) for status in BECAME}
    return ImportOut(
        **_listed(imported),
        sha256=imported.sha256.hex(),
        size_bytes=imported.size_bytes,
        encoding=reading.get("encoding"),
        dialect=reading.get("dialect"),
        sheet=reading.get("sheet"),
        sheets=reading.get("sheets", []),
        header_line=reading["header"]["line"],
        header_why=reading["header"]["why"],
        columns=[_column(column) for column in imported.columns],
        questions=_questions(imported),
        source=frame.source,
        currency=frame.currency,
        observed_on=frame.observed_on,
        owner_agent_id=frame.owner_agent_id,
        remembered=reading.get("remembered", False),
        counts={"read": imported.records, **became},
        adds_up=imported.records == sum(became.values()),
        ignored=dict(ignored),
        unknown_columns=[column["header"] for column in imported.columns if column["target"] is None],
        undo=UndoneOut(**{name: undone.get(name, 0) for name in UndoneOut.model_fields}),
        undo_until=_undo_until(imported),
    )


def _undo_until(imported: Import) -> dt.datetime | None:
    days = get_settings().retention_imports_days
    return imported.created_at + dt.timedelta(days=days) if days and imported.state == "committed" else None


def _column(column: Json) -> ColumnOut:
    rules = column["rules"] or {}
    days = rules.get("days") or {}
    decided = {name: rules.get(name) for name in ("decimal", "region", "unit", "percent", "currency")}
    decided["times"] = times if (times := rules.get("times", 1)) > 1 else None
    decided["date_order"] = days.get("order")
    decided["day_numbers"] = "spreadsheet" if days.get("serials") else None
    own = {name: column[name] for name in ColumnOut.model_fields.keys() - {"decided"}}
    return ColumnOut(**own, decided={name: value for name, value in decided.items() if value is not None})


def _questions(imported: Import) -> list[QuestionOut]:
    asked = [question for column in imported.columns for question in column["questions"]]
    return [QuestionOut.model_validate(question) for question in [*imported.reading.get("questions", []), *asked]]


def open_questions(imported: Import) -> tuple[FieldProblem, ...]:
    """Return the questions of an import as problems with a mapping that lacks the answers."""
    return tuple(
        FieldProblem(_place(question), f"Say this of {question.header or 'the file'} first.")
        for question in _questions(imported)
    )


def _place(question: QuestionOut) -> str:
    return question.question if question.column is None else f"columns.{question.column}.{question.question}"


def row_out(row: ImportRow) -> RowOut:
    """Return one row."""
    names = ("line", "status", "reason", "cells", "problems", "record_id", "undone")
    raw = None if row.raw is None else row.raw.decode(errors="backslashreplace")
    return RowOut(**{name: getattr(row, name) for name in names}, raw=raw)
