"""Path parameters that match nothing but an id, so that a fixed path beside them keeps its own methods."""

from starlette.convertors import Convertor, register_url_convertor

from estate.core.identifiers import CANONICAL_UUID

__all__ = ["register_ids"]


class _Canonical(Convertor[str]):
    """Matches the one spelling of an id, and leaves the reading of it to the endpoint."""

    regex = CANONICAL_UUID

    def convert(self, value: str) -> str:
        """Return the id as it came."""
        return value

    def to_string(self, value: str) -> str:
        """Return the id as it is."""
        return value


def register_ids() -> None:
    """Let routes say ``{name:canonical}``."""
    register_url_convertor("canonical", _Canonical())
