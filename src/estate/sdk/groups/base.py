"""What the groups of calls share: how one asks, lists, sends and loads."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID

from pydantic import BaseModel

from estate.sdk.loading import LoadReport, Progress, Row, load
from estate.sdk.models.base import Page
from estate.sdk.models.house import IngestAnswer
from estate.sdk.pages import Pages
from estate.sdk.transport import NDJSON, Call, Transport, parsed, to_body

M = TypeVar("M", bound=BaseModel)

Id = UUID | str
Rows = Row | Iterable[Row]
"""One row, or several. What is wrong with a row the API says: it keeps the row and the reason."""
Many = Iterable[Row | bytes]
"""Rows, or lines of NDJSON as they stand."""


class Group:
    """Calls whose paths begin alike."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _get(self, model: type[M], path: str, **params: Any) -> M:
        return parsed(model, self._transport.send(Call("GET", path, params)))

    def _pages(self, item: type[M], path: str, *, cursor: str | None, **params: Any) -> Pages[M]:
        page = Page[item]  # type: ignore[valid-type]
        return Pages(lambda at: self._get(page, path, cursor=at, **params), cursor)

    def _post(self, model: type[M], path: str, body: object, key: str | None) -> M:
        return parsed(model, self._transport.send(posted(path, body, key)))

    def _ingest(self, path: str, rows: Rows, key: str | None) -> IngestAnswer:
        return self._post(IngestAnswer, path, rows if isinstance(rows, Mapping) else list(rows), key)

    def _load(self, path: str, rows: Many, progress: Progress | None) -> LoadReport:
        def send(lines: bytes) -> IngestAnswer:
            call = Call("POST", path, {}, lines, NDJSON, key=new_key())
            return parsed(IngestAnswer, self._transport.send(call))

        return load(send, rows, progress)


def new_key() -> str:
    """Return an Idempotency-Key that nobody used before."""
    return str(uuid.uuid4())


def posted(path: str, body: object, key: str | None) -> Call:
    """Return a POST that may be repeated: with the caller's Idempotency-Key, else with one of its own."""
    return Call("POST", path, {}, to_body(body), key=key or new_key())


def segment(value: Id) -> str:
    """Write an id as one segment of a path, whatever it holds."""
    return quote(str(value), safe="")
