"""Endpoints of the assistant."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from estate.api.deps import NO_PARAMETERS, Answer, OnceDep, ReadSession, Subject
from estate.api.errors import Problem
from estate.api.event_stream import EventStream, event
from estate.api.openapi import event_stream, json_body
from estate.core.settings import get_settings
from estate.core.types import Uuid
from estate.realestate_gpt import service
from estate.realestate_gpt.drafting import Draft
from estate.realestate_gpt.schemas import (
    FeedbackIn,
    FeedbackOut,
    PolicyOut,
    Reply,
    RespondIn,
    ResponseOut,
    RollBackIn,
    Said,
)

router = APIRouter(prefix="/gpt", tags=["gpt"])

QUESTION = {
    "client_input": "I am looking for a two-bedroom apartment in Palm Harbour. Is the market there still good?",
    "agent_id": "0b8f6a54-3a3e-4a43-8f0f-2f6d1a0c9e01",
    "client_id": "5d2c1f7e-9b64-4a0e-8f3b-7c1d2e3f4a02",
    "property": "7a1e2c3d-4b5f-4c6d-8e7f-9a0b1c2d3e03:8b2f3d4e-5c6a-4d7e-9f8a-0b1c2d3e4f04",
}
STREAM = (
    "Server-sent events: `sentence` for each checked sentence, then `reply` with the reply that counts and is kept, or"
    " `problem` with problem details. A comment fills a silence."
)
VERDICT = {
    "response_id": "9c3a4e5f-6d7b-4e8f-8a9b-1c2d3e4f5a05",
    "verdict": "helpful",
    "note": "The client liked the price comparison.",
}
LEFT = {"version": 1}


@router.post("/respond", response_model=Reply, openapi_extra=json_body(RespondIn, example=QUESTION, batch=False))
async def respond(once: OnceDep) -> Response:
    """Answer from the records of all layers; every figure and name of the text is in a cited field."""
    asked = await run_in_threadpool(once.body.one, RespondIn)
    draft = None
    if service.has_model():
        if (repeated := await run_in_threadpool(once.replay)) is not None:
            return repeated
        draft = await service.drafted_by_model(once.actor, asked.client_input, asked.context())
    return await run_in_threadpool(once.run, lambda session: _answered(session, asked, draft))


@router.post(
    "/respond/stream",
    status_code=200,
    response_class=EventStream,
    responses=event_stream(STREAM, sentence=Said, reply=Reply, problem=Problem),
    openapi_extra=json_body(RespondIn, example=QUESTION, batch=False),
)
async def respond_stream(request: Request, once: OnceDep) -> Response:
    """Answer like `POST /gpt/respond`, sentence by sentence: each is sent once it was checked, then the whole reply."""
    asked = await run_in_threadpool(once.body.one, RespondIn)
    repeated = await run_in_threadpool(once.replay)
    drafting = None
    if repeated is None:
        drafting = await run_in_threadpool(service.drafting, once.actor, asked.client_input, asked.context())

    async def events() -> AsyncGenerator[bytes]:
        answer = repeated
        if drafting is not None:
            async with aclosing(drafting.sentences()) as sentences:
                async for sentence in sentences:
                    yield event("sentence", service.said(sentence))
            draft = drafting.draft()
            answer = await run_in_threadpool(once.run, lambda session: _answered(session, asked, draft))
        if answer is not None:
            yield event("reply", bytes(answer.body))

    return EventStream(
        events(), silence_s=get_settings().stream_heartbeat_s, request_id=request.scope.get("estate.request_id")
    )


def _answered(session: Session, asked: RespondIn, draft: Draft | None) -> Answer:
    reply = service.respond(asked.client_input, asked.context(), session=session, draft=draft)
    return Answer(200, reply, subject=Subject("gpt_responses", reply.response_id))


@router.post("/feedback", response_model=FeedbackOut, openapi_extra=json_body(FeedbackIn, example=VERDICT, batch=False))
def feedback(once: OnceDep) -> Response:
    """Say whether a reply helped."""
    given = once.body.one(FeedbackIn)
    subject = Subject("gpt_responses", given.response_id, {"verdict": given.verdict})
    return once.run(lambda session: Answer(200, service.feedback(session, given), subject=subject))


@router.get("/responses/{response_id}", dependencies=[NO_PARAMETERS])
def response(session: ReadSession, response_id: Uuid) -> ResponseOut:
    """Return a stored reply with the records as they were when it was made."""
    return service.get_response(session, response_id)


@router.get("/ranking", dependencies=[NO_PARAMETERS])
def ranking(session: ReadSession) -> PolicyOut:
    """Return the weights that rank records, and for what they were promoted."""
    return service.ranking_policy(session)


@router.post(
    "/ranking/rollback", response_model=PolicyOut, openapi_extra=json_body(RollBackIn, example=LEFT, batch=False)
)
def roll_back_ranking(once: OnceDep) -> Response:
    """Leave the version in force and rank by the one before it."""
    left = once.body.one(RollBackIn)
    subject = Subject("ranking_policies", left.version)
    return once.run(lambda session: Answer(200, service.roll_back_ranking(session, left.version), subject=subject))
