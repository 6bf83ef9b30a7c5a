"""Market endpoints."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from estate.api.answers import IngestAnswer, ingest_answer
from estate.api.deps import NO_PARAMETERS, OnceDep, ReadSession, now
from estate.api.openapi import json_body
from estate.core.paging import PageOut
from estate.core.types import QueryLimit, Schema, Uuid
from estate.intelligence import areas
from estate.intelligence.schemas import AreaForClient
from estate.market import service
from estate.market.schemas import AreaFilter, AreaHeat, AreaOut, ForecastOut, QueryHorizon, SnapshotIn, TrackRecordOut

router = APIRouter(prefix="/market", tags=["market"])

EXAMPLE = {
    "area_id": "6f1b6f2e-0c1d-4b59-9a63-2f6f0b7c1a11",
    "area_name": "Palm Harbour",
    "observed_on": "2026-10-31",
    "source": "land registry",
    "price_avg": "1850000.00",
    "currency": "AED",
    "demand_score": 71.5,
    "supply_score": 40.0,
    "sales_volume": 128,
}


class ForecastQuery(Schema):
    """Which forecast."""

    area_id: Uuid
    horizon_months: QueryHorizon = 6


class ForClient(Schema):
    """For whom, and how many."""

    client_id: Uuid
    limit: QueryLimit = 10


@router.post("/ingest", response_model=IngestAnswer, openapi_extra=json_body(SnapshotIn, example=EXAMPLE))
def ingest(once: OnceDep) -> Response:
    """Take market snapshots; each area's aggregate is right when the call returns."""
    return once.run(lambda session: ingest_answer(service.ingest(session, once.body.rows()), once.body))


@router.get("/query")
def query(session: ReadSession, wanted: Annotated[AreaFilter, Query()]) -> PageOut[AreaOut]:
    """List areas with their newest snapshots."""
    page = service.list_areas(session, wanted)
    return PageOut(items=list(page.items), next_cursor=page.next_cursor)


@router.get("/heatmap", dependencies=[NO_PARAMETERS])
def heatmap(session: ReadSession) -> PageOut[AreaHeat]:
    """List areas by heat, hottest first."""
    return PageOut(items=service.heatmap(session), next_cursor=None)


@router.get("/predict")
def predict(session: ReadSession, wanted: Annotated[ForecastQuery, Query()]) -> ForecastOut:
    """Forecast the mean price of an area with its 80 and 95 % intervals."""
    return service.predict(session, wanted.area_id, wanted.horizon_months)


@router.get("/track-record", dependencies=[NO_PARAMETERS])
def track_record(session: ReadSession) -> TrackRecordOut:
    """Tell what became of the published forecasts, next to the naive ones."""
    return service.track_record(session, now())


@router.get("/recommend")
def recommend(session: ReadSession, wanted: Annotated[ForClient, Query()]) -> PageOut[AreaForClient]:
    """Recommend areas to a client, with reasons."""
    found = areas.areas_for(session, wanted.client_id, now=now(), limit=wanted.limit)
    return PageOut(items=found, next_cursor=None)
