"""Errors of the assistant."""

from estate.core.errors import NotFound

__all__ = ["ResponseNotFound"]


class ResponseNotFound(NotFound):
    """No reply has this id."""
