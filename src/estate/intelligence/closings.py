"""How many deals an agent is expected to win in the next 30 days."""

import datetime as dt
import uuid
from collections import Counter
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

MIN_DAYS = 30.0
"""A pace seen for less than one horizon is not extrapolated over one."""


def expected_closings(session: Session, agent_id: uuid.UUID, now: dt.datetime | None = None) -> ExpectedClosings:
    """Forecast the wins of one agent from the pace of all.

    An agent is observed from the opening of the first deal to `now`; the forecast is
    `estate.agent.analytics.closings.expected_closings`.

    Raises
    ------
    AgentNotFound
        When no agent has this id.
    """
    get_agent(session, agent_id)
    at = clock(now)
    with whole_house(session):
        deals = [deal for deal in behavior.deals(session) if deal.opened_at <= at]
    won = Counter(deal.agent_id for deal in deals if deal.outcome == "won" and _closed_by(deal, at))
    since: dict[uuid.UUID, dt.datetime] = {}
    for deal in deals:
        since[deal.agent_id] = min(since.get(deal.agent_id, at), deal.opened_at)
    own = [deal for deal in deals if deal.agent_id == agent_id]
    days = {agent: (at - first).total_seconds() / 86_400 for agent, first in since.items()}
    counts: dict[str, Any] = {
        "agent_id": agent_id,
        "horizon_days": int(HORIZON_DAYS),
        "level": LEVEL,
        "n": sum(_closed_by(deal, at) for deal in own),
        "open_deals": sum(not _closed_by(deal, at) for deal in own),
        "as_of": at,
    }
    if days.get(agent_id, 0.0) < MIN_DAYS:
        why = f"The agent's first deal must have been opened at least {MIN_DAYS:.0f} days ago."
        return ExpectedClosings(expected=None, lower=None, upper=None, status="insufficient_data", why=why, **counts)
    agents = sorted(days)
    found = forecast([won[a] for a in agents], [days[a] for a in agents])[agents.index(agent_id)]
    why = f"{won[agent_id]} deals won in {days[agent_id]:.0f} days, pulled towards the pace of {len(agents)} agents."
    return ExpectedClosings(
        expected=found.expected, lower=found.lower, upper=found.upper, status="ok", why=why, **counts
    )


def _closed_by(deal: DealOut, at: dt.datetime) -> bool:
    return deal.closed_at is not None and deal.closed_at <= at
