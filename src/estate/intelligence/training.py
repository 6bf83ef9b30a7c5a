"""Trains the models on closed deals, and lets one answer only when it is not worse than the one that does.

* Below `CONTEST_FROM` outcomes every outcome counts: each training answers, the card keeps it from running wild.
* From there on a contest decides. The newest outcomes are those that the standing model has not seen. A challenger
  learns from all up to the middle of them; both foretell the rest. It is promoted, learned anew from everything, unless
  its log-loss is higher by more than one standard error of the paired difference.
"""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from estate.client import service as client_service
from estate.core.db import allow_idle
from estate.core.outbox import Job, enqueue
from estate.core.settings import get_settings
from estate.intelligence import crud, register
from estate.intelligence.cards import BAND_CUTS, QUALIFICATION
from estate.intelligence.closing import closing_cases
from estate.intelligence.features import History, load_history
from estate.intelligence.foretold import by_band, measures, row_losses
from estate.intelligence.qualification import SCORE, qualification_cases
from estate.intelligence.register import CARDS, Standing
from estate.intelligence.scorer import Cases, Scorer

__all__ = ["TRAIN", "Trained", "rescore", "train", "train_all", "use"]

TRAIN = "intelligence.train"

CONTEST_FROM = 200
"""With fewer outcomes a held-out tail is a few dozen: it would decide by chance."""
NEW_SHARE, MIN_NEW = 0.02, 20
"""A training that few outcomes have been added to would say the same again."""
RESCORED = 500


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training came to; without `model_id` there was nothing new to learn."""

    kind: str
    n: int
    verdict: str
    promoted: bool = False
    model_id: uuid.UUID | None = None


def train_all(session: Session, now: dt.datetime) -> list[Trained]:
    """Train every kind of model on the deals that had closed by a moment."""
    allow_idle(session, get_settings().training_timeout_s)
    crud.one_training_at_a_time(session, get_settings().training_timeout_s)
    history = load_history(session, now, get_settings().training_max_deals)
    return [train(session, kind, history) for kind in CARDS]


def train(session: Session, kind: str, history: History) -> Trained:
    """Train one kind of model, keep it in the register, and promote it when it has earned it."""
    cases = CASES[kind](session, history)
    standing = register.standing(session, kind)
    if not len(cases):
        return Trained(kind, 0, "there is no closed deal to learn from")
    new, gone = _new(cases, standing), 0 if history.cut else _gone(cases, standing)
    changed = int(new.sum()) + gone
    if not changed:
        return Trained(kind, len(cases), "no deal has closed or changed its outcome since the last training")
    contested = standing is not None and len(cases) >= CONTEST_FROM
    if contested and changed < max(MIN_NEW, NEW_SHARE * len(cases)):
        said = f"only {changed} deals have closed or changed their outcome since the last training"
        return Trained(kind, len(cases), said)
    judged = standing is not None and contested and new.sum() >= MIN_NEW
    contest = _contest(standing.scorer, cases, new) if standing is not None and judged else None
    made = Scorer.fit(CARDS[kind], cases)
    verdict, promoted = _verdict(contest, len(cases), gone)
    model_id = register.register(
        session,
        kind,
        made,
        trained_at=history.now,
        window_from=min(cases.closed_at),
        window_to=max(cases.closed_at),
        n=len(cases),
        metrics=_metrics(made, cases) | ({} if contest is None else {"contest": contest}),
        verdict=verdict,
    )
    if promoted:
        use(session, kind, model_id)
    return Trained(kind, len(cases), verdict, promoted, model_id)


def use(session: Session, kind: str, model_id: uuid.UUID) -> None:
    """Let a model answer for its kind; stored scores follow it.

    Raises
    ------
    ModelNotFound
        When no training of this kind has this id.
    """
    register.promote(session, kind, model_id)
    if kind == QUALIFICATION.kind:
        rescore(session)


def rescore(session: Session) -> None:
    """Have every client scored anew."""
    ids = client_service.client_ids(session)
    parts = [ids[i : i + RESCORED] for i in range(0, len(ids), RESCORED)]
    enqueue(session, [Job(SCORE, f"all:{i}", items=part) for i, part in enumerate(parts)])


def _new(cases: Cases, standing: Standing | None) -> NDArray[np.bool_]:
    """Mark the outcomes that the standing model has not learned from, those corrected since among them."""
    known = {} if standing is None else standing.scorer.outcomes
    ended = zip(cases.deal_ids, cases.won.tolist(), strict=True)
    return np.array([known.get(deal_id) != won for deal_id, won in ended], dtype=bool)


def _gone(cases: Cases, standing: Standing | None) -> int:
    """Count the deals learned from that are no longer there or open again."""
    return 0 if standing is None else len(standing.scorer.outcomes.keys() - set(cases.deal_ids))


def _contest(standing: Scorer, cases: Cases, new: NDArray[np.bool_]) -> dict[str, float]:
    """Let the standing model and a challenger foretell the later half of the outcomes that it has not seen."""
    later = np.zeros(len(cases), dtype=bool)
    later[np.flatnonzero(new)[new.sum() // 2 :]] = True
    challenger = Scorer.fit(standing.card, cases.take(~later))
    asked = cases.take(later)
    losses = [row_losses(asked.won, one.score(asked.features)) for one in (challenger, standing)]
    gap = losses[0] - losses[1]
    return {
        "n": len(asked),
        "challenger_log_loss": float(losses[0].mean()),
        "standing_log_loss": float(losses[1].mean()),
        "difference": float(gap.mean()),
        "standard_error": float(gap.std(ddof=1) / len(gap) ** 0.5),
    }


def _verdict(contest: Mapping[str, float] | None, n: int, gone: int) -> tuple[str, bool]:
    if contest is None and n < CONTEST_FROM:
        return f"promoted: with {n} outcomes each one counts", True
    if contest is None:
        return f"promoted: {f'{gone} deals of the one before are not closed any more' if gone else 'none stood'}", True
    said = f"log-loss {contest['challenger_log_loss']:.4f} against {contest['standing_log_loss']:.4f}"
    said = f"{said} on the newest {contest['n']:.0f} outcomes"
    if contest["difference"] > contest["standard_error"]:
        return f"kept back: worse, {said}", False
    return f"promoted: not worse, {said}", True


def _metrics(made: Scorer, cases: Cases) -> dict[str, Any]:
    """Measure what the folds say of outcomes that they have not seen; a single one has seen them all."""
    said, fold, won = made.model.out_of_fold, made.model.fold, cases.won
    if len(np.unique(fold)) == 1:
        said, fold, won = said[:0], fold[:0], won[:0]
    return {
        "all": measures(won, said),
        "folds": [measures(won[fold == k], said[fold == k]) for k in np.unique(fold)],
        "bands": by_band(won, said, BAND_CUTS),
        "learners": dict(_named_shares(made)),
    }


def _named_shares(made: Scorer) -> list[tuple[str, float]]:
    return [(f"{place} {name}", round(share, 4)) for place, (name, share) in enumerate(made.model.shares, start=1)]


CASES = {"qualification": qualification_cases, "closing": closing_cases}
