"""Calls about areas."""

from estate.sdk.groups.base import Group, Id, Many, Rows
from estate.sdk.loading import LoadReport, Progress
from estate.sdk.models.base import Page
from estate.sdk.models.house import IngestAnswer
from estate.sdk.models.market import Area, AreaForClient, AreaHeat, Forecast, TrackRecord
from estate.sdk.pages import Pages


class MarketApi(Group):
    """Areas: what they cost, how hot they are, where they go."""

    def ingest(self, rows: Rows, *, idempotency_key: str | None = None) -> IngestAnswer:
        """Send snapshots of areas."""
        return self._ingest("/market/ingest", rows, idempotency_key)

    def load(self, rows: Many, *, progress: Progress | None = None) -> LoadReport:
        """Send any number of snapshots in batches; `progress` is told how many more were answered."""
        return self._load("/market/ingest", rows, progress)

    def query(
        self,
        *,
        area_id: Id | None = None,
        search: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Pages[Area]:
        """List areas with their newest snapshots; `limit` is the size of a page, here as in every list."""
        return self._pages(Area, "/market/query", area_id=area_id, search=search, cursor=cursor, limit=limit)

    def heatmap(self) -> Page[AreaHeat]:
        """List areas by heat, hottest first."""
        return self._get(Page[AreaHeat], "/market/heatmap")

    def predict(self, *, area_id: Id, horizon_months: int | None = None) -> Forecast:
        """Forecast the mean price of an area with its 80 and 95 % intervals."""
        return self._get(Forecast, "/market/predict", area_id=area_id, horizon_months=horizon_months)

    def track_record(self) -> TrackRecord:
        """Tell what became of the published forecasts, next to the naive ones."""
        return self._get(TrackRecord, "/market/track-record")

    def recommend(self, *, client_id: Id, limit: int | None = None) -> Page[AreaForClient]:
        """Recommend areas to a client, with reasons."""
        return self._get(Page[AreaForClient], "/market/recommend", client_id=client_id, limit=limit)
