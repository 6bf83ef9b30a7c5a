"""Shrinks many noisy effects towards zero, as strongly as their own spread asks for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Prior", "fit_prior"]

Floats = NDArray[np.float64]

SCALES = np.array([0.01, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2])  # Doubling, from no effect to one word deciding all.
BELIEF = np.array([2.0, 0.5, 1.0, 1.0, 0.5, 0.05, 0.02])  # Weight before data, in effects: most do little.
ITERATIONS = 200


@dataclass(frozen=True, eq=False, slots=True)
class Prior:
    """A mixture of normal distributions around zero.

    Parameters
    ----------
    weights : float64[k]
        Share of effects that have each of the `SCALES` as standard deviation.
    """

    weights: Floats

    @property
    def variance(self) -> float:
        """Variance of an effect of which nothing is known."""
        return float(self.weights @ SCALES**2)

    def posterior(self, estimate: Floats, variance: Floats) -> tuple[Floats, Floats]:
        """Return mean and variance of each true effect, given its estimate with sampling variance.

        Parameters
        ----------
        estimate, variance : float64[v]
            Each effect as measured.
        """
        share = _responsibility(self.weights, estimate, variance)
        keep = SCALES**2 / (SCALES**2 + variance[:, None])
        means = keep * estimate[:, None]
        spread = np.broadcast_to(SCALES**2, keep.shape) * (1 - keep)
        mean = (share * means).sum(axis=1)
        return mean, (share * (spread + means**2)).sum(axis=1) - mean**2


def fit_prior(estimate: Floats, variance: Floats) -> Prior:
    """Learn the mixture from the effects themselves.

    Parameters
    ----------
    estimate, variance : float64[v]
        Effects as measured, with their sampling variances.

    Notes
    -----
    Adaptive shrinkage (Stephens 2017): weights on a fixed grid of scales by expectation-maximisation, with
    `BELIEF` as Dirichlet counts, so that with few effects the belief decides. A few strong effects among many
    null ones keep their size, which one normal prior would take from them.
    """
    weights = BELIEF / BELIEF.sum()
    for _ in range(ITERATIONS):
        counts = _responsibility(weights, estimate, variance).sum(axis=0) + BELIEF
        weights = counts / counts.sum()
    return Prior(weights)


def _responsibility(weights: Floats, estimate: Floats, variance: Floats) -> Floats:
    total = SCALES**2 + variance[:, None]
    log = np.log(weights) - (np.log(total) + estimate[:, None] ** 2 / total) / 2
    share: Floats = np.exp(log - log.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    return share
