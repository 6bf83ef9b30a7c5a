"""Bulk loading by COPY: rows of plain dicts into a table, adapted by its column types."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import chain
from typing import Any, cast

import psycopg
from psycopg import sql
from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

__all__ = ["copy_rows"]


def copy_rows(session: Session, table: Table, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows in the session's transaction; all name the same columns.

    Returns
    -------
    int
        Rows written.
    """
    iterator = iter(rows)
    first = next(iterator, None)
    if first is None:
        return 0
    names = list(first)
    json_columns = {column.name for column in table.columns if isinstance(column.type, JSONB)}
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    connection = cast("psycopg.Connection[Any]", session.connection().connection.driver_connection)
    written = 0
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in chain([first], iterator):
            copy.write_row([_adapt(row[name], name in json_columns) for name in names])
            written += 1
    return written


def _adapt(value: object, is_json: bool) -> object:
    if is_json and value is not None:
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return value


def _plain(value: object) -> object:
    if isinstance(value, Decimal | dt.date):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
