"""Hands the history of one client to another, and tells how much history a client has."""

import datetime as dt
import uuid
from collections.abc import Collection

from sqlalchemy.orm import Session

from estate.behavior.crud import moving as crud
from estate.behavior.crud.about_units import units_of_client
from estate.behavior.deals import DEAL_KEY
from estate.behavior.events import FOLD
from estate.core.documents import document_jobs
from estate.core.figures import figure_jobs
from estate.core.outbox import Job, enqueue

__all__ = ["histories", "move_client"]


def move_client(session: Session, from_id: uuid.UUID, to_id: uuid.UUID) -> dict[str, int]:
    """Hand the events, deals, conversations and contacts of one client to another; return how many rows of each.

    What was sent stays as it is compared, so a repeated delivery is a duplicate afterwards as before. An event may
    now belong to a deal of the other client, so the events of all their deals are folded again.
    """
    events = crud.move_events(session, from_id, to_id)
    deals = crud.move_deals(session, from_id, to_id)
    conversations = crud.move_conversations(session, from_id, to_id)
    enqueue(session, [Job(FOLD, f"{DEAL_KEY}{deal_id}") for deal_id in crud.deal_ids(session, to_id)])
    enqueue(session, figure_jobs(units_of_client(session, to_id)))
    enqueue(session, document_jobs("behavior", [*deals, *conversations]))
    moved = {"behavior_events": events, "deals": len(deals), "conversations": len(conversations)}
    return moved | crud.move_contacts(session, from_id, to_id)


def histories(session: Session, client_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, tuple[int, dt.datetime | None]]:
    """Return for each client how many events, deals and conversations there are, and the time of the first."""
    return crud.histories(session, client_ids)
