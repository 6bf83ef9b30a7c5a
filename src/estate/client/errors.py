"""Errors of the client layer."""

import uuid

from estate.core.errors import Conflict, Gone, NotFound

__all__ = ["ClientMerged", "ClientNotFound", "MergeConflict"]


class ClientNotFound(NotFound):
    """No client has this id."""


class ClientMerged(Gone):
    """The client is no longer one of its own.

    Parameters
    ----------
    kept_id : uuid.UUID
        Who holds its history now.
    """

    def __init__(self, kept_id: uuid.UUID) -> None:
        super().__init__(f"This client was merged into {kept_id}; ask for that one.")


class MergeConflict(Conflict):
    """The client was merged into another before."""
