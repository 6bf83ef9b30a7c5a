"""Reads the rows that were refused, and remembers which of them were taken at a second attempt."""

import datetime as dt
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from pydantic import Field
from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session, defer

from estate.core.models import RejectedRow
from estate.core.paging import Key, Page, fetch_page
from estate.core.types import Name, QueryLimit, Schema, SchemaOut, Uuid

__all__ = [
    "RejectedFilter",
    "RejectedOut",
    "Waiting",
    "count_waiting",
    "forget_refusals",
    "list_rejected",
    "mark_replayed",
    "waiting",
]

MOST_SHOWN_BYTES = 65_536
"""A row may be as large as a body; a list of whole ones would be gigabytes."""

Layer = Literal["market", "agent", "client", "property", "behavior"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """One refused row that was not replayed yet."""

    rejected_id: int
    layer: str
    row_number: int
    raw: bytes
    received_at: dt.datetime


class RejectedFilter(Schema):
    """Which refused rows to list."""

    layer: Layer | None = None
    batch_id: Uuid | None = None
    cursor: Name | None = None
    limit: QueryLimit = 50


class RejectedOut(SchemaOut):
    """One refused row."""

    rejected_id: int
    batch_id: uuid.UUID
    layer: str
    row_number: int = Field(description="Position in the batch, or line number in the file.")
    status: str
    reason: str
    raw: str = Field(
        description=f"The row as it came, its first {MOST_SHOWN_BYTES:,} bytes; those that are not UTF-8 are escaped."
    )
    raw_bytes: int = Field(description="How many bytes the row has; all are kept for a replay.")
    received_at: dt.datetime
    replayed_at: dt.datetime | None = Field(description="When it was taken after all; null while it waits.")


def list_rejected(session: Session, wanted: RejectedFilter) -> Page[RejectedOut]:
    """Return refused rows, newest first."""
    query = select(RejectedRow).options(defer(RejectedRow.raw, raiseload=True))
    if wanted.layer is not None:
        query = query.where(RejectedRow.layer == wanted.layer)
    if wanted.batch_id is not None:
        query = query.where(RejectedRow.batch_id == wanted.batch_id)
    key = Key((RejectedRow.rejected_id,), descending=True)
    page = fetch_page(session, query, key, cursor=wanted.cursor, limit=wanted.limit)
    beginnings = _beginnings(session, [row.rejected_id for row in page.items])
    there = [row for row in page.items if row.rejected_id in beginnings]  # Some may have been erased meanwhile.
    return Page([_out(row, *beginnings[row.rejected_id]) for row in there], page.next_cursor)


def _beginnings(session: Session, ids: Collection[int]) -> dict[int, tuple[bytes, int]]:
    """Return the first bytes of refused rows, and how many each has."""
    raw = RejectedRow.raw
    query = select(RejectedRow.rejected_id, func.substr(raw, 1, MOST_SHOWN_BYTES), func.octet_length(raw))
    return {row[0]: (row[1], row[2]) for row in session.execute(query.where(RejectedRow.rejected_id.in_(ids)))}


def _out(row: RejectedRow, beginning: bytes, size: int) -> RejectedOut:
    fields = {name: getattr(row, name) for name in RejectedOut.model_fields if not name.startswith("raw")}
    return RejectedOut(**fields, raw=beginning.decode(errors="backslashreplace"), raw_bytes=size)


def count_waiting(session: Session, layer: str | None, only: Collection[int] | None) -> int:
    """Count the refused rows that were not replayed; the parameters are those of `waiting`."""
    return session.scalars(select(func.count()).where(*_wanted(layer, only))).one()


def waiting(
    session: Session, layer: str | None, only: Collection[int] | None, *, after: int, limit: int
) -> Sequence[Waiting]:
    """Lock refused rows that were not replayed, the oldest first.

    Parameters
    ----------
    layer : str or None
        Of one layer.
    only : collection of int or None
        Only those of these ids.
    after : int
        Behind this id.
    """
    columns = (getattr(RejectedRow, field.name) for field in fields(Waiting))
    query = select(*columns).where(RejectedRow.rejected_id > after, *_wanted(layer, only))
    locked = query.order_by(RejectedRow.rejected_id).limit(limit).with_for_update(skip_locked=True)
    return [Waiting(*row) for row in session.execute(locked)]


def _wanted(layer: str | None, only: Collection[int] | None) -> Iterator[ColumnElement[bool]]:
    yield RejectedRow.replayed_at.is_(None)
    if layer is not None:
        yield RejectedRow.layer == layer
    if only is not None:
        yield RejectedRow.rejected_id.in_(only)


def mark_replayed(session: Session, ids: Collection[int], now: dt.datetime) -> None:
    """Note that rows were taken, so that they are not replayed again."""
    session.execute(update(RejectedRow).where(RejectedRow.rejected_id.in_(ids)).values(replayed_at=now))


def forget_refusals(session: Session, batch_id: uuid.UUID) -> None:
    """Drop what a replay kept once more: the row that it came from still waits."""
    session.execute(delete(RejectedRow).where(RejectedRow.batch_id == batch_id))
