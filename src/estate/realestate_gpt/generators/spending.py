"""How many tokens models may cost a day, counted in Redis for all processes; without Redis nothing is spent."""

import datetime as dt
from dataclasses import dataclass

from redis.exceptions import RedisError

from estate.core.health import broker
from estate.core.settings import Settings
from estate.realestate_gpt.generators.protocol import GenerationFailed

__all__ = ["Spending", "reserve"]

KEPT_S = 2 * 86_400
SPENT = "The language model's tokens of today are spent."
UNCOUNTED = "The language model was not asked, since its tokens could not be counted."


@dataclass(frozen=True, slots=True)
class Spending:
    """Tokens that were set aside for one reply.

    Parameters
    ----------
    keys : tuple of str
        The counters of the agent and the house.
    tokens : int
        How many.
    """

    settings: Settings
    keys: tuple[str, ...]
    tokens: int

    def settle(self, used: int) -> None:
        """Give back what was not used; without Redis all counts as used."""
        try:
            _add(self.settings, self.keys, used - self.tokens)
        except RedisError:
            return


def reserve(settings: Settings, agent_id: str, tokens: int) -> Spending:
    """Set tokens aside for one reply of an agent.

    Parameters
    ----------
    agent_id : str
        Whom the reply is for.
    tokens : int
        The most that it may cost.

    Raises
    ------
    GenerationFailed
        When that would exceed what the agent or the house has for the day (UTC), or Redis does not answer.
    """
    day = dt.datetime.now(dt.UTC).date().isoformat()
    limits = {
        f"estate:llm-tokens:{day}:agent:{agent_id}": settings.llm_agent_max_tokens_per_day,
        f"estate:llm-tokens:{day}:house": settings.llm_house_max_tokens_per_day,
    }
    spending = Spending(settings, tuple(limits), tokens)
    if settings.redis_url is None:
        raise GenerationFailed(UNCOUNTED)
    try:
        spent = _add(settings, spending.keys, tokens)
    except RedisError:
        raise GenerationFailed(UNCOUNTED) from None
    if any(sum_ > limit for sum_, limit in zip(spent, limits.values(), strict=True)):
        spending.settle(0)
        raise GenerationFailed(SPENT)
    return spending


def _add(settings: Settings, keys: tuple[str, ...], tokens: int) -> list[int]:
    """Add to counters and return their sums."""
    with broker(settings) as redis, redis.pipeline(transaction=True) as pipeline:
        for key in keys:
            pipeline.incrby(key, tokens)
        for key in keys:
            pipeline.expire(key, KEPT_S)
        return [int(answer) for answer in pipeline.execute()[: len(keys)]]
