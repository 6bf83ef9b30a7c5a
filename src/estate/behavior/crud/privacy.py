"""SQL of what the layer holds about a client: reading it whole, and erasing it."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, text
from sqlalchemy.orm import Session

from estate.behavior.models import BehaviorEvent, CallSkip, Contact, Conversation, Deal, DealStage, Utterance
from estate.behavior.schemas import History, PastEvent
from estate.core.export import held
from estate.core.identifiers import UnitRef

__all__ = [
    "delete_history",
    "forget_examples",
    "forget_unsaid",
    "history",
    "record_ids",
    "release_others",
    "rows",
    "unfold_naming",
]

_DEALS = text("""
SELECT deal_id, project_id, unit_id, opened_at FROM deals WHERE client_id = :client
ORDER BY deal_id FOR UPDATE
""")
_IDS = text("""
SELECT event_id FROM behavior_events WHERE client_id = :client
UNION ALL SELECT deal_id FROM deals WHERE client_id = :client
UNION ALL SELECT conversation_id FROM conversations WHERE client_id = :client
""")
_TALKS = text("""
SELECT conversation_id FROM conversations WHERE client_id = :client ORDER BY conversation_id FOR UPDATE
""")
# What an event was counted with, in the order of `PastEvent`.
_COUNTED = (
    select(
        BehaviorEvent.event_id,
        BehaviorEvent.agent_id,
        BehaviorEvent.property_project_id,
        BehaviorEvent.property_unit_id,
        BehaviorEvent.trigger_word,
        BehaviorEvent.response_speed,
        BehaviorEvent.time_of_event,
        BehaviorEvent.folded_outcome,
    )
    .order_by(BehaviorEvent.event_id)
    .with_for_update()
)
_UNFOLD = text("UPDATE behavior_events SET folded_outcome = NULL WHERE event_id = ANY(:events)")
# In the order of the foreign keys; turns go with their conversation.
_DELETE = {
    "behavior_events": text("DELETE FROM behavior_events WHERE event_id = ANY(:events)"),
    "conversations": text("DELETE FROM conversations WHERE conversation_id = ANY(:talks)"),
    "deal_stages": text("DELETE FROM deal_stages WHERE deal_id = ANY(:deals)"),
    "deals": text("DELETE FROM deals WHERE deal_id = ANY(:deals)"),
    "contacts": text("DELETE FROM contacts WHERE client_id = :client"),
    "call_skips": text("DELETE FROM call_skips WHERE client_id = :client"),
}
_TURNS = text("SELECT count(*) FROM utterances WHERE conversation_id = ANY(:talks)")
_RELEASE_EVENTS = text("""
UPDATE behavior_events SET
    deal_id = CASE WHEN deal_id = ANY(:deals) THEN NULL ELSE deal_id END,
    conversation_id = CASE WHEN conversation_id = ANY(:talks) THEN NULL ELSE conversation_id END
WHERE NOT event_id = ANY(:events) AND (deal_id = ANY(:deals) OR conversation_id = ANY(:talks))
RETURNING event_id
""")
_RELEASE_TALKS = text("""
UPDATE conversations SET deal_id = NULL WHERE deal_id = ANY(:deals) AND NOT conversation_id = ANY(:talks)
RETURNING conversation_id
""")
_FORGET_UNSAID = text("""
DELETE FROM trigger_stats WHERE term = ANY(:terms) AND n_won = 0 AND n_lost = 0 AND n_open = 0
""")
_FORGET_EXAMPLES = text("""
UPDATE trigger_findings f SET examples = (
    SELECT coalesce(jsonb_agg(example), '[]') FROM jsonb_array_elements_text(f.examples) AS example
    WHERE NOT split_part(example, ':', 1) = ANY(:talks)
)
WHERE EXISTS (
    SELECT FROM jsonb_array_elements_text(f.examples) AS example WHERE split_part(example, ':', 1) = ANY(:talks)
)
""")


def rows(session: Session, client_id: uuid.UUID) -> dict[str, list[dict[str, Any]]]:
    """Return the rows about a client, whole, by table."""
    deals = select(Deal.deal_id).where(Deal.client_id == client_id)
    talks = select(Conversation.conversation_id).where(Conversation.client_id == client_id)
    return {
        "deals": held(session, Deal, Deal.client_id == client_id),
        "deal_stages": held(session, DealStage, DealStage.deal_id.in_(deals)),
        "conversations": held(session, Conversation, Conversation.client_id == client_id),
        "utterances": held(session, Utterance, Utterance.conversation_id.in_(talks)),
        "behavior_events": held(session, BehaviorEvent, _of_client(client_id, deals, talks)),
        "contacts": held(session, Contact, Contact.client_id == client_id),
        "call_skips": held(session, CallSkip, CallSkip.client_id == client_id),
    }


def _of_client(
    client_id: uuid.UUID, deals: Sequence[uuid.UUID] | Select[Any], talks: Sequence[uuid.UUID] | Select[Any]
) -> ColumnElement[bool]:
    """Return which events are a client's: its own, and those of nobody on its deals and conversations."""
    hung_on = or_(BehaviorEvent.deal_id.in_(deals), BehaviorEvent.conversation_id.in_(talks))
    return or_(BehaviorEvent.client_id == client_id, and_(BehaviorEvent.client_id.is_(None), hung_on))


def _past(session: Session, which: ColumnElement[bool]) -> list[PastEvent]:
    """Lock some events; return them as they were counted."""
    return [PastEvent(*row) for row in session.execute(_COUNTED.where(which))]


def record_ids(session: Session, client_id: uuid.UUID) -> list[str]:
    """Return the ids of the events, deals and conversations of a client."""
    return [str(one) for one in session.scalars(_IDS, {"client": client_id})]


def history(session: Session, client_id: uuid.UUID) -> History:
    """Lock all that a client left behind; events of nobody belong to the client of their deal or conversation."""
    deals = session.execute(_DEALS, {"client": client_id}).all()
    talks = session.scalars(_TALKS, {"client": client_id}).all()
    deal_ids = [row.deal_id for row in deals]
    events = _past(session, _of_client(client_id, deal_ids, talks))
    since = min((row.opened_at for row in deals), default=None)
    units = frozenset(UnitRef(row.project_id, row.unit_id) for row in deals if row.unit_id is not None)
    return History(client_id, tuple(events), tuple(deal_ids), tuple(talks), units, since)


def unfold_naming(session: Session, pattern: str, gone: History) -> list[PastEvent]:
    """Lock the events of others whose word names a client, and count them no more; return them as they were counted."""
    own = {event.event_id for event in gone.events}
    naming = _past(session, BehaviorEvent.trigger_word.op("~*")(pattern))
    named = [event for event in naming if event.event_id not in own]
    session.execute(_UNFOLD, {"events": [event.event_id for event in named]})
    return named


def delete_history(session: Session, gone: History) -> dict[str, int]:
    """Delete what a client left behind; return how many rows of each table."""
    ids = _ids(gone)
    counts = {"utterances": session.scalars(_TURNS, {"talks": ids["talks"]}).one()}
    for table, statement in _DELETE.items():
        counts[table] = session.execute(statement, ids).rowcount  # type: ignore[attr-defined]
    return counts


def release_others(session: Session, gone: History) -> tuple[Sequence[uuid.UUID], Sequence[uuid.UUID]]:
    """Clear what other clients' rows say of the deals and conversations of this one; return the events and talks."""
    ids = _ids(gone)
    return session.scalars(_RELEASE_EVENTS, ids).all(), session.scalars(_RELEASE_TALKS, ids).all()


def _ids(gone: History) -> dict[str, Any]:
    events = [event.event_id for event in gone.events]
    return {
        "client": gone.client_id,
        "events": events,
        "deals": list(gone.deal_ids),
        "talks": list(gone.conversation_ids),
    }


def forget_unsaid(session: Session, terms: Sequence[str]) -> None:
    """Delete the counts of those of some terms that no event carries any more."""
    session.execute(_FORGET_UNSAID, {"terms": list(terms)})


def forget_examples(session: Session, conversation_ids: Sequence[uuid.UUID]) -> None:
    """Let no published finding point to some conversations."""
    session.execute(_FORGET_EXAMPLES, {"talks": [str(one) for one in conversation_ids]})
