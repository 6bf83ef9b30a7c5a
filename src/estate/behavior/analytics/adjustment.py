"""What units are made comparable by: length, stage and agent as columns of a design, and clusters as extra noise."""

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from estate.behavior.analytics.stratified import length_bands

__all__ = ["codes", "design", "membership"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MIN_LEVEL = 10  # Units from which on an agent or a stage has a level of its own; the rest share one.
MAX_LEVELS = 150  # The most frequent ones: the cost of the fit grows with the square.


def design(
    n: int,
    length: ArrayLike | None,
    strata: Sequence[Hashable] | None,
    agents: Sequence[Hashable] | None,
) -> Floats:
    """Return the columns that are adjusted for.

    Parameters
    ----------
    n : int
        Closed units.
    length : float[n], optional
        How much was said; each band of like length has its own level and its own slope in the log of the
        length, so that neither steps nor a steady rise remain.
    strata, agents : sequence, optional
        A label each; a label with fewer than `MIN_LEVEL` units shares its level with other such.

    Returns
    -------
    float64[n, k]
        The first column is 1.
    """
    columns = [np.ones((n, 1))]
    if length is not None and n:
        columns += _bands(np.log1p(np.maximum(np.asarray(length, dtype=float), 0)))
    columns += [_levels(labels) for labels in (strata, agents) if labels is not None]
    return np.hstack(columns)


def membership(labels: Sequence[Hashable]) -> sparse.csr_matrix:
    """Return a sparse matrix[groups, n] of 0 and 1 for the groups of two units or more; None belongs to none."""
    sizes = Counter(label for label in labels if label is not None)
    number = {label: i for i, label in enumerate(label for label, size in sizes.items() if size > 1)}
    rows = np.array([i for i, label in enumerate(labels) if label in number], dtype=np.int64)
    groups = np.array([number[labels[i]] for i in rows.tolist()], dtype=np.int64)
    return sparse.csr_matrix((np.ones(len(rows)), (groups, rows)), shape=(len(number), len(labels)))


def codes(labels: Sequence[Hashable]) -> Ints:
    """Return the number of each label, in the order of first appearance."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels], dtype=np.int64)


def _bands(length: Floats) -> list[Floats]:
    band = length_bands(length)
    member = (band[:, None] == np.arange(band.max() + 1)).astype(float)
    mean = (member.T @ length) / np.maximum(member.sum(axis=0), 1)
    slope = member * (length[:, None] - mean)
    return [member, slope[:, (np.abs(slope) > 1e-9).any(axis=0)]]


def _levels(labels: Sequence[Hashable]) -> Floats:
    sizes = Counter(labels)
    own = [label for label, size in sizes.most_common(MAX_LEVELS) if size >= MIN_LEVEL and label is not None]
    number = {label: i for i, label in enumerate(own)}
    code = np.array([number.get(label, -1) for label in labels], dtype=np.int64)
    result: Floats = (code[:, None] == np.arange(len(own))).astype(float)
    return result
