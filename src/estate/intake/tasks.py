"""What the worker does for the imports."""

import uuid
from collections.abc import Sequence

from sqlalchemy.orm import Session

from estate.core.outbox import Claim
from estate.intake.taking import COMMIT, commit_some, ordered_by
from estate.intake.undoing import UNDO, undo_some

__all__ = ["COMMIT", "UNDO", "commit", "undo"]


def commit(session: Session, claims: Sequence[Claim]) -> None:
    """Take the next rows of the imports that the claims name; work that is claimed twice finds other rows."""
    for key, claim in sorted({claim.key: claim for claim in claims}.items()):
        commit_some(session, uuid.UUID(key), ordered_by(claim))


def undo(session: Session, claims: Sequence[Claim]) -> None:
    """Take back the next records of the imports that the claims name."""
    for key, claim in sorted({claim.key: claim for claim in claims}.items()):
        undo_some(session, uuid.UUID(key), ordered_by(claim))
