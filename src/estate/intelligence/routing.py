"""Which agent a client should go to."""

import datetime as dt
import uuid
from collections import Counter

from sqlalchemy.orm import Session

from estate.agent.analytics.ranking import MIN_DEALS
from estate.agent.schemas import AgentOut
from estate.agent.service import all_agents
from estate.client.service import get_client
from estate.core.types import UnitRef
from estate.intelligence.closing import ClosingModel, load_closing
from estate.intelligence.explained import clock
from estate.intelligence.schemas import Reason, RoutedAgent

__all__ = ["route"]

LIMIT = 10


def route(
    session: Session, client_id: uuid.UUID, now: dt.datetime | None = None, limit: int = LIMIT
) -> list[RoutedAgent]:
    """Order the agents by their chance to win a deal with a client.

    The chance is the closing score without a unit, so the agents differ by their shrunk record alone; between equals
    the one with fewer open deals comes first. Sales in the wanted areas and response time are stated, not scored.

    Raises
    ------
    ClientNotFound
        When no client has this id.
    """
    get_client(session, client_id)
    model = load_closing(session, [client_id], clock(now))
    open_deals = Counter(deal.agent_id for deal in model.book.deals if deal.outcome is None)
    sold = _sold_in_wanted_areas(model, client_id)
    owner = model.book.clients[client_id].owner_agent_id
    routed = [
        _routed(model, agent, client_id, _reasons(model, agent, open_deals, sold, owner))
        for agent in all_agents(session)
    ]
    routed.sort(key=lambda r: (-r.score, open_deals[r.agent_id], str(r.agent_id)))
    return routed[:limit]


def _routed(model: ClosingModel, agent: AgentOut, client_id: uuid.UUID, reasons: list[Reason]) -> RoutedAgent:
    closing = model.explain(agent.agent_id, client_id, None)
    _, n = model.book.record.count(agent.agent_id, model.book.now)
    return RoutedAgent(
        agent_id=agent.agent_id,
        name=agent.name,
        score=closing.score,
        lower=closing.lower,
        upper=closing.upper,
        n=n,
        status="ok" if n >= MIN_DEALS else "insufficient_data",
        reasons=reasons,
    )


def _reasons(
    model: ClosingModel,
    agent: AgentOut,
    open_deals: Counter[uuid.UUID],
    sold: Counter[uuid.UUID] | None,
    owner: uuid.UUID | None,
) -> list[Reason]:
    won, n = model.book.record.count(agent.agent_id, model.book.now)
    running = open_deals[agent.agent_id]
    record = model.book.record.skill(agent.agent_id, model.book.now).said if n else "No closed deal yet."
    reasons = [
        Reason(field="deals.outcome", text=record, value=won),
        Reason(field="deals.stage", text=f"Open deals: {running}.", value=running),
    ]
    if sold is not None:
        text = f"Units sold in the wanted areas: {sold[agent.agent_id]}."
        reasons.append(Reason(field="properties.area_id", text=text, value=sold[agent.agent_id]))
    if agent.avg_response_time is not None:
        text = f"Answers leads after {agent.avg_response_time / 60:,.0f} minutes on average."
        reasons.append(Reason(field="avg_response_time", text=text, value=agent.avg_response_time))
    if agent.agent_id == owner:
        reasons.append(Reason(field="owner_agent_id", text="The client is already this agent's.", value=str(owner)))
    return reasons


def _sold_in_wanted_areas(model: ClosingModel, client_id: uuid.UUID) -> Counter[uuid.UUID] | None:
    """Count each agent's won deals over units in the wanted areas; None when no area is wanted."""
    wishes = model.book.wishes[client_id]
    if not wishes.has_area:
        return None
    sold: Counter[uuid.UUID] = Counter()
    for deal in model.book.deals:
        if deal.outcome == "won" and deal.project_id is not None and deal.unit_id is not None:
            unit = model.units.get(UnitRef(deal.project_id, deal.unit_id))
            name = None if unit is None or unit.area_id is None else model.area_names.get(unit.area_id)
            sold[deal.agent_id] += unit is not None and wishes.wants_area(unit.area_id, name)
    return sold
