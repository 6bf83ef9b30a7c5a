"""Whether the trained models have learned from what has closed."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.core import Metric
from sqlalchemy.orm import Session

from estate.behavior import service as behavior
from estate.core.db import database_time
from estate.core.gauges import gauge
from estate.core.settings import get_settings
from estate.intelligence import crud
from estate.intelligence.register import CARDS
from estate.intelligence.training import MIN_NEW, NEW_SHARE

__all__ = ["Freshness", "freshness", "model_gauges"]


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far the newest training of a kind is behind.

    Parameters
    ----------
    trained_at : datetime or None
        When it was made; None when there is none.
    n : int
        Closed deals that it learned from.
    unlearned : int
        Deals that closed after the newest of them.
    oldest_unlearned_at : datetime or None
        When the first of those closed.
    """

    kind: str
    trained_at: dt.datetime | None
    n: int
    unlearned: int
    oldest_unlearned_at: dt.datetime | None

    def is_stale(self, now: dt.datetime) -> bool:
        """Tell whether a training is overdue: with so many new deals it would have been made, and there was time."""
        if self.oldest_unlearned_at is None or self.unlearned < max(MIN_NEW, NEW_SHARE * self.n):
            return False
        return now - self.oldest_unlearned_at > dt.timedelta(hours=get_settings().doctor_model_max_lag_hours)


def freshness(session: Session) -> list[Freshness]:
    """Return how far the newest training of each kind is behind."""
    return [_freshness(session, kind) for kind in CARDS]


def _freshness(session: Session, kind: str) -> Freshness:
    newest = crud.newest_models(session, kind, 1)
    learned_to = newest[0].window_to if newest else None
    unlearned, oldest = behavior.closed_since(session, learned_to)
    return Freshness(kind, newest[0].trained_at if newest else None, newest[0].n if newest else 0, unlearned, oldest)


def model_gauges(session: Session) -> Iterator[Metric]:
    """Tell the age of the newest training of each kind, and what it has not learned from."""
    found, now = freshness(session), database_time(session)
    ages = [(f.kind, (now - f.trained_at).total_seconds()) for f in found if f.trained_at is not None]
    yield gauge("estate_model_age_seconds", "Age of the newest training.", "kind", ages)
    left = [(f.kind, f.unlearned) for f in found]
    yield gauge("estate_model_unlearned_deals", "Deals closed since those that it learned from.", "kind", left)
