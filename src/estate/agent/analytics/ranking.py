"""Who sells better than the leads explain: observed against expected wins, shrunk, with rank intervals."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logit, ndtr, ndtri

__all__ = ["MIN_DEALS", "AgentRank", "rank"]

Id = TypeVar("Id", bound=Hashable)
Floats = npt.NDArray[np.float64]

LEVEL = 0.9
MIN_DEALS = 3  # One or two wins prove nothing: such an agent is placed with caution and follows the others.
PRIOR_DEALS = 1.0  # Won, and as many lost, by an average agent: else mu runs to infinity where all deals are won.
TYPICAL_SPREAD, SPREAD_SPREAD = 0.4, 1.0  # Prior of log(tau): odds of agents mostly differ by a factor exp(0.4).
SHARE_BOUNDS = (1e-4, 1 - 1e-4)  # Keeps the log-odds of an expected share finite.
NEWTON_STEPS = 15
GRID = 400
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(15)


@dataclass(frozen=True, slots=True)
class AgentRank(Generic[Id]):
    """The place of one agent.

    Parameters
    ----------
    agent_id : hashable
        As it was given.
    rank, rank_lower, rank_upper : int
        Place, 1 the best, and its 90 % interval.
    score : float
        Wins on leads of average difficulty over the wins of the average agent on them; 1 is average.
    lower, upper : float
        90 % interval of that ratio.
    n : float
        Closed deals behind it.
    """

    agent_id: Id
    rank: int
    rank_lower: int
    rank_upper: int
    score: float
    lower: float
    upper: float
    n: float


def rank(
    agent_ids: Sequence[Id],
    wins: Sequence[float] | npt.NDArray[Any],
    expected_wins: Sequence[float] | npt.NDArray[Any],
    deals: Sequence[float] | npt.NDArray[Any],
) -> list[AgentRank[Id]]:
    r"""Rank agents by wins beyond what their leads explain.

    Parameters
    ----------
    agent_ids : sequence [n]
        Distinct ids.
    wins, expected_wins, deals : array-like [n]
        Deals won, the sum of the chances that an average agent had in the same deals, and deals closed;
        0 <= wins <= deals. Open deals are not counted.

    Returns
    -------
    list of AgentRank
        Best first.

    Raises
    ------
    ValueError
        When lengths differ or a number is out of range.

    Notes
    -----
    Empirical Bayes with a random effect an agent, indirectly standardised for case mix:
    :math:`w_i \sim \mathrm{Binomial}(n_i, \mathrm{expit}(\mathrm{logit}(E_i / n_i) + \mu + u_i))`,
    :math:`u_i \sim N(0, \tau^2)`. The offset :math:`\mu` corrects expectations that are too high or low for all;
    :math:`\mu, \tau` maximise the marginal likelihood (adaptive Gauss-Hermite quadrature, 15 nodes) under
    :math:`\log \tau \sim N(\log 0.4, 1)`, which keeps :math:`\tau` off zero when few agents are ranked (Chung et
    al. 2013), and as if an average agent had won ``PRIOR_DEALS`` more and lost as many, which keeps :math:`\mu`
    finite when all deals are won. The posterior of :math:`u_i` is taken as normal with the mean :math:`m_i` and
    standard deviation :math:`s_i` of the quadrature. With :math:`q` the expected share of all deals, a ratio is
    :math:`\theta(u) = \mathrm{expit}(\mathrm{logit}(q) + u) / q`; the score is :math:`\theta(m_i)`, its interval
    :math:`\theta(m_i \pm 1.645 s_i)`. Agents with fewer than ``MIN_DEALS`` deals follow those with
    more, in the order of their lower ends. The rank is 1 + the number of better agents; its interval mixes, over the
    agent's own posterior, the normal approximation of the number of others above (a Poisson-binomial count),
    and always contains the rank.

    Examples
    --------
    >>> places = rank(["new", "proven"], wins=[2, 30], expected_wins=[0.6, 18], deals=[2, 60])
    >>> [place.agent_id for place in places]
    ['proven', 'new']
    """
    n, won, offset = _checked(agent_ids, wins, expected_wins, deals)
    if not len(n):
        return []
    mu, tau = _fit(won, n, offset)
    _, mean, sd = _posterior(won, n, offset + mu, tau)
    reference = _reference(n, expit(offset + mu))
    reach = float(ndtri((1 + LEVEL) / 2)) * sd
    lower, upper = _ratio(mean - reach, reference), _ratio(mean + reach, reference)
    score = _ratio(mean, reference)
    merit = np.where(n < MIN_DEALS, lower, score)
    rank_lower, rank_upper = _rank_interval(mean, sd)
    order = sorted(range(len(n)), key=lambda i: (n[i] < MIN_DEALS, -merit[i], -n[i], str(agent_ids[i])))
    return [
        AgentRank(
            agent_id=agent_ids[i],
            rank=place,
            rank_lower=min(place, int(rank_lower[i])),
            rank_upper=max(place, int(rank_upper[i])),
            score=float(score[i]),
            lower=float(lower[i]),
            upper=float(upper[i]),
            n=float(n[i]),
        )
        for place, i in enumerate(order, start=1)
    ]


def _checked(
    agent_ids: Sequence[Id],
    wins: Sequence[float] | npt.NDArray[Any],
    expected_wins: Sequence[float] | npt.NDArray[Any],
    deals: Sequence[float] | npt.NDArray[Any],
) -> tuple[Floats, Floats, Floats]:
    """Return deals, wins and the log-odds of the expected share."""
    won, expected, n = (np.asarray(values, dtype=np.float64) for values in (wins, expected_wins, deals))
    if not won.shape == expected.shape == n.shape == (len(agent_ids),):
        raise ValueError("agent_ids, wins, expected_wins and deals must have one value an agent")
    if not (np.isfinite(won + expected + n).all() and (won >= 0).all() and (expected >= 0).all()):
        raise ValueError("wins, expected_wins and deals must be finite and not negative")
    if (won > n).any():
        raise ValueError("wins must not exceed deals")
    share = expected / np.maximum(n, 1e-9)
    share = np.where(n > 0, share, 0.5)  # Without deals the share carries no weight.
    return n, won, logit(np.clip(share, *SHARE_BOUNDS))


def _fit(won: Floats, n: Floats, offset: Floats) -> tuple[float, float]:
    """Return the offset common to all and the spread between agents that explain the wins best."""

    def loss(parameters: Floats) -> float:
        mu, log_tau = parameters
        evidence, _, _ = _posterior(won, n, offset + mu, np.exp(log_tau))
        surprise = (log_tau - np.log(TYPICAL_SPREAD)) / SPREAD_SPREAD
        share = _reference(n, expit(offset + mu))
        return float(0.5 * surprise**2 - PRIOR_DEALS * np.log(share * (1 - share)) - evidence)

    found = (won.sum() + PRIOR_DEALS) / (n.sum() + 2 * PRIOR_DEALS)
    start = [logit(found) - logit(_reference(n, expit(offset))), np.log(TYPICAL_SPREAD)]
    best = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-6})
    return float(best.x[0]), float(np.exp(best.x[1]))


def _posterior(won: Floats, n: Floats, offset: Floats, tau: float) -> tuple[float, Floats, Floats]:
    """Return the log marginal likelihood of all agents, and mean and standard deviation of each effect."""
    mode = _mode(won, n, offset, tau)
    width = 1 / np.sqrt(_curvature(n, offset + mode, tau))
    effect = mode[:, None] + width[:, None] * NODES
    eta = offset[:, None] + effect
    log_density = won[:, None] * eta - n[:, None] * np.logaddexp(0, eta) - 0.5 * (effect / tau) ** 2 - np.log(tau)
    log_mass = log_density + np.log(WEIGHTS) + 0.5 * NODES**2 + np.log(width)[:, None]
    peak = log_mass.max(axis=1, keepdims=True)
    mass = np.exp(log_mass - peak)
    total = mass.sum(axis=1)
    mass /= total[:, None]
    mean = (mass * effect).sum(axis=1)
    sd = np.sqrt((mass * (effect - mean[:, None]) ** 2).sum(axis=1))
    return float((np.log(total) + peak[:, 0]).sum()), mean, sd


def _mode(won: Floats, n: Floats, offset: Floats, tau: float) -> Floats:
    """Climb to the top of each posterior, which is log-concave; short steps keep Newton's method from overshooting."""
    mode = np.zeros_like(offset)
    for _ in range(NEWTON_STEPS):
        slope = won - n * expit(offset + mode) - mode / tau**2
        mode = mode + np.clip(slope / _curvature(n, offset + mode, tau), -1, 1)
    return mode


def _curvature(n: Floats, eta: Floats, tau: float) -> Floats:
    share = expit(eta)
    curvature: Floats = n * share * (1 - share) + 1 / tau**2
    return curvature


def _reference(n: Floats, share: Floats) -> float:
    """Return the share of all deals that average agents would win."""
    return float((n * share).sum() / n.sum()) if n.sum() else 0.5


def _ratio(effect: Floats, reference: float) -> Floats:
    ratio: Floats = expit(logit(reference) + effect) / reference
    return ratio


def _rank_interval(mean: Floats, sd: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the ends of the interval of each agent's true rank."""
    grid = np.linspace((mean - 5 * sd).min(), (mean + 5 * sd).max(), GRID)
    above = ndtr((mean[:, None] - grid) / sd[:, None])
    effect = mean[:, None] + sd[:, None] * NODES
    own = ndtr(-NODES)
    count = np.interp(effect, grid, above.sum(axis=0)) - own
    variance = np.interp(effect, grid, (above * (1 - above)).sum(axis=0)) - own * (1 - own)
    spread = np.sqrt(np.maximum(variance, 1e-9))
    tail = (1 - LEVEL) / 2
    return _rank_quantile(count, spread, tail), _rank_quantile(count, spread, 1 - tail)


def _rank_quantile(count: Floats, spread: Floats, probability: float) -> npt.NDArray[np.int64]:
    """Return by bisection the least rank r with P(rank <= r) >= probability."""
    weights = WEIGHTS / WEIGHTS.sum()
    low = np.ones(len(count), dtype=np.int64)
    high = np.full(len(count), len(count), dtype=np.int64)
    while (low < high).any():
        middle = (low + high) // 2
        reached = (weights * ndtr((middle[:, None] - 0.5 - count) / spread)).sum(axis=1) >= probability
        high = np.where(reached, middle, high)
        low = np.where(reached, low, np.minimum(middle + 1, high))
    return low
