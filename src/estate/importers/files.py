"""Reads CSV files of any origin without losing a line: each row keeps its number and its bytes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from estate.core.errors import Invalid
from estate.intake.analytics.cells import Record
from estate.intake.analytics.delimited import Dialect, records_of

__all__ = ["CsvRow", "count_lines", "read_csv"]

ENCODING = "utf-8-sig"  # Spreadsheets put a byte order mark before the first column.
DIALECT = Dialect(",", '"', "Files of the public kinds are written like this.")


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One record of a file.

    Parameters
    ----------
    number : int
        Line that the record starts on, counted from 1.
    raw : bytes
        Its bytes, line breaks included.
    fields : dict
        Column to text, stripped.
    refusal : str or None
        Why the line cannot be read as a record.
    """

    number: int
    raw: bytes
    fields: dict[str, str]
    refusal: str | None = None


def read_csv(path: Path, required: Sequence[str]) -> Iterator[CsvRow]:
    """Yield the records of a CSV file with a header line.

    Raises
    ------
    Invalid
        When the file lacks a required column.
    """
    with path.open(encoding=ENCODING, errors="surrogateescape", newline="") as file:
        records = records_of(file, "utf-8", DIALECT)
        first = next(records, None)
        header = [str(name).strip() for name in first.cells] if first is not None else []
        missing = [name for name in required if name not in header]
        if missing:
            raise Invalid(f"{path.name} has no column {', '.join(missing)}.")
        for record in records:
            if record.cells != ("",):
                yield _row(record, header)


def _row(record: Record, header: Sequence[str]) -> CsvRow:
    number, raw, cells = record.line, record.raw or b"", [str(cell).strip() for cell in record.cells]
    if record.refusal is not None:
        return CsvRow(number, raw, {}, record.refusal)
    if len(cells) != len(header):
        return CsvRow(number, raw, {}, f"has {len(cells)} columns, the header {len(header)}")
    return CsvRow(number, raw, dict(zip(header, cells, strict=True)))


def count_lines(path: Path) -> int:
    """Count the lines of a file, for a progress bar."""
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
