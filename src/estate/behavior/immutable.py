"""What becomes of records that never change: the first delivery of an id stays, whatever follows."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from estate.core.ingest import Stored

__all__ = ["Delivery", "first_of_each", "settle"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One record as it came.

    Parameters
    ----------
    id : uuid.UUID
        Chosen by the sender.
    content_hash : bytes
        Of all that the sender decides.
    problem : str or None
        Why it cannot be stored.
    """

    id: uuid.UUID
    content_hash: bytes
    problem: str | None


def first_of_each(deliveries: Sequence[Delivery]) -> dict[uuid.UUID, int]:
    """Return the position of the first delivery of each id that can be stored."""
    first: dict[uuid.UUID, int] = {}
    for position, delivery in enumerate(deliveries):
        if delivery.problem is None:
            first.setdefault(delivery.id, position)
    return first


def settle(
    deliveries: Sequence[Delivery],
    first: Mapping[uuid.UUID, int],
    created: Collection[uuid.UUID],
    stored: Mapping[uuid.UUID, bytes],
    key: str,
) -> list[Stored]:
    """Tell what became of each delivery.

    Parameters
    ----------
    first : mapping
        From `first_of_each`.
    created : collection of UUID
        The ids that were new.
    stored : mapping
        Content hash of the ids that were stored before this batch, as far as the sender may see them.
    key : str
        Name of the field that holds the id.
    """

    def one(position: int, delivery: Delivery) -> Stored:
        record_id = str(delivery.id)
        if delivery.problem is not None:
            return Stored(record_id, "rejected", delivery.problem)
        is_new = delivery.id in created
        if is_new and first[delivery.id] == position:
            return Stored(record_id, "created")
        before = deliveries[first[delivery.id]].content_hash if is_new else stored.get(delivery.id)
        if delivery.content_hash == before:
            return Stored(record_id, "duplicate")
        return Stored(record_id, "conflict", f"{key}: exists with other content")

    return [one(position, delivery) for position, delivery in enumerate(deliveries)]
