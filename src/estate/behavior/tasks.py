"""Background work of the behavior layer: folding events, and the analysis that follows."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from estate.behavior import service
from estate.behavior.events import FOLD
from estate.behavior.folding import AFRESH, ANALYSE
from estate.core.db import database_time
from estate.core.outbox import Claim

__all__ = ["ANALYSE", "FOLD", "analyse", "fold"]


def fold(session: Session, claims: Sequence[Claim]) -> None:
    """Fold the claimed events, and those of the claimed deals."""
    service.fold(session, [key for claim in claims for key in claim.items or [claim.key]])


def analyse(session: Session, claims: Sequence[Claim]) -> None:
    """Analyse everything once, however many claims ask for it; afresh when one of them asks for that."""
    service.analyse(session, now=database_time(session), afresh=any(claim.key == AFRESH for claim in claims))
