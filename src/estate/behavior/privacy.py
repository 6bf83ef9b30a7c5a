"""Gives out, and erases, what the layer holds about a client."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from estate.behavior.analytics.terms import canonical
from estate.behavior.crud import events as events_crud
from estate.behavior.crud import privacy as crud
from estate.behavior.events import FOLD
from estate.behavior.folding import AFRESH, ANALYSE
from estate.behavior.schemas import History, PastEvent
from estate.core.documents import document_jobs
from estate.core.outbox import Job, enqueue

__all__ = ["erase_history", "export_client", "lock_history", "record_ids"]


def export_client(session: Session, client_id: uuid.UUID) -> dict[str, list[dict[str, Any]]]:
    """Return the rows about a client, whole, by table.

    Raises
    ------
    TooLarge
        See `estate.core.export.held`.
    """
    return crud.rows(session, client_id)


def record_ids(session: Session, client_id: uuid.UUID) -> list[str]:
    """Return the ids of the events, deals and conversations of a client."""
    return crud.record_ids(session, client_id)


def lock_history(session: Session, client_id: uuid.UUID) -> History:
    """Lock all that a client left behind, to erase it."""
    return crud.history(session, client_id)


def erase_history(session: Session, gone: History, pattern: str) -> dict[str, int]:
    """Erase what a client left behind; return how many rows of each table.

    The counts of terms are lowered by what each event was counted with, so they still equal a recount. Rows of other
    clients that point to a deal or conversation of this one keep what is their own and lose the pointer; those whose
    word names the client, as `pattern` finds it, are counted anew once it is cleared. What an analysis published is
    made anew.
    """
    named = crud.unfold_naming(session, pattern, gone)
    changes = _taken_back([*gone.events, *named])
    events_crud.add_to_stats(session, changes)
    crud.forget_unsaid(session, sorted(changes))
    crud.forget_examples(session, gone.conversation_ids)
    events, talks = crud.release_others(session, gone)
    counts = crud.delete_history(session, gone)
    enqueue(session, [Job(FOLD, str(event_id)) for event_id in {*events, *(event.event_id for event in named)}])
    enqueue(session, document_jobs("behavior", talks))
    if gone.events or gone.conversation_ids or named:
        enqueue(session, [Job(ANALYSE, AFRESH)])
    return counts


def _taken_back(events: Sequence[PastEvent]) -> dict[str, Counter[str]]:
    changes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for event in events:
        if event.trigger_word is not None and event.folded_outcome is not None:
            changes[canonical(event.trigger_word)][event.folded_outcome] -= 1
    return changes
