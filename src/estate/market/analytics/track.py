"""What a track record of few months proves: intervals of coverage and skill, with the origin as unit of evidence."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import beta, t

__all__ = ["LEVEL", "coverage_interval", "skill_interval"]

LEVEL = 0.9


def coverage_interval(share: float, trials: float) -> tuple[float, float]:
    """Return the 90 % interval of how often an interval holds: Clopper and Pearson's, of an effective sample size.

    Parameters
    ----------
    share : float
        How often it held.
    trials : float
        The effective sample size (Korn and Graubard, 1998); areas of one origin share its fortune, so: of origins.

    Examples
    --------
    >>> [round(end, 2) for end in coverage_interval(1.0, 6)]
    [0.61, 1.0]
    """
    held, tail = share * trials, (1 - LEVEL) / 2
    lower = beta.ppf(tail, held, trials - held + 1) if held > 0 else 0.0
    upper = beta.ppf(1 - tail, held + 1, trials - held) if held < trials else 1.0
    return float(lower), float(upper)


def skill_interval(errors: Sequence[float], naive_errors: Sequence[float], trials: float) -> tuple[float, float]:
    """Return the 90 % interval of the skill, ``1 - sum(errors) / sum(naive_errors)``, by linearisation.

    Parameters
    ----------
    errors, naive_errors : sequence of float
        Sums of each origin; not all naive ones are 0.
    trials : float
        How many of the origins are independent, at least 2.
    """
    ours, naive = np.array(errors), np.array(naive_errors)
    ratio = ours.sum() / naive.sum()
    deviation = np.std(ours - ratio * naive, ddof=1) / naive.mean() / np.sqrt(trials)
    reach = t.ppf((1 + LEVEL) / 2, trials - 1) * deviation
    return float(1 - ratio - reach), float(min(1 - ratio + reach, 1.0))
