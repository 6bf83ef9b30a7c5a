"""SQL that keeps how records were before an import, tells whether they are still as it left them, and takes them back.

A former state goes from its table to `import_changes` and back within PostgreSQL, so that every digit is kept.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic_core import to_json
from sqlalchemy import TextClause, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from estate.core.orm import Base

__all__ = [
    "TABLES",
    "Touch",
    "changed_lines",
    "note_after",
    "note_before",
    "record_id",
    "take_back",
    "to_take_back",
]

KEPT_CHANGED = "kept: somebody changed it since"
KEPT_REFERRED = "kept: others refer to it by now"


@dataclass(frozen=True, slots=True)
class Kept:
    """How records of one table are kept.

    Parameters
    ----------
    place : int
        In which order tables are taken back: what refers before what is referred to.
    key : mapping
        Column to its type.
    counted : tuple of str
        Columns that are no statement of anybody: counters, scores, aggregates, version stamps.
    """

    place: int
    key: Mapping[str, str]
    counted: tuple[str, ...] = ()


TABLES: Mapping[str, Kept] = {
    "properties": Kept(
        1,
        {"project_id": "uuid", "unit_id": "uuid"},
        (
            *("event_count", "last_event_at", "computed", "recount_at"),
            *("real_demand", "sales_velocity", "negative_reviews", "positive_triggers"),
        ),
    ),
    "projects": Kept(2, {"project_id": "uuid"}),
    "market_snapshots": Kept(
        3,
        {"area_id": "uuid", "segment": "text", "observed_on": "date", "source": "text"},
        ("snapshot_id", "received_at"),
    ),
    "market_insights": Kept(
        4,
        {"area_id": "uuid"},
        (
            *("price_avg", "price_median", "demand_score", "supply_score", "sales_volume", "new_projects", "segments"),
            *("agent_density", "currency", "snapshot_count", "as_of", "updated_at"),
        ),
    ),
    "client_profiles": Kept(
        5,
        {"client_id": "uuid"},
        ("qualification_score", "qualification_lower", "qualification_upper", "qualification_n", "name_key"),
    ),
    "agent_activity": Kept(
        6, {"agent_id": "uuid"}, ("event_count", "response_count", "response_seconds_total", "last_event_at")
    ),
    "teams": Kept(7, {"name": "text"}),
}
STAMP = "updated_at"


@dataclass(frozen=True, slots=True)
class Touch:
    """A record that a row of a file may write."""

    table: str
    key: Mapping[str, str]
    line: int


_KEYS = "jsonb_to_recordset(CAST(:keys AS jsonb)) AS k (record_id text, line integer, key jsonb, /*typed*/)"
_HASH = "sha256(convert_to((to_jsonb(t) - CAST(:counted AS text[]))::text, 'UTF8'))"
_OF_CHANGE = "c.import_id = :import_id AND c.subject_table = '/*table*/'"
_STATEMENTS = {
    "lock": "SELECT FROM /*table*/ t JOIN /*keys*/ ON /*same_as_k*/ ORDER BY /*key*/ FOR NO KEY UPDATE OF t",
    "spoilt": """
        UPDATE import_changes c SET outcome = 'kept', reason = :changed
        FROM /*keys*/ LEFT JOIN /*table*/ t ON /*same_as_k*/
        WHERE /*of_change*/ AND c.record_id = k.record_id AND c.outcome IS NULL
            AND c.after_hash IS DISTINCT FROM CASE WHEN to_jsonb(t) IS NOT NULL THEN /*hash*/ END
    """,
    "before": """
        INSERT INTO import_changes (import_id, subject_table, record_id, place, line, key, before)
        SELECT :import_id, '/*table*/', k.record_id, :place, k.line, k.key, to_jsonb(t)
        FROM /*keys*/ LEFT JOIN /*table*/ t ON /*same_as_k*/
        ON CONFLICT DO NOTHING
    """,
    "changed": """
        SELECT k.record_id FROM /*keys*/ LEFT JOIN /*table*/ t ON /*same_as_k*/
        JOIN import_changes c ON /*of_change*/ AND c.record_id = k.record_id
        WHERE c.before - CAST(:unmoved AS text[]) IS DISTINCT FROM to_jsonb(t) - CAST(:unmoved AS text[])
            AND c.after_hash IS NULL
            OR c.after_hash <> /*hash*/
    """,
    "after": """
        UPDATE import_changes c SET after_hash = /*hash*/
        FROM /*keys*/, /*table*/ t
        WHERE /*of_change*/ AND c.record_id = k.record_id AND /*same_as_k*/
    """,
    "forget": """
        DELETE FROM import_changes c USING /*keys*/ LEFT JOIN /*table*/ t ON /*same_as_k*/
        WHERE /*of_change*/ AND c.record_id = k.record_id AND c.outcome IS NULL
            AND c.before - CAST(:counted AS text[]) IS NOT DISTINCT FROM to_jsonb(t) - CAST(:counted AS text[])
    """,
    "hold": """
        SELECT FROM /*table*/ t JOIN import_changes c ON /*same_as_c*/
        WHERE /*of_change*/ AND c.record_id = ANY(:ids) ORDER BY /*key*/ FOR UPDATE OF t
    """,
    "differs": """
        UPDATE import_changes c SET outcome = 'kept', reason = :changed
        WHERE /*of_change*/ AND c.record_id = ANY(:ids) AND NOT EXISTS (
            SELECT FROM /*table*/ t WHERE /*same_as_c*/ AND /*hash*/ = c.after_hash
        )
    """,
    "restore": """
        UPDATE /*table*/ t SET (/*columns*/) = (
            SELECT /*columns*/ FROM jsonb_populate_record(NULL::/*table*/, c.before)
        )
        FROM import_changes c
        WHERE /*of_change*/ AND c.record_id = ANY(:ids) AND c.outcome IS NULL AND c.before IS NOT NULL AND /*same_as_c*/
    """,
    "restored": """
        UPDATE import_changes c SET outcome = 'restored'
        WHERE /*of_change*/ AND c.record_id = ANY(:ids) AND c.outcome IS NULL AND c.before IS NOT NULL
    """,
    "remove": """
        DELETE FROM /*table*/ t USING import_changes c
        WHERE /*of_change*/ AND c.record_id = ANY(:ids) AND c.outcome IS NULL AND c.before IS NULL AND /*same_as_c*/
    """,
    "removed": """
        UPDATE import_changes c SET outcome = 'removed'
        WHERE /*of_change*/ AND c.record_id = ANY(:ids) AND c.outcome IS NULL AND c.before IS NULL
    """,
}
_OWN_SCORES = text("""
DELETE FROM client_scores s USING import_changes c
WHERE c.import_id = :import_id AND c.subject_table = 'client_profiles' AND c.record_id = ANY(:ids)
    AND c.outcome IS NULL AND c.before IS NULL AND s.client_id = CAST(c.key ->> 'client_id' AS uuid)
    AND s.kind = 'model'
""")
_REFERRED = text("""
UPDATE import_changes SET outcome = 'kept', reason = :reason
WHERE import_id = :import_id AND subject_table = :table AND record_id = ANY(:ids)
""")
_NEXT = text("""
SELECT subject_table, record_id FROM import_changes
WHERE import_id = :import_id AND outcome IS NULL ORDER BY place, line, record_id LIMIT :most
""")


@lru_cache(maxsize=256)
def _statement(name: str, table: str) -> tuple[TextClause, frozenset[str]]:
    """Return a statement about one table, and the names of its parameters."""
    kept = TABLES[table]
    by_key = (f"t.{name} = CAST(c.key ->> '{name}' AS {kind})" for name, kind in kept.key.items())
    pieces = {
        "/*keys*/": _KEYS,
        "/*hash*/": _HASH,
        "/*of_change*/": _OF_CHANGE,
        "/*table*/": table,
        "/*typed*/": ", ".join(f"{column} {kind}" for column, kind in kept.key.items()),
        "/*same_as_k*/": " AND ".join(f"t.{column} = k.{column}" for column in kept.key),
        "/*same_as_c*/": " AND ".join(by_key),
        "/*key*/": ", ".join(f"t.{column}" for column in kept.key),
        "/*columns*/": ", ".join(_stated(table)),
    }
    statement = _STATEMENTS[name]
    for place, piece in pieces.items():
        statement = statement.replace(place, piece)
    made = text(statement)
    return made, frozenset(made.compile().params)


def _stated(table: str) -> list[str]:
    """Return the columns that somebody states."""
    kept = TABLES[table]
    return [column.name for column in Base.metadata.tables[table].c if column.name not in {*kept.counted, *kept.key}]


def record_id(key: Mapping[str, str]) -> str:
    """Return the id of a record in one text."""
    return ":".join(key.values())


def _run(session: Session, name: str, import_id: uuid.UUID, table: str, **given: Any) -> Any:
    kept = TABLES[table]
    statement, wanted = _statement(name, table)
    values = {
        "import_id": import_id,
        "place": kept.place,
        "counted": list(kept.counted),
        "unmoved": [*kept.counted, STAMP],
        "changed": KEPT_CHANGED,
    } | given
    return session.execute(statement, {key: values[key] for key in wanted})


def _by_table(touches: Sequence[Touch]) -> dict[str, str]:
    """Return the keys of each table as JSON; a record that several rows touch counts for the first of them."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for touch in touches:
        named = record_id(touch.key)
        row = {"record_id": named, "line": touch.line, "key": touch.key, **touch.key}
        found.setdefault(touch.table, {}).setdefault(named, row)
    return {table: to_json(list(rows.values())).decode() for table, rows in sorted(found.items())}


def note_before(session: Session, import_id: uuid.UUID, touches: Sequence[Touch]) -> None:
    """Keep how some records are, locked, unless an earlier row did; of one that others changed since, say so."""
    for table, keys in _by_table(touches).items():
        for name in ("lock", "spoilt", "before"):
            _run(session, name, import_id, table, keys=keys)


def changed_lines(session: Session, import_id: uuid.UUID, touches: Sequence[Touch]) -> set[int]:
    """Return the lines one of whose records is otherwise than before, its time of change aside."""
    found = {
        (table, named)
        for table, keys in _by_table(touches).items()
        for named in _run(session, "changed", import_id, table, keys=keys).scalars()
    }
    return {touch.line for touch in touches if (touch.table, record_id(touch.key)) in found}


def note_after(session: Session, import_id: uuid.UUID, touches: Sequence[Touch]) -> None:
    """Keep a hash of how some records were left, and forget those that nothing changed."""
    for table, keys in _by_table(touches).items():
        _run(session, "after", import_id, table, keys=keys)
        _run(session, "forget", import_id, table, keys=keys)


def to_take_back(session: Session, import_id: uuid.UUID, most: int) -> dict[str, list[str]]:
    """Return the next records to take back, by table in their order."""
    found: dict[str, list[str]] = {}
    for table, named in session.execute(_NEXT, {"import_id": import_id, "most": most}):
        found.setdefault(table, []).append(named)
    return found


def take_back(session: Session, import_id: uuid.UUID, table: str, ids: Sequence[str]) -> None:
    """Restore or remove some records that are as they were left; note of the others why they are kept."""
    for name in ("hold", "differs", "restore", "restored"):
        _run(session, name, import_id, table, ids=list(ids))
    _remove(session, import_id, table, ids)


def _remove(session: Session, import_id: uuid.UUID, table: str, ids: Sequence[str]) -> None:
    """Remove records that were not there before; halve until those that others refer to stand alone."""
    try:
        with session.begin_nested():
            if table == "client_profiles":
                session.execute(_OWN_SCORES, {"import_id": import_id, "ids": list(ids)})
            _run(session, "remove", import_id, table, ids=list(ids))
            _run(session, "removed", import_id, table, ids=list(ids))
    except IntegrityError:
        if len(ids) == 1:
            given = {"import_id": import_id, "table": table, "ids": list(ids), "reason": KEPT_REFERRED}
            session.execute(_REFERRED, given)
            return
        middle = len(ids) // 2
        _remove(session, import_id, table, ids[:middle])
        _remove(session, import_id, table, ids[middle:])
