"""The one body reader of every POST: media type, size while streaming and unpacking, then JSON, NDJSON or a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from estate.core import strict_json
from estate.core.errors import BadRequest, FieldProblem, Invalid, TooLarge, UnsupportedMediaType
from estate.core.ingest import SourceRow
from estate.core.ndjson import inflate, read_lines
from estate.core.problems import field_problems
from estate.core.settings import get_settings

__all__ = ["FILE_TYPES", "JsonBody", "read_body", "read_body_within", "read_file"]

M = TypeVar("M", bound=BaseModel)
JSON, NDJSON = "application/json", "application/x-ndjson"
FILE_TYPES = (
    "text/csv",
    "text/plain",
    "text/tab-separated-values",
    "application/octet-stream",
    "application/vnd.ms-excel",  # What some browsers call a CSV file.
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
)
INLINE_BYTES = 16_384  # Parsed in less time than a hop to another thread and back takes.


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A body that was read: its bytes, unpacked, and what they say; NDJSON says one row a line."""

    raw: bytes
    value: Any
    lines: tuple[SourceRow, ...] | None = None

    @property
    def is_batch(self) -> bool:
        """Whether the body is a JSON array or NDJSON."""
        return self.lines is not None or isinstance(self.value, list)

    def rows(self) -> list[SourceRow]:
        """Return the lines, the items of an array, or the one object.

        Raises
        ------
        TooLarge
            When there are more than the limit.
        """
        if self.lines is not None:
            rows = list(self.lines)
        elif isinstance(self.value, list):
            rows = [SourceRow(i, item) for i, item in enumerate(self.value)]
        else:
            rows = [SourceRow(0, self.value, self.raw)]
        limit = get_settings().batch_max_items
        if len(rows) > limit:
            raise TooLarge(f"A batch takes at most {limit} items; send several.")
        return rows

    def one(self, model: type[M]) -> M:
        """Validate the one object of the body.

        Raises
        ------
        Invalid
            When it is not an object or a field is refused; the problems name the fields.
        """
        if not isinstance(self.value, dict):
            raise Invalid("The body must be one JSON object.", problems=(FieldProblem("", "must be an object"),))
        unsafe = tuple(strict_json.scan(self.value))
        if unsafe:
            raise Invalid("The body holds characters or numbers that cannot be stored.", problems=unsafe)
        try:
            return model.model_validate(self.value)
        except ValidationError as error:
            raise Invalid(
                "The body was refused.", problems=field_problems(error, limit=get_settings().problems_max_items)
            ) from None


async def read_body(request: Request) -> JsonBody:
    """Read, unpack and parse the body of a POST, of at most the size that is set; see `read_body_within`."""
    return await read_body_within(request, get_settings().body_max_bytes)


async def read_body_within(request: Request, max_bytes: int) -> JsonBody:
    """Read, unpack and parse the body of a POST.

    Parameters
    ----------
    max_bytes : int
        The most bytes that it may have, packed and unpacked.

    Raises
    ------
    UnsupportedMediaType
        When it is neither JSON nor NDJSON, or packed otherwise than with gzip.
    TooLarge
        As soon as more bytes came, or were unpacked, than the limit.
    BadRequest
        When it is not strict JSON; a bad line of NDJSON is refused by itself.
    """
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    media_type = media_type.strip().lower()
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media_type not in (JSON, NDJSON) or charset not in ("", "utf-8"):
        raise UnsupportedMediaType(f"Send `Content-Type: {JSON}` or `{NDJSON}` in UTF-8.")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise UnsupportedMediaType("A body comes plain or with `Content-Encoding: gzip`.")
    raw = await _receive(request, max_bytes)
    if len(raw) <= INLINE_BYTES and encoding == "identity":
        return _read(raw, media_type)
    return await run_in_threadpool(_unpack_and_read, raw, media_type, encoding, max_bytes)


async def read_file(request: Request) -> JsonBody:
    """Read a body that is a file, byte by byte as it is; what it says is found out later.

    Raises
    ------
    UnsupportedMediaType
        When it is no table: neither text nor a workbook, or packed.
    TooLarge
        As soon as more bytes came than the limit.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (
        media_type not in FILE_TYPES
        or request.headers.get("content-encoding", "identity").strip().lower() != "identity"
    ):
        raise UnsupportedMediaType(f"Send the file as it is, as one of {', '.join(FILE_TYPES)}.")
    return JsonBody(await _receive(request, get_settings().import_max_bytes), None)


async def _receive(request: Request, limit: int) -> bytes:
    too_large = TooLarge(f"The body takes at most {limit} bytes.")
    if int(request.headers.get("content-length", "0")) > limit:
        raise too_large
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > limit:
            raise too_large
    return bytes(chunks)


def _unpack_and_read(raw: bytes, media_type: str, encoding: str, limit: int) -> JsonBody:
    return _read(inflate(raw, limit) if encoding == "gzip" else raw, media_type)


def _read(raw: bytes, media_type: str) -> JsonBody:
    if media_type == NDJSON:
        return JsonBody(raw, None, tuple(_lines(raw)))
    value = strict_json.parse(raw)
    if not isinstance(value, dict | list):
        raise BadRequest("Send a JSON object, or an array of them where a batch is taken.")
    return JsonBody(raw, value)


def _lines(raw: bytes) -> Iterator[SourceRow]:
    limit = get_settings().batch_max_items
    if raw.count(b"\n") > 2 * limit:
        raise TooLarge(f"A batch takes at most {limit} items; send several.")
    return read_lines(raw.split(b"\n"))
