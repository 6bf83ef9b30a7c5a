"""Makes one client of two: every floor that knows clients hands over its own rows, in one transaction."""

from sqlalchemy.orm import Session

from estate.behavior import service as behavior
from estate.client import service as client_service
from estate.client.schemas import MergeIn, MergeOut
from estate.realestate_gpt import service as gpt

__all__ = ["merge_clients"]

MOVES = (behavior.move_client, gpt.move_client)
"""Each returns how many rows of which tables it handed over. One that is missing here makes every merge fail: the
merged profile cannot be deleted while a foreign key refers to it."""


def merge_clients(session: Session, wanted: MergeIn, *, by: str) -> MergeOut:
    """Hand everything of one client to another, and forget the first as a client of its own.

    Done again, it changes nothing and returns the record of the first time.

    Raises
    ------
    ClientNotFound, Invalid, MergeConflict
        See `estate.client.merging.begin_merge`.
    """
    begun = client_service.begin_merge(session, wanted)
    if isinstance(begun, MergeOut):
        return begun
    moved: dict[str, int] = {}
    for move in MOVES:
        moved |= move(session, begun.merge_id, begun.keep_id)
    return client_service.finish_merge(session, begun, moved, by=by)
