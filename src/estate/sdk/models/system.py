"""What the API tells administrators of the platform itself."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime

from estate.sdk.models.base import Model, Open
from estate.sdk.models.client import Training


class Queue(Model):
    """How the work of one kind stands."""

    topic: str
    waiting: int
    failed: int
    oldest_s: float
    reason: str | None


class Queues(Model):
    """How all work stands, and what wakes the workers."""

    items: tuple[Queue, ...]
    waiting: int
    failed: int
    oldest_s: float
    sweep_age_s: float | None
    redis: Open[Literal["ok", "unavailable", "stalled", "not configured"]]
    queued_tasks: int | None
    as_of: AwareDatetime


class LastRun(Model):
    """When something that happens again and again last did."""

    name: str
    last_at: AwareDatetime | None


class InHand(Model):
    """Work that a worker has taken."""

    topic: str
    rows: int
    since: AwareDatetime


class FailedJob(Model):
    """A piece of work that failed."""

    outbox_id: int
    topic: str
    key: str
    attempts: int
    crashes: int
    error: str | None
    given_up: bool
    created_at: AwareDatetime
    next_at: AwareDatetime | None
    request_id: str | None


class Jobs(Model):
    """What workers did last, are doing and have failed at."""

    runs: tuple[LastRun, ...]
    in_hand: tuple[InHand, ...]
    failed: tuple[FailedJob, ...]
    as_of: AwareDatetime


class ModelStanding(Model):
    """What requests of one kind are answered from."""

    kind: str
    answers: Open[Literal["model", "card"]]
    training: Training | None
    unlearned: int
    oldest_unlearned_at: AwareDatetime | None
    stale: bool


class Models(Model):
    """The model of each kind, and the latest trainings."""

    items: tuple[ModelStanding, ...]
    trainings: tuple[Training, ...]
    as_of: AwareDatetime


class Key(Model):
    """What is kept of an API key."""

    key_id: str
    name: str
    role: str
    user_id: UUID | None
    owner: str | None
    agent_id: UUID | None
    team_id: UUID | None
    state: Open[Literal["active", "replaced", "expired", "revoked"]]
    replaced_by: str | None
    created_at: AwareDatetime
    last_used_at: AwareDatetime | None
    expires_at: AwareDatetime | None
    revoked_at: AwareDatetime | None


class User(Model):
    """Somebody who may log in."""

    user_id: UUID
    email: str
    name: str | None
    role: str
    agent_id: UUID | None
    team_id: UUID | None
    team: str | None
    state: Open[Literal["active", "no_password", "disabled"]]
    created_at: AwareDatetime
    disabled_at: AwareDatetime | None
    last_session_at: AwareDatetime | None
