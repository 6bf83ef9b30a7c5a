"""Agent endpoints."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from estate.agent import service
from estate.agent.schemas import AgentFilter, AgentIn, AgentOut
from estate.api.answers import IngestAnswer, ingest_answer
from estate.api.deps import NO_PARAMETERS, OnceDep, ReadSession, now
from estate.api.openapi import json_body
from estate.core.paging import PageOut
from estate.core.types import QueryLimit, Schema, Uuid
from estate.intelligence import closings, ranking, routing
from estate.intelligence.schemas import AgentRankOut, ExpectedClosings, RoutedAgent

router = APIRouter(prefix="/agent", tags=["agent"])

EXAMPLE = {
    "agent_id": "8d2f3a54-7c0e-4a7b-9d53-1f0a6a3f2b01",
    "name": "Layla Haddad",
    "calls_per_day": 22,
    "lead_responses": 140,
    "objections_heard": {"price": 31, "handover date": 12},
    "deals_closed": 18,
    "projects_assigned": ["Palm Harbour Residences", "Canal Gate"],
    "closing_rate": 0.24,
    "avg_response_time": 540.0,
    "avg_closing_price": "1650000.00",
    "currency": "AED",
    "skill_scores": {"qualifying": 0.71, "negotiation": 0.64},
    "team_name": "Marina team",
}


class OneAgent(Schema):
    """Which agent."""

    agent_id: Uuid


class ForClient(Schema):
    """For whom, and how many."""

    client_id: Uuid
    limit: QueryLimit = 10


@router.post("/ingest", response_model=IngestAnswer, openapi_extra=json_body(AgentIn, example=EXAMPLE))
def ingest(once: OnceDep) -> Response:
    """Take agents: an absent field keeps its value, null clears it, an older row is stale."""
    return once.run(lambda session: ingest_answer(service.ingest(session, once.body.rows()), once.body))


@router.get("/query")
def query(session: ReadSession, wanted: Annotated[AgentFilter, Query()]) -> PageOut[AgentOut]:
    """List agents with their activity."""
    page = service.list_agents(session, wanted)
    return PageOut(items=list(page.items), next_cursor=page.next_cursor)


@router.get("/predict")
def predict(session: ReadSession, wanted: Annotated[OneAgent, Query()]) -> ExpectedClosings:
    """Forecast the deals that an agent wins in the next 30 days, with a 90 % interval."""
    return closings.expected_closings(session, wanted.agent_id, now=now())


@router.get("/recommend")
def recommend(session: ReadSession, wanted: Annotated[ForClient, Query()]) -> PageOut[RoutedAgent]:
    """Recommend agents for a client, with reasons."""
    found = routing.route(session, wanted.client_id, now=now(), limit=wanted.limit)
    return PageOut(items=found, next_cursor=None)


@router.get("/rankings", dependencies=[NO_PARAMETERS])
def rankings(session: ReadSession) -> PageOut[AgentRankOut]:
    """Rank every agent by wins beyond what the clients served explain, with rank intervals and reasons."""
    return PageOut(items=ranking.rank_agents(session, now=now()), next_cursor=None)
