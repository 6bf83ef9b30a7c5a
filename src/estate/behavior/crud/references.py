"""Tells which of the records that a batch refers to exist, and who a merged client is now."""

import uuid
from collections.abc import Collection, Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

__all__ = ["REFERENCES", "hold_clients", "kept_clients", "known_ids", "known_units"]

# Only the keys of other layers' tables are read, as the foreign keys themselves do.
_KNOWN = text("""
SELECT 'agent_id', agent_id FROM agent_activity WHERE agent_id = ANY(CAST(:agent_id AS uuid[]))
UNION ALL
SELECT 'client_id', client_id FROM client_profiles WHERE client_id = ANY(CAST(:client_id AS uuid[]))
UNION ALL
SELECT 'client_id', merged_id FROM client_merges WHERE merged_id = ANY(CAST(:client_id AS uuid[]))
UNION ALL
SELECT 'deal_id', deal_id FROM deals WHERE deal_id = ANY(CAST(:deal_id AS uuid[]))
UNION ALL
SELECT 'conversation_id', conversation_id FROM conversations
WHERE conversation_id = ANY(CAST(:conversation_id AS uuid[]))
""")
_HOLD_CLIENTS = text("""
SELECT client_id FROM client_profiles WHERE client_id = ANY(:ids) ORDER BY client_id FOR KEY SHARE
""")
_KEPT_CLIENTS = text("SELECT merged_id, kept_id FROM client_merges WHERE merged_id = ANY(:ids)")
REFERENCES = ("agent_id", "client_id", "deal_id", "conversation_id")
_UNITS = text("""
SELECT project_id, unit_id FROM properties
JOIN unnest(CAST(:projects AS uuid[]), CAST(:units AS uuid[])) AS asked (project_id, unit_id)
    USING (project_id, unit_id)
""")


def known_ids(session: Session, asked: Mapping[str, Collection[uuid.UUID]]) -> dict[str, set[uuid.UUID]]:
    """Return those ids that exist; the keys are names of referring columns, of those in `REFERENCES`."""
    known: dict[str, set[uuid.UUID]] = {name: set() for name in asked}
    if any(asked.values()):
        for name, found in session.execute(_KNOWN, {name: list(asked.get(name, ())) for name in REFERENCES}):
            known[name].add(found)
    return known


def hold_clients(session: Session, ids: Collection[uuid.UUID]) -> None:
    """Keep clients from being merged until the transaction ends; wait for a merge that is under way."""
    if ids:
        session.execute(_HOLD_CLIENTS, {"ids": list(ids)})


def kept_clients(session: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Return, for those of some ids that were merged, the client that holds their history now."""
    return {row[0]: row[1] for row in session.execute(_KEPT_CLIENTS, {"ids": list(ids)})} if ids else {}


def known_units(session: Session, units: Collection[tuple[uuid.UUID, uuid.UUID]]) -> set[tuple[uuid.UUID, uuid.UUID]]:
    """Return those (project, unit) pairs that exist."""
    if not units:
        return set()
    projects, bare = zip(*units, strict=True)
    return {(p, u) for p, u in session.execute(_UNITS, {"projects": list(projects), "units": list(bare)})}
