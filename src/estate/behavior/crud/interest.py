"""SQL of which units clients showed an interest in."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

__all__ = ["newest", "newest_event", "of_client"]

_OF_CLIENT = text("""
(SELECT property_project_id || ':' || property_unit_id, time_of_event AS at, 'asked' AS kind FROM behavior_events
WHERE client_id = :client AND property_unit_id IS NOT NULL ORDER BY time_of_event DESC, event_id LIMIT :most)
UNION ALL
(SELECT project_id || ':' || unit_id, coalesce(closed_at, opened_at), coalesce(outcome, 'open') FROM deals
WHERE client_id = :client AND unit_id IS NOT NULL ORDER BY opened_at DESC, deal_id LIMIT :most)
ORDER BY at DESC, 1
""")
_NEWEST = text("""
SELECT CAST(client_id AS text), property_project_id || ':' || property_unit_id, time_of_event FROM behavior_events
WHERE client_id IS NOT NULL AND property_unit_id IS NOT NULL AND time_of_event <= :until
ORDER BY time_of_event DESC, event_id LIMIT :most
""")
_NEWEST_EVENT = text("""
SELECT event_id, updated_at FROM behavior_events WHERE time_of_event <= :until
ORDER BY time_of_event DESC, event_id DESC LIMIT 1
""")


def of_client(session: Session, client_id: uuid.UUID, most: int) -> list[tuple[Any, ...]]:
    """Return (unit, time, kind) of a client, the newest first; at most `most` events and `most` deals."""
    return [tuple(row) for row in session.execute(_OF_CLIENT, {"client": client_id, "most": most})]


def newest(session: Session, until: dt.datetime, most: int) -> list[tuple[Any, ...]]:
    """Return (client, unit, time) of the newest events up to a time that name a client and a unit."""
    return [tuple(row) for row in session.execute(_NEWEST, {"until": until, "most": most})]


def newest_event(session: Session, until: dt.datetime) -> tuple[uuid.UUID, dt.datetime] | None:
    """Return the id and the time of storing of the newest event up to a time."""
    row = session.execute(_NEWEST_EVENT, {"until": until}).first()
    return None if row is None else (row[0], row[1])
