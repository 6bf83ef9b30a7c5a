"""A record as the assistant holds it: where it is, how well it fits, and the exact values a sentence may cite."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["LAYERS", "Key", "Record", "Value"]

LAYERS = ("market", "agent", "client", "property", "behavior")

Value = str | int | float | bool | None
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a layer.

    Parameters
    ----------
    layer, id : str
        Where it is; a unit's id is ``"project:unit"``.
    score : float
        How well it fits the question; 1 when it was looked up by its id.
    fields : mapping
        Field name to exact value, figures computed from the record included.
    """

    layer: str
    id: str
    score: float
    fields: Mapping[str, Value] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """Layer and id."""
        return (self.layer, self.id)

    def with_fields(self, computed: Mapping[str, Value]) -> "Record":
        """Return the record with more fields."""
        return Record(self.layer, self.id, self.score, {**self.fields, **computed})
