"""Bulk loading by COPY: rows of plain dicts into a table, adapted by its column types.

PostgreSQL copies into no table that has row policies, so the rows come by a temporary one.
"""

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
    parts = {
        "table": sql.Identifier(table.name),
        "copied": sql.Identifier(f"copied_{table.name}"),
        "columns": sql.SQL(", ").join(map(sql.Identifier, names)),
    }
    connection = cast("psycopg.Connection[Any]", session.connection().connection.driver_connection)
    written = 0
    with connection.cursor() as cursor:
        empty = "CREATE TEMPORARY TABLE {copied} AS SELECT {columns} FROM {table} LIMIT 0"
        cursor.execute(sql.SQL(empty).format(**parts))
        with cursor.copy(sql.SQL("COPY {copied} ({columns}) FROM STDIN").format(**parts)) as copy:
            for row in chain([first], iterator):
                copy.write_row([_adapt(row[name], name in json_columns) for name in names])
                written += 1
        cursor.execute(sql.SQL("INSERT INTO {table} ({columns}) SELECT {columns} FROM {copied}").format(**parts))
        cursor.execute(sql.SQL("DROP TABLE {copied}").format(**parts))
    return written


def _adapt(value: object, is_json: bool) -> object:
    if is_json and value is not None:
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return value


def _plain(value: object) -> object:
    if isinstance(value, Decimal | dt.date):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
