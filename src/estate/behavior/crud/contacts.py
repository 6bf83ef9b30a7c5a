"""SQL of contacts and skips."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from estate.behavior.contact_schemas import REACHED, PastCalls, SkipCount
from estate.behavior.models import CallSkip, Contact

__all__ = ["add_contact", "add_skip", "past_calls", "skip_counts"]

# A number belongs to one person, under however many ids: who refused once, or did not answer today, is not called
# again under another.
_PAST_CALLS = text("""
WITH asked AS (
    SELECT * FROM unnest(CAST(:clients AS uuid[]), CAST(:phones AS text[])) AS a (client_id, phone)
), met AS (
    SELECT a.client_id AS asked_id, c.* FROM asked a JOIN contacts c ON c.client_id = a.client_id
    UNION
    SELECT a.client_id, c.* FROM asked a JOIN contacts c ON c.phone = a.phone
), called AS (
    SELECT asked_id AS client_id,
        array_agg(contacted_at) FILTER (
            WHERE channel = 'call' AND outcome = 'no_answer'
                AND contacted_at > CAST(:now AS timestamptz) - make_interval(days => :days)
        ) AS unanswered,
        bool_or(outcome = 'refused') AS refused,
        array_agg(phone) FILTER (
            WHERE outcome = 'wrong_number' AND phone IS NOT NULL AND client_id = asked_id
        ) AS wrong
    FROM met GROUP BY asked_id
)
SELECT a.client_id, c.unanswered, c.refused, c.wrong, l.contacted_at, l.outcome, l.next_at, s.skipped_at, s.reason
FROM asked a
LEFT JOIN called c USING (client_id)
LEFT JOIN LATERAL (
    SELECT contacted_at, outcome, next_at FROM contacts
    WHERE client_id = a.client_id AND contacted_at <= CAST(:now AS timestamptz)
    ORDER BY contacted_at DESC, contact_id DESC LIMIT 1
) l ON true
LEFT JOIN LATERAL (
    SELECT skipped_at, reason FROM call_skips
    WHERE client_id = a.client_id AND skipped_at <= CAST(:now AS timestamptz)
    ORDER BY skipped_at DESC, skip_id DESC LIMIT 1
) s ON true
""")
_SKIP_COUNTS = text("""
SELECT reason, count(*), count(*) FILTER (WHERE judged), count(*) FILTER (WHERE judged AND reached)
FROM (
    SELECT s.reason, s.skipped_at <= CAST(:now AS timestamptz) - make_interval(days => :days) AS judged, EXISTS (
        SELECT FROM contacts c
        WHERE c.client_id = s.client_id AND c.outcome = ANY(:reached) AND c.contacted_at > s.skipped_at
            AND c.contacted_at <= s.skipped_at + make_interval(days => :days)
    ) AS reached
    FROM call_skips s
) told
GROUP BY reason ORDER BY reason
""")


def add_contact(session: Session, row: Mapping[str, Any]) -> None:
    """Write a contact."""
    session.execute(insert(Contact).values(**row))


def add_skip(session: Session, row: Mapping[str, Any]) -> None:
    """Write a skip."""
    session.execute(insert(CallSkip).values(**row))


def past_calls(
    session: Session, phones: Mapping[uuid.UUID, str | None], now: dt.datetime, days: int
) -> dict[uuid.UUID, PastCalls]:
    """Return what the next call to each client depends on; of unanswered calls those of some days before a moment."""
    asked = {"clients": list(phones), "phones": list(phones.values()), "now": now, "days": days}
    return {
        row[0]: PastCalls(tuple(row[1] or ()), bool(row[2]), frozenset(row[3] or ()), *row[4:])
        for row in session.execute(_PAST_CALLS, asked)
    }


def skip_counts(session: Session, now: dt.datetime, days: int) -> list[SkipCount]:
    """Return how often each reason was given, and after how many the client was reached within some days."""
    return [SkipCount(*row) for row in session.execute(_SKIP_COUNTS, {"now": now, "days": days, "reached": [*REACHED]})]
