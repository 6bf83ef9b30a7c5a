"""What a client is likely to do next."""

import uuid

from sqlalchemy.orm import Session

from estate.behavior import service as behavior
from estate.behavior.schemas import NextStepOut
from estate.client.service import get_client

__all__ = ["likely_next_step"]


def likely_next_step(session: Session, client_id: uuid.UUID) -> NextStepOut:
    """Say what usually follows the client's last step.

    Raises
    ------
    ClientNotFound
        When no client has this id.
    """
    get_client(session, client_id)
    return behavior.next_step(session, client_id)
