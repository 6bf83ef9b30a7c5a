"""Work that the outbox holds for this floor."""

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy.orm import Session

from estate.client.service import store_scores
from estate.core.outbox import Claim
from estate.intelligence.qualification import SCORE, score_clients
from estate.intelligence.training import train_all

__all__ = ["SCORE", "TRAIN", "score", "train"]

TRAIN = "intelligence.train"


def score(session: Session, claims: Sequence[Claim]) -> None:
    """Score the clients that the claims name and store the scores; doing it twice changes nothing."""
    client_ids = sorted({uuid.UUID(key) for claim in claims for key in claim.items or [claim.key]})
    now = dt.datetime.now(dt.UTC)
    store_scores(session, score_clients(session, client_ids, now), now)


def train(session: Session, claims: Sequence[Claim]) -> None:
    """Train once, however many claims ask for it; with nothing new to learn nothing happens."""
    train_all(session, dt.datetime.now(dt.UTC))
