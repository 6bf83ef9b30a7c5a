"""Clients that look like one person, and which of them to keep."""

import datetime as dt
import uuid
from collections.abc import Mapping

from sqlalchemy.orm import Session

from estate.behavior import service as behavior
from estate.client import service as client_service
from estate.client.schemas import ClientOut, Match
from estate.core.paging import Page
from estate.intelligence.schemas import Duplicate, DuplicateClient

__all__ = ["find_duplicates"]

CERTAIN = {"phone", "email"}
NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)
SAID = {"email": "e-mail", "owner_agent_id": "owner agent", "location_targets": "wanted location"}

Histories = Mapping[uuid.UUID, tuple[int, dt.datetime | None]]


def find_duplicates(session: Session, *, limit: int, cursor: str | None) -> Page[Duplicate]:
    """Return pairs of clients that look like one person, in the order of their ids.

    The one to keep has more events, deals and conversations; of equals it is the one that was met first.
    """
    page = client_service.matches(session, limit=limit, cursor=cursor)
    ids = {client.client_id for match in page.items for client in (match.first, match.second)}
    histories = behavior.histories(session, ids)
    return Page([_duplicate(match, histories) for match in page.items], page.next_cursor)


def _duplicate(match: Match, histories: Histories) -> Duplicate:
    def rank(client: ClientOut) -> tuple[int, dt.datetime, dt.datetime, uuid.UUID]:
        n, first_at = histories[client.client_id]
        return -n, first_at or NEVER, client.updated_at, client.client_id

    keep, merge = sorted((match.first, match.second), key=rank)
    return Duplicate(
        keep=_client(keep, histories),
        merge=_client(merge, histories),
        agree=list(match.agree),
        confidence="certain" if CERTAIN.intersection(match.agree) else "possible",
        why=f"The same {' and '.join(SAID.get(name, name) for name in match.agree)}.",
    )


def _client(client: ClientOut, histories: Histories) -> DuplicateClient:
    n, first_at = histories[client.client_id]
    return DuplicateClient(client_id=client.client_id, name=client.name, n_history=n, first_at=first_at)
