"""The one body reader of every POST: media type, size while streaming, then strict JSON."""

from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from estate.core import strict_json
from estate.core.errors import FieldProblem, Invalid, TooLarge, UnsupportedMediaType
from estate.core.ingest import SourceRow
from estate.core.problems import field_problems
from estate.core.settings import get_settings

__all__ = ["Body", "JsonBody"]

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A body that was read: its bytes and what they say."""

    raw: bytes
    value: Any

    @property
    def is_batch(self) -> bool:
        """Whether the body is a JSON array."""
        return isinstance(self.value, list)

    def rows(self) -> list[SourceRow]:
        """Return the items of an array, or the one object.

        Raises
        ------
        TooLarge
            When the array has more items than the limit.
        """
        items = self.value if isinstance(self.value, list) else [self.value]
        limit = get_settings().batch_max_items
        if len(items) > limit:
            raise TooLarge(f"A batch takes at most {limit} items; send several.")
        return [SourceRow(i, item) for i, item in enumerate(items)]

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
            raise Invalid("The body was refused.", problems=field_problems(error)) from None


async def read_body(request: Request) -> JsonBody:
    """Read and parse the body of a POST.

    Raises
    ------
    UnsupportedMediaType
        When it is not plain JSON.
    TooLarge
        As soon as more bytes came than the limit.
    BadRequest
        When it is not strict JSON.
    """
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media_type.strip().lower() != "application/json" or charset not in ("", "utf-8"):
        raise UnsupportedMediaType("Send `Content-Type: application/json` in UTF-8.")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType("Encoded bodies are not read; send plain JSON.")
    raw = await _receive(request, get_settings().body_max_bytes)
    return JsonBody(raw, await run_in_threadpool(strict_json.parse, raw))


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


Body = Annotated[JsonBody, Depends(read_body)]
