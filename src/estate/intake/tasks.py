"""What the worker does for the imports."""

import uuid
from collections.abc import Sequence

from sqlalchemy.orm import Session

from estate.core.outbox import Claim
from estate.intake.taking import COMMIT, commit_some
from estate.intake.undoing import UNDO, undo_some

__all__ = ["COMMIT", "UNDO", "commit", "undo"]


def commit(session: Session, claims: Sequence[Claim]) -> None:
    """Take the next rows of the imports that the claims name; work that is claimed twice finds other rows."""
    for key in sorted({claim.key for claim in claims}):
        commit_some(session, uuid.UUID(key))


def undo(session: Session, claims: Sequence[Claim]) -> None:
    """Take back the next records of the imports that the claims name."""
    for key in sorted({claim.key for claim in claims}):
        undo_some(session, uuid.UUID(key))
