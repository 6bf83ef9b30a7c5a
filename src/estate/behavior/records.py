"""What other floors ask of the layer: the likely next step of clients, what came up with them, and search documents."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Collection
from decimal import Decimal

from sqlalchemy.orm import Session

from estate.behavior.analytics.next_step import next_steps
from estate.behavior.analytics.terms import canonical, words_of
from estate.behavior.crud import activity as crud
from estate.behavior.crud import conversations, deals, findings
from estate.behavior.crud.references import known_ids
from estate.behavior.discovery import DOCUMENTED, TRIGGER_KEY
from estate.behavior.errors import ClientUnknown
from estate.behavior.models import Conversation, Deal, TriggerFinding
from estate.behavior.schemas import NextStepOut, StepOut
from estate.core.db import whole_house
from estate.core.documents import DocumentText

__all__ = ["documents", "next_step", "terms_said"]

RECENT_EVENTS = 20_000  # What usually comes next is read from the newest events.
MIN_FOLLOWED = 5  # A step that was followed less often says little about the next.
TEXT_LENGTH = 20_000
MAX_TURNS = 5_000  # The newest of one client, hundreds of conversations: about a tenth of a second's work.


def terms_said(session: Session, client_id: uuid.UUID, terms: Collection[str]) -> set[str]:
    """Return which of some terms came up with a client, in an event or in what either side said."""
    words = crud.words(session, client_id)
    said = [*words, *conversations.turns_with(session, client_id, MAX_TURNS)]
    text = " | ".join(" ".join(words_of(one)) for one in said)
    return {term for term in terms if f" {term} " in f" {text} "} | {canonical(word) for word in words} & {*terms}


def next_step(session: Session, client_id: uuid.UUID, *, most: int = 5) -> NextStepOut:
    """Return what usually follows the client's last step, see `analytics.next_step`.

    A step is an event by its term, else its emotion, else its type; a closed deal ends with its outcome.

    Raises
    ------
    ClientUnknown
        When no client has this id.
    """
    if not known_ids(session, {"client_id": [client_id]})["client_id"]:
        raise ClientUnknown("No client has this id.")
    last = crud.last_step(session, client_id)
    deal = deals.newest_deal(session, client_id)
    with whole_house(session):
        transitions = crud.transitions(session, RECENT_EVENTS)
    seen: Counter[tuple[str, str]] = Counter()
    for step, following, n in transitions:
        seen[canonical(step), canonical(following)] += n
    current = canonical(last[0]) if last else None
    n = sum(count for (step, _), count in seen.items() if step == current)
    return NextStepOut(
        client_id=client_id,
        stage=deal.stage if deal else None,
        current=current,
        items=[StepOut.model_validate(step) for step in next_steps(seen, current)[:most]],
        n=n,
        status="ok" if n >= MIN_FOLLOWED else "insufficient_data",
        as_of=last[1] if last else None,
        why=f"The same step was followed by another {n} times among the newest {RECENT_EVENTS} events.",
    )


def documents(session: Session, record_ids: Collection[str]) -> list[DocumentText]:
    """Describe records of the layer for search.

    Deals (record id: ``deal_id``), conversations (``conversation_id``) and the first triggers of the newest
    analysis (``trigger:`` and the term) have a document. Single events have none: there are too many that say
    too little, and what they say is in the triggers; they are looked up by their columns.
    """
    terms = {i.removeprefix(TRIGGER_KEY) for i in record_ids if i.startswith(TRIGGER_KEY)}
    ids = [uuid.UUID(i) for i in record_ids if not i.startswith(TRIGGER_KEY)]
    found = [_deal(deal) for deal in deals.deals(session, ids=ids)]
    talks = conversations.conversations(session, ids)
    said = conversations.texts(session, [talk.conversation_id for talk in talks])
    found += [_conversation(talk, said.get(talk.conversation_id, "")) for talk in talks]
    run = findings.newest_run(session) if terms else None
    if run is not None:
        listed = findings.findings(session, run.run_id, DOCUMENTED)
        strongest = {finding.term: finding for finding in reversed(listed)}
        found += [_trigger(f, run.as_of) for term, f in sorted(strongest.items()) if term in terms]
    return found


def _deal(deal: Deal) -> DocumentText:
    names = ("deal_id", "agent_id", "client_id", "project_id", "unit_id", "stage", "outcome", "value", "currency")
    fields = {n: _plain(getattr(deal, n)) for n in (*names, "opened_at", "closed_at", "lost_reason")}
    words = [f"Deal in stage {deal.stage}, opened {deal.opened_at.date()}"]
    if deal.closed_at is not None:
        words.append(f"{deal.outcome} on {deal.closed_at.date()}")
    if deal.value is not None:
        words.append(f"value {deal.value} {deal.currency}")
    if deal.lost_reason is not None:
        words.append(f"reason: {deal.lost_reason}")
    return DocumentText(
        "behavior", str(deal.deal_id), f"Deal ({deal.stage})", "; ".join(words) + ".", fields, deal.client_id
    )


def _conversation(talk: Conversation, said: str) -> DocumentText:
    names = ("conversation_id", "agent_id", "client_id", "project_id", "unit_id", "deal_id", "channel", "started_at")
    fields = {n: _plain(getattr(talk, n)) for n in (*names, "turn_count")}
    title = f"{talk.channel.capitalize()} on {talk.started_at.date()}"
    return DocumentText("behavior", str(talk.conversation_id), title, said[:TEXT_LENGTH], fields, talk.client_id)


def _trigger(finding: TriggerFinding, as_of: dt.datetime) -> DocumentText:
    names = (
        "term",
        "evidence",
        "lift",
        "lower",
        "upper",
        "log_odds",
        "q",
        "n_with",
        "n_without",
        "n_agents",
        "speaker",
    )
    fields = {n: _plain(getattr(finding, n)) for n in (*names, "win_rate_with", "win_rate_without", "rank")}
    text = (
        f"Trigger word '{finding.term}' ({finding.evidence}): deals in which it was said are won "
        f"{finding.lift:.2f} times as often, 90 % interval {finding.lower:.2f} to {finding.upper:.2f}, "
        f"n = {finding.n_with}."
    )
    return DocumentText(
        "behavior",
        TRIGGER_KEY + finding.term,
        f"Trigger: {finding.term}",
        text,
        fields | {"as_of": as_of.isoformat()},
        names=(finding.term,),
    )


def _plain(value: object) -> str | int | float | bool | None:
    """Return a JSON scalar with the exact value."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, Decimal | uuid.UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no scalar")
