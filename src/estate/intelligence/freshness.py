"""Whether the trained models have learned from what has closed."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.core import Metric
from sqlalchemy.orm import Session

from estate.behavior import service as behavior
from estate.core.db import database_time
from estate.core.gauges import gauge
from estate.core.heartbeats import take_turn
from estate.core.outbox import Job, enqueue_once
from estate.core.settings import get_settings
from estate.intelligence import crud
from estate.intelligence.register import CARDS, standing
from estate.intelligence.training import MIN_NEW, NEW_SHARE, TRAIN

__all__ = ["Freshness", "enqueue_training", "freshness", "model_gauges"]

AGAIN_S = 3_600
"""Workers that cannot use each other's models, as in a change of release, train by turns: no oftener than this."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far the newest training of a kind is behind.

    Parameters
    ----------
    trained_at : datetime or None
        When it was made; None when there is none.
    usable : bool
        Whether a trained model answers.
    n : int
        Closed deals that the newest training learned from.
    unlearned : int
        Deals that closed after the newest of them; where no trained model answers, all that closed.
    oldest_unlearned_at : datetime or None
        When the first of those closed.
    """

    kind: str
    trained_at: dt.datetime | None
    usable: bool
    n: int
    unlearned: int
    oldest_unlearned_at: dt.datetime | None

    def is_stale(self, now: dt.datetime) -> bool:
        """Tell whether a training is overdue: with so many new deals it would have been made, and there was time.

        Where no trained model answers, one closed deal is enough.
        """
        enough = max(MIN_NEW, NEW_SHARE * self.n) if self.usable else 1
        if self.oldest_unlearned_at is None or self.unlearned < enough:
            return False
        return now - self.oldest_unlearned_at > dt.timedelta(hours=get_settings().doctor_model_max_lag_hours)


def freshness(session: Session) -> list[Freshness]:
    """Return how far the newest training of each kind is behind."""
    return [_freshness(session, kind) for kind in CARDS]


def _freshness(session: Session, kind: str) -> Freshness:
    newest = crud.newest_models(session, kind, 1)
    usable = standing(session, kind) is not None
    trained_at, n, learned_to = (newest[0].trained_at, newest[0].n, newest[0].window_to) if newest else (None, 0, None)
    unlearned, oldest = behavior.closed_since(session, learned_to if usable else None)
    return Freshness(kind, trained_at, usable, n, unlearned, oldest)


def enqueue_training(session: Session, now: dt.datetime) -> None:
    """Have models trained where deals have closed and none can be used, as after a change of secrets or libraries."""
    if all(standing(session, kind) is not None for kind in CARDS) or not behavior.closed_since(session, None)[0]:
        return
    if take_turn(TRAIN, AGAIN_S):
        enqueue_once(session, Job(TRAIN, "all"))


def model_gauges(session: Session) -> Iterator[Metric]:
    """Tell the age of the newest training of each kind, and what it has not learned from."""
    found, now = freshness(session), database_time(session)
    ages = [(f.kind, (now - f.trained_at).total_seconds()) for f in found if f.trained_at is not None]
    yield gauge("estate_model_age_seconds", "Age of the newest training.", "kind", ages)
    left = [(f.kind, f.unlearned) for f in found]
    yield gauge("estate_model_unlearned_deals", "Closed deals that it has not learned from.", "kind", left)
