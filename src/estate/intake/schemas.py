"""What the imports take and give."""

import datetime as dt
import uuid
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from estate.core.types import Currency, Name, Number, QueryLimit, Schema, SchemaOut, ShortText, Uuid
from estate.intake.analytics.phones import REGIONS
from estate.intake.analytics.targets import Kind
from estate.market.schemas import ObservedDay

__all__ = [
    "CellProblemOut",
    "ColumnIn",
    "ColumnOut",
    "FixIn",
    "ImportFilter",
    "ImportListed",
    "ImportOut",
    "ImportUpload",
    "MappingIn",
    "OptionOut",
    "QuestionOut",
    "RowFilter",
    "RowOut",
    "UndoneOut",
]

State = Literal["read", "committing", "committed", "undoing", "undone"]
RowStatus = Literal["waiting", "created", "updated", "unchanged", "rejected", "ignored"]
EncodingName = Literal["utf-8", "utf-16-le", "utf-16-be", "cp1256", "cp1252"]
Delimiter = Literal[",", ";", "\t", "|"]
Region = Annotated[
    str, StringConstraints(strict=True, pattern=f"^({'|'.join(REGIONS)})$"), Field(description="ISO 3166 country.")
]
Place = Annotated[int, Field(strict=True, ge=0, le=16_383)]
LineNumber = Annotated[int, Field(strict=True, ge=0, le=2_000_000)]
CellText = Annotated[str, StringConstraints(strict=True, max_length=32_767)]
WholeCell = Annotated[int, Field(strict=True, ge=-(2**53), le=2**53)]
MAX_COLUMNS = 1_000


class ImportUpload(Schema):
    """What is said of a file that is brought."""

    filename: ShortText
    kind: Kind | None = Field(None, description="What its records are; by default it is found out, or asked.")


class ImportFilter(Schema):
    """Which imports to list."""

    state: State | None = None
    kind: Kind | None = None
    cursor: ShortText | None = None
    limit: QueryLimit = 50


class RowFilter(Schema):
    """Which rows of an import to list."""

    status: RowStatus | None = None
    cursor: ShortText | None = None
    limit: QueryLimit = 50


class ColumnIn(Schema):
    """What is said of one column; a field that is absent is decided from its values."""

    column: Place = Field(description="Its place, counted from 0.")
    target: Name | None = Field(None, description="Field that it is brought to; null to none.")
    decimal: Literal[".", ","] | None = Field(None, description="Its decimal mark.")
    date_order: Literal["dmy", "mdy"] | None = None
    day_numbers: Literal["spreadsheet", "refuse"] | None = Field(
        None, description="What a number of five digits is in a column of days."
    )
    region: Region | None = Field(None, description="Country of telephone numbers without a country code.")
    unit: Literal["sqm", "sqft", "seconds", "minutes", "hours"] | None = None
    percent: Literal["hundred", "one"] | None = Field(
        None, description="Whether its shares are of a hundred or of one: 50 or 0.5 for a half."
    )
    bad_values: Literal["refuse", "empty"] | None = Field(
        None, description="`empty`: a cell that cannot be read leaves the field empty; by default its row is rejected."
    )


class MappingIn(Schema):
    """What is said of a file. What is absent stays as it was said before, null takes it back."""

    kind: Kind | None = None
    encoding: EncodingName | None = None
    delimiter: Delimiter | None = None
    sheet: ShortText | None = Field(None, description="Sheet of a workbook.")
    header_line: LineNumber | None = Field(None, description="Line of the header; 0: there is none.")
    source: Name | None = Field(
        None, description="Where the records come from: their codes are ids within it. By default one a header."
    )
    currency: Currency | None = Field(None, description="Of amounts that name none; by default the platform's.")
    observed_on: ObservedDay | None = Field(
        None, description="Day of market snapshots whose file has no column for it."
    )
    owner_agent_id: Uuid | None = Field(None, description="Agent of new clients whose file has no column for it.")
    columns: list[ColumnIn] | None = Field(
        None, max_length=MAX_COLUMNS, description="The columns that are named; the others stay as they were."
    )


class FixIn(Schema):
    """A row as it should have been."""

    cells: list[CellText | WholeCell | Number | bool | None] = Field(
        max_length=MAX_COLUMNS, description="All cells of the row, one a column."
    )


class OptionOut(SchemaOut):
    """One answer to a question."""

    value: str
    meaning: str


class QuestionOut(SchemaOut):
    """What a column leaves open; it is answered in `columns` of the mapping, under the name of the question."""

    column: int | None = Field(description="Place of the column; null where the question is about the file.")
    header: str | None
    target: str | None
    question: str
    options: list[OptionOut] = Field(description="Empty where any value will do.")
    rows: int = Field(description="Rows that hang on it.")


class ColumnOut(SchemaOut):
    """One column: to which field it is brought and how its values are read."""

    column: int
    header: str
    target: str | None
    confidence: float = Field(description="0 to 1; 1 is what somebody said.")
    why: str
    filled: int = Field(description="Cells that say something.")
    decided: dict[str, Any] = Field(
        description="How its values are read: decimal mark, order of days, country, unit, magnitude."
    )
    decided_by: dict[str, str] = Field(description="Of each of these, what decided it.")
    bad_values: Literal["refuse", "empty"]


class UndoneOut(SchemaOut):
    """How far an import is taken back, in records."""

    waiting: int
    restored: int
    removed: int
    kept: int = Field(description="Changed since by somebody else, or referred to; their rows say so.")


class ImportListed(SchemaOut):
    """One import in a list."""

    import_id: uuid.UUID
    filename: str
    state: State
    kind: Kind | None
    created_by: str
    created_at: dt.datetime
    committed_at: dt.datetime | None
    undone_at: dt.datetime | None


class ImportOut(ImportListed):
    """One import: what was found in the file, what is to be answered, and what became of its rows."""

    sha256: str
    size_bytes: int
    encoding: dict[str, Any] | None = Field(description="`name`, whether it is `sure`, and `why`; null for a workbook.")
    dialect: dict[str, Any] | None = Field(description="`delimiter`, `quote` and `why`; null for a workbook.")
    sheet: str | None
    sheets: list[str]
    header_line: int = Field(description="0: there is none.")
    header_why: str
    columns: list[ColumnOut]
    questions: list[QuestionOut] = Field(description="To be answered before the commit.")
    source: str
    currency: str = Field(description="Of amounts that name none.")
    observed_on: dt.date | None
    owner_agent_id: uuid.UUID | None
    remembered: bool = Field(description="Whether what was said of an earlier file with this header was taken over.")
    counts: dict[str, int] = Field(
        description="`read` by the reader of the file, and its rows by what became of them: waiting, created, updated, "
        "unchanged, rejected, ignored."
    )
    adds_up: bool = Field(description="Whether these sum to `read`.")
    ignored: dict[str, int] = Field(description="Rows that hold no record, by reason.")
    unknown_columns: list[str] = Field(description="Columns that are brought to no field; kept with the rows.")
    undo: UndoneOut
    undo_until: dt.datetime | None = Field(description="Null: for good, or nothing was taken yet.")


class CellProblemOut(SchemaOut):
    """What is wrong with one cell of a row."""

    column: str | None = Field(description="Its header; null for the row as a whole.")
    field: str | None = Field(description="The field that it was read for.")
    message: str


class RowOut(SchemaOut):
    """One row of a file and what became of it."""

    line: int = Field(description="Where it starts in the file, counted from 1.")
    status: RowStatus
    reason: str | None
    cells: list[Any]
    raw: str | None = Field(description="Its bytes; those that are not UTF-8 are escaped. Null for a workbook.")
    problems: list[CellProblemOut]
    record_id: str | None = Field(description="The record that it is.")
    undone: str | None = Field(description="`back`, or why its record was kept.")
