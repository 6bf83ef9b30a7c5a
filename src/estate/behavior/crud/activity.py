"""SQL of what clients did, and of what usually follows what."""

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

__all__ = ["last_step", "transitions", "words"]

_STEP = "coalesce(trigger_word, emotion_detected, metadata ->> 'type', 'contact')"


def _filled(statement: str) -> TextClause:
    return text(statement.replace("/*step*/", _STEP))


_WORDS = text(
    "SELECT DISTINCT trigger_word FROM behavior_events WHERE client_id = :client AND trigger_word IS NOT NULL"
)
_LAST_STEP = _filled("""
SELECT /*step*/, time_of_event FROM behavior_events WHERE client_id = :client
ORDER BY time_of_event DESC, event_id DESC LIMIT 1
""")
_TRANSITIONS = _filled("""
WITH recent AS (
    SELECT /*step*/ AS step, coalesce(folded_deal_id, conversation_id, client_id, agent_id) AS unit_id,
        time_of_event, event_id, folded_deal_id, nullif(folded_outcome, 'open') AS ended
    FROM behavior_events ORDER BY time_of_event DESC, event_id DESC LIMIT :most
), followed AS (
    SELECT step, coalesce(lead(step) OVER (PARTITION BY r.unit_id ORDER BY time_of_event, event_id), ended) AS following
    FROM recent r LEFT JOIN deals d ON d.deal_id = r.folded_deal_id
    WHERE d.closed_at IS NULL OR r.time_of_event <= d.closed_at
)
SELECT step, following, count(*) FROM followed WHERE following IS NOT NULL GROUP BY step, following
ORDER BY step, following
""")


def words(session: Session, client_id: uuid.UUID) -> Sequence[str]:
    """Return the trigger words of a client's events as they were sent."""
    return session.scalars(_WORDS, {"client": client_id}).all()


def last_step(session: Session, client_id: uuid.UUID) -> tuple[str, dt.datetime] | None:
    """Return the client's last step and its time."""
    row = session.execute(_LAST_STEP, {"client": client_id}).first()
    return None if row is None else (row[0], row[1])


def transitions(session: Session, most: int) -> list[tuple[str, str, int]]:
    """Count what followed what among the newest events of each deal, conversation or client.

    A deal ends with its outcome: what happened after it closed does not count.
    """
    return [(row[0], row[1], row[2]) for row in session.execute(_TRANSITIONS, {"most": most})]
