"""Reads the rows that were refused."""

import datetime as dt
import uuid
from typing import Literal

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from estate.core.models import RejectedRow
from estate.core.paging import Key, Page, fetch_page
from estate.core.types import Name, QueryLimit, Schema, SchemaOut, Uuid

__all__ = ["RejectedFilter", "RejectedOut", "list_rejected"]


class RejectedFilter(Schema):
    """Which refused rows to list."""

    layer: Literal["market", "agent", "client", "property", "behavior"] | None = None
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
    raw: str = Field(description="The row as it came; bytes that are not UTF-8 are escaped.")
    received_at: dt.datetime


def list_rejected(session: Session, wanted: RejectedFilter) -> Page[RejectedOut]:
    """Return refused rows, newest first."""
    query = select(RejectedRow)
    if wanted.layer is not None:
        query = query.where(RejectedRow.layer == wanted.layer)
    if wanted.batch_id is not None:
        query = query.where(RejectedRow.batch_id == wanted.batch_id)
    key = Key((RejectedRow.rejected_id,), descending=True)
    page = fetch_page(session, query, key, cursor=wanted.cursor, limit=wanted.limit)
    return Page([_out(row) for row in page.items], page.next_cursor)


def _out(row: RejectedRow) -> RejectedOut:
    fields = {name: getattr(row, name) for name in RejectedOut.model_fields if name != "raw"}
    return RejectedOut(**fields, raw=row.raw.decode(errors="backslashreplace"))
