"""How many units it takes before a lift of a given size is likely to be proven."""

import math

from scipy.stats import norm

__all__ = ["units_needed"]

LEVEL = 0.05
POWER = 0.80


def units_needed(lift: float, *, base_rate: float, share: float, terms: int) -> int | None:
    """Return the closed units with which a term would be proven in four cases out of five.

    Parameters
    ----------
    lift : float
        P(won | said) / P(won | not said), above 1.
    base_rate : float
        Share of units won, in (0, 1).
    share : float
        Share of units in which the term is said, in (0, 1).
    terms : int
        Terms that are tested beside each other.

    Returns
    -------
    int or None
        None where such a lift is impossible: the rate with the term would be 1 or more.

    Notes
    -----
    Normal approximation of the two-sided test of a log odds ratio at `LEVEL` / terms (Bonferroni), `POWER`.

    Examples
    --------
    >>> units_needed(1.3, base_rate=0.5, share=0.2, terms=1)
    648
    >>> units_needed(1.3, base_rate=0.9, share=0.2, terms=1) is None
    True
    """
    without = base_rate / (share * lift + 1 - share)
    if not 0 < without < lift * without < 1:
        return None
    effect = math.log(lift * without / (1 - lift * without)) - math.log(without / (1 - without))
    reach = float(norm.isf(LEVEL / 2 / max(terms, 1)) + norm.isf(1 - POWER))
    return math.ceil((reach / effect) ** 2 / (share * (1 - share) * base_rate * (1 - base_rate)))
