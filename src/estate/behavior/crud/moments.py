"""SQL of what was known of clients at chosen moments, for learning without a look into the future."""

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from estate.behavior.contact_schemas import REACHED
from estate.behavior.schemas import Activity

__all__ = ["activity_at"]

# Each moment reads a piece of the index (client_id, time); nothing at or after the moment is counted. A conversation
# counts when it began, or something was said in it, in the days before; an emotion is noted in a turn of one, of which
# each term is an event, or in an event of its own. An event that names no agent, as of the web site, is no contact.
_AT = text("""
WITH asked AS (
    SELECT place, client_id, until, until - make_interval(days => :days) AS since
    FROM unnest(CAST(:clients AS uuid[]), CAST(:untils AS timestamptz[])) WITH ORDINALITY a (client_id, until, place)
)
SELECT e.n, t.n, k.n, least(e.first_at, c.first_at, k.first_at),
    greatest(e.last_contact_at, c.last_at, k.last_at), e.reply, coalesce(m.emotions, '{}')
FROM asked a
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE time_of_event >= a.since AND conversation_id IS NULL) AS n,
        min(time_of_event) AS first_at, max(time_of_event) FILTER (WHERE agent_id IS NOT NULL) AS last_contact_at,
        CAST(avg(response_speed) FILTER (WHERE time_of_event >= a.since) AS float8) AS reply
    FROM behavior_events WHERE client_id = a.client_id AND time_of_event < a.until
) e
CROSS JOIN LATERAL (
    SELECT min(started_at) AS first_at, max(started_at) AS last_at
    FROM conversations WHERE client_id = a.client_id AND started_at < a.until
) c
CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM (
        SELECT conversation_id FROM conversations
        WHERE client_id = a.client_id AND started_at >= a.since AND started_at < a.until
        UNION
        SELECT conversation_id FROM behavior_events
        WHERE client_id = a.client_id AND time_of_event >= a.since AND time_of_event < a.until
            AND conversation_id IS NOT NULL
    ) talks
) t
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE contacted_at >= a.since) AS n, min(contacted_at) AS first_at,
        max(contacted_at) AS last_at
    FROM contacts WHERE client_id = a.client_id AND contacted_at < a.until AND outcome = ANY(:reached)
) k
CROSS JOIN LATERAL (
    SELECT jsonb_object_agg(emotion_detected, n) AS emotions FROM (
        SELECT emotion_detected, count(DISTINCT coalesce(
            CAST(conversation_id AS text) || (metadata ->> 'turn'), CAST(event_id AS text)
        )) AS n
        FROM behavior_events WHERE client_id = a.client_id AND time_of_event >= a.since AND time_of_event < a.until
            AND emotion_detected IS NOT NULL
        GROUP BY emotion_detected
    ) noted
) m
ORDER BY a.place
""")


def activity_at(
    session: Session, moments: Sequence[tuple[uuid.UUID, dt.datetime]], *, window_days: int
) -> list[Activity]:
    """Return for each (client, moment) the counts of the days before it, and when it began and the last contact."""
    asked = {
        "clients": [c for c, _ in moments],
        "untils": [at for _, at in moments],
        "days": window_days,
        "reached": [*REACHED],
    }
    return [
        Activity(
            n_events=row[0],
            n_conversations=row[1],
            n_contacts=row[2],
            first_at=row[3],
            last_contact_at=row[4],
            mean_response_s=row[5],
            emotions=row[6],
        )
        for row in session.execute(_AT, asked)
    ]
