"""Reads CSV files of any origin without losing a line: each row keeps its number and its bytes."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from estate.core.errors import Invalid

__all__ = ["CsvRow", "count_lines", "read_csv"]

ENCODING = "utf-8-sig"  # Spreadsheets put a byte order mark before the first column.


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


class _Remembering:
    """Hands lines to the CSV reader and remembers those of the current record."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines = lines
        self.taken: list[str] = []

    def __iter__(self) -> "_Remembering":
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        self.taken.append(line)
        return line

    def release(self) -> bytes:
        raw = "".join(self.taken).encode("utf-8", "surrogateescape")
        self.taken.clear()
        return raw


def read_csv(path: Path, required: Sequence[str]) -> Iterator[CsvRow]:
    """Yield the records of a CSV file with a header line.

    Raises
    ------
    Invalid
        When the file lacks a required column.
    """
    with path.open(encoding=ENCODING, errors="surrogateescape", newline="") as file:
        lines = _Remembering(iter(file))
        reader = csv.reader(lines)
        header = [name.strip() for name in next(reader, [])]
        missing = [name for name in required if name not in header]
        if missing:
            raise Invalid(f"{path.name} has no column {', '.join(missing)}.")
        lines.release()
        number = reader.line_num + 1
        for values in reader:
            raw = lines.release()
            if values:
                yield _row(number, raw, header, values)
            number = reader.line_num + 1


def _row(number: int, raw: bytes, header: Sequence[str], values: Sequence[str]) -> CsvRow:
    if len(values) != len(header):
        return CsvRow(number, raw, {}, f"has {len(values)} columns, the header {len(header)}")
    try:
        raw.decode()
    except UnicodeDecodeError:
        return CsvRow(number, raw, {}, "is not valid UTF-8")
    return CsvRow(number, raw, dict(zip(header, map(str.strip, values), strict=True)))


def count_lines(path: Path) -> int:
    """Count the lines of a file, for a progress bar."""
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
