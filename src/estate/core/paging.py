"""Keyset pages: a cursor names the last row seen, so that pages stay right while rows arrive."""

import base64
import binascii
import datetime as dt
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Select, func, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql import sqltypes

from estate.core.errors import BadRequest

__all__ = ["CountOut", "Key", "Page", "PageOut", "count_rows", "fetch_page"]

T = TypeVar("T")
Column = ColumnElement[Any] | InstrumentedAttribute[Any]


@dataclass(frozen=True, slots=True)
class Key:
    """The columns that order a list; together they are unique."""

    columns: tuple[Column, ...]
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list and where to go on."""

    items: Sequence[T]
    next_cursor: str | None


class PageOut(BaseModel, Generic[T]):
    """A list answer."""

    items: list[T]
    next_cursor: str | None = Field(None, description="Send it as `cursor` for the next page; null at the end.")


class CountOut(BaseModel):
    """How long a list is."""

    count: int = Field(description="Items of all pages together, as far as the caller may see them.")


def count_rows(session: Session, query: Select[Any]) -> int:
    """Return how many rows a query has, without reading what it selects."""
    counted = query.with_only_columns(func.count(), maintain_column_froms=True).order_by(None)
    return session.execute(counted).scalar_one()


def fetch_page(session: Session, query: Select[Any], key: Key, *, cursor: str | None, limit: int) -> Page[Any]:
    """Return one page of a query, in the order of its key.

    Raises
    ------
    BadRequest
        When the cursor was not made for this list.
    """
    order = [column.desc() if key.descending else column.asc() for column in key.columns]
    if cursor is not None:
        after = tuple_(*key.columns)
        values = tuple_(*_decode(cursor, key.columns))
        query = query.where(after < values if key.descending else after > values)
    rows = session.execute(query.add_columns(*key.columns).order_by(*order).limit(limit + 1)).all()
    width = len(key.columns)
    more = rows[limit - 1][-width:] if len(rows) > limit else None
    return Page([row[0] for row in rows[:limit]], _encode(more) if more else None)


def _encode(values: Sequence[Any]) -> str:
    raw = json.dumps([None if v is None else str(v) for v in values], separators=(",", ":"))
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def _finite(value: str) -> Decimal:
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError("not a finite number")
    return number


_PARSERS: dict[type[Any], Callable[[str], Any]] = {
    sqltypes.Uuid: uuid.UUID,
    sqltypes.DateTime: dt.datetime.fromisoformat,
    sqltypes.Date: dt.date.fromisoformat,
    sqltypes.Integer: int,
    sqltypes.Numeric: _finite,
    sqltypes.Text: str,
}


def _decode(cursor: str, columns: Sequence[Column]) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return [_parse(value, column) for value, column in zip(values, columns, strict=True)]
    except (ValueError, TypeError, InvalidOperation, binascii.Error, UnicodeError) as error:
        raise BadRequest("`cursor` is not one that this list gave out.") from error


def _parse(value: object, column: Column) -> Any:
    if not isinstance(value, str) or "\x00" in value:
        raise TypeError("cursor parts are text")
    value.encode()  # Half of a pair of surrogates is no text.
    for kind, parse in _PARSERS.items():
        if isinstance(column.type, kind):
            return parse(value)
    raise TypeError(f"no cursor for {column.type}")
