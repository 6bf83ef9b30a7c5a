r"""One model of outcomes for any table: a documented card at first, the best of many learners later.

* Columns are read by `outcome_columns`; open cases (outcome NaN) are left out, never counted as lost.
* Learners (`outcome_experts`) are fitted on all folds but one; what they say of the fold left out sets how they are
  combined: log-odds = a + b Σ_k w_k f_k, w ≥ 0 summing to 1. A prior keeps a, b and w near 0, 1 and equal shares
  while there are few outcomes.
* The score is the mean over the folds in log-odds, so calibration is affine in the logit.
* Interval: variance of the log-odds within the most trusting additive learner (Laplace), plus that of a weighted mean
  of learners that err apart, Σ_k w_k² (f_k − f)².
* Contributions: what a column adds when it is set from the usual value to the case's own, averaged over the order of
  the table and its reverse; they sum to logit(score) − base by construction.

Sources: Wolpert 1992 (stacking); Hoeting et al. 1999 (variance within and between models, here of their mean);
Štrumbelj & Kononenko 2014 (contributions).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit, ndtri, softmax

from estate.intelligence.outcome_columns import Columns, learn_columns
from estate.intelligence.outcome_experts import ONLY_STRENGTH, Additive, Data, Expert, Plan, experts_for, spread

__all__ = ["Explanation", "Missing", "OutcomeModel", "ScoreCard"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEVEL = 0.9
FOLDS, FOLDS_OF_MANY, MANY = 10, 5, 1_000
"""Ten folds leave nine tenths of few outcomes to learn from; of many, four fifths are enough."""
MIN_FOLDED = 20
"""With fewer outcomes a fold says nothing of how to combine learners: one additive model stands alone, as it does where
a single fold holds all that was won or all that was lost."""
STACK_PRIOR = 60.0
"""Outcomes after which the folds' own word on the shares of the learners counts as much as equal shares."""
SHIFT_SPREAD, SLOPE_SPREAD = 0.1, 0.1
RECENCY_FROM = 400
RECENT_SHARE = 0.25
HALF_LIVES = (1.0, 0.33, 0.15)
"""Half-lives tried, as shares of the time that the outcomes span."""
LIKE_COLUMNS = 3
LIKE_REACH = 0.1
"""A number is like another within a tenth of all past cases on either side."""
PROBES = 9
TABLE_ROWS = 200


@dataclass(frozen=True, slots=True)
class ScoreCard:
    """The documented prior.

    Parameters
    ----------
    base_rate : float
        Share won when nothing is known, in (0, 1).
    points : mapping
        Log-odds by column: a number for one unit of a numeric column, a mapping for the values of a category.
    weight : float
        Outcomes that the card is worth.
    """

    base_rate: float
    points: Mapping[str, float | Mapping[str, float]] = field(default_factory=dict)
    weight: float = 20.0

    @property
    def precision(self) -> float:
        """Fisher information of `weight` outcomes at the base rate."""
        return self.weight * self.base_rate * (1 - self.base_rate)

    def lines(self, frame: pd.DataFrame) -> Floats:
        """Return the log-odds that each line gives each row, float64[n, lines]; 0 where unknown."""
        lines = [self._line(frame, column, points) for column, points in self.points.items()]
        return np.column_stack([np.empty((len(frame), 0)), *lines])

    def _line(self, frame: pd.DataFrame, column: str, points: float | Mapping[str, float]) -> Floats:
        if column not in frame:
            return np.zeros(len(frame))
        if isinstance(points, Mapping):
            return np.asarray(frame[column].map(points).fillna(0.0), dtype=np.float64)
        numbers = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        return np.asarray(points * np.nan_to_num(numbers, posinf=0.0, neginf=0.0), dtype=np.float64)


NO_CARD = ScoreCard(base_rate=0.5, weight=1.0)
"""Without a card: half a win and half a loss, which keeps one-sided beginnings finite."""


@dataclass(frozen=True, slots=True)
class Missing:
    """An unknown column and the scores that its less and more favourable usual values would give."""

    column: str
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """A score with all it stands on: `base_logit` plus the contributions is logit(score).

    Parameters
    ----------
    score, lower, upper : float
        Chance and its interval.
    n : int
        Outcomes that the model learned from.
    base_logit : float
        Log-odds of the usual case.
    contributions : mapping of str to float
        Log-odds that each column adds to the usual case.
    like_cases, like_won : int
        Outcomes that resemble the case in the columns that matter most to it, and how many of them were won.
    missing : tuple of Missing
        Unknown columns, the most telling first.
    """

    score: float
    lower: float
    upper: float
    n: int
    base_logit: float
    contributions: Mapping[str, float]
    like_cases: int
    like_won: int
    missing: tuple[Missing, ...]


class OutcomeModel:
    """Chances of an outcome from a table of cases.

    Parameters
    ----------
    text_columns : sequence of str
        Columns of free text.
    decreasing : sequence of str
        Numeric columns that never raise the score.
    """

    def __init__(self, text_columns: Sequence[str] = (), *, decreasing: Sequence[str] = ()) -> None:
        self.text_columns = tuple(text_columns)
        self.decreasing = tuple(decreasing)

    def fit(
        self,
        frame: pd.DataFrame,
        outcome: Sequence[float] | Floats,
        *,
        as_of: Sequence[object] | NDArray[np.datetime64] | None = None,
        groups: Sequence[object] | NDArray[np.object_] | None = None,
        prior: ScoreCard | None = None,
    ) -> "OutcomeModel":
        """Learn from closed cases.

        Parameters
        ----------
        frame : DataFrame [n]
            Numbers, words, dates and text, with gaps.
        outcome : array-like [n]
            1 won, 0 lost, NaN open.
        as_of : array-like [n] or None
            Time of each case; older ones weigh less when forward validation says that they mislead.
        groups : array-like [n] or None
            Cases of one group are never on both sides of a fold.
        prior : ScoreCard or None
            What holds before there are outcomes.

        Raises
        ------
        ValueError
            When lengths differ or an outcome is not 0, 1 or NaN.
        """
        frame = _named(frame)
        won = np.asarray(outcome, dtype=np.float64)
        if won.shape != (len(frame),):
            raise ValueError("frame and outcome must have the same length")
        if not (np.isnan(won) | (won == 0) | (won == 1)).all():
            raise ValueError("outcome must be 0, 1 or NaN")
        closed = np.flatnonzero(~np.isnan(won))
        self._card = prior or NO_CARD
        known, self._won = frame.iloc[closed], won[closed]
        self._columns: Columns = learn_columns(known, self.text_columns, self.decreasing)
        self._players = list(dict.fromkeys([*self._columns.names, *map(str, self._card.points)]))
        self._data = self._read(known)
        self._usual, self._sample = self._usual_case(known)
        self._plan = self._make_plan()
        self._weights = np.ones(len(closed))
        if as_of is not None:
            moments = pd.to_datetime(pd.Series(as_of), utc=True).dt.tz_convert(None).to_numpy()
            self._weights = self._recency(moments[closed])
        self._fit_stack(None if groups is None else np.asarray(pd.factorize(pd.Series(groups))[0])[closed])
        trusting = [expert for expert in self._folds[0] if isinstance(expert, Additive)][-1]
        self._covariance = trusting.covariance(self._data, self._weights, self._plan)
        return self

    @property
    def n(self) -> int:
        """Number of outcomes learned from."""
        return len(self._won)

    @property
    def out_of_fold(self) -> Floats:
        """What is said of each outcome without having seen it, float64[n]; with too few to fold, having seen it."""
        return np.asarray(expit(self._shift + self._slope * self._said @ self._shares), dtype=np.float64)

    @property
    def fold(self) -> Ints:
        """The fold of each outcome, int64[n]."""
        return self._fold

    @property
    def shares(self) -> list[tuple[str, float]]:
        """Name and share of each learner."""
        return [(type(e).__name__, float(w)) for e, w in zip(self._folds[0], self._shares, strict=True)]

    def predict_proba(self, frame: pd.DataFrame) -> Floats:
        """Return the chance of each row, float64[n]."""
        return np.asarray(expit(self._logit(self._learners(self._read(_named(frame))))), dtype=np.float64)

    def predict_interval(self, frame: pd.DataFrame, level: float = LEVEL) -> Floats:
        """Return the interval of each chance, float64[n, 2]."""
        return self.predict_with_interval(frame, level)[:, 1:]

    def predict_with_interval(self, frame: pd.DataFrame, level: float = LEVEL) -> Floats:
        """Return each chance with its interval, float64[n, 3]."""
        data = self._read(_named(frame))
        learners = self._learners(data)
        return np.column_stack([expit(self._logit(learners)), self._ends(data, learners, level)])

    def explain(self, frame: pd.DataFrame) -> list[Explanation]:
        """Explain each row."""
        if len(frame) == 0:  # Trees refuse to be asked nothing.
            return []
        frame = _named(frame)
        data, unknown = self._read(frame), self._unknown(frame)
        asked = [self._question(data.take(np.array([row])), unknown[row]) for row in range(len(frame))]
        learners, *answers = self._answers([data, *(part for question in asked for part in question.parts)])
        bounds, said = self._ends(data, learners, LEVEL), map(self._logit, answers)
        return [self._explain_row(question, said, bounds[row]) for row, question in enumerate(asked)]

    def _read(self, frame: pd.DataFrame) -> Data:
        return Data(self._columns.linear(frame), self._columns.tree(frame), self._card.lines(frame))

    def _unknown(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """Mark what is not known, bool[n, players]."""
        others = [name for name in self._players if name not in self._columns.names]
        return np.column_stack([self._columns.unknown(frame), frame.reindex(columns=others).isna()])

    def _usual_case(self, known: pd.DataFrame) -> tuple[Data, Data]:
        """Return the usual case, one row, and a spread of past cases that probes of unknown columns are taken from."""
        usual = {}
        for name in self._columns.names:
            values = known[name].dropna()
            ordered = values.sort_values() if pd.api.types.is_numeric_dtype(values) else values.mode()
            middle = (len(ordered) - 1) // 2 if pd.api.types.is_numeric_dtype(values) else 0
            usual[name] = None if name in self.text_columns or not len(ordered) else ordered.iloc[middle]
        row = pd.DataFrame(
            {
                name: pd.Series([value], dtype=known[name].dtype if value is not None else object)
                for name, value in usual.items()
            },
            index=[0],
        )
        sample = known.iloc[np.linspace(0, len(known) - 1, min(len(known), TABLE_ROWS)).astype(int)]
        return self._read(row), self._read(sample)

    def _make_plan(self) -> Plan:
        card, precision = self._data.card, self._card.precision
        return Plan(
            base_logit=float(logit(self._card.base_rate)),
            base_precision=precision,
            card_precision=np.full(card.shape[1], precision),
            falling=self._columns.falling(self.decreasing),
            categorical=self._columns.categorical,
            falling_columns=np.array([name in self.decreasing for name in self._columns.names], dtype=bool),
        )

    def _recency(self, moments: NDArray[np.datetime64]) -> Floats:
        """Return weights by age when they foretell the newest outcomes better by more than one standard error."""
        weights = np.ones(self.n)
        age = (moments.max() - moments) / np.timedelta64(1, "s") if self.n else np.zeros(0)
        if self.n < RECENCY_FROM or not age.max() > 0:
            return weights
        order = np.argsort(-age, kind="stable")
        past, recent = np.split(order, [int((1 - RECENT_SHARE) * self.n)])
        plain = self._losses(past, recent, weights)
        best = 0.0
        for share in HALF_LIVES:
            aged = 0.5 ** (age / (share * age.max()))
            gain = plain - self._losses(past, recent, aged)
            margin = gain.mean() - gain.std() / len(gain) ** 0.5
            if margin > best:
                best, weights = margin, aged / aged.mean()
        return weights

    def _losses(self, past: Ints, recent: Ints, weights: Floats) -> Floats:
        scaled = weights[past] / weights[past].mean()
        fitted = Additive(ONLY_STRENGTH).fit(self._data.take(past), self._won[past], scaled, self._plan)
        eta = fitted.logit(self._data.take(recent))
        return np.logaddexp(0, eta) - self._won[recent] * eta

    def _fit_stack(self, groups: Ints | None) -> None:
        folds = _assign(self._won, groups) if self.n >= MIN_FOLDED else None
        if folds is None or not _teach_both(folds, self._won):
            only = self._fitted(Additive(ONLY_STRENGTH), np.arange(self.n))
            self._folds: list[Sequence[Expert]] = [[only]]
            self._fold, self._said = np.zeros(self.n, dtype=np.int64), only.logit(self._data)[:, None]
            self._shares, self._shift, self._slope = np.ones(1), 0.0, 1.0
            return
        self._fold, self._folds = folds, []
        self._said = np.empty((self.n, len(self._experts())))
        for k in np.unique(self._fold):
            inside, left = np.flatnonzero(self._fold != k), np.flatnonzero(self._fold == k)
            experts = [self._fitted(expert, inside) for expert in self._experts()]
            self._said[left] = np.column_stack([expert.logit(self._data.take(left)) for expert in experts])
            self._folds.append(experts)
        self._shares, self._shift, self._slope = _combine(self._said, self._won, self._weights)

    def _experts(self) -> Sequence[Expert]:
        return experts_for(self.n, len(self._columns.names), self._data.linear.shape[1])

    def _fitted(self, expert: Expert, rows: Ints) -> Expert:
        return expert.fit(self._data.take(rows), self._won[rows], self._weights[rows], self._plan)

    def _learners(self, data: Data) -> Floats:
        """Return the log-odds of each learner, the mean over the folds, float64[learners, n]."""
        return np.asarray(np.mean([_each(experts, data) for experts in self._folds], axis=0), dtype=np.float64)

    def _logit(self, learners: Floats) -> Floats:
        return np.asarray(self._shift + self._slope * self._shares @ learners, dtype=np.float64)

    def _ends(self, data: Data, learners: Floats, level: float) -> Floats:
        """Return intervals from the doubt within the additive learner, and that of a mean of learners that differ."""
        between = self._shares**2 @ (learners - self._shares @ learners) ** 2
        within = spread(data, self._covariance) ** 2
        centre = self._logit(learners)
        reach = float(ndtri((1 + level) / 2)) * self._slope * np.sqrt(within + between)
        return np.column_stack([expit(centre - reach), expit(centre + reach)])

    def _question(self, case: Data, unknown: NDArray[np.bool_]) -> "_Question":
        """Return all that the model is asked to explain a case."""
        count = len(self._players)
        forward = np.tri(count + 1, count, -1, dtype=bool)
        path = self._mixed(np.vstack([forward, forward[:, ::-1]]), case)
        probes = [(int(player), self._probes(case, int(player))) for player in np.flatnonzero(unknown)]
        told = [(player, self._replaced(case, rows, player)) for player, rows in probes if len(rows.card)]
        return _Question(case, path, told)

    def _answers(self, parts: Sequence[Data]) -> list[Floats]:
        """Return what the learners say of each part, asked in one pass: they dislike small ones."""
        everything = Data(*(np.vstack(blocks) for blocks in zip(*map(_arrays, parts), strict=True)))
        ends = np.cumsum([len(part.card) for part in parts])
        return np.split(self._learners(everything), ends[:-1], axis=1)

    def _explain_row(self, question: "_Question", said: Iterator[Floats], bounds: Floats) -> Explanation:
        count = len(self._players)
        path = next(said)
        steps = (np.diff(path[: count + 1]) + np.diff(path[count + 1 :])[::-1]) / 2
        base = float(path[0])
        score = float(expit(base + steps.sum()))
        like = self._like(question.case, steps)
        ends = [(self._players[player], expit(next(said))) for player, _ in question.probes]
        missing = [Missing(name, float(scores.min()), float(scores.max())) for name, scores in ends]
        return Explanation(
            score=score,
            lower=min(float(bounds[0]), score),
            upper=max(float(bounds[1]), score),
            n=self.n,
            base_logit=base,
            contributions=dict(zip(self._players, steps.tolist(), strict=True)),
            like_cases=int(like.sum()),
            like_won=int(self._won[like].sum()),
            missing=tuple(sorted(missing, key=lambda m: (m.lower - m.upper, m.column))),
        )

    @cached_property
    def _owners(self) -> tuple[Ints, Ints, Ints]:
        """Return which player each feature, tree column and card line belongs to."""
        lines = np.array([self._players.index(name) for name in self._card.points], dtype=np.int64)
        return self._columns.owner, np.arange(len(self._columns.names)), lines

    def _mixed(self, masks: NDArray[np.bool_], case: Data) -> Data:
        """Return the usual case with the players of each mask set to the case's own values."""
        parts = zip(self._owners, (case.linear, case.tree, case.card), _arrays(self._usual), strict=True)
        return Data(*(np.where(masks[:, owner], own, usual) for owner, own, usual in parts))

    def _replaced(self, case: Data, probes: Data, player: int) -> Data:
        """Return the case with one player set to the value of each probe."""
        parts = zip(self._owners, _arrays(case), _arrays(probes), strict=True)
        return Data(*(np.where(owner == player, probe, own) for owner, own, probe in parts))

    def _like(self, case: Data, steps: Floats) -> NDArray[np.bool_]:
        """Mark the outcomes that agree in the columns which add or take most."""
        like = np.ones(self.n, dtype=bool)
        for column in np.argsort(-np.abs(steps[: len(self._columns.names)]), kind="stable")[:LIKE_COLUMNS]:
            past, own = self._data.tree[:, column], case.tree[0, column]
            if np.isnan(own):
                like &= np.isnan(past)
            elif self._columns.categorical[column]:
                like &= past == own
            else:
                low, high = _around(past[~np.isnan(past)], own)
                like &= (past >= low) & (past <= high)
        return like

    def _probes(self, case: Data, player: int) -> Data:
        """Return rows with usual values of a column; with none seen, those that the card names."""
        if player < len(self._columns.names):
            known = np.flatnonzero(~np.isnan(self._sample.tree[:, player]))
            order = known[np.argsort(self._sample.tree[known, player], kind="stable")]
            return self._sample.take(order[np.linspace(0, len(order) - 1, min(len(order), PROBES)).astype(int)])
        points = self._card.points[self._players[player]]
        values = list(points.values()) if isinstance(points, Mapping) else [-points, points]
        rows = case.take(np.zeros(len(values), dtype=np.int64))
        line = list(self._card.points).index(self._players[player])
        rows.card[:, line] = values
        return rows


@dataclass(frozen=True, slots=True, eq=False)
class _Question:
    """A case, its way from the usual one, and the case with usual values of what is unknown, by player."""

    case: Data
    path: Data
    probes: Sequence[tuple[int, Data]]

    @property
    def parts(self) -> list[Data]:
        """Return what is asked, in order."""
        return [self.path, *(rows for _, rows in self.probes)]


def _each(experts: Sequence[Expert], data: Data) -> Floats:
    """Return the log-odds of each learner, float64[learners, n]."""
    return np.array([expert.logit(data) for expert in experts])


def _arrays(data: Data) -> tuple[Floats, Floats, Floats]:
    return data.linear, data.tree, data.card


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_axis([str(name) for name in frame.columns], axis=1).reset_index(drop=True)


def _around(known: Floats, own: float) -> tuple[float, float]:
    """Return the ends of the values within `LIKE_REACH` of all known ones of this one."""
    if not len(known):
        return own, own
    place = (known < own).mean()
    low, high = np.quantile(known, np.clip([place - LIKE_REACH, place + LIKE_REACH], 0, 1))
    return min(float(low), own), max(float(high), own)


def _assign(won: Floats, groups: Ints | None) -> Ints:
    """Deal the rows to folds: each outcome evenly, or whole groups."""
    rng = np.random.default_rng(0)  # The folds belong to the model: the same rows give the same scores.
    folds = FOLDS if len(won) < MANY else FOLDS_OF_MANY
    fold = np.empty(len(won), dtype=np.int64)
    if groups is not None:
        return (rng.permutation(groups.max() + 1) % folds)[groups]
    order = np.concatenate([rng.permutation(np.flatnonzero(won == value)) for value in (0, 1)])
    fold[order] = np.arange(len(won)) % folds
    return fold


def _teach_both(fold: Ints, won: Floats) -> bool:
    """Tell whether both outcomes are left to learn from whichever fold is left out."""
    return all(0 < won[fold != k].mean() < 1 for k in np.unique(fold))


def _combine(said: Floats, won: Floats, weights: Floats) -> tuple[Floats, float, float]:
    """Return shares, shift and slope that explain the outcomes best, with the prior of the module."""
    count = said.shape[1]

    def loss(theta: Floats) -> float:
        shares = softmax(theta[:count])
        eta = theta[count] + np.exp(theta[count + 1]) * (said @ shares)
        fitted = weights @ (np.logaddexp(0, eta) - won * eta)
        off = (theta[count] / SHIFT_SPREAD) ** 2 + (theta[count + 1] / SLOPE_SPREAD) ** 2
        return float(fitted + 0.5 * off - STACK_PRIOR / count * np.log(shares).sum() / 10)

    best = minimize(loss, np.zeros(count + 2), method="L-BFGS-B")
    return softmax(best.x[:count]), float(best.x[count]), float(np.exp(best.x[count + 1]))
