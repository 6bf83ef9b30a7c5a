"""SQL of the world loader: the outbox work that the loaded rows would have caused had they come one by one."""

from sqlalchemy import text
from sqlalchemy.orm import Session

__all__ = ["enqueue_work"]

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


def enqueue_work(session: Session) -> None:
    """Write the work of a world that was loaded into an empty database."""
    session.execute(WORK)
