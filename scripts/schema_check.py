"""Compares a database with the specification and with the models; each difference is one sentence."""

from collections.abc import Iterator

from sqlalchemy import Connection, inspect, text

from estate.core.health import missing_indexes
from estate.registry import metadata
from scripts.spec_schema import COLUMNS, FOREIGN_KEYS, HEAVY_COLUMNS, PRIMARY_KEYS, SUPPORTING_TABLES

__all__ = ["schema_problems"]

COLUMN_TYPES = text(
    "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
)
LEADING_COLUMNS = text("""
SELECT c.relname, a.attname
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
WHERE c.relnamespace = 'public'::regnamespace AND i.indisvalid
""")


def schema_problems(connection: Connection) -> list[str]:
    """Return what is missing or wrong; an empty list means that everything is there."""
    return [
        *_columns(connection),
        *_primary_keys(connection),
        *_foreign_keys(connection),
        *_heavy_columns(connection),
        *_named_indexes(connection),
    ]


def _columns(connection: Connection) -> Iterator[str]:
    found = {(table, column): kind for table, column, kind in connection.execute(COLUMN_TYPES)}
    tables = {table for table, _ in found}
    for table in (*COLUMNS, *SUPPORTING_TABLES):
        if table not in tables:
            yield f"table {table} is missing"
    for table, columns in COLUMNS.items():
        for column, wanted in columns.items():
            kind = found.get((table, column))
            if kind != wanted:
                yield f"column {table}.{column} is {kind or 'missing'}, not {wanted}"


def _primary_keys(connection: Connection) -> Iterator[str]:
    inspector = inspect(connection)
    for table, wanted in PRIMARY_KEYS.items():
        key = tuple(inspector.get_pk_constraint(table)["constrained_columns"])
        if key != wanted:
            yield f"primary key of {table} is {key}, not {wanted}"


def _foreign_keys(connection: Connection) -> Iterator[str]:
    inspector = inspect(connection)
    for (table, columns), target in FOREIGN_KEYS.items():
        keys = {
            (tuple(key["constrained_columns"]), key["referred_table"], tuple(key["referred_columns"]))
            for key in inspector.get_foreign_keys(table)
        }
        if (columns, *target) not in keys:
            yield f"foreign key {table}{columns} -> {target[0]}{target[1]} is missing"


def _heavy_columns(connection: Connection) -> Iterator[str]:
    leading = {(table, column) for table, column in connection.execute(LEADING_COLUMNS)}
    for table, columns in HEAVY_COLUMNS.items():
        for column in columns:
            if (table, column) not in leading:
                yield f"column {table}.{column} leads no index"


def _named_indexes(connection: Connection) -> Iterator[str]:
    for index in missing_indexes(connection, metadata):
        yield f"index {index.name} on {index.table} is missing"
