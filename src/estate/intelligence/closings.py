"""How many deals an agent is expected to win in the next 30 days."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

from sqlalchemy.orm import Session

from estate.agent.analytics.closings import HORIZON_DAYS, LEVEL
from estate.agent.analytics.closings import expected_closings as forecast
from estate.agent.service import get_agent
from estate.behavior import service as behavior
from estate.behavior.schemas import DealOut
from estate.core.db import whole_house
from estate.intelligence.explained import clock
from estate.intelligence.schemas import ExpectedClosings

__all__ = ["expected_closings"]

DAY = dt.timedelta(days=1)
MIN_DAYS = 30.0
"""A pace seen for less than one horizon is not extrapolated over one."""


def expected_closings(session: Session, agent_id: uuid.UUID, now: dt.datetime | None = None) -> ExpectedClosings:
    """Forecast the wins of one agent from the pace of all.

    An agent is observed until `now` from the day on which the first deal could have been won: the median time to win
    after its opening. The forecast is `estate.agent.analytics.closings.expected_closings` of all who were observed for
    30 days.

    Raises
    ------
    AgentNotFound
        When no agent has this id.
    """
    get_agent(session, agent_id)
    at = clock(now)
    with whole_house(session):
        deals = [deal for deal in behavior.deals(session) if deal.opened_at <= at]
    wins = [deal for deal in deals if deal.outcome == "won" and _closed_by(deal, at)]
    own = [deal for deal in deals if deal.agent_id == agent_id]
    counts: dict[str, Any] = {
        "agent_id": agent_id,
        "horizon_days": int(HORIZON_DAYS),
        "level": LEVEL,
        "n": sum(_closed_by(deal, at) for deal in own),
        "open_deals": sum(not _closed_by(deal, at) for deal in own),
        "as_of": at,
    }
    if not wins:
        return _unknown("No deal has been won yet, so that it is not known how long one takes.", counts)
    life = median(((deal.closed_at or at) - deal.opened_at) / DAY for deal in wins)
    days = _observed(deals, at, life)
    if agent_id not in days:
        why = (
            f"The agent's first deal must have been opened {MIN_DAYS + life:.0f} days ago: half of the won deals "
            f"took {life:.0f} days or more, and after that a pace is seen for {MIN_DAYS:.0f}."
        )
        return _unknown(why, counts)
    won, agents = Counter(deal.agent_id for deal in wins), sorted(days)
    found = forecast([won[a] for a in agents], [days[a] for a in agents])[agents.index(agent_id)]
    why = (
        f"{won[agent_id]} deals won in {days[agent_id]:.0f} days, pulled towards the pace of {len(agents)} agents. The "
        f"{life:.0f} days after an agent's first opening are left out: half of the won deals took that long or longer."
    )
    return ExpectedClosings(
        expected=found.expected, lower=found.lower, upper=found.upper, status="ok", why=why, **counts
    )


def _unknown(why: str, counts: dict[str, Any]) -> ExpectedClosings:
    return ExpectedClosings(expected=None, lower=None, upper=None, status="insufficient_data", why=why, **counts)


def _observed(deals: Sequence[DealOut], at: dt.datetime, life: float) -> dict[uuid.UUID, float]:
    """Return the days for which each agent's wins were observed, of those who were for long enough."""
    since: dict[uuid.UUID, dt.datetime] = {}
    for deal in deals:
        since[deal.agent_id] = min(since.get(deal.agent_id, at), deal.opened_at)
    days = {agent: (at - first) / DAY - life for agent, first in since.items()}
    return {agent: seen for agent, seen in days.items() if seen >= MIN_DAYS}


def _closed_by(deal: DealOut, at: dt.datetime) -> bool:
    return deal.closed_at is not None and deal.closed_at <= at
