"""Errors of the behavior layer."""

from estate.core.errors import NotFound

__all__ = ["ClientUnknown"]


class ClientUnknown(NotFound):
    """No client has this id."""
