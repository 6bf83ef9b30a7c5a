"""Fair value of a unit: the median price per square metre of its nearest comparable sales."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t

__all__ = ["MAX_COMPARABLES", "MIN_COMPARABLES", "Valuation", "ValuationModel"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

MIN_COMPARABLES = 5
MAX_COMPARABLES = 15
ALIKE = {"segment": 1.0, "bedrooms": 0.35}
"""What a difference costs, in units of log size: off-plan and ready are mixed only when nothing else is left,
a different number of bedrooms counts like a size that differs by 40 %."""
AGE_COST = 0.2  # A year between the sales counts like 20 % of size: prices drift.
KM_COST = 0.1  # A kilometre within the area counts like 10 % of size.
DAYS_A_YEAR = 365.25
KM_A_DEGREE = 111.2


@dataclass(frozen=True, slots=True)
class Valuation:
    """Values [n] with their intervals, NaN where `abstained`; `n` is the number of comparables behind each."""

    value: Floats
    lower: Floats
    upper: Floats
    abstained: npt.NDArray[np.bool_]
    n: Ints


class ValuationModel:
    """Values units by comparable sales.

    Parameters
    ----------
    area, size : str
        Columns of the area and of the size (any one unit).
    lat, lon : str, optional
        Columns of the place in degrees; with them, nearer sales of the area count as more alike.

    Notes
    -----
    Comparables are the at most 15 sales of the same area, sold on or before the day of the valuation, with
    the smallest distance: ``|log size ratio|``, plus a cost for another segment or number of bedrooms (in the
    columns ``segment`` and ``bedrooms``, where both have them), for years between and kilometres. With p their
    prices per unit of size, ``value = median(p) * size``; the interval is ``value * exp(± t s sqrt(1 + 1/n))``
    with s the standard deviation of log p and t the quantile of Student's t with n - 1 degrees of freedom: that
    of one more draw from the same sales. Below five comparables the model abstains.
    """

    def __init__(self, *, area: str, size: str, lat: str | None = None, lon: str | None = None) -> None:
        self._area, self._size, self._place = area, size, (lat, lon)

    def fit(self, frame: pd.DataFrame, price: npt.ArrayLike, sold_on: npt.ArrayLike) -> "ValuationModel":
        """Learn from sales.

        Parameters
        ----------
        frame : DataFrame
            One row a sale.
        price : float64[n]
            Prices in one currency.
        sold_on : datetime64[n]
            Days of sale.

        Returns
        -------
        ValuationModel
            The model itself.
        """
        self._sales = self._features(frame)
        rate = np.asarray(price, dtype=np.float64) / np.exp(self._sales.log_size)
        self._day = _days(sold_on)
        usable = np.isfinite(rate) & (rate > 0) & np.isfinite(self._sales.log_size)
        self._log_rate = np.log(np.where(usable, rate, 1.0))
        areas = frame[self._area].to_numpy()
        rows = np.flatnonzero(usable & ~pd.isna(areas))
        grouped = pd.Series(rows).groupby(areas[rows], sort=False)
        self._by_area = {area: group.to_numpy() for area, group in grouped}
        return self

    def predict(self, frame: pd.DataFrame, valued_on: npt.ArrayLike, level: float = 0.8) -> Valuation:
        """Value units.

        Parameters
        ----------
        frame : DataFrame
            One row a unit, with the columns that the sales had.
        valued_on : datetime64[n] or datetime64
            Day of each valuation; later sales are not looked at.
        level : float
            Probability of the interval.
        """
        size = np.exp(self._features(frame).log_size)
        value, reach = np.full(len(frame), np.nan), np.full(len(frame), np.nan)
        counts = np.zeros(len(frame), dtype=np.intp)
        for i, rows in enumerate(self.comparables(frame, valued_on)):
            counts[i] = len(rows)
            if len(rows) >= MIN_COMPARABLES:
                logs = self._log_rate[rows]
                value[i] = np.exp(np.median(logs)) * size[i]
                quantile = t.ppf(0.5 + level / 2, len(rows) - 1)
                reach[i] = quantile * logs.std(ddof=1) * np.sqrt(1 + 1 / len(rows))
        return Valuation(value, value * np.exp(-reach), value * np.exp(reach), np.isnan(value), counts)

    def comparables(self, frame: pd.DataFrame, valued_on: npt.ArrayLike) -> list[Ints]:
        """Return for each unit the positions of its comparable sales, the most alike first."""
        units = self._features(frame)
        days = np.broadcast_to(_days(valued_on), len(frame))
        areas = frame[self._area].to_numpy()
        return [self._nearest(units, i, areas[i], days[i]) for i in range(len(frame))]

    def _nearest(self, units: "_Features", i: int, area: object, day: float) -> Ints:
        rows: Ints = self._by_area.get(area, np.empty(0, dtype=np.intp))
        rows = rows[self._day[rows] <= day]
        if not np.isfinite(units.log_size[i]):
            return np.empty(0, dtype=np.intp)
        distance = units.distance(i, self._sales, rows) + AGE_COST * (day - self._day[rows]) / DAYS_A_YEAR
        nearest: Ints = rows[np.argsort(distance, kind="stable")[:MAX_COMPARABLES]]
        return nearest

    def _features(self, frame: pd.DataFrame) -> "_Features":
        size = frame[self._size].to_numpy(dtype=np.float64, na_value=np.nan)
        lat, lon = self._place
        return _Features(
            log_size=np.log(np.where(size > 0, size, np.nan)),
            alike={name: frame[name].to_numpy(dtype=object) for name in ALIKE if name in frame},
            place=frame[[lat, lon]].to_numpy(dtype=np.float64) if lat and lon else None,
        )


@dataclass(frozen=True, slots=True)
class _Features:
    log_size: Floats
    alike: dict[str, npt.NDArray[np.object_]]
    place: Floats | None

    def distance(self, i: int, sales: "_Features", rows: Ints) -> Floats:
        """Return how unlike a unit some sales are."""
        total: Floats = np.abs(sales.log_size[rows] - self.log_size[i])
        for name in self.alike.keys() & sales.alike.keys():
            if not pd.isna(self.alike[name][i]):
                total = total + ALIKE[name] * (sales.alike[name][rows] != self.alike[name][i])
        if self.place is not None and sales.place is not None:
            total = total + KM_COST * np.nan_to_num(_kilometres(self.place[i], sales.place[rows]))
        return total


def _kilometres(here: Floats, there: Floats) -> Floats:
    """Return distances on a plane, which is right within an area."""
    degrees = there - here
    degrees[:, 1] *= np.cos(np.radians(here[0]))
    distance: Floats = KM_A_DEGREE * np.hypot(degrees[:, 0], degrees[:, 1])
    return distance


def _days(moments: npt.ArrayLike) -> Floats:
    """Return days since 1970."""
    return np.asarray(moments, dtype="datetime64[s]").astype(np.float64) / 86_400
