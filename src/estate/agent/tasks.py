"""Background work of the agent layer: counters that follow the event stream."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from estate.agent import service
from estate.core.outbox import Claim

__all__ = ["FOLD", "fold"]

FOLD = "agent.fold"


def fold(session: Session, claims: Sequence[Claim]) -> None:
    """Add claimed events to the counters of their agents; a claim is deleted with its effect, so it counts once."""
    service.fold_events(session, [event for claim in claims for event in claim.items or [claim.payload]])
