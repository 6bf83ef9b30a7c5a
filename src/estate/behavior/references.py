"""Finds references to records that do not exist, and follows those to merged clients, for a whole batch at once."""

import uuid
from collections.abc import Iterator, Sequence
from typing import TypeVar

from pydantic import BaseModel
from sqlalchemy.orm import Session

from estate.behavior.crud.references import hold_clients, kept_clients, known_ids, known_units

__all__ = ["redirected", "reference_problems"]

M = TypeVar("M", bound=BaseModel)

MISSING = {
    "agent_id": "agent_id: no such agent",
    "client_id": "client_id: no such client",
    "deal_id": "deal_id: no such deal",
    "conversation_id": "conversation_id: no such conversation",
}


def reference_problems(
    session: Session, records: Sequence[BaseModel], fields: Sequence[str], unit_fields: tuple[str, str]
) -> list[str | None]:
    """Return what is wrong with the references of each record, None where nothing is.

    No client of the records can be merged from then on until the transaction ends; a merged one is none that is
    missing, see `redirected`.

    Parameters
    ----------
    fields : sequence of str
        Which of the fields in `MISSING` are references.
    unit_fields : tuple of str
        Names of the fields that hold the project and the unit.
    """
    asked = {name: {getattr(r, name) for r in records} - {None} for name in fields}
    asked_units = {pair for r in records if (pair := _unit(r, unit_fields))}
    hold_clients(session, asked.get("client_id", ()))
    known = known_ids(session, asked)
    units = known_units(session, asked_units)
    if known == asked and units == asked_units:
        return [None] * len(records)

    def problems(record: BaseModel) -> Iterator[str]:
        for name in fields:
            if getattr(record, name) not in known[name] | {None}:
                yield MISSING[name]
        pair = _unit(record, unit_fields)
        if pair is not None and pair not in units:
            yield f"{unit_fields[1]}: no such unit"

    return ["; ".join(problems(record)) or None for record in records]


def redirected(session: Session, records: Sequence[M]) -> list[M]:
    """Return the records with every client that was merged replaced by the one that holds its history now."""
    clients = [getattr(r, "client_id", None) for r in records]
    kept = kept_clients(session, {client for client in clients if client is not None})
    return [
        r if client not in kept else r.model_copy(update={"client_id": kept[client]})
        for r, client in zip(records, clients, strict=True)
    ]


def _unit(record: BaseModel, fields: tuple[str, str]) -> tuple[uuid.UUID, uuid.UUID] | None:
    project, unit = (getattr(record, name) for name in fields)
    return None if unit is None else (project, unit)
