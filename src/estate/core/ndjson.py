"""Reads NDJSON line by line, and unpacks gzip without being blown up."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

from estate.core import strict_json
from estate.core.errors import BadRequest, TooLarge
from estate.core.ingest import SourceRow

__all__ = ["LinesOfFile", "inflate", "read_file", "read_lines"]

GZIP = 16 + zlib.MAX_WBITS


def read_lines(lines: Iterable[bytes]) -> Iterator[SourceRow]:
    """Yield one row a line of a body, counted from 0; a blank line is no row.

    Parameters
    ----------
    lines : iterable of bytes
        With or without their ends.
    """
    return map(_row, count(), filter(None, map(bytes.strip, lines)))


def read_file(lines: Iterable[bytes]) -> Iterator[SourceRow]:
    """Yield one row a line of a file, with the number of its line counted from 1; a blank line is no row."""
    return (_row(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip())


def _row(number: int, line: bytes) -> SourceRow:
    """Return the row of a line; one that is not strict JSON is refused with its bytes."""
    try:
        return SourceRow(number, strict_json.parse(line), line)
    except (BadRequest, TooLarge) as error:
        return SourceRow(number, None, line, error.message.replace("The body", "The line"))


class LinesOfFile:
    """The lines of a file, plain or packed with gzip; where the packing breaks they end, and `is_whole` says so."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_whole = True

    def __iter__(self) -> Iterator[bytes]:
        try:
            with gzip.open(self.path) if self.path.suffix == ".gz" else self.path.open("rb") as file:
                yield from file
        except (EOFError, zlib.error, gzip.BadGzipFile):
            self.is_whole = False


def inflate(packed: bytes, limit: int) -> bytes:
    """Unpack gzip, one member or several.

    Parameters
    ----------
    packed : bytes
        The whole of it.
    limit : int
        The most bytes that may come out; not one more is made.

    Raises
    ------
    TooLarge
        When more would come out.
    BadRequest
        When it is not gzip, or is cut off.
    """
    out = bytearray()
    while packed:
        member = zlib.decompressobj(GZIP)
        try:
            out += member.decompress(packed, limit - len(out) + 1)
        except zlib.error:
            raise BadRequest("The body is not gzip.") from None
        if len(out) > limit:
            raise TooLarge(f"The body takes at most {limit} bytes unpacked.")
        if not member.eof:
            raise BadRequest("The gzip body ends too early.")
        packed = member.unused_data
    return bytes(out)
