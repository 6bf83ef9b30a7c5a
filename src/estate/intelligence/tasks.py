"""Work that the outbox holds for this floor."""

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy.orm import Session

from estate.client.service import store_scores
from estate.core.identifiers import UnitRef
from estate.core.outbox import Claim
from estate.intelligence.qualification import SCORE, score_clients
from estate.intelligence.training import train_all
from estate.intelligence.unit_figures import count

__all__ = ["SCORE", "TRAIN", "count_figures", "score", "train"]

TRAIN = "intelligence.train"


def score(session: Session, claims: Sequence[Claim]) -> None:
    """Score the clients that the claims name and store the scores; doing it twice changes nothing."""
    client_ids = sorted({uuid.UUID(key) for claim in claims for key in claim.items or [claim.key]})
    now = dt.datetime.now(dt.UTC)
    store_scores(session, score_clients(session, client_ids, now), now)


def train(session: Session, claims: Sequence[Claim]) -> None:
    """Train once, however many claims ask for it; with nothing new to learn nothing happens."""
    train_all(session, dt.datetime.now(dt.UTC))


def count_figures(session: Session, claims: Sequence[Claim]) -> None:
    """Count the figures of the units that the claims name, and of their projects; doing it twice changes nothing."""
    refs = {UnitRef.parse(key) for claim in claims for key in claim.items or [claim.key]}
    count(session, refs, dt.datetime.now(dt.UTC))
