"""Reads the bytes of a file into rows, each with its line; what holds no record is told apart and kept."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from estate.core.errors import Invalid, TooLarge
from estate.core.settings import Settings, get_settings
from estate.intake.analytics.cells import Cell, Record, normal
from estate.intake.analytics.delimited import Dialect, records, sniff
from estate.intake.analytics.encodings import Encoding, decode, detect
from estate.intake.analytics.header import Header, find_header, no_record
from estate.intake.analytics.rows import shaped
from estate.intake.analytics.workbook import is_workbook, open_workbook

__all__ = ["FileRow", "Table", "read_file"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FileRow:
    """One record of a file.

    Parameters
    ----------
    ignored : str or None
        Why it holds no record.
    refusal : str or None
        Why its cells cannot be told apart.
    """

    line: int
    cells: tuple[Cell, ...]
    raw: bytes | None = None
    ignored: str | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A file as rows below named columns.

    Parameters
    ----------
    reading : dict
        What was found: encoding, dialect, sheets, header, names.
    rows : sequence of FileRow
        Every record but the header.
    """

    reading: Json
    rows: Sequence[FileRow]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.reading["names"])

    @property
    def fingerprint(self) -> str:
        """What files of the same layout share, as hexadecimal digits."""
        return hashlib.sha256("\x1f".join(map(normal, self.names)).encode()).hexdigest()


def read_file(raw: bytes, stated: Mapping[str, Any]) -> Table:
    """Read a file.

    Parameters
    ----------
    stated : mapping
        What a person said instead of what is found: ``encoding``, ``delimiter``, ``sheet``, ``header_line``.

    Raises
    ------
    Invalid
        When it holds nothing.
    BadRequest, TooLarge
        When it cannot be read, or is more than the limits.
    """
    if not raw.strip():
        raise Invalid("The file is empty.")
    found, read = _workbook(raw, stated) if is_workbook(raw) else _text(raw, stated)
    read = _within_limits(read, get_settings())
    if not any(record.cells for record in read):
        raise Invalid("The file is empty.")
    header = find_header(read, stated.get("header_line"))
    rows = [_row(record, header) for record in read if not header.line or record.line != header.line]
    return Table(found | {"names": list(header.names), "header": {"line": header.line, "why": header.why}}, rows)


def _within_limits(read: Iterable[Record], settings: Settings) -> list[Record]:
    """Return the records of a file that is not larger than the limits."""
    records: list[Record] = []
    cells = 0
    for record in read:
        cells += len(record.cells)
        if len(records) == settings.import_max_rows:
            raise TooLarge(f"A file takes at most {settings.import_max_rows} records; split it.")
        if cells > settings.import_max_cells:
            raise TooLarge(f"A file takes at most {settings.import_max_cells} cells; split it.")
        records.append(_narrow(record, settings.import_max_columns))
    return records


def _narrow(record: Record, max_columns: int) -> Record:
    """Return a record without the empty cells behind the last column that there may be."""
    if len(record.cells) <= max_columns:
        return record
    if any(cell not in ("", None) for cell in record.cells[max_columns:]):
        raise TooLarge(f"A file takes at most {max_columns} columns; line {record.line} has more.")
    return replace(record, cells=record.cells[:max_columns])


def _row(record: Record, header: Header) -> FileRow:
    if record.refusal is None and (ignored := no_record(record, header)) is not None:
        return FileRow(record.line, record.cells, record.raw, ignored)
    cells, refusal = shaped(record, len(header.names))
    return FileRow(record.line, cells, record.raw, None, refusal)


def _text(raw: bytes, stated: Mapping[str, Any]) -> tuple[Json, Iterable[Record]]:
    encoding = detect(raw)
    if stated.get("encoding"):
        encoding = Encoding(stated["encoding"], True, "Somebody said so.")
    text = decode(raw, encoding.name)
    dialect = sniff(text)
    if stated.get("delimiter"):
        dialect = Dialect(stated["delimiter"], dialect.quote, "Somebody said so.")
    found = {
        "encoding": {"name": encoding.name, "sure": encoding.sure, "why": encoding.why},
        "dialect": {"delimiter": dialect.delimiter, "quote": dialect.quote, "why": dialect.why},
    }
    return found, records(text, encoding.name, dialect)


def _workbook(raw: bytes, stated: Mapping[str, Any]) -> tuple[Json, Iterable[Record]]:
    settings = get_settings()
    book = open_workbook(
        raw,
        stated.get("sheet"),
        max_cells=settings.import_max_cells,
        max_bytes=settings.import_max_unpacked_bytes,
    )
    return {"sheets": list(book.sheets), "sheet": book.sheet}, book.records
