"""What administrators are told of the platform itself: its work, models, keys and users."""

import datetime as dt
import uuid

from pydantic import Field
from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from estate.core import health, jobs, key_store, users
from estate.core.db import database_time, unit_of_work
from estate.core.health import RedisState
from estate.core.key_store import KeyState
from estate.core.models import StoredKey, User
from estate.core.outbox import Standing, standings
from estate.core.queue import TOPICS
from estate.core.security import Actor, ActorRole
from estate.core.settings import Settings, get_settings
from estate.core.types import SchemaOut
from estate.core.users import UserState

__all__ = ["JobsOut", "KeyListed", "QueuesOut", "UserListed", "list_jobs", "list_keys", "list_queues", "list_users"]


class QueueOut(SchemaOut):
    """How the work of one kind stands."""

    topic: str
    waiting: int = Field(description="Rows of the outbox still to be done.")
    failed: int = Field(description="Rows given up; `estate work --revive` tries them again.")
    oldest_s: float = Field(description="Age of the oldest row that should be done by now, in seconds; 0 without one.")
    reason: str | None = Field(description="Type of an error for which a row was given up.")


class QueuesOut(SchemaOut):
    """How all work stands, and what wakes the workers."""

    items: list[QueueOut] = Field(description="Every kind of work, also where nothing waits.")
    waiting: int
    failed: int
    oldest_s: float
    sweep_age_s: float | None = Field(description="Seconds since a worker last looked at all work; null: never.")
    redis: RedisState
    queued_tasks: int | None = Field(description="Wake-ups that no worker has taken yet; null: Redis does not say.")
    as_of: dt.datetime


class LastRun(SchemaOut):
    """When something that happens again and again last did."""

    name: str = Field(description="`sweep` looks at all work, `retain` forgets what is past its retention.")
    last_at: dt.datetime | None = Field(description="Null: it never did.")


class InHand(SchemaOut):
    """Work that a worker has taken."""

    topic: str
    rows: int
    since: dt.datetime


class FailedJob(SchemaOut):
    """A piece of work that failed."""

    outbox_id: int
    topic: str
    key: str = Field(description="What the work is about, such as the id of a client.")
    attempts: int
    crashes: int = Field(description="Processes that died with it.")
    error: str | None = Field(description="Type of the last error.")
    given_up: bool
    created_at: dt.datetime
    next_at: dt.datetime | None = Field(description="When it is tried again; null once it is given up.")
    request_id: str | None = Field(description="The request that caused it, as in the log.")


class JobsOut(SchemaOut):
    """What workers did last, are doing and have failed at."""

    runs: list[LastRun]
    in_hand: list[InHand]
    failed: list[FailedJob] = Field(description="The newest first; `GET /system/queues` counts those given up.")
    as_of: dt.datetime


class KeyListed(SchemaOut):
    """What is kept of an API key; of its secret nobody has a copy."""

    key_id: str
    name: str = Field(description="What it is for.")
    role: ActorRole
    user_id: uuid.UUID | None
    owner: str | None = Field(description="Name, else e-mail address, of the user whose it is; it ends with the user.")
    agent_id: uuid.UUID | None
    team_id: uuid.UUID | None
    state: KeyState = Field(description="`replaced`: still good, until `expires_at`.")
    replaced_by: str | None
    created_at: dt.datetime
    last_used_at: dt.datetime | None
    expires_at: dt.datetime | None
    revoked_at: dt.datetime | None


class UserListed(SchemaOut):
    """Somebody who may log in."""

    user_id: uuid.UUID
    email: str
    name: str | None
    role: ActorRole
    agent_id: uuid.UUID | None
    team_id: uuid.UUID | None
    team: str | None = Field(description="Name of the team.")
    state: UserState = Field(description="Without a password nobody can log in.")
    created_at: dt.datetime
    disabled_at: dt.datetime | None
    last_session_at: dt.datetime | None = Field(description="When a session was last used; null: none is kept.")


def list_queues() -> QueuesOut:
    """Return how the work of each kind stands, as the gauges and `estate doctor` see it."""
    settings = get_settings()
    redis, queued = health.redis_state(settings), _queued_tasks(settings)
    with unit_of_work(Actor.house(), read_only=True) as session:
        found = {one.topic: one for one in standings(session)}
        sweep_age_s, now = health.sweep_age_s(session), database_time(session)
    items = [_queue(found.get(topic, Standing(topic, 0, 0, 0.0, None))) for topic in sorted({*TOPICS, *found})]
    return QueuesOut(
        items=items,
        waiting=sum(item.waiting for item in items),
        failed=sum(item.failed for item in items),
        oldest_s=max((item.oldest_s for item in items), default=0.0),
        sweep_age_s=sweep_age_s,
        redis=redis,
        queued_tasks=queued,
        as_of=now,
    )


def _queue(one: Standing) -> QueueOut:
    return QueueOut(topic=one.topic, waiting=one.waiting, failed=one.dead, oldest_s=one.oldest_s, reason=one.reason)


def _queued_tasks(settings: Settings) -> int | None:
    if settings.redis_url is None:
        return None
    try:
        return health.queued_tasks(settings)
    except (RedisError, OSError):
        return None


def list_jobs(most: int) -> JobsOut:
    """Return the last runs, the work in hand and the newest failures."""
    with unit_of_work(Actor.house(), read_only=True) as session:
        return JobsOut(
            runs=[LastRun(name=name, last_at=at) for name, at in jobs.last_runs(session).items()],
            in_hand=[
                InHand(topic=note.topic, rows=len(note.outbox_ids), since=note.claimed_at)
                for note in jobs.work_in_hand(session)
            ],
            failed=[_failed(one) for one in jobs.failures(session, most)],
            as_of=database_time(session),
        )


def _failed(one: jobs.Failure) -> FailedJob:
    return FailedJob(
        outbox_id=one.outbox_id,
        topic=one.topic,
        key=one.key,
        attempts=one.attempts,
        crashes=one.crashes,
        error=one.last_error,
        given_up=one.dead,
        created_at=one.created_at,
        next_at=None if one.dead else one.available_at,
        request_id=one.request_id,
    )


def list_keys(now: dt.datetime) -> list[KeyListed]:
    """Return every key, the newest first; only the gate reads them."""
    with unit_of_work(Actor.gate(), read_only=True) as session:
        return [_key(key, owner, now) for key, owner in key_store.list_keys(session)]


def _key(key: StoredKey, owner: User | None, now: dt.datetime) -> KeyListed:
    own = set(KeyListed.model_fields) - {"owner", "state"}
    return KeyListed(
        **{name: getattr(key, name) for name in own},
        owner=None if owner is None else owner.name or owner.email,
        state=key_store.state_of(key, owner, now),
    )


def list_users(session: Session) -> list[UserListed]:
    """Return every user by e-mail address; only the gate reads them, and only the caller's session knows teams."""
    teams = users.team_names(session)
    with unit_of_work(Actor.gate(), read_only=True) as gate:
        seen = users.last_sessions(gate)
        return [_user(user, teams, seen) for user in users.list_users(gate)]


def _user(user: User, teams: dict[uuid.UUID, str], seen: dict[uuid.UUID, dt.datetime]) -> UserListed:
    own = set(UserListed.model_fields) - {"team", "state", "last_session_at"}
    return UserListed(
        **{name: getattr(user, name) for name in own},
        team=None if user.team_id is None else teams.get(user.team_id),
        state=users.state_of(user),
        last_session_at=seen.get(user.user_id),
    )
