"""Tables of the intelligence floor."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from estate.core.orm import Base

__all__ = ["TrainedModel"]


class TrainedModel(Base):
    """One training: what it learned from, how well it foretold, and whether requests are answered from it."""

    __tablename__ = "trained_models"
    # Queries: the model that stands for a kind; the trainings of a kind, the newest first.
    __table_args__ = (
        Index("uq_trained_models_kind_active", "kind", unique=True, postgresql_where=text("active")),
        Index("ix_trained_models_kind_trained_at", "kind", "trained_at"),
        CheckConstraint("kind IN ('qualification', 'closing')", name="kind_known"),
        CheckConstraint("n >= 0", name="n_positive"),
    )

    model_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    trained_at: Mapped[dt.datetime]
    window_from: Mapped[dt.datetime]
    window_to: Mapped[dt.datetime]
    n: Mapped[int]
    metrics: Mapped[dict[str, Any]]
    recipe: Mapped[str]
    active: Mapped[bool]
    verdict: Mapped[str]
    parameters: Mapped[bytes] = mapped_column(deferred=True)
    signature: Mapped[bytes] = mapped_column(deferred=True)
