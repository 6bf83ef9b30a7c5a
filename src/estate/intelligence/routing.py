"""Which agent a client should go to."""

import datetime as dt
import statistics
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from estate.agent.analytics.ranking import MIN_DEALS
from estate.agent.schemas import AgentOut
from estate.agent.service import all_agents
from estate.behavior.schemas import DealOut
from estate.client.service import get_client
from estate.core.db import whole_house
from estate.core.types import UnitRef
from estate.intelligence.closing import Closing, load_closing
from estate.intelligence.explained import clock, status_of
from estate.intelligence.features import load_deals
from estate.intelligence.schemas import Reason, RoutedAgent
from estate.property import service as property_service

__all__ = ["route"]

LIMIT = 10
LOAD_PART, FAIR_PART = 0.5, 0.25
"""However busy an agent is, half of the fit counts; however many leads an agent got, three quarters do."""
FAIR_DAYS = 30


@dataclass(frozen=True, slots=True)
class _Desk:
    """Who is how busy, and who got how many leads lately."""

    open_deals: Counter[uuid.UUID]
    mean_open: float
    leads: Counter[uuid.UUID]
    mean_leads: float

    @classmethod
    def of(cls, agents: Sequence[AgentOut], deals: Sequence[DealOut], now: dt.datetime) -> "_Desk":
        since = now - dt.timedelta(days=FAIR_DAYS)
        running = Counter(deal.agent_id for deal in deals if deal.outcome is None)
        lately = Counter(deal.agent_id for deal in deals if deal.opened_at >= since)
        return cls(
            running,
            statistics.fmean(running[a.agent_id] for a in agents),
            lately,
            statistics.fmean(lately[a.agent_id] for a in agents),
        )

    def load(self, agent_id: uuid.UUID) -> Reason:
        """Return the part for load: 1 without an open deal, 0.75 with as many as the mean or one, never below 0.5."""
        n = self.open_deals[agent_id]
        part = 1 - LOAD_PART * n / (n + max(1.0, self.mean_open))
        return Reason(
            field="deals.stage",
            text=f"Open deals: {n}; agents have {self.mean_open:.1f} on average.",
            value=n,
            part=part,
        )

    def fairness(self, agent_id: uuid.UUID) -> Reason:
        """Return the part for fairness, likewise: 1, 0.875 and never below 0.75."""
        n = self.leads[agent_id]
        part = 1 - FAIR_PART * n / (n + max(1.0, self.mean_leads))
        text = f"New leads in {FAIR_DAYS} days: {n}; agents got {self.mean_leads:.1f} on average."
        return Reason(field="deals.opened_at", text=text, value=n, part=part)


def route(
    session: Session, client_id: uuid.UUID, now: dt.datetime | None = None, limit: int = LIMIT
) -> list[RoutedAgent]:
    """Order the agents for a client by fit, load and fairness, as far as the actor of the session may see them.

    Fit is the closing score without a unit, in which agents differ by their shrunk record alone. It is multiplied by a
    part for the open deals that the agent has, and one for the leads that the agent got lately, both against the mean
    of all agents. Sales in the wanted areas and response time are stated, not scored.

    Raises
    ------
    ClientNotFound
        When no client has this id.
    """
    get_client(session, client_id)
    seen = {agent.agent_id for agent in all_agents(session)}
    with whole_house(session):
        routed = _all_routes(session, client_id, clock(now))
    return [agent for agent in routed if agent.agent_id in seen][:limit]


def _all_routes(session: Session, client_id: uuid.UUID, now: dt.datetime) -> list[RoutedAgent]:
    closing = load_closing(session, [client_id], now)
    agents = all_agents(session)
    if not agents:
        return []
    deals = load_deals(session, closing.present.now)
    desk = _Desk.of(agents, deals, closing.present.now)
    sold = _sold_in_wanted_areas(session, closing, client_id, deals)
    chances = closing.chances([(agent.agent_id, client_id, None) for agent in agents])
    routed = []
    for agent, chance in zip(agents, chances, strict=True):
        won, n = closing.record.count(agent.agent_id)
        load, fairness = desk.load(agent.agent_id), desk.fairness(agent.agent_id)
        said = closing.record.skill(agent.agent_id).said if n else "No closed deal yet."
        fit = Reason(field="deals.outcome", text=said, value=won, part=chance.score)
        routed.append(
            RoutedAgent(
                agent_id=agent.agent_id,
                name=agent.name,
                priority=chance.score * load.part * fairness.part,
                n=n,
                status="ok" if n >= MIN_DEALS and status_of(closing.scorer.n) == "ok" else "insufficient_data",
                reasons=[fit, load, fairness, *_further(closing, agent, client_id, sold)],
                **chance._asdict(),
            )
        )
    return sorted(routed, key=lambda r: (-r.priority, str(r.agent_id)))


def _further(closing: Closing, agent: AgentOut, client_id: uuid.UUID, sold: Counter[uuid.UUID] | None) -> list[Reason]:
    """Return what is stated beside the score."""
    reasons = []
    if sold is not None:
        text = f"Units sold in the wanted areas: {sold[agent.agent_id]}."
        reasons.append(Reason(field="properties.area_id", text=text, value=sold[agent.agent_id]))
    if agent.avg_response_time is not None:
        text = f"Answers leads after {agent.avg_response_time / 60:,.0f} minutes on average."
        reasons.append(Reason(field="avg_response_time", text=text, value=agent.avg_response_time))
    owner = closing.present.clients[client_id].owner_agent_id
    if agent.agent_id == owner:
        reasons.append(Reason(field="owner_agent_id", text="The client is already this agent's.", value=str(owner)))
    return reasons


def _sold_in_wanted_areas(
    session: Session, closing: Closing, client_id: uuid.UUID, deals: Sequence[DealOut]
) -> Counter[uuid.UUID] | None:
    """Count each agent's won deals over units in the wanted areas; None when no area is wanted."""
    wishes = closing.present.wishes[client_id]
    if not wishes.has_area:
        return None
    won = [
        (deal.agent_id, UnitRef(deal.project_id, deal.unit_id))
        for deal in deals
        if deal.outcome == "won" and deal.project_id is not None and deal.unit_id is not None
    ]
    units = property_service.units(session, {ref for _, ref in won})
    sold: Counter[uuid.UUID] = Counter()
    for agent_id, ref in won:
        unit = units.get(ref)
        name = None if unit is None or unit.area_id is None else closing.area_names.get(unit.area_id)
        sold[agent_id] += unit is not None and wishes.wants_area(unit.area_id, name)
    return sold
