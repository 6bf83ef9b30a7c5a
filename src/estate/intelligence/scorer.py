"""A score card with the model that closed deals made of it: what requests are answered from."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from estate.intelligence.cards import Card, Value
from estate.intelligence.features import PastCase, closed_by
from estate.intelligence.outcome_model import Explanation, OutcomeModel

__all__ = ["Cases", "Chance", "Scorer", "as_rows"]

Floats = NDArray[np.float64]


class Chance(NamedTuple):
    """A chance with its 90 % interval."""

    score: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """Closed deals to learn from, one row each.

    Parameters
    ----------
    features : float64[n, features]
        What was known while the deal was open, NaN where unknown.
    usual : float64[n, features]
        The same without regard to when it was written. Only its means are used, as centres: what is known now and
        was not known of past cases would otherwise count twice, in the base and in the weights.
    won : float64[n]
        1 or 0.
    closed_at : sequence of datetime
        When each closed.
    deal_ids : sequence of UUID
        Which deal a row is.
    """

    features: Floats
    usual: Floats
    won: Floats
    closed_at: Sequence[dt.datetime]
    deal_ids: Sequence[uuid.UUID]

    @classmethod
    def of(cls, past: Sequence[PastCase], features: Floats, usual: Floats) -> "Cases":
        """Return past cases with their features."""
        return cls(
            features,
            usual,
            np.array([float(case.deal.outcome == "won") for case in past]),
            [closed_by(case.deal) for case in past],
            [case.deal.deal_id for case in past],
        )

    @classmethod
    def none(cls, card: Card) -> "Cases":
        """Return no cases."""
        empty = np.empty((0, len(card.features)))
        return cls(empty, empty, np.empty(0), [], [])

    def __len__(self) -> int:
        return len(self.won)

    def take(self, rows: NDArray[np.bool_]) -> "Cases":
        """Return some of the cases."""
        kept = np.flatnonzero(rows).tolist()
        return Cases(
            self.features[rows],
            self.usual[rows],
            self.won[rows],
            [self.closed_at[i] for i in kept],
            [self.deal_ids[i] for i in kept],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Scorer:
    """A card, the model fitted around it, and what the usual case shows.

    Parameters
    ----------
    card : Card
        The documented card.
    model : OutcomeModel
        What closed deals made of it.
    centres : float64[features]
        Means of the features over past cases; with as many neutral ones as the card is worth.
    out_of_fold : mapping
        Chance of each deal learned from, by a model that had not seen it.
    outcomes : mapping
        How each of these deals had ended, 1 or 0, when it was learned from.
    model_id : UUID or None
        Under which it stands in the register; None for the card.
    """

    card: Card
    model: OutcomeModel
    centres: Floats
    out_of_fold: Mapping[uuid.UUID, float] = field(default_factory=dict)
    outcomes: Mapping[uuid.UUID, float] = field(default_factory=dict)
    model_id: uuid.UUID | None = None

    @classmethod
    def fit(cls, card: Card, cases: Cases) -> "Scorer":
        """Move a card by closed deals; without any it is the card."""
        centres = _centres(cases.usual, card.prior.weight)
        model = OutcomeModel(decreasing=card.decreasing).fit(
            _frame(card, cases.features - centres), cases.won, as_of=list(cases.closed_at) or None, prior=card.prior
        )
        said, ended = (dict(zip(cases.deal_ids, of.tolist(), strict=True)) for of in (model.out_of_fold, cases.won))
        return cls(card, model, centres, said, ended)

    @property
    def n(self) -> int:
        """Closed deals learned from."""
        return self.model.n

    def predict(self, rows: Iterable[Sequence[Value]]) -> Floats:
        """Return the score of each row of features, float64[n]."""
        return self.score(as_rows(rows, len(self.card.features)))

    def score(self, features: Floats) -> Floats:
        """Return the score of each row of float64[n, features], NaN where unknown."""
        return self.model.predict_proba(_frame(self.card, features - self.centres))

    def chances(self, rows: Iterable[Sequence[Value]]) -> list[Chance]:
        """Return the score of each row of features with its interval."""
        made = self.model.predict_with_interval(self._read(rows)).tolist()
        return [Chance(score, min(score, lower), max(score, upper)) for score, lower, upper in made]

    def explain(self, rows: Iterable[Sequence[Value]]) -> list[Explanation]:
        """Explain each row of features."""
        return self.model.explain(self._read(rows))

    def _read(self, rows: Iterable[Sequence[Value]]) -> pd.DataFrame:
        return _frame(self.card, as_rows(rows, len(self.card.features)) - self.centres)


def as_rows(rows: Iterable[Sequence[Value]], width: int) -> Floats:
    """Return features as float64[n, features], NaN where unknown."""
    numbers = [[np.nan if value.scaled is None else value.scaled for value in row] for row in rows]
    return np.array(numbers, dtype=np.float64).reshape(-1, width)


def _frame(card: Card, rows: Floats) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=card.names)


def _centres(usual: Floats, neutral: float) -> Floats:
    known = ~np.isnan(usual)
    centres: Floats = np.nan_to_num(usual).sum(axis=0) / (known.sum(axis=0) + neutral)
    return centres
