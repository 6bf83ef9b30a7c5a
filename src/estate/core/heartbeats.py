"""When something that must happen again and again last did, told by PostgreSQL: it holds also with Redis gone."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from estate.core.db import unit_of_work
from estate.core.models import Heartbeat
from estate.core.security import Actor

__all__ = ["SWEEP", "beat", "last_beat"]

SWEEP = "sweep"
"""The periodic look at all work: beat, Redis and a worker are needed for it."""


def beat(name: str, now: dt.datetime) -> None:
    """Note that something happened."""
    statement = insert(Heartbeat).values(name=name, beat_at=now)
    with unit_of_work(Actor.system()) as session:
        session.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"beat_at": now}))


def last_beat(session: Session, name: str) -> dt.datetime | None:
    """Return when something last happened; None when it never did."""
    return session.scalars(select(Heartbeat.beat_at).where(Heartbeat.name == name)).one_or_none()
