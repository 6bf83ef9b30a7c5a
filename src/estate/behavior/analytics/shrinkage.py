"""Shrinks many noisy effects towards zero, as strongly as their own spread asks for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Prior", "fit_prior", "mixed", "share_of"]

Floats = NDArray[np.float64]

SCALES = np.arange(0.01, 3.0, 0.01)
USUAL_SCALE = 0.1  # Most words move the log odds of winning by about this much, if at all.
SPREAD = 0.5  # Of the belief in it, in logs.
TOGETHER = 8.0  # Terms that are said together share their noise; so many count as one.


@dataclass(frozen=True, slots=True)
class Prior:
    """A normal distribution around zero.

    Parameters
    ----------
    scale : float
        Standard deviation of the true effects.
    """

    scale: float

    @property
    def variance(self) -> float:
        """Variance of an effect of which nothing is known."""
        return self.scale**2

    def posterior(self, estimate: Floats, variance: Floats) -> tuple[Floats, Floats]:
        """Return mean and variance of each true effect, given its estimate with sampling variance.

        Parameters
        ----------
        estimate, variance : float64[v]
            Each effect as measured.
        """
        keep = self.variance / (self.variance + variance)
        return keep * estimate, keep * variance


def fit_prior(estimate: Floats, variance: Floats) -> Prior:
    """Learn how far effects spread from the effects themselves.

    Parameters
    ----------
    estimate, variance : float64[v]
        Effects as measured, with their sampling variances.

    Notes
    -----
    Empirical Bayes: the scale on a grid with the highest marginal likelihood, times a log-normal belief. One
    normal distribution and not a mixture: heavy tails learned from terms that share their noise show lifts that
    unseen dialogues do not have.
    """
    fits = np.array([_log_density(estimate, scale**2 + variance).sum() for scale in SCALES.tolist()])
    belief = -((np.log(SCALES / USUAL_SCALE) / SPREAD) ** 2) / 2
    return Prior(float(SCALES[int(np.argmax(fits / TOGETHER + belief))]))


def share_of(first: Prior, second: Prior, expected: float, estimate: Floats, variance: Floats) -> Floats:
    """Return the probability that each effect comes from the first prior, of which a share is expected to."""
    ahead = _log_density(estimate, first.variance + variance) - _log_density(estimate, second.variance + variance)
    odds = np.exp(np.clip(ahead, -700, 700)) * expected / max(1 - expected, 1e-9)
    return odds / (1 + odds)


def mixed(share: Floats, first: tuple[Floats, Floats], second: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Return mean and variance where the first of two posteriors holds with probability `share`."""
    mean = share * first[0] + (1 - share) * second[0]
    square = share * (first[1] + first[0] ** 2) + (1 - share) * (second[1] + second[0] ** 2)
    return mean, square - mean**2


def _log_density(estimate: Floats, variance: Floats) -> Floats:
    return -(np.log(variance) + estimate**2 / variance) / 2
