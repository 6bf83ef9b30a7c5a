"""SQL of all that happened with a client, in one list."""

import uuid

from sqlalchemy import DateTime, Text, column, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from estate.core.paging import Key, Page, fetch_page

__all__ = ["page_timeline"]

_HAPPENED = text("""
SELECT time_of_event AS at, 'event' AS kind, CAST(event_id AS text) AS id, jsonb_build_object(
    'agent_id', agent_id, 'unit', property_project_id || ':' || property_unit_id, 'note', NULL,
    'what', coalesce(trigger_word, emotion_detected, metadata ->> 'type', 'event'),
    'fields', jsonb_build_object('trigger_word', trigger_word, 'emotion_detected', emotion_detected,
        'conversation_id', conversation_id, 'deal_id', deal_id, 'metadata', metadata)
) AS told FROM behavior_events WHERE client_id = :client
UNION ALL
SELECT started_at, 'conversation', CAST(conversation_id AS text), jsonb_build_object(
    'agent_id', agent_id, 'unit', project_id || ':' || unit_id, 'note', NULL, 'what', channel,
    'fields', jsonb_build_object('turn_count', turn_count, 'deal_id', deal_id)
) FROM conversations WHERE client_id = :client
UNION ALL
SELECT opened_at, 'deal_opened', CAST(deal_id AS text), jsonb_build_object(
    'agent_id', agent_id, 'unit', project_id || ':' || unit_id, 'note', NULL, 'what', 'opened',
    'fields', jsonb_build_object('value', CAST(value AS text), 'currency', currency)
) FROM deals WHERE client_id = :client
UNION ALL
SELECT s.reached_at, 'deal_stage', s.deal_id || ':' || s.stage, jsonb_build_object(
    'agent_id', d.agent_id, 'unit', d.project_id || ':' || d.unit_id, 'note', NULL, 'what', s.stage,
    'fields', jsonb_build_object('deal_id', d.deal_id, 'value', CAST(d.value AS text), 'currency', d.currency)
) FROM deal_stages s JOIN deals d USING (deal_id) WHERE d.client_id = :client AND s.stage <> 'new'
UNION ALL
SELECT contacted_at, 'contact', CAST(contact_id AS text), jsonb_build_object(
    'agent_id', agent_id, 'unit', NULL, 'note', note, 'what', outcome,
    'fields', jsonb_build_object('channel', channel, 'next_at', next_at)
) FROM contacts WHERE client_id = :client
UNION ALL
SELECT skipped_at, 'skip', CAST(skip_id AS text), jsonb_build_object(
    'agent_id', agent_id, 'unit', NULL, 'note', note, 'what', reason, 'fields', jsonb_build_object()
) FROM call_skips WHERE client_id = :client
""").columns(column("at", DateTime(timezone=True)), column("kind", Text), column("id", Text), column("told", JSONB))


def page_timeline(session: Session, client_id: uuid.UUID, *, cursor: str | None, limit: int) -> Page[dict[str, object]]:
    """Return what happened with a client, the newest first, each as one mapping."""
    happened = _HAPPENED.bindparams(client=client_id).subquery("happened")
    key = (happened.c.at, happened.c.kind, happened.c.id)
    named = func.jsonb_build_object("at", key[0], "kind", key[1], "id", key[2], type_=JSONB)
    told = named.op("||", return_type=JSONB())(happened.c.told)
    return fetch_page(session, select(told), Key(key, descending=True), cursor=cursor, limit=limit)
