"""Work that the outbox holds for this floor."""

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy.orm import Session

from estate.client.service import store_scores
from estate.core.db import database_time
from estate.core.identifiers import UnitRef
from estate.core.outbox import Claim
from estate.intelligence.privacy import train_afresh
from estate.intelligence.qualification import SCORE, score_clients
from estate.intelligence.training import TRAIN, train_all
from estate.intelligence.unit_figures import count

__all__ = ["SCORE", "TRAIN", "count_figures", "score", "train"]


def score(session: Session, claims: Sequence[Claim]) -> None:
    """Score the clients that the claims name and store the scores; doing it twice changes nothing."""
    client_ids = sorted({uuid.UUID(key) for claim in claims for key in claim.items or [claim.key]})
    now = database_time(session)
    store_scores(session, score_clients(session, client_ids, now), now)


def train(session: Session, claims: Sequence[Claim]) -> None:
    """Train once, however many claims ask for it; with nothing new to learn nothing happens.

    A claim that names a moment retires the models trained since then: whoever was erased is learned from no more.
    """
    since = [dt.datetime.fromisoformat(claim.payload["since"]) for claim in claims if "since" in claim.payload]
    now = database_time(session)
    if since:
        train_afresh(session, min(since), now)
    else:
        train_all(session, now)


def count_figures(session: Session, claims: Sequence[Claim]) -> None:
    """Count the figures of the units that the claims name, and of their projects; doing it twice changes nothing."""
    refs = {UnitRef.parse(key) for claim in claims for key in claim.items or [claim.key]}
    count(session, refs, database_time(session))
