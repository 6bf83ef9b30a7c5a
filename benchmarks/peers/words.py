"""Two well-known ways to show the words that go with success, plainly written."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["fighting_words", "posthog_correlation"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def posthog_correlation(said: sparse.csr_matrix, won: Floats) -> Ints:
    """Return the columns that PostHog's correlation analysis shows: ten of success and ten of failure.

    Notes
    -----
    Odds ratio with 1 added to each cell; left out is what fewer than min(25, 2 %) of all did. No test.
    """
    with_won, with_lost = said.T @ won, said.T @ (1 - won)
    odds = (with_won + 1) * ((1 - won).sum() - with_lost + 1) / ((won.sum() - with_won + 1) * (with_lost + 1))
    kept = np.flatnonzero(with_won + with_lost >= min(25, 0.02 * len(won)))
    order = kept[np.argsort(-odds[kept], kind="stable")]
    up, down = order[odds[order] > 1][:10], order[odds[order] <= 1][::-1][:10]
    return np.concatenate([up, down]).astype(np.int64)


def fighting_words(counts: sparse.csr_matrix, won: Floats, shown: int = 20, prior: float = 0.1) -> Ints:
    """Return the columns with the largest z of Monroe, Colaresi and Quinn (2008), as ConvoKit computes it.

    Notes
    -----
    Log-odds of the token counts with a uniform Dirichlet prior of 0.1; the variance is 1/(y1 + a) + 1/(y2 + a).
    """
    first, second = counts.T @ won + prior, counts.T @ (1 - won) + prior
    total_first, total_second = first.sum(), second.sum()
    delta = np.log(first / (total_first - first)) - np.log(second / (total_second - second))
    z = delta / np.sqrt(1 / first + 1 / second)
    return np.argsort(-np.abs(z), kind="stable")[:shown].astype(np.int64)
