"""Compares two databases table by table, and searches one of them, and what is outside of it, for words."""

import pickle
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from pydantic_core import to_json

__all__ = ["NOT_COMPARED", "SEARCHED_ONLY", "differences", "hits"]

SEARCHED_ONLY = {
    "audit_log": "who called when: the calls were made in one database only",
    "erasures": "the ledger of what was erased",
    "idempotency_keys": "answers to calls that were made in one database only",
    "ingest_batches": "counts of calls that were made in one database only",
    "gpt_responses": "replies were asked for in one database only; those about the erased are gone",
    "gpt_feedback": "as gpt_responses",
}
"""Tables that are searched and not compared, with the reason."""

NOT_COMPARED: Mapping[str, Mapping[str, str]] = {
    "analysis_runs": {"run_id": "drawn at random", "as_of": "when it ran"},
    "trigger_findings": {"run_id": "drawn at random"},
    "pattern_groups": {"run_id": "drawn at random"},
    "trigger_stats": {"updated_at": "when it was counted"},
    "behavior_events": {"folded_at": "when it was folded", "updated_at": "when it was folded"},
    "conversations": {"received_at": "when it came", "content_hash": "of a mention as it was sent"},
    "client_scores": {"scored_at": "when it was scored", "model_id": "drawn at random"},
    "documents": {
        "document_id": "counted",
        "version": "how often it changed",
        "updated_at": "when it changed",
    },
    "heartbeats": {"beat_at": "when it was"},
    "market_insights": {"updated_at": "when it was aggregated"},
    "market_snapshots": {"snapshot_id": "counted", "received_at": "when it came"},
    "properties": {"recount_at": "a day or so after the count"},
    "trained_models": {
        "model_id": "drawn at random",
        "trained_at": "when it was trained",
        "signature": "of the parameters, which name the model",
    },
}
"""Columns that cannot be equal in two databases, with the reason. Everything else is compared."""

TABLES = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
"""
EVERYTHING = "-c role=estate_backup"
"""The owner of the tables would see no row that has a policy."""
Row = dict[str, Any]


def differences(one: str, other: str) -> tuple[int, dict[str, int]]:
    """Return how many tables were compared, and for each how many of its rows are in one database only."""
    with psycopg.connect(one, options=EVERYTHING) as a, psycopg.connect(other, options=EVERYTHING) as b:
        tables = [table for table in _tables(a) if table not in SEARCHED_ONLY]
        wrong = {}
        for table in tables:
            left, right = (Counter(_comparable(c, table)) for c in (a, b))
            wrong[table] = (left - right).total() + (right - left).total()
    return len(tables), wrong


def hits(dsn: str, outside: str, needles: Sequence[str]) -> dict[str, int]:
    """Count the needles in a dump of every table and in the texts outside, in any case; also in what is packed."""
    asked = {needle.lower() for needle in needles}
    found = {"outside": sum(outside.lower().count(needle) for needle in asked)}
    with psycopg.connect(dsn, options=EVERYTHING) as connection:
        for table in _tables(connection):
            text = "\n".join(_texts(connection, table)).lower()
            found[table] = sum(text.count(needle) for needle in asked)
    return found


def _tables(connection: psycopg.Connection[Any]) -> list[str]:
    return sorted(str(name) for (name,) in connection.execute(TABLES))


def _rows(connection: psycopg.Connection[Any], table: str) -> Iterator[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        yield from cursor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))


def _comparable(connection: psycopg.Connection[Any], table: str) -> Iterator[bytes]:
    for row in _rows(connection, table):
        left = {name: value for name, value in row.items() if name not in NOT_COMPARED.get(table, {})}
        if table == "properties":  # A count says when it was made.
            left["computed"] = {name: {**known, "as_of": None} for name, known in row["computed"].items()}
        if table == "trained_models":
            left["parameters"] = pickle.dumps(replace(_unpacked(row), model_id=None))
        if table == "documents" and str(row["record_id"]).startswith("trigger:"):
            left |= {"fields": {**row["fields"], "as_of": None}, "content_hash": None}  # Dated by the analysis.
        yield to_json(left, bytes_mode="base64")


def _unpacked(row: Row) -> Any:
    return pickle.loads(zlib.decompress(row["parameters"]))  # noqa: S301  Written by the run itself.


def _texts(connection: psycopg.Connection[Any], table: str) -> Iterator[str]:
    """Yield every value as text: bytes by the characters that they stand for, models by what they know deals by."""
    for row in _rows(connection, table):
        for value in row.values():
            yield value.decode(errors="replace") if isinstance(value, bytes) else to_json(value).decode()
        if table == "trained_models":
            yield repr(_unpacked(row))
