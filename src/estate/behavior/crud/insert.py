"""Writes a batch of records that never change: one statement, each id at most once."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.orm import Session

__all__ = ["add_new"]


def add_new(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> set[uuid.UUID]:
    """Write rows whose id is not stored yet.

    The rows are written in the order of their ids, so that two batches that share ids never wait for each
    other in a circle.

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
    ordered = sorted(rows, key=lambda row: row[key.name])
    names = list(ordered[0])
    arrays = [_array(table, name, [row[name] for row in ordered]) for name in names]
    source = select(func.unnest(*arrays).table_valued(*names).render_derived())
    statement = insert(table).from_select(names, source).on_conflict_do_nothing(index_elements=[key])
    return set(session.scalars(statement.returning(key)))


def _array(table: Table, name: str, values: list[Any]) -> ColumnElement[Any]:
    kind = table.c[name].type
    return literal(values, ARRAY(JSONB(none_as_null=True) if isinstance(kind, JSONB) else kind))
