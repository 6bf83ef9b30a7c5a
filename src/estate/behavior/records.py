"""What other floors ask of the layer: the activity of clients, their likely next step, and search documents."""

import datetime as dt
import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from decimal import Decimal

from sqlalchemy.orm import Session

from estate.behavior.analytics.next_step import next_steps
from estate.behavior.analytics.terms import canonical
from estate.behavior.crud import activity as crud
from estate.behavior.crud import conversations, deals, findings
from estate.behavior.crud.references import known_ids
from estate.behavior.discovery import DOCUMENTED, TRIGGER_KEY
from estate.behavior.errors import ClientUnknown
from estate.behavior.models import Conversation, Deal, TriggerFinding
from estate.behavior.schemas import Activity, NextStepOut, StepOut
from estate.core.db import whole_house
from estate.core.documents import DocumentText
from estate.core.types import UnitRef

__all__ = ["client_activity", "documents", "next_step"]

RECENT_EVENTS = 20_000  # What usually comes next is read from the newest events.
MIN_FOLLOWED = 5  # A step that was followed less often says little about the next.
TEXT_LENGTH = 20_000


def client_activity(session: Session, client_ids: Collection[uuid.UUID] | None = None) -> dict[uuid.UUID, Activity]:
    """Return what events, conversations and deals tell of some clients, or of all who have any.

    Every given client is in the answer; one of whom nothing is known has an empty activity.
    """
    terms = _tally((c, canonical(word), n) for c, word, n in crud.words(session, client_ids))
    emotions = _tally(crud.emotions(session, client_ids))
    units: defaultdict[uuid.UUID, list[UnitRef]] = defaultdict(list)
    for client, project, unit in crud.units(session, client_ids):
        units[client].append(UnitRef(project, unit))
    counts = {row.client_id: row for row in crud.counts(session, client_ids)}
    conversed = crud.conversation_counts(session, client_ids)
    stages = crud.stages(session, client_ids)
    clients = set(client_ids or ()) | counts.keys() | conversed.keys() | stages.keys()

    def of(client: uuid.UUID) -> Activity:
        row = counts.get(client)
        return Activity(
            n_events=row.n_events if row else 0,
            n_conversations=conversed.get(client, 0),
            first_at=row.first_at if row else None,
            last_at=row.last_at if row else None,
            mean_response_s=row.mean_response_s if row else None,
            terms=dict(terms[client]),
            emotions=dict(emotions[client]),
            units=tuple(units[client]),
            stage=stages.get(client),
        )

    return {client: of(client) for client in sorted(clients)}


def _tally(rows: Iterable[tuple[uuid.UUID, str, int]]) -> defaultdict[uuid.UUID, Counter[str]]:
    tally: defaultdict[uuid.UUID, Counter[str]] = defaultdict(Counter)
    for client, name, n in rows:
        tally[client][name] += n
    return tally


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
