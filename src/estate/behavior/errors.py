"""Errors of the behavior layer."""

from estate.core.errors import NotFound

__all__ = ["ClientUnknown", "RunUnknown"]


class ClientUnknown(NotFound):
    """No client has this id."""


class RunUnknown(NotFound):
    """No analysis run that is kept has this id."""
