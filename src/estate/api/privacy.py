"""Gives out, and erases, all that is held about a client: every floor that knows clients does its own part."""

import uuid
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from estate.agent import service as agents
from estate.agent.tasks import FOLD as AGENT_FOLD
from estate.behavior import service as behavior
from estate.behavior.schemas import History
from estate.client import service as client_service
from estate.core import erasure
from estate.core.audit import audit
from estate.core.db import act_as
from estate.core.identifiers import UnitRef
from estate.core.security import Actor
from estate.core.traces import Redaction, pseudonym
from estate.intake import privacy as imports
from estate.intelligence.privacy import erase_learned
from estate.property import service as homes
from estate.property.tasks import FOLD as PROPERTY_FOLD
from estate.realestate_gpt import service as gpt

__all__ = ["ErasureOut", "ExportOut", "erase_client", "export_client"]

EXPORTS = (client_service.export_client, behavior.export_client, gpt.export_client)
DOCUMENTED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "agent_activity": ("agent", ("agent_id",)),
    "client_profiles": ("client", ("client_id",)),
    "deals": ("behavior", ("deal_id",)),
    "properties": ("property", ("project_id", "unit_id")),
    "utterances": ("behavior", ("conversation_id",)),
}
"""Tables whose free texts go into search documents: the layer, and the columns of the record id."""


class ExportOut(BaseModel):
    """All that is held about a client, row by row."""

    client_id: uuid.UUID
    tables: dict[str, list[dict[str, Any]]] = Field(
        description="Table to its rows about the client, whole, in the order of their keys. Refused rows that name "
        "the client are listed for administrators."
    )


class ErasureOut(BaseModel):
    """What was erased; the second time there is nothing, and the answer is 404."""

    client_id: uuid.UUID
    erased: dict[str, int] = Field(description="Rows by table that were deleted, or cleared of the client's traces.")


def export_client(session: Session, client_id: uuid.UUID, actor: Actor) -> ExportOut:
    """Return all that is held about a client, of what the actor may see; refused rows are for administrators.

    Raises
    ------
    ClientNotFound, ClientMerged
        See `estate.client.service.get_client`.
    TooLarge
        See `estate.core.export.held`.
    """
    client_service.get_client(session, client_id)
    erasure.begin(session)
    tables: dict[str, list[dict[str, Any]]] = {}
    for export in EXPORTS:
        tables |= export(session, client_id)
    traces = client_service.known_as(session, client_id)
    tables |= imports.export_client(session, traces.ids)
    if actor.role == "admin":
        tables["rejected_rows"] = erasure.refused_rows(session, Redaction(traces))
    return ExportOut(client_id=client_id, tables=tables)


def erase_client(session: Session, client_id: uuid.UUID, actor: Actor) -> ErasureOut:
    """Erase a client, and all who were merged into it, from every table, in the transaction of the session.

    What hangs on the client is deleted; counters are lowered by it; findings and models that knew it are retired and
    made anew by the worker; what is written of it elsewhere is cleared. See docs/privacy.md.

    Raises
    ------
    ClientNotFound, ClientMerged
        See `estate.client.service.get_client`.
    """
    client_service.get_client(session, client_id)
    act_as(session, Actor.eraser(actor.caller))
    erasure.begin(session)
    # Before the client is locked, since a worker that is at it may want the client; then what came meanwhile.
    waited = erasure.withdraw_work(session, _records(session, client_id))
    client_service.lock_client(session, client_id)
    traces = client_service.known_as(session, client_id)
    redaction = Redaction(traces)
    gone = behavior.lock_history(session, client_id)
    records = [*map(str, traces.ids), *gone.record_ids()]
    pending = erasure.joined(waited, erasure.withdraw_work(session, records))
    counts = gpt.erase_client(session, client_id, records) | behavior.erase_history(session, gone, redaction.pattern)
    _take_back(session, gone, pending)
    if gone.since is not None:
        counts["trained_models"] = erase_learned(session, gone.since)
    counts |= client_service.erase_profile(session, client_id)
    counts |= imports.erase_client(session, traces.ids, redaction)
    counts |= _clear_traces(session, redaction)
    erasure.note(session, traces, counts, actor.caller)
    audit(session, actor, "client.erase", "client_profiles", pseudonym(client_id), **counts)
    return ErasureOut(client_id=client_id, erased={table: n for table, n in sorted(counts.items()) if n})


def _records(session: Session, client_id: uuid.UUID) -> list[str]:
    return [*map(str, client_service.known_as(session, client_id).ids), *behavior.record_ids(session, client_id)]


def _take_back(session: Session, gone: History, pending: Mapping[str, Collection[str]]) -> None:
    """Lower the counters of agents and units by the events that they had counted."""
    of_agents = [event for event in gone.events if event.agent_id is not None]
    uncounted = pending.get(AGENT_FOLD, ())
    taken = [
        {
            "agent_id": str(event.agent_id),
            "response_speed": None if event.response_speed is None else str(event.response_speed),
            "time_of_event": event.time_of_event.isoformat(),
            "delta": -1,
        }
        for event in of_agents
        if str(event.event_id) not in uncounted
    ]
    agents.take_back(session, taken, {event.agent_id for event in of_agents if event.agent_id is not None})
    units = {
        str(event.event_id): UnitRef(event.project_id, event.unit_id)
        for event in gone.events
        if event.project_id is not None and event.unit_id is not None
    }
    uncounted = pending.get(PROPERTY_FOLD, ())
    homes.take_back(
        session,
        [ref for event_id, ref in units.items() if event_id not in uncounted],
        {*units.values(), *gone.deal_units},
    )


def _clear_traces(session: Session, redaction: Redaction) -> dict[str, int]:
    """Clear what is written of the client elsewhere; documents made of it are written anew."""
    changed = erasure.scrub(session, redaction)
    gpt.make_anew(
        session,
        {
            (layer, ":".join(str(key[column]) for column in columns))
            for table, (layer, columns) in DOCUMENTED.items()
            for key in changed.get(table, ())
        },
    )
    counts = {f"{table} (cleared)": len(keys) for table, keys in changed.items()}
    counts["rejected_rows"] = erasure.forget_refused(session, redaction)
    counts["idempotency_keys (cleared)"] = erasure.blank_answers(session, redaction)
    return counts
