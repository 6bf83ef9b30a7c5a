"""Property endpoints."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from estate.api.answers import IngestAnswer, ingest_answer
from estate.api.deps import OnceDep, ReadSession, now
from estate.api.openapi import json_body
from estate.core.paging import CountOut, PageOut
from estate.core.types import QueryLimit, Schema, UnitText, Uuid
from estate.intelligence import matching, unit_value
from estate.intelligence.schemas import Recommendation
from estate.property import service
from estate.property.schemas import ComparisonOut, UnitFilter, UnitIn, UnitOut, UnitsWanted, ValueOut

router = APIRouter(prefix="/property", tags=["property"])

EXAMPLE = {
    "project_id": "0d5c6c6e-4f7b-4b0a-9d3e-0f2a6c1b7e10",
    "unit_id": "5a0e7a52-8f0c-4f7e-9c55-1d2f3b4a5c6d",
    "project": {"name": "Harbour Gate", "developer": "Meridian Dune", "handover_on": "2028-06-30"},
    "title": "2-bedroom apartment in Harbour Gate, floor 12",
    "price": "1850000.00",
    "currency": "AED",
    "payment_plan": {"name": "60/40", "down_payment_pct": 10},
    "cash_ratio": 0.95,
    "delivery_date": "2028-06-30",
    "amenities": ["Pool", "Gym"],
    "bedrooms": 2,
    "area_sqm": 112.5,
    "segment": "off_plan",
    "status": "available",
}


class UnitQuery(Schema):
    """Which unit."""

    unit: UnitText


class ForClient(Schema):
    """For whom, and how many."""

    client_id: Uuid
    limit: QueryLimit = 10


class CompareQuery(Schema):
    """Two units, and up to three more."""

    unit_a: UnitText = Field(alias="unitA")
    unit_b: UnitText = Field(alias="unitB")
    unit: list[UnitText] = Field([], max_length=service.MAX_COMPARED - 2, description="Further units.")

    def named(self) -> list[tuple[str, str]]:
        """Return each parameter with its text, in order."""
        return [("unitA", self.unit_a), ("unitB", self.unit_b), *(("unit", text) for text in self.unit)]


@router.post("/ingest", response_model=IngestAnswer, openapi_extra=json_body(UnitIn, example=EXAMPLE))
def ingest(once: OnceDep) -> Response:
    """Take units with their projects; an absent field keeps its value, null clears it."""
    return once.run(lambda session: ingest_answer(service.ingest(session, once.body.rows()), once.body))


@router.get("/query")
def query(session: ReadSession, wanted: Annotated[UnitFilter, Query()]) -> PageOut[UnitOut]:
    """List units by filters, in the order of their ids, prices or last change."""
    page = service.list_units(session, wanted)
    return PageOut(items=list(page.items), next_cursor=page.next_cursor)


@router.get("/count")
def count(session: ReadSession, wanted: Annotated[UnitsWanted, Query()]) -> CountOut:
    """Count the units that `GET /property/query` lists with the same filters."""
    return CountOut(count=service.count_units(session, wanted))


@router.get("/predict")
def predict(session: ReadSession, wanted: Annotated[UnitQuery, Query()]) -> ValueOut:
    """Estimate the fair value of a unit with its 80 % interval, and the time to sell."""
    return unit_value.predict(session, service.resolve(session, wanted.unit))


@router.get("/recommend")
def recommend(session: ReadSession, wanted: Annotated[ForClient, Query()]) -> PageOut[Recommendation]:
    """Recommend units to a client, best first, with reasons and trade-offs."""
    found = matching.recommend(session, wanted.client_id, now=now(), limit=wanted.limit)
    return PageOut(items=found, next_cursor=None)


@router.get("/compare")
def compare(session: ReadSession, wanted: Annotated[CompareQuery, Query()]) -> ComparisonOut:
    """Compare two to five units: what speaks for and against each, with figures."""
    return service.compare(session, service.resolve_all(session, wanted.named()))
