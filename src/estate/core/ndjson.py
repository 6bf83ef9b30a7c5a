"""Reads NDJSON line by line, and unpacks gzip without being blown up."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

from estate.core import strict_json
from estate.core.errors import BadRequest, TooLarge
from estate.core.ingest import SourceRow

__all__ = ["MAX_MEMBERS", "LinesOfFile", "inflate", "read_file", "read_lines"]

GZIP = 16 + zlib.MAX_WBITS
PIECE_BYTES = 4_096
MAX_MEMBERS = 10_000
"""Tools write one, or one for each file or block; each costs work, and may yield nothing."""


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
        When more would come out, or it has more than `MAX_MEMBERS`.
    BadRequest
        When it is not gzip, or is cut off.
    """
    view, out, at = memoryview(packed), bytearray(), 0
    for _ in range(MAX_MEMBERS):
        if at == len(view):
            return bytes(out)
        at = _inflate_member(view, at, out, limit)
    if at < len(view):
        raise TooLarge(f"A gzip body has at most {MAX_MEMBERS} members; pack it as one.")
    return bytes(out)


def _inflate_member(packed: memoryview, at: int, out: bytearray, limit: int) -> int:
    """Unpack the member that starts at a byte, and return where it ends.

    It is fed piece by piece, since zlib copies what is left of its input behind the end of each member.
    """
    member = zlib.decompressobj(GZIP)
    while not member.eof:
        piece = packed[at : at + PIECE_BYTES]
        if not piece:
            raise BadRequest("The gzip body ends too early.")
        try:
            out += member.decompress(piece, limit - len(out) + 1)
        except zlib.error:
            raise BadRequest("The body is not gzip.") from None
        if len(out) > limit:
            raise TooLarge(f"The body takes at most {limit} bytes unpacked.")
        at += len(piece) - len(member.unused_data)
    return at
