"""Errors of the property layer."""

from estate.core.errors import Invalid, NotFound

__all__ = ["AmbiguousUnit", "BadUnits", "UnitNotFound"]


class UnitNotFound(NotFound):
    """No unit has this id."""


class AmbiguousUnit(Invalid):
    """Several projects have a unit with this bare id."""


class BadUnits(Invalid):
    """These are not units that can be compared."""
