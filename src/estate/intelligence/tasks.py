"""Work that the outbox holds for this floor."""

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy.orm import Session

from estate.client.service import store_scores
from estate.core.outbox import Claim
from estate.intelligence.qualification import score_clients

__all__ = ["SCORE", "score"]

SCORE = "intelligence.score"


def score(session: Session, claims: Sequence[Claim]) -> None:
    """Score the clients that the claims name and store the scores; doing it twice changes nothing."""
    client_ids = sorted({uuid.UUID(key) for claim in claims for key in claim.items or [claim.key]})
    store_scores(session, score_clients(session, client_ids, dt.datetime.now(dt.UTC)))
