"""Whether what the platform stands on is well: asked by `/readyz`, the gauges, `estate doctor` and the verification."""

import datetime as dt
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout
from redis.retry import Retry
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.orm import Session
from sqlalchemy.schema import Index

from estate.core.db import database_time
from estate.core.heartbeats import SWEEP, last_beat
from estate.core.settings import Settings

__all__ = [
    "RedisState",
    "broker",
    "clock_difference_s",
    "disk_usage",
    "has_extension",
    "missing_indexes",
    "queued_tasks",
    "redis_state",
    "sweep_age_s",
]

CELERY_QUEUE = "celery"
RedisState = Literal["ok", "unavailable", "stalled", "not configured"]

_AGE = text("SELECT extract(epoch FROM clock_timestamp() - :moment)")
_EXTENSION = text("SELECT 1 FROM pg_extension WHERE extname = :name")
_VALID_INDEXES = text("""
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = 'public'::regnamespace AND i.indisvalid
""")


@contextmanager
def broker(settings: Settings) -> Iterator[Redis]:
    """Give a client of Redis that waits a moment once, and never tries again."""
    seconds = settings.redis_timeout_ms / 1000
    with Redis.from_url(
        settings.require_redis_url(),
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
    ) as redis:
        yield redis


def redis_state(settings: Settings) -> RedisState:
    """Ask Redis for an answer; ``stalled`` means that it took the connection and said nothing."""
    if settings.redis_url is None:
        return "not configured"
    try:
        with broker(settings) as redis:
            redis.ping()
    except RedisTimeout:
        return "stalled"
    except (RedisError, OSError):
        return "unavailable"
    return "ok"


def queued_tasks(settings: Settings) -> int:
    """Return how many tasks no worker has taken yet."""
    with broker(settings) as redis:
        found = redis.llen(CELERY_QUEUE)
    return int(found)  # type: ignore[arg-type]  # Its stubs know of asynchronous clients, too.


def sweep_age_s(session: Session) -> float | None:
    """Return the seconds since a worker last swept, by the clock of the database; None when none ever did."""
    beat = last_beat(session, SWEEP)
    if beat is None:
        return None
    return float(session.execute(_AGE, {"moment": beat}).scalar_one())


def clock_difference_s(session: Session) -> float:
    """Return by how many seconds the clock of the database is ahead of ours; the way there and back is halved."""
    before = dt.datetime.now(dt.UTC)
    theirs = database_time(session)
    after = dt.datetime.now(dt.UTC)
    return (theirs - (before + (after - before) / 2)).total_seconds()


def has_extension(session: Session, name: str) -> bool:
    """Tell whether an extension is installed in the database."""
    return session.execute(_EXTENSION, {"name": name}).first() is not None


def disk_usage(folder: Path) -> tuple[int, int]:
    """Return free and total bytes where a folder is, or will be."""
    folder = folder.resolve()
    usage = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists()))
    return usage.free, usage.total


def missing_indexes(connection: Connection, metadata: MetaData) -> list[Index]:
    """Return the indexes of the models that the database lacks or has not finished building."""
    found = set(connection.execute(_VALID_INDEXES).scalars())
    tables = metadata.sorted_tables
    return [index for table in tables for index in sorted(table.indexes, key=str) if index.name not in found]
