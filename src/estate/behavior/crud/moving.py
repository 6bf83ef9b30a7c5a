"""SQL of what a client left behind, and of handing it to another client."""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping
from typing import Any, cast

from sqlalchemy import Table, func, select, text, update
from sqlalchemy.orm import Session

from estate.behavior.models import BehaviorEvent, CallSkip, Contact, Conversation, Deal
from estate.core.orm import Base

__all__ = ["deal_ids", "histories", "move_contacts", "move_conversations", "move_deals", "move_events"]


_DEAL_IDS = text("SELECT deal_id FROM deals WHERE client_id = :client ORDER BY deal_id")
_HISTORIES = text("""
SELECT c.client_id, e.n + d.n + t.n, least(e.first_at, d.first_at, t.first_at)
FROM unnest(CAST(:clients AS uuid[])) AS c (client_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS n, min(time_of_event) AS first_at FROM behavior_events WHERE client_id = c.client_id
) e
CROSS JOIN LATERAL (SELECT count(*) AS n, min(opened_at) AS first_at FROM deals WHERE client_id = c.client_id) d
CROSS JOIN LATERAL (
    SELECT count(*) AS n, min(started_at) AS first_at FROM conversations WHERE client_id = c.client_id
) t
""")


def move_events(session: Session, old: uuid.UUID, new: uuid.UUID) -> int:
    """Hand the events of a client to another and return how many; what was sent, and its hash, stays."""
    return len(_move(session, BehaviorEvent, "event_id", old, {"client_id": new, "updated_at": func.now()}))


def move_deals(session: Session, old: uuid.UUID, new: uuid.UUID) -> list[uuid.UUID]:
    """Hand the deals of a client to another and return their ids."""
    return _move(session, Deal, "deal_id", old, {"client_id": new})


def move_conversations(session: Session, old: uuid.UUID, new: uuid.UUID) -> list[uuid.UUID]:
    """Hand the conversations of a client to another and return their ids."""
    return _move(session, Conversation, "conversation_id", old, {"client_id": new})


def move_contacts(session: Session, old: uuid.UUID, new: uuid.UUID) -> dict[str, int]:
    """Hand the contacts and skips of a client to another and return how many of each."""
    return {
        "contacts": len(_move(session, Contact, "contact_id", old, {"client_id": new})),
        "call_skips": len(_move(session, CallSkip, "skip_id", old, {"client_id": new})),
    }


def _move(session: Session, model: type[Base], key: str, old: uuid.UUID, values: Mapping[str, Any]) -> list[uuid.UUID]:
    """Change the rows of a client, locked in the order of their ids as every other writer does; return the ids."""
    table = cast(Table, model.__table__)
    own = select(table.c[key]).where(table.c.client_id == old).order_by(table.c[key]).with_for_update(key_share=True)
    locked = own.cte("locked")
    change = update(table).where(table.c[key] == locked.c[key]).values(**values)
    return list(session.scalars(change.returning(table.c[key])))


def deal_ids(session: Session, client_id: uuid.UUID) -> list[uuid.UUID]:
    """Return the deals of a client."""
    return list(session.scalars(_DEAL_IDS, {"client": client_id}))


def histories(session: Session, clients: Collection[uuid.UUID]) -> dict[uuid.UUID, tuple[int, dt.datetime | None]]:
    """Return how many events, deals and conversations each client has, and when the first was."""
    return {row[0]: (row[1], row[2]) for row in session.execute(_HISTORIES, {"clients": list(clients)})}
