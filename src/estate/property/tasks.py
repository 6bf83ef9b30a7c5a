"""Counts the events of units, as they come from the outbox."""

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy.orm import Session

from estate.core.identifiers import UnitRef
from estate.core.outbox import Claim
from estate.property.crud import units as crud

__all__ = ["FOLD", "fold"]

FOLD = "property.fold"


def fold(session: Session, claims: Sequence[Claim]) -> None:
    """Add the events of some claims to ``event_count`` and ``last_event_at`` of their units.

    Parameters
    ----------
    claims : sequence of Claim
        Each item names ``project_id``, ``unit_id``, ``time_of_event`` and the ``delta`` to count.
    """
    counts: dict[UnitRef, tuple[int, dt.datetime]] = {}
    for event in (event for claim in claims for event in claim.items or [claim.payload]):
        ref = UnitRef(uuid.UUID(event["project_id"]), uuid.UUID(event["unit_id"]))
        time = dt.datetime.fromisoformat(event["time_of_event"])
        n, newest = counts.get(ref, (0, time))
        counts[ref] = (n + int(event["delta"]), max(newest, time))
    crud.add_events(session, [(ref, n, newest) for ref, (n, newest) in counts.items()])
