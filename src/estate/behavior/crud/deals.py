"""SQL of deals."""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, cast

from sqlalchemy import Table, func, select, text
from sqlalchemy.orm import Session

from estate.behavior.deal_schemas import DealFilter
from estate.behavior.models import Deal
from estate.core.paging import Key, Page, fetch_page
from estate.core.upsert import Written, upsert

__all__ = [
    "OpenDeals",
    "add_stages",
    "closed_counts",
    "closed_since",
    "deals",
    "lock_deals",
    "newest_deal",
    "open_deals",
    "page_deals",
    "stages",
    "write_deals",
]

_TABLE = cast(Table, Deal.__table__)
# The earlier report stays, unless the deal was closed (of an outcome: open) between the two: then it began anew.
_ADD_STAGES = text("""
INSERT INTO deal_stages (deal_id, stage, reached_at)
SELECT deal_id, stage, reached_at
FROM unnest(CAST(:ids AS uuid[]), CAST(:stages AS text[]), CAST(:moments AS timestamptz[]))
    AS s (deal_id, stage, reached_at)
ORDER BY deal_id, stage
ON CONFLICT (deal_id, stage) DO UPDATE SET reached_at = excluded.reached_at
WHERE (excluded.reached_at < deal_stages.reached_at) <> EXISTS (
    SELECT FROM deals d JOIN deal_stages other USING (deal_id)
    WHERE d.deal_id = excluded.deal_id AND (excluded.stage IN ('won', 'lost')) = (d.outcome IS NOT NULL)
        AND (other.stage IN ('won', 'lost')) <> (excluded.stage IN ('won', 'lost'))
        AND other.reached_at >= least(excluded.reached_at, deal_stages.reached_at)
        AND other.reached_at < greatest(excluded.reached_at, deal_stages.reached_at)
)
""")
_STAGES = text("""
SELECT deal_id, stage, reached_at FROM deal_stages WHERE CAST(:ids AS uuid[]) IS NULL OR deal_id = ANY(:ids)
""")
# A deal that never closed is new from its opening on, whenever that was reported.
_OPEN = text("""
SELECT stage, currency, count(*), count(value), sum(value), count(*) FILTER (WHERE since < :stale_before),
    count(*) FILTER (WHERE since IS NULL)
FROM (
    SELECT d.stage, d.currency, d.value, CASE WHEN d.stage = 'new' AND NOT EXISTS (
        SELECT FROM deal_stages c WHERE c.deal_id = d.deal_id AND c.stage IN ('won', 'lost')
    ) THEN d.opened_at ELSE s.reached_at END AS since
    FROM deals d LEFT JOIN deal_stages s ON s.deal_id = d.deal_id AND s.stage = d.stage
    WHERE d.outcome IS NULL
) o
GROUP BY stage, currency ORDER BY stage, currency
""")


class OpenDeals(NamedTuple):
    """The open deals of one stage in one currency: how many, and the sum of the values that are known."""

    stage: str
    currency: str
    n: int
    n_valued: int
    value: Decimal | None
    n_stale: int
    n_undated: int


def lock_deals(session: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, dict[str, Any]]:
    """Return the stored columns of deals, locked in the order of their ids."""
    query = select(_TABLE).where(_TABLE.c.deal_id.in_(ids)).order_by(_TABLE.c.deal_id).with_for_update(key_share=True)
    return {row.deal_id: dict(row._mapping) for row in session.execute(query)}


def write_deals(session: Session, rows: Sequence[Mapping[str, Any]]) -> list[Written]:
    """Upsert deals; return ``created``, ``updated`` or ``stale`` for each row."""
    return upsert(session, _TABLE, rows)


def deals(
    session: Session,
    *,
    ids: Collection[uuid.UUID] | None = None,
    agent_id: uuid.UUID | None = None,
    client_ids: Collection[uuid.UUID] | None = None,
) -> Sequence[Deal]:
    """Return deals, the newest first."""
    query = select(Deal).order_by(Deal.opened_at.desc(), Deal.deal_id)
    if ids is not None:
        query = query.where(Deal.deal_id.in_(ids))
    if agent_id is not None:
        query = query.where(Deal.agent_id == agent_id)
    if client_ids is not None:
        query = query.where(Deal.client_id.in_(client_ids))
    return session.scalars(query).all()


def page_deals(session: Session, wanted: DealFilter) -> Page[Deal]:
    """Return deals, those opened last first."""
    query = select(Deal)
    for name in ("agent_id", "client_id", "stage"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(getattr(Deal, name) == value)
    if wanted.unit is not None:
        query = query.where(Deal.project_id == wanted.unit.project_id, Deal.unit_id == wanted.unit.unit_id)
    if wanted.outcome is not None:
        query = query.where(Deal.outcome.is_(None) if wanted.outcome == "open" else Deal.outcome == wanted.outcome)
    if wanted.since is not None:
        query = query.where(Deal.opened_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Deal.opened_at < wanted.until)
    key = Key((Deal.opened_at, Deal.deal_id), descending=True)
    return fetch_page(session, query, key, cursor=wanted.cursor, limit=wanted.limit)


def open_deals(session: Session, stale_before: dt.datetime) -> list[OpenDeals]:
    """Count and sum up the open deals by stage and currency, and count those in their stage since before a moment."""
    return [OpenDeals(*row) for row in session.execute(_OPEN, {"stale_before": stale_before})]


def closed_since(session: Session, moment: dt.datetime | None) -> tuple[int, dt.datetime | None]:
    """Return how many deals closed after a moment, or ever, and when the first of them did."""
    query = select(func.count(), func.min(Deal.closed_at)).where(Deal.closed_at.is_not(None))
    n, first = session.execute(query if moment is None else query.where(Deal.closed_at > moment)).one()
    return n, first


def closed_counts(session: Session, before: dt.datetime) -> dict[uuid.UUID, tuple[int, int]]:
    """Return how many deals each agent had won and closed before a moment."""
    won = func.count().filter(Deal.outcome == "won")
    query = select(Deal.agent_id, won, func.count()).where(Deal.closed_at < before).group_by(Deal.agent_id)
    return {agent_id: (wins, n) for agent_id, wins, n in session.execute(query)}


def newest_deal(session: Session, client_id: uuid.UUID) -> Deal | None:
    """Return the client's deal that was opened last."""
    query = select(Deal).where(Deal.client_id == client_id).order_by(Deal.opened_at.desc(), Deal.deal_id)
    return session.scalars(query.limit(1)).first()


def add_stages(session: Session, rows: Sequence[tuple[uuid.UUID, str, dt.datetime]]) -> None:
    """Note when deals reached stages, each named once; the earliest moment ever reported stays, whatever the order.

    When a closed deal is opened again, or closes again, what is reported from then on replaces what was before.
    """
    if rows:
        ids, stages, moments = zip(*rows, strict=True)
        session.execute(_ADD_STAGES, {"ids": list(ids), "stages": list(stages), "moments": list(moments)})


def stages(session: Session, ids: Collection[uuid.UUID] | None = None) -> dict[uuid.UUID, dict[str, dt.datetime]]:
    """Return when all or some deals reached their stages; one without a history is absent."""
    found: dict[uuid.UUID, dict[str, dt.datetime]] = {}
    for deal_id, stage, reached_at in session.execute(_STAGES, {"ids": None if ids is None else list(ids)}):
        found.setdefault(deal_id, {})[stage] = reached_at
    return found
