"""Calls about clients."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from estate.sdk.groups.base import Group, Id, Many, Rows, segment
from estate.sdk.loading import LoadReport, Progress, Row
from estate.sdk.models.base import Count, Page
from estate.sdk.models.client import (
    CallQueue,
    Chance,
    Client,
    Closing,
    ContactLogged,
    Duplicate,
    Erasure,
    Export,
    Merge,
    Qualification,
    Quality,
    SkipNoted,
    SkipReason,
    TimelineItem,
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
        client_id: Id | Sequence[Id] | None = None,
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
        """List client profiles; `client_id` may be up to 50 of them, and without any, all are listed."""
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

    def count(
        self,
        *,
        client_id: Id | Sequence[Id] | None = None,
        owner_agent_id: Id | None = None,
        search: str | None = None,
        location: str | None = None,
        budget_min: float | None = None,
        budget_max: float | None = None,
        currency: str | None = None,
        min_score: float | None = None,
        updated_since: datetime | None = None,
    ) -> Count:
        """Count the clients that `query` lists with the same filters."""
        return self._get(
            Count,
            "/client/count",
            client_id=client_id,
            owner_agent_id=owner_agent_id,
            search=search,
            location=location,
            budget_min=budget_min,
            budget_max=budget_max,
            currency=currency,
            min_score=min_score,
            updated_since=updated_since,
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

    def recommend(self, *, agent_id: Id, at: datetime | str | None = None, limit: int | None = None) -> CallQueue:
        """Recommend whom an agent may call next, and why; tell who is held back."""
        return self._get(CallQueue, "/client/recommend", agent_id=agent_id, at=at, limit=limit)

    def contact(
        self,
        client_id: Id,
        *,
        agent_id: Id,
        channel: str,
        outcome: str,
        note: str | None = None,
        at: datetime | None = None,
        next_at: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> ContactLogged:
        """Keep what came of a call, message or meeting."""
        body = {
            "agent_id": agent_id,
            "channel": channel,
            "outcome": outcome,
            "note": note,
            "at": at,
            "next_at": next_at,
        }
        return self._post(ContactLogged, f"/client/{segment(client_id)}/contact", body, idempotency_key)

    def skip(
        self,
        client_id: Id,
        *,
        agent_id: Id,
        reason: str,
        note: str | None = None,
        idempotency_key: str | None = None,
    ) -> SkipNoted:
        """Keep why a client is not called now."""
        body = {"agent_id": agent_id, "reason": reason, "note": note}
        return self._post(SkipNoted, f"/client/{segment(client_id)}/skip", body, idempotency_key)

    def skip_reasons(self) -> Page[SkipReason]:
        """List the reasons to skip a client, and what followed."""
        return self._get(Page[SkipReason], "/client/skip-reasons")

    def timeline(self, client_id: Id, *, cursor: str | None = None, limit: int | None = None) -> Pages[TimelineItem]:
        """List what happened with a client, the newest first."""
        return self._pages(TimelineItem, f"/client/{segment(client_id)}/timeline", cursor=cursor, limit=limit)

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
