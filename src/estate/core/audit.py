"""The log of who did what: appended in the transaction of the effect, so that neither exists without the other."""

from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from estate.core.context import request_id as current_request
from estate.core.models import AuditRecord
from estate.core.security import Actor

__all__ = ["audit"]


def audit(
    session: Session,
    actor: Actor,
    action: str,
    subject_table: str | None = None,
    subject_id: object = None,
    **detail: Any,
) -> None:
    """Append one line to the audit log.

    Parameters
    ----------
    session : Session
        The unit of work of the effect.
    actor : Actor
        Who does it.
    action : str
        What is done, as ``noun.verb``.
    subject_table, subject_id : str, object
        Which record it is done to.
    **detail
        Counts, ids and reasons as JSON values; never a name, an address or a secret.
    """
    session.execute(
        insert(AuditRecord)
        .inline()
        .values(
            role=actor.role,
            caller=actor.caller,
            action=action,
            subject_table=subject_table,
            subject_id=None if subject_id is None else str(subject_id),
            request_id=current_request.get(),
            detail=detail,
        )
    )
