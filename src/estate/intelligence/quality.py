"""How well the stored scores foretold what came: live, by band, beside what training promised."""

import datetime as dt
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from estate.behavior.schemas import DealOut
from estate.client import service as client_service
from estate.core.db import whole_house
from estate.intelligence import crud
from estate.intelligence.cards import BAND_CUTS
from estate.intelligence.explained import clock, status_of
from estate.intelligence.features import closed_by, load_deals
from estate.intelligence.foretold import by_band, measures
from estate.intelligence.freshness import Freshness, freshness
from estate.intelligence.models import TrainedModel
from estate.intelligence.register import CARDS, standing
from estate.intelligence.schemas import BandQuality, Foretold, ModelsOut, ModelStanding, QualityOut, TrainingOut

__all__ = ["model_standings", "score_quality", "trainings"]

WINDOW_DAYS = 365
GRACE = dt.timedelta(days=1)
"""A new lead is scored by the worker, a moment after its deal was opened."""
SHOWN_TRAININGS = 5


def score_quality(session: Session, now: dt.datetime | None = None) -> QualityOut:
    """Compare the outcome of each deal closed in a year with the score that its client had when it was opened.

    Only scores count that were stored by then (within `GRACE`, and before the deal closed): none is computed in
    hindsight. Deals of clients without one are counted apart.
    """
    with whole_house(session):
        return _all_quality(session, clock(now))


def _all_quality(session: Session, at: dt.datetime) -> QualityOut:
    since = at - dt.timedelta(days=WINDOW_DAYS)
    closed = [deal for deal in load_deals(session, at) if deal.outcome is not None and closed_by(deal) >= since]
    scores = client_service.scores_at(session, [(deal.client_id, _known_by(deal)) for deal in closed])
    won = np.array([float(closed[place].outcome == "won") for place in scores])
    said = np.array(list(scores.values()), dtype=np.float64)
    return QualityOut(
        window_days=WINDOW_DAYS,
        n=len(scores),
        unscored=len(closed) - len(scores),
        status=status_of(len(scores)),
        foretold=Foretold(**measures(won, said)),
        bands=[BandQuality(**band) for band in by_band(won, said, BAND_CUTS)],
        trainings=trainings(session),
        as_of=at,
        why=f"{len(scores)} deals closed in {WINDOW_DAYS} days whose client had a stored score when they were opened.",
    )


def trainings(session: Session) -> list[TrainingOut]:
    """Return the newest trainings of each kind."""
    return [_training(row) for kind in CARDS for row in crud.newest_models(session, kind, SHOWN_TRAININGS)]


def model_standings(session: Session, now: dt.datetime) -> ModelsOut:
    """Return which model answers for each kind, and how far the newest training is behind what has closed."""
    return ModelsOut(
        items=[_standing(session, fresh, now) for fresh in freshness(session)],
        trainings=trainings(session),
        as_of=now,
    )


def _standing(session: Session, fresh: Freshness, now: dt.datetime) -> ModelStanding:
    active = crud.standing(session, fresh.kind)
    return ModelStanding(
        kind=fresh.kind,
        answers="card" if standing(session, fresh.kind) is None else "model",
        training=None if active is None else _training(active),
        unlearned=fresh.unlearned,
        oldest_unlearned_at=fresh.oldest_unlearned_at,
        stale=fresh.is_stale(now),
    )


def _known_by(deal: DealOut) -> dt.datetime:
    return min(deal.opened_at + GRACE, closed_by(deal))


def _training(row: TrainedModel) -> TrainingOut:
    metrics: dict[str, Any] = row.metrics
    return TrainingOut(
        model_id=row.model_id,
        kind=row.kind,
        active=row.active,
        verdict=row.verdict,
        trained_at=row.trained_at,
        window_from=row.window_from,
        window_to=row.window_to,
        n=row.n,
        foretold=Foretold(**metrics["all"]),
        folds=[Foretold(**fold) for fold in metrics["folds"]],
        bands=[BandQuality(**band) for band in metrics["bands"]],
    )
