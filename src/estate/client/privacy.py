"""Gives out, and erases, what the layer holds about a client."""

import uuid
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from estate.client import crud
from estate.client.errors import ClientNotFound
from estate.core.traces import Traces

__all__ = ["erase_profile", "export_client", "known_as", "lock_client"]


def export_client(session: Session, client_id: uuid.UUID) -> dict[str, list[dict[str, Any]]]:
    """Return the rows about a client, whole, by table.

    Raises
    ------
    TooLarge
        See `estate.core.export.held`.
    """
    return crud.rows_about(session, client_id)


def lock_client(session: Session, client_id: uuid.UUID) -> None:
    """Lock a client to erase it: nothing new can refer to it, and what refers to it is there to be seen.

    Raises
    ------
    ClientNotFound
        When it is gone, or was merged into another, by now.
    """
    if not crud.lock_clients(session, [client_id], to_delete=True):
        raise ClientNotFound("No client has this id.")


def known_as(session: Session, client_id: uuid.UUID) -> Traces:
    """Return what a client, and those merged into it, are known by; not a name that somebody else has as well."""
    traces = Traces.of(crud.profiles_of(session, client_id))
    shared = crud.shared_names(session, traces.names, traces.ids)
    return replace(traces, names=tuple(name for name in traces.names if name not in shared))


def erase_profile(session: Session, client_id: uuid.UUID) -> dict[str, int]:
    """Delete the profile, scores and merges of a client; return how many rows of each table."""
    return crud.delete_client(session, client_id)
