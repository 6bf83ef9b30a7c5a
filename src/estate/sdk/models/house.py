"""What the API tells of rows that came in, of callers and of itself."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime

from estate.sdk.models.base import Model, Open


class ItemAnswer(Model):
    """What became of one row."""

    index: int
    id: str | None
    status: str
    problem: str | None = None


class IngestAnswer(Model):
    """What became of a batch; refused rows are kept and can be replayed."""

    batch_id: UUID
    created: int
    updated: int
    duplicate: int
    conflict: int
    stale: int
    rejected: int
    items: tuple[ItemAnswer, ...]


class RejectedRow(Model):
    """One refused row."""

    rejected_id: int
    batch_id: UUID
    layer: str
    row_number: int
    status: str
    reason: str
    raw: str
    raw_bytes: int | None = None
    received_at: AwareDatetime
    replayed_at: AwareDatetime | None


class Me(Model):
    """Who calls, and whose records they may see."""

    caller: str
    role: str
    agent_id: UUID | None
    team_id: UUID | None
    name: str | None


class LoggedOut(Model):
    """Whether a session ended; a key has none."""

    logged_out: bool


class Health(Model):
    """The process answers."""

    status: Open[Literal["ok"]] = "ok"


class Readiness(Model):
    """What the process depends on; without Redis it still takes and answers everything, only later."""

    status: Open[Literal["ready"]] = "ready"
    database: Open[Literal["ok"]] = "ok"
    redis: Open[Literal["ok", "unavailable", "stalled", "not configured"]]
