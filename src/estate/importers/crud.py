"""SQL of the importers: sales that earlier files brought, and the outbox work of rows that were loaded whole."""

import datetime as dt
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

__all__ = ["Sold", "enqueue_work", "sold"]

WORK = text("""
INSERT INTO outbox (topic, key, payload)
SELECT 'behavior.fold', event_id::text, '{}'::jsonb FROM behavior_events
UNION ALL
SELECT 'agent.fold', event_id::text, jsonb_build_object(
    'event_id', event_id, 'agent_id', agent_id, 'response_speed', response_speed,
    'time_of_event', time_of_event, 'delta', 1)
FROM behavior_events WHERE agent_id IS NOT NULL
UNION ALL
SELECT 'property.fold', event_id::text, jsonb_build_object(
    'event_id', event_id, 'project_id', property_project_id, 'unit_id', property_unit_id,
    'time_of_event', time_of_event, 'delta', 1)
FROM behavior_events WHERE property_unit_id IS NOT NULL
UNION ALL SELECT 'intelligence.train', 'all', '{}'::jsonb
UNION ALL SELECT 'intelligence.score', client_id::text, '{}'::jsonb FROM client_profiles
UNION ALL SELECT 'intelligence.figures', project_id || ':' || unit_id, '{}'::jsonb FROM properties
UNION ALL SELECT 'realestate_gpt.document', 'market:' || area_id, '{}'::jsonb FROM market_insights
UNION ALL SELECT 'realestate_gpt.document', 'agent:' || agent_id, '{}'::jsonb FROM agent_activity
UNION ALL SELECT 'realestate_gpt.document', 'client:' || client_id, '{}'::jsonb FROM client_profiles
UNION ALL SELECT 'realestate_gpt.document', 'property:' || project_id || ':' || unit_id, '{}'::jsonb FROM properties
UNION ALL SELECT 'realestate_gpt.document', 'behavior:' || deal_id, '{}'::jsonb FROM deals
UNION ALL SELECT 'realestate_gpt.document', 'behavior:' || conversation_id, '{}'::jsonb FROM conversations
""")

SOLD = text("""
SELECT u.unit_id, p.project_id, p.name AS project, u.segment, (u.sold_at AT TIME ZONE 'UTC')::date AS day, u.price
FROM properties u JOIN projects p USING (project_id)
WHERE u.area_id = :area_id AND u.status = 'sold' AND u.currency = :currency AND u.price IS NOT NULL
    AND u.sold_at >= :since AND u.sold_at < :until
""")


class Sold(NamedTuple):
    """A unit that was sold."""

    unit_id: uuid.UUID
    project_id: uuid.UUID
    project: str | None
    segment: str
    day: dt.date
    price: Decimal


def sold(session: Session, area_id: uuid.UUID, currency: str, since: dt.datetime, until: dt.datetime) -> Iterator[Sold]:
    """Return the units of an area that were sold in a span of time, of which `until` is no more part."""
    stated = {"area_id": area_id, "currency": currency, "since": since, "until": until}
    return (Sold(*row) for row in session.execute(SOLD, stated))


def enqueue_work(session: Session) -> None:
    """Write the work of a world that was loaded into an empty database."""
    session.execute(WORK)
