"""Takes a client out of what the kernel holds, out of the free texts of every table, and keeps the ledger of it."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Text, cast, delete, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import Session

from estate.core.db import take_time, wait_for_locks
from estate.core.models import Erasure, OutboxRow, RejectedRow
from estate.core.orm import Base
from estate.core.settings import get_settings
from estate.core.traces import Redaction, Traces, client_hash

__all__ = [
    "FREE_TEXTS",
    "LedgerLine",
    "begin",
    "blank_answers",
    "erased_ids",
    "forget_refused",
    "joined",
    "ledger",
    "note",
    "refused_rows",
    "remember",
    "scrub",
    "withdraw_work",
]

FREE_TEXTS: Mapping[str, tuple[str, ...]] = {
    "agent_activity": ("objections_heard", "projects_assigned", "skill_scores"),
    "audit_log": ("subject_id", "detail"),
    "behavior_events": ("metadata", "trigger_word", "emotion_detected"),
    "call_skips": ("note",),
    "client_merges": ("profile",),
    "client_profiles": ("interest", "location_targets", "objections", "response_history"),
    "client_scores": ("reason",),
    "contacts": ("note",),
    "deals": ("lost_reason",),
    "gpt_feedback": ("note", "edited_text"),
    "gpt_responses": ("client_input", "text", "reasoning", "used_records", "records"),
    "import_changes": ("before",),
    "imports": ("filename", "reading", "stated", "columns"),
    "ingest_batches": ("source",),
    "properties": ("title", "negative_reviews", "positive_triggers", "computed"),
    "utterances": ("text",),
}
"""Columns in which somebody may have written of a client: of what is left after the client's own rows are deleted."""

ANSWER_ERASED = (
    b'{"type":"urn:estate:problem:gone","title":"Gone","status":410,'
    b'"detail":"This answer was erased with the client that it was about."}'
)

_WORK = text("""
SELECT outbox_id FROM outbox
WHERE key = ANY(:ids) OR split_part(key, ':', 2) = ANY(:ids) OR payload ->> 'event_id' = ANY(:ids)
    OR EXISTS (
        SELECT FROM jsonb_array_elements(CASE WHEN jsonb_typeof(payload -> 'items') = 'array'
            THEN payload -> 'items' ELSE '[]' END) AS item
        WHERE coalesce(item ->> 'event_id', item #>> '{}') = ANY(:ids)
    )
ORDER BY outbox_id FOR UPDATE
""")
_REFUSED = text("SELECT rejected_id FROM rejected_rows WHERE encode(raw, 'escape') ~* :pattern OR reason ~* :pattern")
_BLANK = text("""
UPDATE idempotency_keys SET status = 410, media_type = 'application/problem+json', response = :blank
WHERE encode(response, 'escape') ~* :pattern
""")


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One erased id, as its keyed hash."""

    client_hash: bytes
    erased_at: dt.datetime
    erased_by: str

    def __str__(self) -> str:
        return f"{self.client_hash.hex()} {self.erased_at.isoformat()} {self.erased_by}"

    @classmethod
    def parse(cls, line: str) -> "LedgerLine":
        """Read a line as it is printed.

        Raises
        ------
        ValueError
            When it is none.
        """
        hashed, at, by = line.split(maxsplit=2)
        return cls(bytes.fromhex(hashed), dt.datetime.fromisoformat(at), by)


def begin(session: Session) -> None:
    """Let the transaction search whole tables, and wait for workers that are busy with the client."""
    limit_ms = round(get_settings().erasure_timeout_s * 1_000)
    take_time(session, limit_ms)
    wait_for_locks(session, limit_ms)


def withdraw_work(session: Session, ids: Collection[str]) -> dict[str, set[str]]:
    """Take work on some records out of the queue, waiting for workers that are at it.

    Parameters
    ----------
    ids : collection of str
        Of the client and of all that hangs on it.

    Returns
    -------
    dict
        Topic to those of the ids whose work had not been done yet.
    """
    asked = frozenset(ids)
    pending: defaultdict[str, set[str]] = defaultdict(set)
    wanted = select(OutboxRow).where(OutboxRow.outbox_id.in_(list(session.scalars(_WORK, {"ids": sorted(asked)}))))
    for row in session.scalars(wanted.execution_options(populate_existing=True)).all():
        items = row.payload.get("items", [])
        left = [item for item in items if _named(item) not in asked]
        own = {_named(item) for item in items} or {row.payload.get("event_id", row.key.rpartition(":")[2])}
        pending[row.topic] |= own & asked
        if left:
            row.key, row.payload = _named(left[0]), {**row.payload, "items": left}
        else:
            session.delete(row)
    session.flush()
    return dict(pending)


def joined(one: Mapping[str, set[str]], other: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return what was withdrawn at two times, by topic."""
    return {topic: one.get(topic, set()) | other.get(topic, set()) for topic in {*one, *other}}


def _named(item: Any) -> str:
    return str(item["event_id"] if isinstance(item, dict) else item)


def scrub(session: Session, redaction: Redaction) -> dict[str, list[dict[str, Any]]]:
    """Take the traces of a client out of `FREE_TEXTS`; return table to the keys of the rows that changed."""
    return {table: changed for table in FREE_TEXTS if (changed := list(_scrubbed(session, table, redaction)))}


def _scrubbed(session: Session, name: str, redaction: Redaction) -> Iterator[dict[str, Any]]:
    table = Base.metadata.tables[name]
    keys, columns = list(table.primary_key), [table.c[column] for column in FREE_TEXTS[name]]
    found = or_(*(cast(column, Text).op("~*")(redaction.pattern) for column in columns))
    for row in session.execute(select(*keys, *columns).where(found).order_by(*keys)).mappings().all():
        key = {column.name: row[column.name] for column in keys}
        before = {column.name: row[column.name] for column in columns}
        after = {column: redaction.value(value) for column, value in before.items()}
        if after != before:
            session.execute(update(table).where(*(c == key[c.name] for c in keys)).values(after))
            yield key


def _refused_naming(session: Session, redaction: Redaction) -> list[int]:
    return sorted(session.scalars(_REFUSED, {"pattern": redaction.bytes_pattern}))


def refused_rows(session: Session, redaction: Redaction) -> list[dict[str, Any]]:
    """Return the refused rows that name a client, of those that the session may see."""
    wanted = RejectedRow.rejected_id.in_(_refused_naming(session, redaction))
    found = session.scalars(select(RejectedRow).where(wanted).order_by(RejectedRow.rejected_id))
    return [
        {
            "rejected_id": row.rejected_id,
            "layer": row.layer,
            "reason": row.reason,
            "raw": row.raw.decode(errors="backslashreplace"),
            "received_at": row.received_at,
        }
        for row in found
    ]


def forget_refused(session: Session, redaction: Redaction) -> int:
    """Delete the refused rows that name a client; return how many."""
    ids = _refused_naming(session, redaction)
    session.execute(delete(RejectedRow).where(RejectedRow.rejected_id.in_(ids)))
    return len(ids)


def blank_answers(session: Session, redaction: Redaction) -> int:
    """Forget the remembered answers that name a client; the calls stay done: made again, they are answered 410."""
    asked = {"pattern": redaction.bytes_pattern, "blank": ANSWER_ERASED}
    return session.execute(_BLANK, asked).rowcount  # type: ignore[attr-defined,no-any-return]


def note(session: Session, traces: Traces, counts: Mapping[str, int], by: str) -> None:
    """Write into the ledger that ids were erased."""
    rows = [{"client_hash": client_hash(i), "erased_by": by, "counts": dict(counts)} for i in traces.ids]
    session.execute(pg_insert(Erasure).on_conflict_do_nothing(), rows)


def remember(session: Session, lines: Sequence[LedgerLine]) -> None:
    """Write lines of another ledger into this one; those that are there stay as they are."""
    if lines:
        session.execute(pg_insert(Erasure).on_conflict_do_nothing(), [asdict(line) for line in lines])


def erased_ids(session: Session, ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Return which of some ids belong to clients that were erased."""
    hashes = {client_hash(client_id): client_id for client_id in ids}
    if not hashes:
        return set()
    found = session.scalars(select(Erasure.client_hash).where(Erasure.client_hash.in_(list(hashes))))
    return {hashes[bytes(one)] for one in found}


def ledger(session: Session) -> list[LedgerLine]:
    """Return every line of the ledger, the oldest first."""
    lines = session.scalars(select(Erasure).order_by(Erasure.erased_at, Erasure.client_hash))
    return [LedgerLine(bytes(line.client_hash), line.erased_at, line.erased_by) for line in lines]
