"""Client endpoints."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field
from sqlalchemy.orm import Session

from estate.api.answers import IngestAnswer, ingest_answer
from estate.api.deps import NO_PARAMETERS, Answer, Caller, OnceDep, ReadSession, Subject, now
from estate.api.merging import merge_clients
from estate.api.openapi import json_body
from estate.api.paths import register_ids
from estate.api.privacy import ErasureOut, ExportOut, erase_client, export_client
from estate.behavior import service as behavior_service
from estate.behavior.contact_schemas import ContactIn, SkipIn, TimelineItem, TimelinePage
from estate.client import service
from estate.client.schemas import ClientFilter, ClientIn, ClientOut, ClientsWanted, MergeIn, MergeOut, OverrideIn
from estate.core.audit import audit
from estate.core.db import unit_of_work
from estate.core.paging import CountOut, PageOut
from estate.core.types import Instant, QueryLimit, Schema, ShortText, UnitText, Uuid
from estate.intelligence import calls, closing, contacts, qualification, quality
from estate.intelligence.call_schemas import CallQueue, ContactLogged, SkipNoted, SkipReasonOut
from estate.intelligence.duplicates import find_duplicates
from estate.intelligence.schemas import (
    ChanceOut,
    ClosingAsk,
    ClosingOut,
    Duplicate,
    Qualification,
    QualityOut,
)
from estate.property import service as property_service

register_ids()
router = APIRouter(prefix="/client", tags=["client"])

EXAMPLE = {
    "client_id": "c3a9e1d2-5b4f-4c8e-8a11-2d7f60b5e901",
    "name": "Omar Nasser",
    "interest": {"purpose": "own use", "unit_types": ["apartment"], "bedrooms": 2, "amenities": ["Pool"]},
    "budget": "1900000.00",
    "currency": "AED",
    "location_targets": ["Palm Harbour", "Canal Gate"],
    "objections": ["handover date"],
    "decision_speed": "fast",
    "emotional_type": "analytical",
    "response_history": [{"at": "2026-10-01T09:30:00Z", "channel": "call", "response_seconds": 420}],
    "contact_consent": True,
    "phone": "+971501234567",
    "country": "AE",
}


TRIPLES = {
    "triples": [
        {
            "agent_id": "8d2f3a54-7c0e-4a7b-9d53-1f0a6a3f2b01",
            "client_id": "c3a9e1d2-5b4f-4c8e-8a11-2d7f60b5e901",
            "property": "7a1e2c3d-4b5f-4c6d-8e7f-9a0b1c2d3e03:8b2f3d4e-5c6a-4d7e-9f8a-0b1c2d3e4f04",
        }
    ]
}
OVERRIDE = {
    "client_id": "c3a9e1d2-5b4f-4c8e-8a11-2d7f60b5e901",
    "score": 0.8,
    "reason": "Paid the deposit in cash today.",
}
CONTACT = {
    "agent_id": "8d2f3a54-7c0e-4a7b-9d53-1f0a6a3f2b01",
    "channel": "call",
    "outcome": "reached",
    "note": "Wants to see the flat on Saturday.",
}
SKIP = {"agent_id": "8d2f3a54-7c0e-4a7b-9d53-1f0a6a3f2b01", "reason": "waiting_for_client"}
MERGE = {"keep": EXAMPLE["client_id"], "merge": "5f0c7d3b-6a1e-4c2d-9b8f-1e2d3c4b5a06"}


class OnePage(Schema):
    """Which page."""

    cursor: ShortText | None = None
    limit: QueryLimit = 50


class OnePair(Schema):
    """Which agent, which client, and perhaps which unit."""

    client_id: Uuid
    agent_id: Uuid
    unit: UnitText | None = None


class ForAgent(Schema):
    """For whom, for when, and how many."""

    agent_id: Uuid
    limit: QueryLimit = 10
    at: Instant | None = Field(None, description="The moment to plan for; absent: now.")


@router.post("/ingest", response_model=IngestAnswer, openapi_extra=json_body(ClientIn, example=EXAMPLE))
def ingest(once: OnceDep) -> Response:
    """Take clients: an absent field keeps its value, null clears it, an older row is stale."""
    return once.run(lambda session: ingest_answer(service.ingest(session, once.body.rows()), once.body))


@router.get("/query")
def query(session: ReadSession, wanted: Annotated[ClientFilter, Query()]) -> PageOut[ClientOut]:
    """List client profiles."""
    page = service.list_clients(session, wanted)
    return PageOut(items=list(page.items), next_cursor=page.next_cursor)


@router.get("/count")
def count(session: ReadSession, wanted: Annotated[ClientsWanted, Query()]) -> CountOut:
    """Count the clients that `GET /client/query` lists with the same filters."""
    return CountOut(count=service.count_clients(session, wanted))


@router.get("/qualification/{client_id}", dependencies=[NO_PARAMETERS])
def explain_qualification(session: ReadSession, client_id: Annotated[Uuid, Path()]) -> Qualification:
    """Score how likely a deal with a client is won, with contributions that sum to the score."""
    return qualification.explain_qualification(session, client_id, now=now())


@router.get("/predict")
def predict(session: ReadSession, wanted: Annotated[OnePair, Query()]) -> ClosingOut:
    """Estimate how likely an agent sells a unit to a client, with contributions that sum to the score."""
    unit = None if wanted.unit is None else property_service.resolve(session, wanted.unit)
    return closing.explain_closing(session, agent_id=wanted.agent_id, client_id=wanted.client_id, unit=unit, now=now())


@router.post(
    "/closing", response_model=PageOut[ChanceOut], openapi_extra=json_body(ClosingAsk, example=TRIPLES, batch=False)
)
def closing_many(once: OnceDep) -> Response:
    """Estimate the chances of up to 1,000 triples of agent, client and unit, in their order."""
    asked = once.body.one(ClosingAsk)
    return once.run(
        lambda session: Answer(
            200, PageOut(items=closing.closing_chances(session, asked.triples, now=now()), next_cursor=None)
        )
    )


@router.post("/override", response_model=ClientOut, openapi_extra=json_body(OverrideIn, example=OVERRIDE, batch=False))
def override(once: OnceDep) -> Response:
    """State a score of your own: it stands beside the model's, which is not frozen by it."""
    stated = once.body.one(OverrideIn)
    subject = Subject("client_profiles", stated.client_id)
    return once.run(
        lambda session: Answer(200, service.override(session, stated, once.actor.caller, now()), subject=subject)
    )


@router.get("/quality", dependencies=[NO_PARAMETERS])
def quality_of_scores(session: ReadSession) -> QualityOut:
    """Show how well the stored scores foretold what came, by band, and the latest trainings."""
    return quality.score_quality(session, now=now())


@router.get("/recommend")
def recommend(session: ReadSession, wanted: Annotated[ForAgent, Query()]) -> CallQueue:
    """Recommend whom an agent calls next, and why: only those who may be called, and how many are held back."""
    return calls.next_calls(session, wanted.agent_id, now=wanted.at or now(), limit=wanted.limit)


@router.get("/skip-reasons", dependencies=[NO_PARAMETERS])
def skip_reasons(session: ReadSession) -> PageOut[SkipReasonOut]:
    """List the reasons to skip a client, how long each takes the client out of the queue, and what followed."""
    return PageOut(items=contacts.skip_reasons(session, now()), next_cursor=None)


@router.post(
    "/{client_id}/contact",
    response_model=ContactLogged,
    openapi_extra=json_body(ContactIn, example=CONTACT, batch=False),
)
def log_contact(once: OnceDep, client_id: Annotated[Uuid, Path()]) -> Response:
    """Keep what came of a call, message or meeting; who refused is not called again."""
    given = once.body.one(ContactIn)

    def effect(session: Session) -> Answer:
        logged = contacts.log_contact(session, client_id, given, now())
        detail = {"contact_id": str(logged.contact.contact_id), "outcome": given.outcome}
        told = detail | {"consent_withdrawn": logged.consent_withdrawn}
        return Answer(200, logged, subject=Subject("client_profiles", client_id, told))

    return once.run(effect)


@router.post("/{client_id}/skip", response_model=SkipNoted, openapi_extra=json_body(SkipIn, example=SKIP, batch=False))
def skip(once: OnceDep, client_id: Annotated[Uuid, Path()]) -> Response:
    """Keep why a client is not called; the client leaves the queue for as long as the reason says."""
    given = once.body.one(SkipIn)
    subject = Subject("client_profiles", client_id, {"reason": given.reason})
    return once.run(lambda session: Answer(200, contacts.note_skip(session, client_id, given, now()), subject=subject))


@router.get("/{client_id}/timeline")
def timeline(
    session: ReadSession, client_id: Annotated[Uuid, Path()], wanted: Annotated[TimelinePage, Query()]
) -> PageOut[TimelineItem]:
    """List what happened with a client, the newest first: events, conversations, stages of deals, contacts, skips."""
    service.get_client(session, client_id)
    page = behavior_service.timeline(session, client_id, wanted)
    return PageOut(items=list(page.items), next_cursor=page.next_cursor)


@router.get("/duplicates")
def duplicates(session: ReadSession, wanted: Annotated[OnePage, Query()]) -> PageOut[Duplicate]:
    """List pairs of clients that look like one person: by phone or e-mail, or by name and a second fact."""
    page = find_duplicates(session, limit=wanted.limit, cursor=wanted.cursor)
    return PageOut(items=list(page.items), next_cursor=page.next_cursor)


@router.post("/merge", response_model=MergeOut, openapi_extra=json_body(MergeIn, example=MERGE, batch=False))
def merge(once: OnceDep) -> Response:
    """Make one client of two: history, deals and conversations are handed over, and a refusal to be contacted survives.

    What still comes under the merged id goes to the kept client; asking for the merged id answers 410 and names it.
    """
    wanted = once.body.one(MergeIn)
    subject = Subject("client_profiles", wanted.keep, {"merged": str(wanted.merge)})
    return once.run(lambda session: Answer(200, merge_clients(session, wanted, by=once.actor.caller), subject=subject))


@router.get("/{client_id}/export", dependencies=[NO_PARAMETERS])
def export(actor: Caller, client_id: Annotated[Uuid, Path()]) -> ExportOut:
    """Give out all that is held about a client, as one document: rows by table, whole, always in the same order."""
    with unit_of_work(actor) as session:
        found = export_client(session, client_id, actor)
        audit(session, actor, "client.export", "client_profiles", client_id)
    return found


# What is no id is another path: DELETE /client/quality is a method that path lacks.
@router.delete("/{client_id:canonical}", dependencies=[NO_PARAMETERS])
def erase(actor: Caller, client_id: Annotated[Uuid, Path()]) -> ErasureOut:
    """Erase a client with all that hangs on it, as if it had never been there; what is counted stays true.

    Those merged into the client go with it; under a merged id the answer is 410. Done again, the answer is 404, and
    the id is not taken again.
    """
    with unit_of_work(actor) as session:
        return erase_client(session, client_id, actor)
