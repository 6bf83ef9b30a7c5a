"""Behavior endpoints: events, conversations and deals in; triggers, patterns and advice out."""

import uuid
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from estate.api.answers import IngestAnswer, ingest_answer, refusal
from estate.api.deps import NO_PARAMETERS, Answer, OnceDep, ReadSession, now, once_of
from estate.api.events import Events, checked_event
from estate.api.openapi import KEYED_ONCE, json_body
from estate.behavior import service
from estate.behavior.deal_schemas import DealFilter, DealListed, PipelineOut
from estate.behavior.schemas import (
    ConversationIn,
    DealIn,
    EventFilter,
    EventIn,
    EventOut,
    NextStepOut,
    PatternsOut,
    TriggersOut,
)
from estate.core.errors import FieldProblem, Invalid
from estate.core.ingest import IngestResult, SourceRow
from estate.core.paging import PageOut
from estate.core.types import QueryLimit, Schema, Uuid
from estate.intelligence.actions import recommend_action
from estate.intelligence.next_step import likely_next_step
from estate.intelligence.schemas import NextAction

router = APIRouter(prefix="/behavior", tags=["behavior"])

AGENT_ID = "8d2f3a54-7c0e-4a7b-9d53-1f0a6a3f2b01"
CLIENT_ID = "3c9b5a10-52a7-4f0e-8f6b-9b5e1f0d7c02"
DEAL_ID = "b7a1d7de-6f0b-4c57-9a1e-2d8f4e6c5a03"
EVENT = {
    "event_id": "5e0c7b1a-9a3f-4a0e-8f57-6d2b1c4e7f04",
    "agent_id": AGENT_ID,
    "client_id": CLIENT_ID,
    "trigger_word": "payment plan",
    "emotion_detected": "interested",
    "response_speed": 42.5,
    "conversion_effect": 0.2,
    "time_of_event": "2026-03-01T09:30:00Z",
    "metadata": {"channel": "call"},
}
DEAL = {
    "deal_id": DEAL_ID,
    "agent_id": AGENT_ID,
    "client_id": CLIENT_ID,
    "stage": "won",
    "opened_at": "2026-02-20T08:00:00Z",
    "closed_at": "2026-03-14T12:00:00Z",
    "value": "1650000.00",
    "currency": "AED",
}
CONVERSATION = {
    "conversation_id": "d41c0f7e-3b8a-4c1d-9f26-7a5e8b2c6d05",
    "agent_id": AGENT_ID,
    "client_id": CLIENT_ID,
    "deal_id": DEAL_ID,
    "channel": "call",
    "started_at": "2026-03-01T09:28:00Z",
    "turns": [
        {"speaker": "client", "text": "Is there a payment plan?", "said_at": "2026-03-01T09:29:00Z"},
        {"speaker": "agent", "text": "Yes, 60/40 on handover.", "said_at": "2026-03-01T09:29:20Z"},
    ],
}


class EventAnswer(BaseModel):
    """What became of a single event."""

    event_id: uuid.UUID
    status: Literal["created", "duplicate"] = Field(description="`duplicate`: the same event came before.")


class OneClient(Schema):
    """Which client."""

    client_id: Uuid


class TopTriggers(Schema):
    """How many triggers."""

    top_n: QueryLimit = 20
    run_id: Uuid | None = Field(None, description="An earlier analysis; the newest by default.")


class OneRun(Schema):
    """Which analysis."""

    run_id: Uuid | None = Field(None, description="An earlier analysis; the newest by default.")


class _PlainRoute(APIRoute):
    """Hands the request to the endpoint as it is, where nothing has to be resolved for it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint itself."""
        endpoint: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return endpoint


async def event(request: Request) -> Response:
    """Take one event: it is stored when the call returns, and processed in the background."""
    once = await once_of(request)
    if once.body.is_batch:
        raise Invalid("Send one event; POST /behavior/ingest takes several.", problems=(_NOT_ONE,))
    (row,) = once.body.rows()
    if once.key is not None:  # The answer is stored in the transaction of its effect, so that one is its own.
        return await run_in_threadpool(once.run, lambda session: _stored_alone(session, row))
    events: Events = request.app.state.events
    return _event_answer(await events.submit(once.actor, await checked_event(row))).response()


router.add_api_route(
    "/event",
    event,
    methods=["POST"],
    route_class_override=_PlainRoute,
    status_code=HTTPStatus.ACCEPTED,
    response_model=EventAnswer,
    openapi_extra=json_body(EventIn, example=EVENT, batch=False) | KEYED_ONCE,
    responses={200: {"model": EventAnswer, "description": "The same event came before; nothing changed."}},
)


_NOT_ONE = FieldProblem("", "must be an object")


def _stored_alone(session: Session, row: SourceRow) -> Answer:
    (result,) = service.ingest_events(session, [row]).singly()
    return _event_answer(result)


def _event_answer(result: IngestResult) -> Answer:
    (item,) = result.items
    if item.status == "created":
        return Answer(HTTPStatus.ACCEPTED, EventAnswer(event_id=uuid.UUID(item.id), status="created"))
    if item.status == "duplicate":
        return Answer(HTTPStatus.OK, EventAnswer(event_id=uuid.UUID(item.id), status="duplicate"))
    return refusal(result)


@router.post("/ingest", response_model=IngestAnswer, openapi_extra=json_body(EventIn, example=EVENT))
def ingest(once: OnceDep) -> Response:
    """Take events; each is stored once, whatever is delivered again."""
    return once.run(lambda session: ingest_answer(service.ingest_events(session, once.body.rows()), once.body))


@router.post(
    "/conversation", response_model=IngestAnswer, openapi_extra=json_body(ConversationIn, example=CONVERSATION)
)
def conversation(once: OnceDep) -> Response:
    """Take conversations with their turns; the events in them are read at once."""
    return once.run(lambda session: ingest_answer(service.ingest_conversations(session, once.body.rows()), once.body))


@router.post("/deal", response_model=IngestAnswer, openapi_extra=json_body(DealIn, example=DEAL))
def deal(once: OnceDep) -> Response:
    """Take deals: an absent field keeps its value; a changed outcome changes what their events count for."""
    return once.run(lambda session: ingest_answer(service.ingest_deals(session, once.body.rows()), once.body))


@router.get("/query")
def query(session: ReadSession, wanted: Annotated[EventFilter, Query()]) -> PageOut[EventOut]:
    """List events, newest first."""
    page = service.list_events(session, wanted)
    return PageOut(items=list(page.items), next_cursor=page.next_cursor)


@router.get("/deals")
def deals(session: ReadSession, wanted: Annotated[DealFilter, Query()]) -> PageOut[DealListed]:
    """List deals, those opened last first."""
    page = service.list_deals(session, wanted)
    return PageOut(items=list(page.items), next_cursor=page.next_cursor)


@router.get("/pipeline", dependencies=[NO_PARAMETERS])
def pipeline(session: ReadSession) -> PipelineOut:
    """Sum up the open deals by stage: how many, worth what by currency, and how many linger.

    An administrator sees the whole house, a manager the clients of the team, an agent those of their own.
    """
    return service.pipeline(session, now())


@router.get("/predict")
def predict(session: ReadSession, wanted: Annotated[OneClient, Query()]) -> NextStepOut:
    """Say what usually comes next for a client who is where this one is."""
    return likely_next_step(session, wanted.client_id)


@router.get("/recommend")
def recommend(session: ReadSession, wanted: Annotated[OneClient, Query()]) -> NextAction:
    """Recommend the trigger or action for a client that evidence supports."""
    return recommend_action(session, wanted.client_id, now())


@router.get("/triggers")
def triggers(session: ReadSession, wanted: Annotated[TopTriggers, Query()]) -> TriggersOut:
    """List terms that go with winning or losing: proven ones first, then candidates, each by falling strength."""
    return service.triggers(session, wanted.top_n, wanted.run_id)


@router.get("/patterns")
def patterns(session: ReadSession, wanted: Annotated[OneRun, Query()]) -> PatternsOut:
    """List groups of terms that are said together, and how many events carry each group or stage."""
    return service.patterns(session, wanted.run_id)
