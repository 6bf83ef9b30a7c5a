"""Comparable sales: which ones are most alike, and what they say of a price once adjusted to size and time."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import cKDTree

__all__ = ["MAX_COMPARABLES", "MIN_COMPARABLES", "Homes", "Market", "size_effect"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

MIN_COMPARABLES = 5
MAX_COMPARABLES = 15
ALIKE = {"segment": 1.0, "bedrooms": 0.35}
"""What a difference costs, in units of log size: off-plan and ready are mixed only when nothing else is left,
a different number of bedrooms counts like a size that differs by 40 %."""
AGE_COST = 0.2  # A year between the sales counts like 20 % of size: prices drift.
KM_COST = 0.25  # A kilometre counts like a quarter of size.
REACH_KM = 10.0  # Sales farther away are another market, unless they are of the same area.
DAYS_A_YEAR = 365.25
KM_A_DEGREE = 111.2
POOL = 200  # Candidates by place and size that the full distance is taken of.
VIEWS = ((0.0, 8), (1.0, 15), (4.0, 15), (4.0, 40))
"""Ways to look around: kilometres that a log unit of size counts for, and how many sales."""
MISSING = -1


@dataclass(frozen=True, slots=True)
class Homes:
    """What likeness is judged by.

    Parameters
    ----------
    log_size : float64[n]
        NaN where it is not known.
    area : object[n] or None
        None where areas are not told apart.
    place : float64[n, 2] or None
        Degrees of latitude and longitude.
    alike : dict of object[n]
        The columns of `ALIKE` that there are.
    """

    log_size: Floats
    area: npt.NDArray[np.object_] | None
    place: Floats | None
    alike: dict[str, npt.NDArray[np.object_]]

    def __len__(self) -> int:
        return len(self.log_size)

    @classmethod
    def of(cls, frame: pd.DataFrame, log_size: Floats, area: str | None, place: list[str]) -> "Homes":
        """Read the columns of a frame."""
        return cls(
            log_size=log_size,
            area=None if area is None else frame[area].to_numpy(dtype=object),
            place=frame[place].to_numpy(dtype=np.float64, na_value=np.nan) if place else None,
            alike={name: frame[name].to_numpy(dtype=object) for name in ALIKE if name in frame},
        )


class Market:
    """Sales to compare homes with.

    Parameters
    ----------
    sales : Homes
        What was sold, m of them.
    rate : float64[m]
        Log price less log size, at the price level of one day.
    days : float64[m]
        Days of sale.
    """

    def __init__(self, sales: Homes, rate: Floats, days: Floats) -> None:
        self.sales, self.rate, self.days = sales, rate, days
        self._origin = np.nanmedian(sales.place, axis=0) if sales.place is not None and len(sales) else np.zeros(2)
        self._groups = self._grouped(sales)
        self._trees: dict[float, dict[object, tuple[cKDTree, Ints]]] = {}

    def _grouped(self, homes: Homes) -> dict[object, Ints]:
        """Return rows by area; of all areas together where places tell near from far."""
        rows = np.flatnonzero(np.isfinite(self._points(homes, 1.0)).all(axis=1))
        if homes.place is not None or homes.area is None:
            return {None: rows}
        rows = rows[~pd.isna(homes.area[rows])]
        grouped = pd.Series(rows).groupby(homes.area[rows], sort=False)
        return {area: group.to_numpy(dtype=np.intp) for area, group in grouped}

    def _points(self, homes: Homes, km_a_size: float) -> Floats:
        """Return coordinates in kilometres on a plane, and the log size in as many as it counts for."""
        if homes.place is None:
            return homes.log_size[:, None]
        shift = (homes.place - self._origin) * KM_A_DEGREE
        shift[:, 1] *= np.cos(np.radians(self._origin[0]))
        return np.hstack([shift, km_a_size * homes.log_size[:, None]])

    def nearest(self, homes: Homes, km_a_size: float, k: int, *, own: bool = False) -> tuple[Ints, Floats]:
        """Return the nearest sales of each home and their distances, [n, k]; -1 and inf where there are no more.

        Parameters
        ----------
        own : bool
            The homes are the sales themselves: each is left out of its own answer.
        """
        found = np.full((len(homes), k), MISSING, dtype=np.intp)
        distance = np.full((len(homes), k), np.inf)
        points, trees = self._points(homes, km_a_size), self._planted(km_a_size)
        for group, rows in self._grouped(homes).items():
            if group in trees and len(rows):
                tree, at = trees[group]
                far, i = tree.query(points[rows], k=np.arange(1, k + own + 1))
                i = np.append(at, MISSING)[i]
                if own:
                    far, i = _without_own(rows, far, i)
                found[rows], distance[rows] = i, far
        return found, distance

    def _planted(self, km_a_size: float) -> dict[object, tuple[cKDTree, Ints]]:
        if km_a_size not in self._trees:
            points = self._points(self.sales, km_a_size)
            self._trees[km_a_size] = {g: (cKDTree(points[rows]), rows) for g, rows in self._groups.items() if len(rows)}
        return self._trees[km_a_size]

    def views(self, homes: Homes, *, own: bool = False) -> Floats:
        """Return what the sales around say, float64[n, 4 a view]: median and weighted rate, spread, distance."""
        return np.hstack([self._view(*self.nearest(homes, size, k, own=own)) for size, k in VIEWS])

    def _view(self, rows: Ints, distance: Floats) -> Floats:
        there = rows != MISSING
        rate = np.where(there, self.rate[rows] if len(self.rate) else np.nan, np.nan)
        weight = np.where(there, 1 / (0.2 + distance), 0.0)
        total = weight.sum(axis=1)
        nothing = ~there.any(axis=1)
        rate[nothing] = 0.0
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (weight * np.nan_to_num(rate)).sum(axis=1) / total
        farthest = np.where(there, distance, 0.0).max(axis=1)
        view = np.stack([np.nanmedian(rate, axis=1), mean, np.nanstd(rate, axis=1), farthest], axis=1)
        view[nothing] = np.nan
        return view

    def comparables(self, homes: Homes, days: Floats, *, own: bool = False) -> tuple[Ints, Floats]:
        """Return the comparable sales of each home, the most alike first, and how unlike they are, [n, 15].

        -1 and inf where there are no more. `days` are those of the valuations.
        """
        rows, _ = self.nearest(homes, 1 / KM_COST, POOL, own=own)
        unlike = np.full(rows.shape, np.inf)
        if len(self.rate):
            unlike = np.where(rows == MISSING, np.inf, self._unlike(homes, rows, days))
        order = np.lexsort((rows, unlike), axis=1)[:, :MAX_COMPARABLES]
        unlike = np.take_along_axis(unlike, order, axis=1)
        return np.where(np.isfinite(unlike), np.take_along_axis(rows, order, axis=1), MISSING), unlike

    def _unlike(self, homes: Homes, rows: Ints, days: Floats) -> Floats:
        """Return the full distance, infinite for another market."""
        sales = self.sales
        total = np.abs(sales.log_size[rows] - homes.log_size[:, None])
        total += AGE_COST * np.abs(days[:, None] - self.days[rows]) / DAYS_A_YEAR
        for name in homes.alike.keys() & sales.alike.keys():
            mine = homes.alike[name][:, None]
            total = total + ALIKE[name] * ((sales.alike[name][rows] != mine) & ~pd.isna(mine))
        if homes.place is None:
            return np.asarray(total, dtype=np.float64)
        here, there = self._points(homes, 0.0)[:, None, :2], self._points(sales, 0.0)[rows][..., :2]
        km = np.hypot(*np.moveaxis(there - here, -1, 0))
        far = km > REACH_KM
        if homes.area is not None and sales.area is not None:
            far &= sales.area[rows] != homes.area[:, None]
        return np.asarray(np.where(far, np.inf, total + KM_COST * km), dtype=np.float64)


def _without_own(rows: Ints, distance: Floats, found: Ints) -> tuple[Floats, Ints]:
    """Drop from each row the home itself, or the last one when twins at its place have pushed it out."""
    own = found == rows[:, None]
    own[~own.any(axis=1), -1] = True
    shape = (len(rows), found.shape[1] - 1)
    return distance[~own].reshape(shape), found[~own].reshape(shape)


def size_effect(log_size: Floats, log_price: Floats, groups: Ints) -> float:
    """Return by how much the log price rises with the log size within groups, shrunk to 1 and within [0, 1.2].

    The prior of 1, a constant price per unit of size, counts as ten sales with a spread of 20 % in size.
    """
    frame = pd.DataFrame({"x": log_size, "y": log_price})
    inside = (frame - frame.groupby(groups).transform("mean")).to_numpy()
    x, y = inside[:, 0], inside[:, 1]
    prior = 10 * 0.2**2
    return float(np.clip((x @ y + prior) / (x @ x + prior), 0.0, 1.2))
