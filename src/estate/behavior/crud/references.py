"""Tells which of the records that a batch refers to exist."""

import uuid
from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

__all__ = ["known_ids", "known_units"]

# Only the keys of other layers' tables are read, as the foreign keys themselves do.
_KNOWN = {
    "agent_id": text("SELECT agent_id FROM agent_activity WHERE agent_id = ANY(:ids)"),
    "client_id": text("SELECT client_id FROM client_profiles WHERE client_id = ANY(:ids)"),
    "deal_id": text("SELECT deal_id FROM deals WHERE deal_id = ANY(:ids)"),
    "conversation_id": text("SELECT conversation_id FROM conversations WHERE conversation_id = ANY(:ids)"),
}
_UNITS = text("""
SELECT project_id, unit_id FROM properties
JOIN unnest(CAST(:projects AS uuid[]), CAST(:units AS uuid[])) AS asked (project_id, unit_id)
    USING (project_id, unit_id)
""")


def known_ids(session: Session, reference: str, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those ids that exist; `reference` is the name of the referring column."""
    return set(session.scalars(_KNOWN[reference], {"ids": list(ids)})) if ids else set()


def known_units(session: Session, units: Collection[tuple[uuid.UUID, uuid.UUID]]) -> set[tuple[uuid.UUID, uuid.UUID]]:
    """Return those (project, unit) pairs that exist."""
    if not units:
        return set()
    projects, bare = zip(*units, strict=True)
    return {(p, u) for p, u in session.execute(_UNITS, {"projects": list(projects), "units": list(bare)})}
