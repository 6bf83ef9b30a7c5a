"""When something that must happen again and again last did, by the clock of PostgreSQL, which all processes share."""

import datetime as dt

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from estate.core.db import unit_of_work
from estate.core.models import Heartbeat
from estate.core.security import Actor

__all__ = ["RETAIN", "SWEEP", "last_beat", "take_turn"]

SWEEP = "sweep"
"""The periodic look at all work."""
RETAIN = "retain"


def take_turn(name: str, every_s: float) -> bool:
    """Note that something begins, unless it began less than so many seconds ago; return whether it may.

    A time that is still to come is of a clock that was set back since: it keeps nobody waiting.
    """
    now, last = func.clock_timestamp(), Heartbeat.beat_at
    turn = insert(Heartbeat).values(name=name, beat_at=now)
    due = or_(last <= now - dt.timedelta(seconds=every_s), last > now)
    turn = turn.on_conflict_do_update(index_elements=["name"], set_={"beat_at": now}, where=due)
    with unit_of_work(Actor.system()) as session:
        return session.execute(turn.returning(Heartbeat.name)).first() is not None


def last_beat(session: Session, name: str) -> dt.datetime | None:
    """Return when something last happened; None when it never did."""
    return session.scalars(select(Heartbeat.beat_at).where(Heartbeat.name == name)).one_or_none()
