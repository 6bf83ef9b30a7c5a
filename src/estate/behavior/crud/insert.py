"""Writes a batch of records that never change: one statement, each id at most once."""

import uuid
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic_core import to_json
from sqlalchemy import LargeBinary, Table, Text, bindparam, column, func, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

__all__ = ["add_new"]


def add_new(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> set[uuid.UUID]:
    """Write rows whose id is not stored yet.

    The rows are written in the order of their ids, so that two batches that share ids never wait for each
    other in a circle. They travel as one JSON text, which costs less than an array a column.

    Parameters
    ----------
    table : Table
        Its primary key is one UUID.
    rows : sequence of mappings
        Column to value; all name the same columns.

    Returns
    -------
    set of uuid.UUID
        The ids that were new.
    """
    if not rows:
        return set()
    (key,) = table.primary_key
    ordered = sorted(rows, key=lambda row: row[key.name].int)
    statement = _statement(table, tuple(ordered[0]))
    return set(session.scalars(statement, {"rows": to_json(ordered, bytes_mode="hex").decode()}))


@lru_cache(maxsize=8)
def _statement(table: Table, names: tuple[str, ...]) -> ReturningInsert[tuple[uuid.UUID]]:
    """Return the statement for some columns; bytes come as hexadecimal digits."""
    (key,) = table.primary_key
    binary = {name for name in names if isinstance(table.c[name].type, LargeBinary)}
    fields = (column(name, Text() if name in binary else table.c[name].type) for name in names)
    source = func.jsonb_to_recordset(sql_cast(bindparam("rows", type_=Text), JSONB))
    row = source.table_valued(*fields).render_derived(name="row", with_types=True).c
    values = [func.decode(row[name], "hex") if name in binary else row[name] for name in names]
    added = insert(table).from_select(list(names), select(*values))
    return added.on_conflict_do_nothing(index_elements=[key]).returning(key)
