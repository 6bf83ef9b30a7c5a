"""Gives out, and erases, what the imports hold about a client."""

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy.orm import Session

from estate.core.traces import Redaction
from estate.intake.crud import privacy as crud

__all__ = ["erase_client", "export_client"]


def export_client(session: Session, ids: Collection[uuid.UUID]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows about a client, and about those merged into it, whole, by table.

    Raises
    ------
    TooLarge
        See `estate.core.export.held`.
    """
    return crud.rows_about(session, ids)


def erase_client(session: Session, ids: Collection[uuid.UUID], redaction: Redaction) -> dict[str, int]:
    """Empty the imported rows of a client and delete its former states; return how many rows of each table.

    The rows stay counted, so that the report of an import still adds up; there is no way back for them.
    """
    return crud.erase_client(session, ids, redaction)
