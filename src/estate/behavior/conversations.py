"""Takes conversations: their turns, and the events that can be read from them."""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from sqlalchemy.orm import Session

from estate.behavior import events
from estate.behavior.analytics.emotion import detect
from estate.behavior.analytics.lexicon import TRIGGERS
from estate.behavior.analytics.terms import extract, longest
from estate.behavior.crud import conversations as crud
from estate.behavior.crud.events import EventRow, known_terms
from estate.behavior.immutable import Delivery, first_of_each, settle
from estate.behavior.references import redirected, reference_problems
from estate.behavior.schemas import ConversationIn, TurnIn
from estate.core.canonical import content_hash
from estate.core.documents import document_jobs
from estate.core.ingest import IngestResult, SourceRow, Stored, receipt_time
from estate.core.ingest import ingest as ingest_rows
from estate.core.outbox import enqueue

__all__ = ["ingest_conversations"]

REFERENCES = ("agent_id", "client_id", "deal_id")
UNIT = ("project_id", "unit_id")
COLUMNS = ("conversation_id", "agent_id", "client_id", *UNIT, "deal_id", "channel")


def ingest_conversations(session: Session, rows: Iterable[SourceRow], *, source: str = "api") -> IngestResult:
    """Store conversations in one transaction with the events that are read from them.

    A turn gives one event for each term in it that is looked for (`analytics.lexicon`) or was ever the
    trigger word of an event; of terms within each other only the longest. A client's turn also tells the
    emotion, an agent's turn right after the client's the response time, stated once. A turn that tells
    nothing gives no event, but for the first one, which says that the conversation took place.

    The id of such an event is the UUID 5 of conversation, turn and term: it is the same however often the
    conversation is delivered. Conversations are immutable as events are.
    """
    return ingest_rows(session, layer="behavior", model=ConversationIn, rows=rows, store=_store, source=source)


def _store(session: Session, given: Sequence[ConversationIn]) -> list[Stored]:
    problems = reference_problems(session, given, REFERENCES, UNIT)
    deliveries = [
        Delivery(talk.conversation_id, content_hash(talk.model_dump()), problem)
        for talk, problem in zip(given, problems, strict=True)
    ]
    given = redirected(session, given)
    first = first_of_each(deliveries)
    received_at = receipt_time(session)
    rows = [_row(given[i], deliveries[i].content_hash, received_at) for i in first.values()]
    created = crud.add_conversations(session, rows)
    starts = {row["conversation_id"]: row["started_at"] for row in rows}
    _store_turns(session, [given[first[key]] for key in sorted(created)], starts)
    stored = crud.conversation_hashes(session, first.keys() - created)
    return settle(deliveries, first, created, stored, "conversation_id")


def _row(talk: ConversationIn, hashed: bytes, received_at: dt.datetime) -> dict[str, Any]:
    told = next((turn.said_at for turn in talk.turns if turn.said_at is not None), received_at)
    return {
        **{name: getattr(talk, name) for name in COLUMNS},
        "started_at": talk.started_at or told,
        "turn_count": len(talk.turns),
        "content_hash": hashed,
    }


def _store_turns(session: Session, talks: Sequence[ConversationIn], starts: dict[uuid.UUID, dt.datetime]) -> None:
    crud.add_utterances(
        session,
        [
            {"conversation_id": talk.conversation_id, "turn": number, **turn.model_dump()}
            for talk in talks
            for number, turn in enumerate(talk.turns)
        ],
    )
    terms = [[extract(turn.text) for turn in talk.turns] for talk in talks]
    said = set(chain.from_iterable(chain.from_iterable(terms)))
    known = (said & TRIGGERS) | known_terms(session, said - TRIGGERS)
    read = [
        event
        for talk, turns in zip(talks, terms, strict=True)
        for event in _events(talk, turns, known, starts[talk.conversation_id])
    ]
    events.store_new(session, read)
    enqueue(session, document_jobs("behavior", [talk.conversation_id for talk in talks]))


def _events(
    talk: ConversationIn, terms: Sequence[Sequence[str]], known: Collection[str], started_at: dt.datetime
) -> Iterator[EventRow]:
    before: TurnIn | None = None
    for number, turn in enumerate(talk.turns):
        found: list[str | None] = [*longest([term for term in terms[number] if term in known])]
        emotion = detect(turn.text) if turn.speaker == "client" else None
        speed = _response_seconds(before, turn)
        telling = emotion is not None or speed is not None or number == 0
        for word in found or ([None] if telling else []):
            yield _event(talk, number, word, emotion, speed, started_at)
            speed = None
        before = turn


def _response_seconds(before: TurnIn | None, turn: TurnIn) -> float | None:
    """Return how long the agent took to answer the client; None for anything else."""
    if before is None or (before.speaker, turn.speaker) != ("client", "agent"):
        return None
    if before.said_at is None or turn.said_at is None or turn.said_at < before.said_at:
        return None
    return (turn.said_at - before.said_at).total_seconds()


def _event(
    talk: ConversationIn,
    number: int,
    word: str | None,
    emotion: str | None,
    speed: float | None,
    started_at: dt.datetime,
) -> EventRow:
    turn = talk.turns[number]
    content = {
        "event_id": uuid.uuid5(talk.conversation_id, f"{number}:{word or ''}"),
        "agent_id": talk.agent_id,
        "client_id": talk.client_id,
        "property_project_id": talk.project_id,
        "property_unit_id": talk.unit_id,
        "trigger_word": word,
        "emotion_detected": emotion,
        "response_speed": speed,
        "conversion_effect": None,
        "time_of_event": turn.said_at or started_at,
        "metadata": {"speaker": turn.speaker, "turn": number},
        "deal_id": talk.deal_id,
        "conversation_id": talk.conversation_id,
    }
    return {**content, "content_hash": content_hash(content)}
