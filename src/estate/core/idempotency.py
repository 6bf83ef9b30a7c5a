"""How long an answer is remembered for its Idempotency-Key."""

import datetime as dt

from sqlalchemy import delete
from sqlalchemy.orm import Session

from estate.core.models import IdempotencyKey
from estate.core.settings import get_settings

__all__ = ["forget_old_answers", "oldest_kept"]


def oldest_kept(now: dt.datetime) -> dt.datetime:
    """Return the time before which an answer is as if it had never been given."""
    return now - dt.timedelta(hours=get_settings().idempotency_retention_hours)


def forget_old_answers(session: Session, now: dt.datetime) -> None:
    """Delete the answers that are past their retention."""
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < oldest_kept(now)))
