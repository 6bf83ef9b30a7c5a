"""What the API tells of files that people bring."""

import datetime as dt
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime

from estate.sdk.models.base import Model, Open


class Option(Model):
    """One answer to a question."""

    value: str
    meaning: str


class Question(Model):
    """What a column leaves open."""

    column: int | None
    header: str | None
    target: str | None
    question: str
    options: tuple[Option, ...]
    rows: int


class Column(Model):
    """One column: to which field it is brought and how its values are read."""

    column: int
    header: str
    target: str | None
    confidence: float
    why: str
    filled: int
    decided: dict[str, Any]
    decided_by: dict[str, str]
    bad_values: Open[Literal["refuse", "empty"]]


class Undone(Model):
    """How far an import is taken back, in records."""

    waiting: int
    restored: int
    removed: int
    kept: int


class ImportListed(Model):
    """One import in a list."""

    import_id: UUID
    filename: str
    state: Open[Literal["read", "committing", "committed", "undoing", "undone"]]
    kind: str | None
    created_by: str
    created_at: AwareDatetime
    committed_at: AwareDatetime | None
    undone_at: AwareDatetime | None


class Import(ImportListed):
    """One import: what was found in the file, what is to be answered, and what became of its rows."""

    sha256: str
    size_bytes: int
    encoding: dict[str, Any] | None
    dialect: dict[str, Any] | None
    sheet: str | None
    sheets: tuple[str, ...]
    header_line: int
    header_why: str
    columns: tuple[Column, ...]
    questions: tuple[Question, ...]
    source: str
    currency: str
    observed_on: dt.date | None
    owner_agent_id: UUID | None
    remembered: bool
    counts: dict[str, int]
    adds_up: bool
    ignored: dict[str, int]
    unknown_columns: tuple[str, ...]
    undo: Undone
    undo_until: AwareDatetime | None


class CellProblem(Model):
    """What is wrong with one cell of a row."""

    column: str | None
    field: str | None
    message: str


class ImportRow(Model):
    """One row of a file and what became of it."""

    line: int
    status: Open[Literal["waiting", "created", "updated", "unchanged", "rejected", "ignored"]]
    reason: str | None
    cells: tuple[Any, ...]
    raw: str | None
    problems: tuple[CellProblem, ...]
    record_id: str | None
    undone: str | None
