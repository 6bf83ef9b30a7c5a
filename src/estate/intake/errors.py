"""Errors of the imports."""

from estate.core.errors import Conflict, Invalid, NotFound

__all__ = ["ImportNotFound", "NotNow", "OpenQuestions"]


class ImportNotFound(NotFound):
    """No import has this id, or none that the caller may see; or it has no such row."""


class NotNow(Conflict):
    """The import is in another state than the call needs."""


class OpenQuestions(Invalid):
    """What the file leaves open must be answered before it is taken."""
