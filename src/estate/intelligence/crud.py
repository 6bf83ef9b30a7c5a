"""All SQL of the intelligence floor."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from estate.core.db import wait_for_locks
from estate.intelligence.models import TrainedModel

__all__ = [
    "activate",
    "add_model",
    "delete_models",
    "newest_models",
    "one_training_at_a_time",
    "parameters",
    "standing",
]


def standing(session: Session, kind: str) -> TrainedModel | None:
    """Return the model that answers for a kind, without its parameters."""
    return session.scalars(select(TrainedModel).where(TrainedModel.kind == kind, TrainedModel.active)).one_or_none()


def parameters(session: Session, model_id: uuid.UUID) -> tuple[bytes, bytes]:
    """Return the parameters of a model and their signature."""
    query = select(TrainedModel.parameters, TrainedModel.signature).where(TrainedModel.model_id == model_id)
    blob, signature = session.execute(query).one()
    return blob, signature


def add_model(session: Session, row: dict[str, Any]) -> None:
    """Write a training that nothing is answered from yet."""
    session.execute(insert(TrainedModel).values(active=False, **row))


def activate(session: Session, kind: str, model_id: uuid.UUID) -> bool:
    """Let one model answer for its kind, and no other; tell whether there is such a model."""
    wanted = select(TrainedModel).where(TrainedModel.kind == kind, TrainedModel.model_id == model_id)
    found = session.scalars(wanted.with_for_update()).one_or_none()
    if found is None:
        return False
    session.execute(update(TrainedModel).where(TrainedModel.kind == kind, TrainedModel.active).values(active=False))
    session.execute(update(TrainedModel).where(TrainedModel.model_id == model_id).values(active=True))
    return True


def newest_models(session: Session, kind: str, most: int) -> Sequence[TrainedModel]:
    """Return the trainings of a kind, the newest first."""
    query = select(TrainedModel).where(TrainedModel.kind == kind)
    return session.scalars(query.order_by(TrainedModel.trained_at.desc(), TrainedModel.model_id).limit(most)).all()


def one_training_at_a_time(session: Session, seconds: float) -> None:
    """Wait for a training that is under way, and let others wait until the transaction ends."""
    wait_for_locks(session, round(seconds * 1_000))
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("trained_models", 0))))


def delete_models(session: Session, since: dt.datetime) -> Sequence[uuid.UUID]:
    """Delete the models that were trained at a moment or later; return their ids."""
    return session.scalars(
        delete(TrainedModel).where(TrainedModel.trained_at >= since).returning(TrainedModel.model_id)
    ).all()
