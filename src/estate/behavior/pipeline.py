"""Lists deals, and sums up those that are open by their stage."""

import datetime as dt
from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from estate.behavior.crud import deals as crud
from estate.behavior.crud.references import kept_clients
from estate.behavior.deal_schemas import DealFilter, DealListed, PipelineOut, PipelineStage, StageValue
from estate.behavior.models import Deal
from estate.behavior.schemas import CLOSED, Stage
from estate.core.identifiers import UnitRef
from estate.core.paging import Page

__all__ = ["list_deals", "pipeline"]

RUNNING: tuple[Stage, ...] = ("new", "qualified", "viewing", "negotiation", "reserved")
STALE_DAYS = 30


def list_deals(session: Session, wanted: DealFilter) -> Page[DealListed]:
    """Return a page of deals, those opened last first; a merged client stands for the one that was kept."""
    if wanted.client_id is not None:
        kept = kept_clients(session, [wanted.client_id])
        wanted = wanted.model_copy(update={"client_id": kept.get(wanted.client_id, wanted.client_id)})
    page = crud.page_deals(session, wanted)
    reached = crud.stages(session, [deal.deal_id for deal in page.items])
    return Page([_listed(deal, reached.get(deal.deal_id, {})) for deal in page.items], page.next_cursor)


def _listed(deal: Deal, reached: Mapping[str, dt.datetime]) -> DealListed:
    unit = None if deal.project_id is None or deal.unit_id is None else UnitRef(deal.project_id, deal.unit_id)
    own = set(DealListed.model_fields) - {"unit", "stage_since"}
    return DealListed(
        **{name: getattr(deal, name) for name in own},
        unit=None if unit is None else str(unit),
        stage_since=_since(deal, reached),
    )


def _since(deal: Deal, reached: Mapping[str, dt.datetime]) -> dt.datetime | None:
    """Return when a deal reached its stage: one that never closed is new from its opening on."""
    never_closed = reached.keys().isdisjoint(CLOSED)
    return deal.opened_at if deal.stage == "new" and never_closed else deal.closed_at or reached.get(deal.stage)


def pipeline(session: Session, now: dt.datetime) -> PipelineOut:
    """Return the open deals that the session sees, by stage: how many, worth what, and how many linger."""
    counted = crud.open_deals(session, now - dt.timedelta(days=STALE_DAYS))
    stages = [_stage(stage, [row for row in counted if row.stage == stage]) for stage in RUNNING]
    n, undated = sum(stage.n for stage in stages), sum(stage.n_undated for stage in stages)
    return PipelineOut(
        items=stages,
        n=n,
        stale_days=STALE_DAYS,
        as_of=now,
        why=f"{n} open deals; of {n - undated} is known since when they are in their stage.",
    )


def _stage(stage: Stage, rows: Sequence[crud.OpenDeals]) -> PipelineStage:
    return PipelineStage(
        stage=stage,
        n=sum(row.n for row in rows),
        values=[StageValue(currency=r.currency, n=r.n_valued, value=r.value) for r in rows if r.value is not None],
        n_stale=sum(row.n_stale for row in rows),
        n_undated=sum(row.n_undated for row in rows),
    )
