"""Says what usually comes next: how often each step followed the present one, pulled towards what follows anything."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from estate.core.stats import shrunk_proportion

__all__ = ["NextStep", "next_steps"]

PRIOR_N = 10.0  # Seen less often than this, a step says less about the next one than all steps together do.


@dataclass(frozen=True, slots=True)
class NextStep:
    """One step that may come next.

    Parameters
    ----------
    step : str
        A term, an emotion, ``"contact"``, ``"won"`` or ``"lost"``.
    probability, lower, upper : float
        How likely it is, with its 90 % interval.
    n : int
        Times it followed the present step.
    """

    step: str
    probability: float
    lower: float
    upper: float
    n: int


def next_steps(transitions: Mapping[tuple[str, str], int], current: str | None) -> list[NextStep]:
    """Estimate the distribution of the next step.

    Parameters
    ----------
    transitions : mapping
        (step, next step) to how often the one followed the other.
    current : str or None
        The present step; None when there is none yet.

    Returns
    -------
    list of NextStep
        The likeliest first. The probabilities sum to a little less than 1: something new may come. Empty when
        nothing was ever seen.

    Notes
    -----
    Beta posterior for each step, its prior being the step's share after any step, worth `PRIOR_N` observations.

    Examples
    --------
    >>> [s.step for s in next_steps({("visit", "won"): 3, ("call", "lost"): 1}, "visit")]
    ['won', 'lost']
    """
    after_any: Counter[str] = Counter()
    after_this: Counter[str] = Counter()
    for (step, following), n in transitions.items():
        after_any[following] += n
        if step == current:
            after_this[following] += n
    steps = [_estimate(step, after_this, share / (after_any.total() + 1)) for step, share in after_any.items()]
    return sorted(steps, key=lambda s: (-s.probability, s.step))


def _estimate(step: str, after_this: Counter[str], prior_share: float) -> NextStep:
    seen = shrunk_proportion(after_this[step], after_this.total(), prior_share=prior_share, prior_n=PRIOR_N)
    return NextStep(step, seen.value, seen.lower, seen.upper, after_this[step])
