"""SQL of what clients did: counts, and what usually follows what."""

import datetime as dt
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

__all__ = [
    "NOTED",
    "Counts",
    "conversation_counts",
    "counts",
    "emotions",
    "last_step",
    "stages",
    "transitions",
    "units",
    "words",
]

_WHOSE = "client_id IS NOT NULL AND (CAST(:clients AS uuid[]) IS NULL OR client_id = ANY(CAST(:clients AS uuid[])))"
NOTED = "coalesce(CAST(conversation_id AS text) || (metadata ->> 'turn'), CAST(event_id AS text))"
"""What an emotion was noted in: a turn of a conversation, of which each term is an event, or a lone event."""
_STEP = "coalesce(trigger_word, emotion_detected, metadata ->> 'type', 'contact')"


def _filled(statement: str) -> TextClause:
    return text(statement.replace("/*whose*/", _WHOSE).replace("/*step*/", _STEP).replace("/*noted*/", NOTED))


_COUNTS = _filled("""
SELECT client_id, count(*) FILTER (WHERE conversation_id IS NULL), min(time_of_event), max(time_of_event),
    CAST(avg(response_speed) AS float8)
FROM behavior_events WHERE /*whose*/ GROUP BY client_id
""")
_CONVERSATIONS = _filled("SELECT client_id, count(*) FROM conversations WHERE /*whose*/ GROUP BY client_id")
_WORDS = _filled("""
SELECT client_id, trigger_word, count(*) FROM behavior_events
WHERE /*whose*/ AND trigger_word IS NOT NULL GROUP BY client_id, trigger_word ORDER BY client_id, trigger_word
""")
_EMOTIONS = _filled("""
SELECT client_id, emotion_detected, count(DISTINCT /*noted*/) FROM behavior_events
WHERE /*whose*/ AND emotion_detected IS NOT NULL GROUP BY client_id, emotion_detected
ORDER BY client_id, emotion_detected
""")
_UNITS = _filled("""
SELECT client_id, property_project_id, property_unit_id FROM behavior_events
WHERE /*whose*/ AND property_unit_id IS NOT NULL
UNION
SELECT client_id, project_id, unit_id FROM deals WHERE /*whose*/ AND unit_id IS NOT NULL
ORDER BY 1, 2, 3
""")
_STAGES = _filled("""
SELECT DISTINCT ON (client_id) client_id, stage FROM deals WHERE /*whose*/
ORDER BY client_id, opened_at DESC, deal_id
""")
_LAST_STEP = _filled("""
SELECT /*step*/, time_of_event FROM behavior_events WHERE client_id = :client
ORDER BY time_of_event DESC, event_id DESC LIMIT 1
""")
_TRANSITIONS = _filled("""
WITH recent AS (
    SELECT /*step*/ AS step, coalesce(folded_deal_id, conversation_id, client_id, agent_id) AS unit_id,
        time_of_event, event_id, nullif(folded_outcome, 'open') AS ended
    FROM behavior_events ORDER BY time_of_event DESC, event_id DESC LIMIT :most
), followed AS (
    SELECT step, coalesce(lead(step) OVER (PARTITION BY unit_id ORDER BY time_of_event, event_id), ended) AS following
    FROM recent
)
SELECT step, following, count(*) FROM followed WHERE following IS NOT NULL GROUP BY step, following
ORDER BY step, following
""")

Clients = Collection[uuid.UUID] | None


@dataclass(frozen=True, slots=True)
class Counts:
    """Events of one client; those of conversations give their times, and are not counted."""

    client_id: uuid.UUID
    n_events: int
    first_at: dt.datetime
    last_at: dt.datetime
    mean_response_s: float | None


def _whose(clients: Clients) -> dict[str, list[uuid.UUID] | None]:
    return {"clients": None if clients is None else list(clients)}


def counts(session: Session, clients: Clients) -> list[Counts]:
    """Return the counts of each client with events, or of some."""
    return [Counts(*row) for row in session.execute(_COUNTS, _whose(clients))]


def conversation_counts(session: Session, clients: Clients) -> dict[uuid.UUID, int]:
    """Return how many conversations each client had."""
    return {row[0]: row[1] for row in session.execute(_CONVERSATIONS, _whose(clients))}


def words(session: Session, clients: Clients) -> Iterator[tuple[uuid.UUID, str, int]]:
    """Yield (client, trigger word as sent, events)."""
    yield from ((row[0], row[1], row[2]) for row in session.execute(_WORDS, _whose(clients)))


def emotions(session: Session, clients: Clients) -> Iterator[tuple[uuid.UUID, str, int]]:
    """Yield (client, emotion, events)."""
    yield from ((row[0], row[1], row[2]) for row in session.execute(_EMOTIONS, _whose(clients)))


def units(session: Session, clients: Clients) -> Iterator[tuple[uuid.UUID, uuid.UUID, uuid.UUID]]:
    """Yield (client, project, unit) for each unit that an event or deal of the client names, sorted."""
    yield from ((row[0], row[1], row[2]) for row in session.execute(_UNITS, _whose(clients)))


def stages(session: Session, clients: Clients) -> dict[uuid.UUID, str]:
    """Return the stage of each client's newest deal."""
    return {row[0]: row[1] for row in session.execute(_STAGES, _whose(clients))}


def last_step(session: Session, client_id: uuid.UUID) -> tuple[str, dt.datetime] | None:
    """Return the client's last step and its time."""
    row = session.execute(_LAST_STEP, {"client": client_id}).first()
    return None if row is None else (row[0], row[1])


def transitions(session: Session, most: int) -> list[tuple[str, str, int]]:
    """Count what followed what among the newest events of each deal, conversation or client; its outcome ends it."""
    return [(row[0], row[1], row[2]) for row in session.execute(_TRANSITIONS, {"most": most})]
