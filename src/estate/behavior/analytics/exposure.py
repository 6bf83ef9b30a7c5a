"""How likely a term is to be heard at all in a unit that was watched for so long, whatever its outcome."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["chance_by_exposure"]

Floats = NDArray[np.float64]

MAX_BANDS = 100
BISECTIONS = 60


def chance_by_exposure(said: sparse.csr_matrix, exposure: Floats | None) -> tuple[sparse.csr_matrix, Floats]:
    """Return bands of exposure and the chance of each term in each band.

    Parameters
    ----------
    said : sparse matrix[n, v]
        1 where a unit holds a term.
    exposure : float64[n] or None
        For how long (or over how many occasions) each unit was watched.

    Returns
    -------
    sparse matrix[n, b], float64[b, v]
        No bands at all without an exposure.

    Notes
    -----
    Said at a constant rate r while watched, a term is heard with probability 1 - exp(-r · exposure); r is such
    that as many units are expected to hold the term as do. No comparison at equal exposure is needed, and often
    none is possible: who buys is no longer watched.
    """
    n, v = said.shape
    if exposure is None or not n:
        return sparse.csr_matrix((n, 0)), np.zeros((0, v))
    watched = np.maximum(exposure, 0) / max(float(exposure.mean()), 1e-300)
    edges = np.unique(np.quantile(watched, np.arange(1, MAX_BANDS) / MAX_BANDS))
    band = np.unique(np.searchsorted(edges, watched, side="right"), return_inverse=True)[1]
    size = np.bincount(band)
    mean = np.bincount(band, weights=watched) / size
    heard = np.asarray(said.sum(axis=0)).ravel()
    low, high = np.full(v, -20.0), np.full(v, 20.0)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        above = size @ _chance(mean, middle) > heard
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    member = sparse.csr_matrix((np.ones(n), (np.arange(n), band)), shape=(n, len(size)))
    return member, _chance(mean, low)


def _chance(mean: Floats, log_rate: Floats) -> Floats:
    return -np.expm1(-mean[:, None] * np.exp(log_rate))
