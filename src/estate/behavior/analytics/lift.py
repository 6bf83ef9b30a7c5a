"""From an odds ratio to what people understand: how much more often one wins with than without."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Lift", "Margins"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Z_90 = 1.6448536269514722
CERTAIN = 30.0  # Log odds beyond this change no probability that a float can tell from 0 or 1.


@dataclass(frozen=True, eq=False, slots=True)
class Lift:
    """Shrunk effects of v features, each float64[v].

    Parameters
    ----------
    log_odds : float64[v]
        Log odds ratio.
    value, lower, upper : float64[v]
        P(won | with) / P(won | without) with its 90 % interval.
    rate_with, rate_without : float64[v]
        The two probabilities.
    """

    log_odds: Floats
    value: Floats
    lower: Floats
    upper: Floats
    rate_with: Floats
    rate_without: Floats


@dataclass(frozen=True, slots=True)
class Margins:
    """How many closed units there are and how many of them were won."""

    n: int
    wins: float

    def lift(self, mean: Floats, variance: Floats, n_with: Ints) -> Lift:
        """Translate log odds ratios of which mean and variance are known.

        Parameters
        ----------
        mean, variance : float64[v]
            Of each shrunk log odds ratio; the interval is that of a normal distribution.
        n_with : int64[v]
            Closed units with each feature.
        """
        margin = Z_90 * np.sqrt(variance)
        rate_with, rate_without = self.rates(mean, n_with)
        lower = np.divide(*self.rates(mean - margin, n_with))
        upper = np.divide(*self.rates(mean + margin, n_with))
        return Lift(mean, rate_with / rate_without, lower, upper, rate_with, rate_without)

    def rates(self, log_odds: Floats, n_with: Ints) -> tuple[Floats, Floats]:
        """Return the win rates with and without a feature that an odds ratio implies, given the margins.

        Notes
        -----
        The rate without is the root x of f·r(x) + (1 - f)·x = p, where r(x) is the rate with the feature at that
        odds ratio, f the share of units with it and p the overall win rate, both with Jeffreys' half counts.
        """
        p, f = (self.wins + 0.5) / (self.n + 1), (n_with + 0.5) / (self.n + 1)
        gain = np.expm1(np.clip(log_odds, -CERTAIN, CERTAIN))
        slope = 1 + gain * (f - p)
        without = 2 * p / (slope + np.sqrt(slope**2 + 4 * (1 - f) * gain * p))
        return (1 + gain) * without / (1 + gain * without), without
