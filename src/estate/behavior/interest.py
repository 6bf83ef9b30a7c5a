"""Which units clients showed an interest in, by their events and deals."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from estate.behavior.crud import interest as crud

__all__ = ["Interest", "interest_of", "newest_interest", "newest_moment"]

Kind = Literal["asked", "open", "won", "lost"]


@dataclass(frozen=True, slots=True)
class Interest:
    """A client named a unit, ``"project:unit"``: in an event, or in a deal that is open, won or lost."""

    client: str
    unit: str
    at: dt.datetime
    kind: Kind


def interest_of(session: Session, client_id: uuid.UUID, most: int) -> list[Interest]:
    """Return the newest interest of a client, from at most `most` events and `most` deals."""
    rows = crud.of_client(session, client_id, most)
    return [Interest(str(client_id), unit, at, kind) for unit, at, kind in rows]


def newest_interest(session: Session, until: dt.datetime, most: int) -> list[Interest]:
    """Return the newest events of all clients up to a time that name a unit."""
    rows = crud.newest(session, until, most)
    return [Interest(client, unit, at, "asked") for client, unit, at in rows]


def newest_moment(session: Session, until: dt.datetime) -> tuple[uuid.UUID, dt.datetime] | None:
    """Return what changes whenever a newer event comes in."""
    return crud.newest_event(session, until)
