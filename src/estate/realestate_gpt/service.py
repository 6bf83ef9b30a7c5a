"""The public verbs of the assistant: find records, answer, take feedback."""

import asyncio
import datetime as dt
import logging
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from estate.client import service as client_service
from estate.core.db import unit_of_work
from estate.core.errors import Invalid
from estate.core.outbox import Job, enqueue_once
from estate.core.problems import field_problems
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.core.traces import pseudonym
from estate.core.types import UnitRef
from estate.realestate_gpt import composer, crud, policies
from estate.realestate_gpt.audit import Replay, basis_of, replayed, snapshots
from estate.realestate_gpt.confidence import confidence
from estate.realestate_gpt.drafting import Chosen, Draft, Drafting, choose, drafted
from estate.realestate_gpt.errors import ResponseNotFound
from estate.realestate_gpt.evidence import Evidence
from estate.realestate_gpt.gathering import gather
from estate.realestate_gpt.generators import Composer, configured_model
from estate.realestate_gpt.intent import Intent, Question, read
from estate.realestate_gpt.learning import LEARN
from estate.realestate_gpt.models import GptResponse
from estate.realestate_gpt.privacy import erase_client, export_client, hidden_records, make_anew
from estate.realestate_gpt.records import LAYERS, Record
from estate.realestate_gpt.retrieval.retriever import retrieve
from estate.realestate_gpt.schemas import (
    AgentContext,
    CiteOut,
    Claim,
    ClientInput,
    FeedbackIn,
    FeedbackOut,
    PolicyOut,
    Reply,
    ResponseOut,
    Said,
    UsedRecord,
    UsedRecords,
)
from estate.realestate_gpt.verifier import Sentence

__all__ = [
    "drafted_by_model",
    "drafting",
    "erase_client",
    "export_client",
    "feedback",
    "get_response",
    "has_model",
    "make_anew",
    "move_client",
    "ranking_policy",
    "replay",
    "respond",
    "retriever",
    "roll_back_ranking",
    "said",
]

log = logging.getLogger(__name__)

NO_REPLY = "No reply has this id."

_CONTEXT = TypeAdapter(AgentContext)
_INPUT: TypeAdapter[str] = TypeAdapter(ClientInput)


def retriever(
    query: str, *, layers: Sequence[str] | None = None, limit: int = 10, session: Session | None = None
) -> list[Record]:
    """Find records for a question.

    Parameters
    ----------
    query : str
        Any text. Ids and names of areas in it are looked up; its other words are searched.
    layers : sequence of str, optional
        Where to search; default all five.
    limit : int
        The most records, at most ``ESTATE_RETRIEVAL_MAX_RECORDS``.
    session : Session, optional
        Open transaction; default an own one.

    Returns
    -------
    list of Record
        Best first: what was looked up has score 1, what was found by its words less.

    Raises
    ------
    Invalid
        When a layer is not known or the limit is below 1.
    """
    if limit < 1 or not set(layers or LAYERS) <= set(LAYERS):
        raise Invalid(f"`limit` is at least 1 and `layers` are among {', '.join(LAYERS)}.")
    with _session(session, read_only=True) as transaction:
        return retrieve(transaction, query, layers=tuple(layers or LAYERS), limit=limit)


def respond(
    client_input: str,
    agent_context: AgentContext | Mapping[str, Any],
    *,
    session: Session | None = None,
    draft: Draft | None = None,
    now: dt.datetime | None = None,
) -> Reply:
    """Answer from the records, cite them, and keep what was cited.

    Parameters
    ----------
    client_input : str
        1 to 4,000 characters: data, never an instruction.
    agent_context : AgentContext or mapping
        Who asks, about whom and about which unit.
    session : Session, optional
        Open transaction; default an own one. No transaction waits for a language model: with a session the
        composer answers, unless there is a draft.
    draft : Draft, optional
        What a generator wrote for this question; it is checked against the records as they are now.
    now : datetime, optional
        The moment to answer for; default that of the draft, else the present.

    Returns
    -------
    Reply
        Every figure and name of its text stands in a cited field; what does not was left out.

    Raises
    ------
    Invalid
        When the input or the context is malformed.
    NotFound
        When the agent, client or unit does not exist.
    """
    text, context = _checked(_INPUT, client_input), _checked(_CONTEXT, agent_context)
    if session is None and draft is None and has_model():
        with ThreadPoolExecutor(1) as thread:  # The caller's thread may run an event loop, as in a notebook.
            draft = thread.submit(asyncio.run, drafted_by_model(Actor.system(), text, context)).result()
    question = read(text)
    with _session(session) as transaction:
        at = now or (dt.datetime.now(dt.UTC) if draft is None else draft.written_at)
        evidence = _gathered(transaction, text, question, context, at)
        chosen = choose(evidence, draft)
        reply = _reply(chosen, evidence)
        intent = evidence.intents[0] if evidence.intents else Intent.GENERAL
        kept = {
            "basis": basis_of(evidence, chosen.note),
            "records": snapshots(transaction, evidence.records().values()),
        }
        crud.add_response(transaction, _audit_row(text, context, intent, reply, chosen.version) | kept)
    _log(reply, chosen)
    return reply


async def drafted_by_model(actor: Actor, client_input: str, context: AgentContext) -> Draft | None:
    """Wait for the draft of the model that the settings name; None without one.

    Raises
    ------
    NotFound
        When the agent, client or unit does not exist.
    """
    model = configured_model()
    return None if model is None else await drafted(actor, client_input, context, model)


def has_model() -> bool:
    """Tell whether the settings name a language model: then a reply takes seconds, and no transaction may wait."""
    return get_settings().llm_model is not None


def drafting(actor: Actor, client_input: str, context: AgentContext) -> Drafting:
    """Read what a reply may stand on, for a generator to write it: the model of the settings, or the composer.

    Raises
    ------
    NotFound
        When the agent, client or unit does not exist.
    """
    return Drafting(actor, client_input, context, configured_model() or Composer())


def said(sentence: Sentence) -> Said:
    """Return a checked sentence as it is told."""
    return Said(**dict(_claim(sentence)), audience=sentence.audience)


def feedback(session: Session, given: FeedbackIn) -> FeedbackOut:
    """Keep what somebody thought of a reply, and let the ranking learn from it in a while.

    Raises
    ------
    ResponseNotFound
        When there is no such reply.
    """
    _response(session, given.response_id)
    feedback_id = uuid.uuid4()
    actor: Actor = session.info["actor"]
    crud.add_feedback(session, {"feedback_id": feedback_id, "account": actor.caller, **given.model_dump()})
    due_at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=get_settings().learning_delay_s)
    enqueue_once(session, Job(LEARN, "ranking"), due_at=due_at)
    return FeedbackOut(feedback_id=feedback_id, response_id=given.response_id, verdict=given.verdict)


def replay(session: Session, response_id: uuid.UUID) -> Replay:
    """Make a stored reply again from the records that were kept with it, and say which of them have changed since.

    Raises
    ------
    ResponseNotFound
        As for `get_response`.
    """
    row = _response(session, response_id)
    if hidden_records(session, row.records):
        raise ResponseNotFound(NO_REPLY)
    return replayed(session, row)


def ranking_policy(session: Session) -> PolicyOut:
    """Return the version of the weights that ranks records now."""
    return _policy(policies.in_force(session))


def roll_back_ranking(session: Session, version: int) -> PolicyOut:
    """Leave a version and rank by the one before it again; opinions from before count no more.

    Raises
    ------
    Conflict
        When another version is in force, or there is none before it.
    """
    actor: Actor = session.info["actor"]
    return _policy(policies.roll_back(session, version, actor.caller))


def _policy(version: policies.Version) -> PolicyOut:
    return PolicyOut(
        version=version.number,
        before=version.before,
        why=version.why,
        layers={intent: dict(by) for intent, by in version.weights.layers.items()},
        gain=version.gain,
        gain_lower=version.gain_lower,
        n=version.n,
    )


def move_client(session: Session, from_id: uuid.UUID, to_id: uuid.UUID) -> dict[str, int]:
    """Hand the replies about one client to another; return how many rows of the table."""
    return {"gpt_responses": crud.move_responses(session, from_id, to_id)}


def get_response(session: Session, response_id: uuid.UUID) -> ResponseOut:
    """Return a stored reply with the records as they were.

    Raises
    ------
    ResponseNotFound
        When there is no such reply, or it stands on records that the actor of the session may not see: somebody
        else had asked, who may see more.
    """
    row = _response(session, response_id)
    if hidden_records(session, row.records):
        raise ResponseNotFound(NO_REPLY)
    return ResponseOut(
        response_id=row.response_id,
        text=row.text,
        reasoning=[Claim.model_validate(claim) for claim in row.reasoning],
        used_records=[UsedRecords.model_validate(used) for used in row.used_records],
        confidence=row.confidence,
        abstained=row.abstained,
        agent_id=row.agent_id,
        client_id=row.client_id,
        property=_unit_of(row),
        client_input=row.client_input,
        intent=row.intent,
        records=[UsedRecord.model_validate(record) for record in row.records if _is_cited(row, record)],
        composer_version=row.composer_version,
        created_at=row.created_at,
    )


def _gathered(session: Session, text: str, question: Question, context: AgentContext, at: dt.datetime) -> Evidence:
    """Collect the evidence of clients who stay until the reply is kept: who is erased has to be in none."""
    client_service.keep_clients(session, [context.client_id] if context.client_id else [])
    evidence = gather(session, text, question, context, now=at)
    clients = {uuid.UUID(record_id) for layer, record_id in evidence.records() if layer == "client"}
    if client_service.keep_clients(session, clients) != clients:
        evidence = gather(session, text, question, context, now=at)
    return evidence


def _session(session: Session | None, *, read_only: bool = False) -> AbstractContextManager[Session]:
    """Use the caller's transaction, or open one."""
    return nullcontext(session) if session is not None else unit_of_work(Actor.system(), read_only=read_only)


def _checked(schema: TypeAdapter[Any], value: object) -> Any:
    try:
        return schema.validate_python(value)
    except ValidationError as error:
        raise Invalid(
            "The question was refused.", problems=field_problems(error, limit=get_settings().problems_max_items)
        ) from None


def _reply(chosen: Chosen, evidence: Evidence) -> Reply:
    judgement, kept = chosen.judgement, chosen.verified.kept
    return Reply(
        response_id=uuid.uuid4(),
        text=composer.render(kept, (*judgement.missing, *chosen.note)),
        reasoning=[_claim(sentence) for sentence in kept if sentence.cites],
        used_records=_used(kept),
        confidence=confidence(judgement, evidence, chosen.verified),
        abstained=judgement.abstained,
    )


def _claim(sentence: Sentence) -> Claim:
    return Claim(
        claim=sentence.text,
        cites=[CiteOut(layer=cite.layer, id=cite.id, field=cite.field) for cite in sentence.cites],
    )


def _used(sentences: Sequence[Sentence]) -> list[UsedRecords]:
    """List the cited records, one entry a layer, in the order in which they were cited."""
    ids: dict[str, dict[str, None]] = {}
    for sentence in sentences:
        for cite in sentence.cites:
            ids.setdefault(cite.layer, {})[cite.id] = None
    return [UsedRecords(layer=layer, ids=list(ids[layer])) for layer in LAYERS if layer in ids]


def _audit_row(text: str, context: AgentContext, intent: Intent, reply: Reply, version: str) -> dict[str, Any]:
    unit = context.property_id
    answer = reply.model_dump(mode="json")
    return {
        **answer,
        "response_id": reply.response_id,
        "agent_id": context.agent_id,
        "client_id": context.client_id,
        "property_project_id": unit.project_id if unit else None,
        "property_unit_id": unit.unit_id if unit else None,
        "client_input": text,
        "intent": intent.value,
        "composer_version": version,
    }


def _is_cited(row: GptResponse, record: Mapping[str, Any]) -> bool:
    return any(used["layer"] == record["layer"] and record["id"] in used["ids"] for used in row.used_records)


def _response(session: Session, response_id: uuid.UUID) -> GptResponse:
    row = crud.get_response(session, response_id)
    if row is None:
        raise ResponseNotFound(NO_REPLY)
    return row


def _unit_of(row: GptResponse) -> UnitRef | None:
    if row.property_project_id is None or row.property_unit_id is None:
        return None
    return UnitRef(row.property_project_id, row.property_unit_id)


def _log(reply: Reply, chosen: Chosen) -> None:
    """Say which records made the reply, and what was left out; never the client's words, and no client by its id."""
    for dropped in chosen.verified.dropped:
        log.warning(
            "sentence dropped",
            extra={
                "response_id": str(reply.response_id),
                "cites": [f"{c.layer} {_told(c.layer, c.id)} {c.field}" for c in dropped.sentence.cites],
                "why": dropped.reason,
            },
        )
    log.info(
        "reply made",
        extra={
            "response_id": str(reply.response_id),
            "used_records": {u.layer: [_told(u.layer, one) for one in u.ids] for u in reply.used_records},
            "confidence": reply.confidence,
            "abstained": reply.abstained,
            "generator": chosen.version,
            "refused_sentences": chosen.refused,
        },
    )


def _told(layer: str, record_id: str) -> str:
    """Return the id that a log may hold: logs outlive the erasure of a client."""
    return pseudonym(record_id) if layer == "client" else record_id
