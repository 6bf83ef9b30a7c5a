"""Finds references to records that do not exist, with one query a table for a whole batch."""

import uuid
from collections.abc import Iterator, Sequence

from pydantic import BaseModel
from sqlalchemy.orm import Session

from estate.behavior.crud.references import known_ids, known_units

__all__ = ["reference_problems"]

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

    Parameters
    ----------
    fields : sequence of str
        Which of the fields in `MISSING` are references.
    unit_fields : tuple of str
        Names of the fields that hold the project and the unit.
    """
    asked = {name: {getattr(r, name) for r in records} - {None} for name in fields}
    asked_units = {pair for r in records if (pair := _unit(r, unit_fields))}
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


def _unit(record: BaseModel, fields: tuple[str, str]) -> tuple[uuid.UUID, uuid.UUID] | None:
    project, unit = (getattr(record, name) for name in fields)
    return None if unit is None else (project, unit)
