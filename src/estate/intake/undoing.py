"""Takes an import back: every record that is still as it was left gets its former state, or goes."""

import uuid
from collections.abc import Sequence

from sqlalchemy.orm import Session

from estate.client import service as clients
from estate.core.audit import audit
from estate.core.db import database_time
from estate.core.documents import document_jobs
from estate.core.figures import figure_jobs
from estate.core.identifiers import UnitRef
from estate.core.outbox import enqueue
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.intake.crud import changes
from estate.intake.crud import imports as crud
from estate.intake.taking import order
from estate.market import service as market
from estate.property import service as homes

__all__ = ["UNDO", "undo_some"]

UNDO = "intake.undo"


def undo_some(session: Session, import_id: uuid.UUID, actor: Actor) -> None:
    """Take back the next records of an import for somebody who asked for it, and leave the others as work.

    It is done in the platform's own role: it touches nothing but what the import wrote and nobody changed since.
    """
    imported = crud.lock_import(session, import_id)
    if imported is None or imported.state != "undoing":
        return
    found = changes.to_take_back(session, import_id, get_settings().import_batch_rows)
    for table, ids in found.items():
        changes.take_back(session, import_id, table, ids)
        _follow_up(session, table, ids)
    if found:
        enqueue(session, [order(UNDO, import_id, actor)])
        return
    crud.mark_undone(session, import_id)
    crud.change_import(session, import_id, {"state": "undone", "undone_at": database_time(session)})
    audit(session, actor, "imports.undone", "imports", import_id, **crud.undone(session, import_id))


def _follow_up(session: Session, table: str, ids: Sequence[str]) -> None:
    """Have computed again what rests on some records."""
    if table == "client_profiles":
        enqueue(session, [*document_jobs("client", ids), *clients.score_jobs(ids)])
    elif table == "agent_activity":
        enqueue(session, document_jobs("agent", ids))
    elif table == "properties":
        enqueue(session, [*document_jobs("property", ids), *figure_jobs(map(UnitRef.parse, ids))])
    elif table == "projects":
        homes.refresh_documents(session, set(map(uuid.UUID, ids)))
    elif table in ("market_insights", "market_snapshots"):
        market.settle(session, {uuid.UUID(named.partition(":")[0]) for named in ids})
