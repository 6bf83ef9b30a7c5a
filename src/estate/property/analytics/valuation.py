"""Fair value of homes: comparable sales where there are few, a stack of learners over them where there are many."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from estate.property.analytics.comparable_mean import ComparableMean
from estate.property.analytics.comparables import MIN_COMPARABLES, MISSING, Homes, Market, size_effect
from estate.property.analytics.learned_value import LearnedValue
from estate.property.analytics.price_index import LEAST_SPREAD, fit_index
from estate.property.analytics.sale_features import Encoder, group_levels, log_size
from estate.property.analytics.stacked_prices import folds, quick_expectation

__all__ = ["MIN_BOOSTED", "Comparables", "Valuation", "ValuationModel"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

MIN_BOOSTED = 400
"""Sales from which learners replace the plain mean of comparables; with fewer they mostly fit noise."""
YEARLY_DRIFT = 0.1
"""Standard deviation of a year's change in log price, where fewer sales than that cannot tell how far prices drift.
Changes of home prices last for years, so that those of several years add up."""


@dataclass(frozen=True, slots=True)
class Valuation:
    """Values [n] with their intervals, NaN where `abstained`; `n` is the number of comparables behind each."""

    value: Floats
    lower: Floats
    upper: Floats
    abstained: Bools
    n: Ints


@dataclass(frozen=True, slots=True)
class Comparables:
    """Comparable sales of homes, the most alike first, [n, 15].

    Parameters
    ----------
    sale : int
        Positions among the sales of the fit; -1 where there are no more.
    size_adjustment, time_adjustment : float64
        Factors that bring the price of the sale to the size and to the day of the home.
    adjusted : float64
        The price after both.
    """

    sale: Ints
    size_adjustment: Floats
    time_adjustment: Floats
    adjusted: Floats


class ValuationModel:
    """Values homes by what others were sold for.

    Parameters
    ----------
    area, size : str, optional
        Columns of the area and of the size (any one unit).
    lat, lon : str, optional
        Columns of the place in degrees; with them, nearness is measured and areas may be crossed.
    seed : int
        Of what is drawn by chance: folds, landmarks, features of the trees.

    Notes
    -----
    Prices are logged and brought to one day by a price index of the sales' own (`price_index`). Under 400 sales a
    value is the weighted mean of its comparables, adjusted to size and time (`comparable_mean`), as it is of any
    number of homes between which nothing differs. From 400 on, a stack of learners (`stacked_prices`) sees the columns
    of the frame, the comparables of each sale without the sale itself, and the levels of its groups from other folds
    (`learned_value`); its interval is conformal with a learned scale (`value_interval`), and the part of its
    price-related bias that exceeds half of what the IAAO recommends at most is taken out. Every interval is widened by
    how far the index may have moved since the last sale, under 400 sales by `YEARLY_DRIFT` as well, and is at least
    that of `LEAST_SPREAD`. Below five comparables the model abstains. Text columns, and the area, are groups.
    """

    def __init__(
        self,
        *,
        area: str | None = None,
        size: str | None = None,
        lat: str | None = None,
        lon: str | None = None,
        seed: int = 0,
    ) -> None:
        self._area, self._size, self._seed = area, size, seed
        self._place = [lat, lon] if lat and lon else []

    def fit(self, frame: pd.DataFrame, price: npt.ArrayLike, sold_on: npt.ArrayLike) -> "ValuationModel":
        """Learn from sales.

        Parameters
        ----------
        frame : DataFrame
            One row a sale; the price, or what follows from it, must not be among the columns.
        price : float64[n]
            Prices in one currency.
        sold_on : datetime64[n]
            Days of sale.

        Returns
        -------
        ValuationModel
            The model itself.
        """
        paid, size = np.asarray(price, dtype=np.float64), log_size(frame, self._size)
        usable = np.isfinite(paid) & (paid > 0) & np.isfinite(size)
        self._rows = np.flatnonzero(usable)
        frame, self._log_price, self._log_size = frame.iloc[self._rows], np.log(paid[usable]), size[usable]
        days = _days(sold_on)[usable]
        fold = folds(len(frame), self._seed)
        self._encoder = Encoder.fit(frame, self._area)
        self._groups = {name: frame[name] for name in self._encoder.texts}
        codes = pd.factorize(frame[self._area])[0] if self._area else np.zeros(len(frame), dtype=np.intp)
        self._effect = size_effect(self._log_size, self._log_price, codes) if self._size else 0.0
        base = self._effect * self._log_size
        drift = YEARLY_DRIFT if len(frame) < MIN_BOOSTED else 0.0
        self._index = fit_index(days, self._unexplained(frame, self._log_price - base, fold), drift)
        rate = self._log_price - base - self._index.at(days)
        if self._area and self._place:
            self._middles = frame.groupby(self._area)[self._place].median()
        self._market = Market(self._homes(frame), rate, days)
        levels = self._levels_by_fold(rate, fold)
        self._learned: LearnedValue | None = None
        if len(frame) >= MIN_BOOSTED:
            features = self._features(frame, levels, own=True)
            place = np.zeros(features.shape[1], dtype=np.bool_)
            place[: len(self._encoder.numbers)] = np.isin(self._encoder.numbers, self._place)
            self._learned = LearnedValue.fit(features, place, base, rate, fold, self._seed)
        if self._learned is None:
            self._mean = ComparableMean.fit(self._market, self._area_level(levels, rate))
        return self

    @property
    def learned(self) -> bool:
        """Whether learners value, and not the mean of comparables."""
        return self._learned is not None

    @property
    def follows_prices(self) -> bool:
        """Whether values are brought to their day; too few sales do not tell how prices moved."""
        return self._index.is_path

    def _unexplained(self, frame: pd.DataFrame, rate: Floats, fold: Ints) -> Floats:
        """Return what a home's own columns leave of its rate, by models of other folds."""
        levels = self._levels_by_fold(rate, fold)
        if len(rate) >= MIN_BOOSTED:
            return rate - quick_expectation(self._columns(frame, levels), rate, fold, self._seed)
        return rate - self._area_level(levels, rate)

    def _levels_by_fold(self, rate: Floats, fold: Ints) -> Floats:
        """Return the level of each sale's groups by other folds, float64[n, groups]."""
        levels = np.zeros((len(rate), len(self._groups)))
        for column, groups in enumerate(self._groups.values()):
            for f in np.unique(fold) if len(rate) > 1 else ():
                out = fold == f
                levels[out, column] = group_levels(groups[~out], rate[~out], groups[out])
        return levels

    def predict(self, frame: pd.DataFrame, valued_on: npt.ArrayLike, level: float = 0.8) -> Valuation:
        """Value homes.

        Parameters
        ----------
        frame : DataFrame
            One row a home, with the columns that the sales had.
        valued_on : datetime64[n] or datetime64
            Day of each valuation. Fit on the sales that are known by then: none is left out here.
        level : float
            Probability of the interval.
        """
        days = np.broadcast_to(_days(valued_on), len(frame)).astype(np.float64)
        rows, unlike = self._market.comparables(self._homes(frame), days)
        n = (rows != MISSING).sum(axis=1)
        known = n >= MIN_COMPARABLES
        ends = self._ends(frame, rows, unlike, level)
        reach = norm.ppf(0.5 + level / 2)
        ends = _widened(*ends, reach * self._index.spread(days), reach * LEAST_SPREAD)
        value, lower, upper = (np.where(known, np.exp(end + self._index.at(days)), np.nan) for end in ends)
        return Valuation(value, lower, upper, ~known, n)

    def _ends(self, frame: pd.DataFrame, rows: Ints, unlike: Floats, level: float) -> tuple[Floats, Floats, Floats]:
        """Return log values at the prices of the index's base with the ends of their intervals."""
        base, levels = self._effect * log_size(frame, self._size), self._levels(frame)
        if self._learned is not None:
            return self._learned.ends(self._features(frame, levels), base, level)
        value, lower, upper = self._mean.ends(rows, unlike, self._area_level(levels, self._market.rate), level)
        return base + value, base + lower, base + upper

    def comparables(self, frame: pd.DataFrame, valued_on: npt.ArrayLike) -> Comparables:
        """Return the comparable sales of each home with what adjusts their prices to it."""
        days = np.broadcast_to(_days(valued_on), len(frame)).astype(np.float64)
        rows, _ = self._market.comparables(self._homes(frame), days)
        there = rows != MISSING
        if not len(self._rows):
            nothing = np.full(rows.shape, np.nan)
            return Comparables(rows, nothing, nothing, nothing)
        size = np.exp(self._effect * (log_size(frame, self._size)[:, None] - self._log_size[rows]))
        time = np.exp(self._index.at(days)[:, None] - self._index.at(self._market.days)[rows])
        size, time = np.where(there, size, np.nan), np.where(there, time, np.nan)
        adjusted = np.exp(self._log_price[rows]) * size * time
        return Comparables(np.where(there, self._rows[rows], MISSING), size, time, adjusted)

    def _homes(self, frame: pd.DataFrame) -> Homes:
        """Read a frame; a home without a place stands in the middle of its area."""
        homes = Homes.of(frame, log_size(frame, self._size), self._area, self._place)
        if homes.place is None or self._area is None:
            return homes
        middle = self._middles.reindex(frame[self._area]).to_numpy(dtype=np.float64)
        return replace(homes, place=np.where(np.isfinite(homes.place), homes.place, middle))

    def _columns(self, frame: pd.DataFrame, levels: Floats) -> Floats:
        return np.column_stack([self._encoder.values(frame), log_size(frame, self._size), levels])

    def _features(self, frame: pd.DataFrame, levels: Floats, *, own: bool = False) -> Floats:
        columns = self._columns(frame, levels)
        if not self._place and self._size is None:
            return columns  # All sales of an area are equally near: its level says it all.
        return np.column_stack([columns, self._market.views(self._homes(frame), own=own)])

    def _levels(self, frame: pd.DataFrame) -> Floats:
        rate = self._market.rate
        if not len(rate):
            return np.zeros((len(frame), len(self._groups)))
        found = [group_levels(groups, rate, frame[name]) for name, groups in self._groups.items()]
        return np.stack(found, axis=1) if found else np.empty((len(frame), 0))

    def _area_level(self, levels: Floats, rate: Floats) -> Floats:
        """Return the level of each row's area, that of all rates where areas are not told apart."""
        names = list(self._groups)
        if self._area in names:
            return np.asarray(levels[:, names.index(self._area)], dtype=np.float64)
        return np.full(len(levels), rate.mean() if len(rate) else 0.0)


def _widened(value: Floats, lower: Floats, upper: Floats, reach: Floats, least: float) -> tuple[Floats, Floats, Floats]:
    """Add another error, independent of the first, to both sides of an interval; neither becomes less than `least`."""
    under, over = (np.maximum(np.hypot(side, reach), least) for side in (value - lower, upper - value))
    return value, value - under, value + over


def _days(moments: npt.ArrayLike) -> Floats:
    """Return days since 1970."""
    return np.asarray(moments, dtype="datetime64[s]").astype(np.float64) / 86_400
