"""Reads NDJSON line by line, and unpacks gzip without being blown up."""

import zlib
from collections.abc import Iterable, Iterator

from estate.core import strict_json
from estate.core.errors import BadRequest, TooLarge
from estate.core.ingest import SourceRow

__all__ = ["inflate", "read_lines"]

GZIP = 16 + zlib.MAX_WBITS


def read_lines(lines: Iterable[bytes], *, first: int = 0) -> Iterator[SourceRow]:
    """Yield one row a line; a line that is not strict JSON is a refused row with its bytes, a blank one is nothing.

    Parameters
    ----------
    lines : iterable of bytes
        With or without their ends.
    first : int
        Number of the first row.
    """
    for number, line in enumerate(filter(None, map(bytes.strip, lines)), start=first):
        try:
            yield SourceRow(number, strict_json.parse(line), line)
        except (BadRequest, TooLarge) as error:
            yield SourceRow(number, None, line, error.message.replace("The body", "The line"))


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
