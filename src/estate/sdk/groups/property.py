"""Calls about units."""

from collections.abc import Sequence
from decimal import Decimal

from estate.sdk.groups.base import Group, Id, Many, Rows
from estate.sdk.loading import LoadReport, Progress
from estate.sdk.models.base import Count, Page
from estate.sdk.models.house import IngestAnswer
from estate.sdk.models.property import Comparison, Recommendation, Unit, Value
from estate.sdk.pages import Pages


class PropertyApi(Group):
    """Units: what is for sale, what it is worth, whom it suits."""

    def ingest(self, rows: Rows, *, idempotency_key: str | None = None) -> IngestAnswer:
        """Send units with their projects."""
        return self._ingest("/property/ingest", rows, idempotency_key)

    def load(self, rows: Many, *, progress: Progress | None = None) -> LoadReport:
        """Send any number of units with their projects in batches; `progress` is told how many more were answered."""
        return self._load("/property/ingest", rows, progress)

    def query(
        self,
        *,
        unit: str | Sequence[str] | None = None,
        area_id: Id | None = None,
        project_id: Id | None = None,
        status: str | None = None,
        segment: str | None = None,
        bedrooms: int | None = None,
        currency: str | None = None,
        price_min: Decimal | str | None = None,
        price_max: Decimal | str | None = None,
        search: str | None = None,
        sort: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Pages[Unit]:
        """List units; `unit` may be up to 50 of them, `sort` is one of id, price, -price, updated, -updated."""
        return self._pages(
            Unit,
            "/property/query",
            unit=unit,
            area_id=area_id,
            project_id=project_id,
            status=status,
            segment=segment,
            bedrooms=bedrooms,
            currency=currency,
            price_min=price_min,
            price_max=price_max,
            search=search,
            sort=sort,
            cursor=cursor,
            limit=limit,
        )

    def count(
        self,
        *,
        unit: str | Sequence[str] | None = None,
        area_id: Id | None = None,
        project_id: Id | None = None,
        status: str | None = None,
        segment: str | None = None,
        bedrooms: int | None = None,
        currency: str | None = None,
        price_min: Decimal | str | None = None,
        price_max: Decimal | str | None = None,
        search: str | None = None,
        sort: str | None = None,
    ) -> Count:
        """Count the units that `query` lists with the same filters; the order by price leaves out some."""
        return self._get(
            Count,
            "/property/count",
            unit=unit,
            area_id=area_id,
            project_id=project_id,
            status=status,
            segment=segment,
            bedrooms=bedrooms,
            currency=currency,
            price_min=price_min,
            price_max=price_max,
            search=search,
            sort=sort,
        )

    def predict(self, *, unit: str) -> Value:
        """Estimate the fair value of a unit with its 80 % interval, and the time to sell."""
        return self._get(Value, "/property/predict", unit=unit)

    def recommend(self, *, client_id: Id, limit: int | None = None) -> Page[Recommendation]:
        """Recommend units to a client, best first, with reasons and trade-offs."""
        return self._get(Page[Recommendation], "/property/recommend", client_id=client_id, limit=limit)

    def compare(self, *, unit_a: str, unit_b: str, unit: Sequence[str] = ()) -> Comparison:
        """Compare two units, and up to three more: what speaks for and against each."""
        return self._get(Comparison, "/property/compare", unitA=unit_a, unitB=unit_b, unit=unit)
