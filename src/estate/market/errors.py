"""Errors of the market layer."""

from estate.core.errors import NotFound

__all__ = ["AreaNotFound"]


class AreaNotFound(NotFound):
    """No area has this id."""
