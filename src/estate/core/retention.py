"""Deletes what is older than its kind of data is kept, by the clock of the database, in small transactions."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from estate.core.db import unit_of_work
from estate.core.documents import document_jobs
from estate.core.outbox import enqueue
from estate.core.security import Actor
from estate.core.settings import Settings, get_settings

__all__ = ["KINDS", "Kind", "forget_old"]

BATCH_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of data that is kept for a time.

    Parameters
    ----------
    days : callable
        Reads its setting; 0 keeps it for good.
    oldest : TextClause
        Deletes at most ``:most`` rows older than ``:days`` days and returns a key of each.
    then : callable or None
        What follows from the deletion, in its transaction.
    """

    days: Callable[[Settings], int]
    oldest: TextClause
    then: Callable[[Session, Sequence[uuid.UUID]], None] | None = None


def _document_talks(session: Session, conversation_ids: Sequence[uuid.UUID]) -> None:
    enqueue(session, document_jobs("behavior", sorted(set(conversation_ids))))


# A refused row goes when it came long ago, whether it was replayed or not; the batch that brought it goes after it.
# Of scores the newest of each client stays.
KINDS = {
    "rejected_rows": Kind(
        lambda settings: settings.retention_rejected_days,
        text("""
        DELETE FROM rejected_rows WHERE rejected_id IN (
            SELECT rejected_id FROM rejected_rows WHERE received_at < now() - make_interval(days => :days)
            ORDER BY rejected_id LIMIT :most FOR UPDATE SKIP LOCKED
        ) RETURNING rejected_id
        """),
    ),
    "ingest_batches": Kind(
        lambda settings: settings.retention_rejected_days,
        text("""
        DELETE FROM ingest_batches WHERE batch_id IN (
            SELECT b.batch_id FROM ingest_batches b
            WHERE b.received_at < now() - make_interval(days => :days)
                AND NOT EXISTS (SELECT FROM rejected_rows r WHERE r.batch_id = b.batch_id)
            ORDER BY b.received_at LIMIT :most FOR UPDATE SKIP LOCKED
        ) RETURNING batch_id
        """),
    ),
    "gpt_responses": Kind(
        lambda settings: settings.retention_replies_days,
        text("""
        DELETE FROM gpt_responses WHERE response_id IN (
            SELECT response_id FROM gpt_responses WHERE created_at < now() - make_interval(days => :days)
            LIMIT :most FOR UPDATE SKIP LOCKED
        ) RETURNING response_id
        """),
    ),
    "utterances": Kind(
        lambda settings: settings.retention_utterances_days,
        text("""
        DELETE FROM utterances WHERE (conversation_id, turn) IN (
            SELECT u.conversation_id, u.turn FROM conversations c JOIN utterances u USING (conversation_id)
            WHERE c.started_at < now() - make_interval(days => :days)
            LIMIT :most FOR UPDATE OF u SKIP LOCKED
        ) RETURNING conversation_id
        """),
        _document_talks,
    ),
    "client_scores": Kind(
        lambda settings: settings.retention_scores_days,
        text("""
        DELETE FROM client_scores WHERE (client_id, kind, scored_at) IN (
            SELECT s.client_id, s.kind, s.scored_at FROM client_scores s
            WHERE s.scored_at < now() - make_interval(days => :days) AND EXISTS (
                SELECT FROM client_scores newer
                WHERE newer.client_id = s.client_id AND newer.kind = s.kind AND newer.scored_at > s.scored_at
            )
            LIMIT :most FOR UPDATE OF s SKIP LOCKED
        ) RETURNING client_id
        """),
    ),
    "import_rows": Kind(
        lambda settings: settings.retention_imports_days,
        text("""
        DELETE FROM import_rows WHERE (import_id, line) IN (
            SELECT r.import_id, r.line FROM imports i JOIN import_rows r USING (import_id)
            WHERE i.created_at < now() - make_interval(days => :days) LIMIT :most FOR UPDATE OF r SKIP LOCKED
        ) RETURNING import_id
        """),
    ),
    "import_changes": Kind(
        lambda settings: settings.retention_imports_days,
        text("""
        DELETE FROM import_changes WHERE (import_id, subject_table, record_id) IN (
            SELECT c.import_id, c.subject_table, c.record_id FROM imports i JOIN import_changes c USING (import_id)
            WHERE i.created_at < now() - make_interval(days => :days) LIMIT :most FOR UPDATE OF c SKIP LOCKED
        ) RETURNING import_id
        """),
    ),
    "imports": Kind(
        lambda settings: settings.retention_imports_days,
        text("""
        DELETE FROM imports WHERE import_id IN (
            SELECT i.import_id FROM imports i
            WHERE i.created_at < now() - make_interval(days => :days)
                AND NOT EXISTS (SELECT FROM import_rows r WHERE r.import_id = i.import_id)
                AND NOT EXISTS (SELECT FROM import_changes c WHERE c.import_id = i.import_id)
            LIMIT :most FOR UPDATE SKIP LOCKED
        ) RETURNING import_id
        """),
    ),
    "sessions": Kind(
        lambda settings: settings.retention_sessions_days,
        text("""
        DELETE FROM sessions WHERE token_hash IN (
            SELECT token_hash FROM sessions
            WHERE greatest(last_seen_at, created_at) < now() - make_interval(days => :days)
            LIMIT :most FOR UPDATE SKIP LOCKED
        ) RETURNING user_id
        """),
    ),
}
"""Table to how long its rows are kept, see docs/privacy.md."""


def forget_old() -> dict[str, int]:
    """Delete what is past its retention; return how many rows of each table went."""
    return {table: gone for table, kind in KINDS.items() if (gone := _forget(kind))}


def _forget(kind: Kind) -> int:
    days, total = kind.days(get_settings()), 0
    while days:
        with unit_of_work(Actor.system()) as session:
            gone = session.scalars(kind.oldest, {"days": days, "most": BATCH_ROWS}).all()
            if kind.then is not None and gone:
                kind.then(session, gone)
        total += len(gone)
        if len(gone) < BATCH_ROWS:
            break
    return total
