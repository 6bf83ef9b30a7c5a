"""Small statistics that several layers share: proportions, shrinkage and logits."""

import math
from dataclasses import dataclass

from scipy.stats import beta

__all__ = ["Proportion", "expit", "logit", "proportion", "shrunk_proportion"]


@dataclass(frozen=True, slots=True)
class Proportion:
    """An estimated share with its 90 % interval.

    Parameters
    ----------
    value, lower, upper : float
        Estimate and ends of the interval, each in [0, 1].
    n : float
        Observations behind it.
    """

    value: float
    lower: float
    upper: float
    n: float


def logit(p: float) -> float:
    """Return log(p / (1 - p)).

    Examples
    --------
    >>> logit(0.5)
    0.0
    """
    return math.log(p) - math.log1p(-p)


def expit(x: float) -> float:
    """Return 1 / (1 + exp(-x)), without overflow.

    Examples
    --------
    >>> expit(-1000.0)
    0.0
    """
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    e = math.exp(x)
    return e / (1 + e)


def proportion(successes: float, n: float, level: float = 0.9) -> Proportion:
    """Estimate a share under Jeffreys' prior Beta(1/2, 1/2).

    Parameters
    ----------
    successes, n : float
        0 <= successes <= n.
    level : float
        Probability of the equal-tailed credible interval.
    """
    return shrunk_proportion(successes, n, prior_share=0.5, prior_n=1.0, level=level)


def shrunk_proportion(
    successes: float, n: float, *, prior_share: float, prior_n: float, level: float = 0.9
) -> Proportion:
    """Estimate a share under a Beta prior worth `prior_n` observations of `prior_share`.

    Notes
    -----
    Posterior Beta(a + s, b + n - s) with a = prior_share * prior_n, b = prior_n - a; the value is its
    mean. With n = 0 it is the prior itself.

    Examples
    --------
    >>> round(shrunk_proportion(2, 2, prior_share=0.2, prior_n=10).value, 3)
    0.333
    """
    if not 0 <= successes <= n:
        raise ValueError("successes must lie between 0 and n")
    a = prior_share * prior_n + successes
    b = (1 - prior_share) * prior_n + n - successes
    tail = (1 - level) / 2
    return Proportion(a / (a + b), float(beta.ppf(tail, a, b)), float(beta.ppf(1 - tail, a, b)), n)
