"""Reads rows whole, as JSON, for the person that they are about."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, LargeBinary, Table, select
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Session

from estate.core.errors import TooLarge
from estate.core.orm import Base
from estate.core.settings import get_settings

__all__ = ["held"]


def held(session: Session, model: type[Base], *where: ColumnElement[bool]) -> list[dict[str, Any]]:
    """Return the rows of a table in the order of their keys, without hashes and what only serves a search.

    Raises
    ------
    TooLarge
        When there are more than ``ESTATE_EXPORT_MAX_ROWS``.
    """
    table = cast(Table, model.__table__)
    columns = [column for column in table.c if not isinstance(column.type, LargeBinary | TSVECTOR)]
    most = get_settings().export_max_rows
    query = select(*columns).where(*where).order_by(*table.primary_key).limit(most + 1)
    rows: Sequence[Any] = session.execute(query).mappings().all()
    if len(rows) > most:
        raise TooLarge(f"More than {most:,} rows of {table.name} are held; raise ESTATE_EXPORT_MAX_ROWS.")
    return [dict(row) for row in rows]
