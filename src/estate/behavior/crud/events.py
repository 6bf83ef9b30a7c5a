"""SQL of events: storing, listing and folding."""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, Uuid, and_, any_, literal, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from estate.behavior.crud.insert import add_new
from estate.behavior.models import BehaviorEvent
from estate.behavior.schemas import EventFilter
from estate.core.db import only_agent
from estate.core.identifiers import UnitRef
from estate.core.paging import Key, Page, fetch_page

__all__ = [
    "EventRow",
    "Folded",
    "Unfolded",
    "add_events",
    "add_to_stats",
    "content_hashes",
    "events_of_deals",
    "known_terms",
    "lock_events",
    "page_events",
    "store_folded",
    "unfolded",
]

EventRow = Mapping[str, Any]

_TABLE = cast(Table, BehaviorEvent.__table__)
_HASHES = text("SELECT event_id, content_hash FROM behavior_events WHERE event_id = ANY(:ids)")
_LOCK = text("""
SELECT event_id FROM behavior_events WHERE event_id = ANY(:ids) ORDER BY event_id FOR NO KEY UPDATE
""")
_UNFOLDED = text("""
SELECT e.event_id, e.trigger_word, e.conversion_effect, e.folded_deal_id, e.folded_outcome, e.pattern_group,
    coalesce(own.deal_id, met.deal_id), coalesce(own.stage, met.stage), coalesce(own.outcome, met.outcome),
    e.property_project_id, e.property_unit_id
FROM behavior_events e
LEFT JOIN deals own ON own.deal_id = e.deal_id
LEFT JOIN LATERAL (
    SELECT d.deal_id, d.stage, d.outcome FROM deals d
    WHERE e.deal_id IS NULL AND d.agent_id = e.agent_id AND d.client_id = e.client_id
        AND d.opened_at <= e.time_of_event AND (d.closed_at IS NULL OR d.closed_at >= e.time_of_event)
        AND (d.unit_id IS NULL OR e.property_unit_id IS NULL
            OR (d.project_id, d.unit_id) = (e.property_project_id, e.property_unit_id))
    ORDER BY d.opened_at DESC, d.deal_id DESC LIMIT 1
) met ON true
WHERE e.event_id = ANY(:ids)
ORDER BY e.event_id
""")
_ADD_TO_STATS = text("""
INSERT INTO trigger_stats AS s (term, n_won, n_lost, n_open)
SELECT * FROM unnest(CAST(:term AS text[]), CAST(:won AS bigint[]), CAST(:lost AS bigint[]), CAST(:open AS bigint[]))
ON CONFLICT (term) DO UPDATE SET
    n_won = s.n_won + excluded.n_won, n_lost = s.n_lost + excluded.n_lost, n_open = s.n_open + excluded.n_open,
    updated_at = now()
""")
_STORE_FOLDED = text("""
UPDATE behavior_events e SET
    folded_deal_id = f.deal_id, folded_outcome = f.outcome, pattern_group = f.pattern_group,
    folded_at = now(), updated_at = now()
FROM unnest(
    CAST(:event_id AS uuid[]), CAST(:deal_id AS uuid[]), CAST(:outcome AS text[]), CAST(:pattern_group AS text[])
) AS f (event_id, deal_id, outcome, pattern_group)
WHERE e.event_id = f.event_id
""")
_OF_DEALS = text("""
SELECT event_id FROM behavior_events WHERE deal_id = ANY(:ids)
UNION
SELECT event_id FROM behavior_events WHERE folded_deal_id = ANY(:ids)
UNION
SELECT e.event_id FROM deals d
JOIN behavior_events e ON e.agent_id = d.agent_id AND e.client_id = d.client_id AND e.deal_id IS NULL
WHERE d.deal_id = ANY(:ids)
""")
_KNOWN_TERMS = text("SELECT term FROM trigger_stats WHERE term = ANY(:terms)")
_CLIENTS_OF_AGENT = text("SELECT client_id FROM client_profiles WHERE owner_agent_id = :agent_id LIMIT :most")
MOST_CLIENTS_BY_INDEX = 2_000
"""An agent with more of them has so many events that a walk back in time soon meets a page of them."""


@dataclass(frozen=True, slots=True)
class Unfolded:
    """An event about to be folded: what it adds to, and the deal that decides its outcome now."""

    event_id: uuid.UUID
    trigger_word: str | None
    conversion_effect: Decimal | None
    folded_deal_id: uuid.UUID | None
    folded_outcome: str | None
    pattern_group: str | None
    deal_id: uuid.UUID | None
    stage: str | None
    deal_outcome: str | None
    project_id: uuid.UUID | None
    unit_id: uuid.UUID | None

    @property
    def unit(self) -> UnitRef | None:
        """The unit that the event is about."""
        return None if self.project_id is None or self.unit_id is None else UnitRef(self.project_id, self.unit_id)


@dataclass(frozen=True, slots=True)
class Folded:
    """What folding found out about an event."""

    event_id: uuid.UUID
    deal_id: uuid.UUID | None
    outcome: str
    pattern_group: str


def add_events(session: Session, rows: Sequence[EventRow]) -> set[uuid.UUID]:
    """Write events, each id at most once; return the ids that were new."""
    return add_new(session, _TABLE, rows)


def content_hashes(session: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, bytes]:
    """Return the content hash of each event that exists."""
    return {row[0]: bytes(row[1]) for row in session.execute(_HASHES, {"ids": list(ids)})} if ids else {}


def page_events(session: Session, wanted: EventFilter) -> Page[BehaviorEvent]:
    """Return events, newest first."""
    query = select(BehaviorEvent)
    if (agent_id := only_agent(session)) is not None:
        query = query.where(*_of_agent(session, agent_id))
    for name in ("agent_id", "client_id", "trigger_word", "pattern_group"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(getattr(BehaviorEvent, name) == value)
    if wanted.unit is not None:
        query = query.where(
            BehaviorEvent.property_project_id == wanted.unit.project_id,
            BehaviorEvent.property_unit_id == wanted.unit.unit_id,
        )
    if wanted.since is not None:
        query = query.where(BehaviorEvent.time_of_event >= wanted.since)
    if wanted.until is not None:
        query = query.where(BehaviorEvent.time_of_event < wanted.until)
    key = Key((BehaviorEvent.time_of_event, BehaviorEvent.event_id), descending=True)
    return fetch_page(session, query, key, cursor=wanted.cursor, limit=wanted.limit)


def _of_agent(session: Session, agent_id: uuid.UUID) -> Iterator[ColumnElement[bool]]:
    """Yield what the policy says of an agent, in words that an index answers, unless its clients are many."""
    found = session.scalars(_CLIENTS_OF_AGENT, {"agent_id": agent_id, "most": MOST_CLIENTS_BY_INDEX + 1}).all()
    if len(found) <= MOST_CLIENTS_BY_INDEX:
        own = BehaviorEvent.client_id == any_(literal(found, ARRAY(Uuid)))
        yield or_(own, and_(BehaviorEvent.client_id.is_(None), BehaviorEvent.agent_id == agent_id))


def lock_events(session: Session, ids: Collection[uuid.UUID]) -> None:
    """Lock events in the order of their ids until the transaction ends."""
    session.execute(_LOCK, {"ids": list(ids)})


def unfolded(session: Session, ids: Collection[uuid.UUID]) -> list[Unfolded]:
    """Return events with their deal: the stated one, else the newest of the pair (and unit) open at the time."""
    return [Unfolded(*row) for row in session.execute(_UNFOLDED, {"ids": list(ids)})]


def add_to_stats(session: Session, changes: Mapping[str, Mapping[str, int]]) -> None:
    """Add to the counts of terms, in the order of the terms; a change names outcome and (signed) number."""
    terms = sorted(changes)
    if not terms:
        return
    counts = {outcome: [changes[t].get(outcome, 0) for t in terms] for outcome in ("won", "lost", "open")}
    session.execute(_ADD_TO_STATS, {"term": terms, **counts})


def store_folded(session: Session, events: Sequence[Folded]) -> None:
    """Write down what events were folded with."""
    names = ("event_id", "deal_id", "outcome", "pattern_group")
    session.execute(_STORE_FOLDED, {name: [getattr(event, name) for event in events] for name in names})


def events_of_deals(session: Session, deal_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return the events that deals decide, did decide, or may decide now."""
    return set(session.scalars(_OF_DEALS, {"ids": list(deal_ids)})) if deal_ids else set()


def known_terms(session: Session, terms: Collection[str]) -> set[str]:
    """Return those terms that some event has carried."""
    return set(session.scalars(_KNOWN_TERMS, {"terms": list(terms)})) if terms else set()
