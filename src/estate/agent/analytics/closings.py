"""How many deals an agent will win in the coming days: a Gamma-Poisson forecast."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import nbinom

__all__ = ["HORIZON_DAYS", "LEVEL", "Closings", "expected_closings"]

HORIZON_DAYS = 30.0
LEVEL = 0.9
SHAPE_BOUNDS = (0.5, 50.0)  # Paces of agents differ by 14 % at least, and not without end.


@dataclass(frozen=True, slots=True)
class Closings:
    """Deals that one agent is expected to win.

    Parameters
    ----------
    expected : float
        Mean of the predictive distribution.
    lower, upper : float
        Whole numbers of deals: ends of its central interval.
    n : float
        Deals won that were observed of this agent.
    days : float
        Days of observation of this agent.
    """

    expected: float
    lower: float
    upper: float
    n: float
    days: float


def expected_closings(
    won: Sequence[float] | npt.NDArray[Any],
    exposure_days: Sequence[float] | npt.NDArray[Any],
    *,
    horizon_days: float = HORIZON_DAYS,
    level: float = LEVEL,
) -> list[Closings]:
    r"""Forecast the wins of every agent.

    Parameters
    ----------
    won, exposure_days : array-like [n]
        Deals won, and the days in which they were: of all agents, since the prior is learned from them.
    horizon_days : float
        Days ahead.
    level : float
        Probability of the interval.

    Returns
    -------
    list of Closings
        One an agent, in the given order.

    Raises
    ------
    ValueError
        When a number is negative or not finite, or nobody was observed for any time.

    Notes
    -----
    :math:`w_i \sim \mathrm{Poisson}(\lambda_i d_i)`, :math:`\lambda_i \sim \Gamma(a, b)`. The prior mean is
    :math:`m = (\sum w + 1/2) / \sum d`, its variance by moments
    :math:`v = \sum ((w_i - m d_i)^2 - m d_i) / \sum d_i^2`, :math:`a = m^2 / v` within ``SHAPE_BOUNDS``,
    :math:`b = a / m`. The wins in the next h days are negative binomial with :math:`a + w_i` successes
    and success probability :math:`(b + d_i) / (b + d_i + h)`; their mean is :math:`h (a + w_i) / (b + d_i)`.

    Examples
    --------
    >>> [round(c.expected, 2) for c in expected_closings([12, 0], [360, 360])]
    [0.92, 0.09]
    """
    w, d = np.asarray(won, dtype=np.float64), np.asarray(exposure_days, dtype=np.float64)
    if w.shape != d.shape or not np.isfinite(w + d).all() or (w < 0).any() or (d < 0).any():
        raise ValueError("won and exposure_days must be as many, finite and not negative")
    if not d.sum() > 0:
        raise ValueError("exposure_days must not all be zero")
    shape, rate = _prior(w, d)
    shapes, rates = shape + w, rate + d
    success = rates / (rates + horizon_days)
    tail = (1 - level) / 2
    lower, upper = nbinom.ppf(tail, shapes, success), nbinom.ppf(1 - tail, shapes, success)
    columns = (horizon_days * shapes / rates, lower, upper, w, d)
    return [Closings(*map(float, row)) for row in zip(*columns, strict=True)]


def _prior(w: npt.NDArray[np.float64], d: npt.NDArray[np.float64]) -> tuple[float, float]:
    mean = (w.sum() + 0.5) / d.sum()
    variance = ((w - mean * d) ** 2 - mean * d).sum() / (d**2).sum()
    shape = float(np.clip(mean**2 / variance if variance > 0 else np.inf, *SHAPE_BOUNDS))
    return shape, shape / float(mean)
