"""What can go wrong on the intelligence floor."""

from estate.core.errors import NotFound

__all__ = ["ModelNotFound"]


class ModelNotFound(NotFound):
    """No such trained model."""
