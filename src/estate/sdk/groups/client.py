"""Calls about clients."""

from collections.abc import Iterable
from datetime import datetime

from estate.sdk.groups.base import Group, Id, Many, Rows, segment
from estate.sdk.loading import LoadReport, Progress, Row
from estate.sdk.models.base import Page
from estate.sdk.models.client import (
    Chance,
    Client,
    Closing,
    Duplicate,
    Erasure,
    Export,
    Merge,
    NextCall,
    Qualification,
    Quality,
)
from estate.sdk.models.house import IngestAnswer
from estate.sdk.pages import Pages
from estate.sdk.transport import Call, parsed


class ClientApi(Group):
    """Clients: profiles, scores, whom to call."""

    def ingest(self, rows: Rows, *, idempotency_key: str | None = None) -> IngestAnswer:
        """Send clients."""
        return self._ingest("/client/ingest", rows, idempotency_key)

    def load(self, rows: Many, *, progress: Progress | None = None) -> LoadReport:
        """Send any number of clients in batches; `progress` is told how many more were answered."""
        return self._load("/client/ingest", rows, progress)

    def query(
        self,
        *,
        client_id: Id | None = None,
        owner_agent_id: Id | None = None,
        search: str | None = None,
        location: str | None = None,
        budget_min: float | None = None,
        budget_max: float | None = None,
        currency: str | None = None,
        min_score: float | None = None,
        updated_since: datetime | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Pages[Client]:
        """List client profiles."""
        return self._pages(
            Client,
            "/client/query",
            client_id=client_id,
            owner_agent_id=owner_agent_id,
            search=search,
            location=location,
            budget_min=budget_min,
            budget_max=budget_max,
            currency=currency,
            min_score=min_score,
            updated_since=updated_since,
            cursor=cursor,
            limit=limit,
        )

    def qualification(self, client_id: Id) -> Qualification:
        """Score how likely a deal with a client is won, with contributions that sum to the score."""
        return self._get(Qualification, f"/client/qualification/{segment(client_id)}")

    def predict(self, *, client_id: Id, agent_id: Id, unit: str | None = None) -> Closing:
        """Estimate how likely an agent sells a unit to a client."""
        return self._get(Closing, "/client/predict", client_id=client_id, agent_id=agent_id, unit=unit)

    def closing(self, triples: Iterable[Row], *, idempotency_key: str | None = None) -> Page[Chance]:
        """Estimate the chances of many triples `agent_id`, `client_id`, `property`, in their order."""
        return self._post(Page[Chance], "/client/closing", {"triples": list(triples)}, idempotency_key)

    def override(
        self, *, client_id: Id, score: float | None, reason: str, idempotency_key: str | None = None
    ) -> Client:
        """State a score of your own beside the model's; None withdraws it."""
        body = {"client_id": client_id, "score": score, "reason": reason}
        return self._post(Client, "/client/override", body, idempotency_key)

    def quality(self) -> Quality:
        """Show how well the stored scores foretold what came."""
        return self._get(Quality, "/client/quality")

    def recommend(self, *, agent_id: Id, limit: int | None = None) -> Page[NextCall]:
        """Recommend whom an agent calls next, and why."""
        return self._get(Page[NextCall], "/client/recommend", agent_id=agent_id, limit=limit)

    def duplicates(self, *, cursor: str | None = None, limit: int | None = None) -> Pages[Duplicate]:
        """List pairs of clients that look like one person."""
        return self._pages(Duplicate, "/client/duplicates", cursor=cursor, limit=limit)

    def merge(self, *, keep: Id, merge: Id, idempotency_key: str | None = None) -> Merge:
        """Make one client of two."""
        return self._post(Merge, "/client/merge", {"keep": keep, "merge": merge}, idempotency_key)

    def export(self, client_id: Id) -> Export:
        """Give out all that is held about a client."""
        return self._get(Export, f"/client/{segment(client_id)}/export")

    def delete(self, client_id: Id) -> Erasure:
        """Erase a client with all that hangs on it; not repeated by itself, since the second time is a 404."""
        return parsed(Erasure, self._transport.send(Call("DELETE", f"/client/{segment(client_id)}", {})))
