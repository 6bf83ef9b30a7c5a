"""Errors of the client layer."""

from estate.core.errors import NotFound

__all__ = ["ClientNotFound"]


class ClientNotFound(NotFound):
    """No client has this id."""
