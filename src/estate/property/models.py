"""Tables of the property layer."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from estate.core.orm import Base, BigInt, Json, Money, UpdatedAt, finite, sane_time, share

__all__ = ["Project", "Unit"]


class Project(Base):
    """A development or building that units belong to."""

    __tablename__ = "projects"
    # Queries: projects of an area; projects by name (importers, retriever).
    __table_args__ = (
        Index("ix_projects_area_id", "area_id"),
        Index("ix_projects_name_lower", text("lower(name)")),
        CheckConstraint("percent_complete BETWEEN 0 AND 100", name="percent_complete_range"),
    )

    project_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    developer: Mapped[str | None]
    area_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("market_insights.area_id"))
    status: Mapped[str | None]
    handover_on: Mapped[dt.date | None]
    percent_complete: Mapped[Decimal | None]
    updated_at: Mapped[UpdatedAt]


class Unit(Base):
    """One unit for sale or sold."""

    __tablename__ = "properties"
    # Queries: the available units of an area by price (recommend), by price, by bedrooms, by delivery,
    # by bare unit id, comparable sales by time, text of the title, newest change first,
    # units whose figures time alone has changed.
    __table_args__ = (
        Index(
            "ix_properties_available_area_price",
            "area_id",
            "price",
            postgresql_where=text("status = 'available'"),
        ),
        Index("ix_properties_price", "price"),
        Index("ix_properties_unit_id", "unit_id"),
        Index("ix_properties_bedrooms_price", "bedrooms", "price"),
        Index("ix_properties_delivery_date", "delivery_date"),
        Index("ix_properties_area_id_sold_at", "area_id", "sold_at", postgresql_where=text("status = 'sold'")),
        Index("ix_properties_amenities", "amenities", postgresql_using="gin"),
        Index("ix_properties_updated_at", "updated_at"),
        Index("ix_properties_recount_at", "recount_at", postgresql_where=text("recount_at IS NOT NULL")),
        CheckConstraint("status IN ('available', 'reserved', 'sold', 'withdrawn')", name="status_known"),
        CheckConstraint("segment IN ('ready', 'off_plan')", name="segment_known"),
        CheckConstraint("price >= 0", name="price_positive"),
        CheckConstraint("area_sqm > 0", name="area_sqm_positive"),
        CheckConstraint("bedrooms BETWEEN 0 AND 100", name="bedrooms_range"),
        *share("cash_ratio"),
        *finite("price", "area_sqm", "real_demand", "sales_velocity"),
        *sane_time("delivery_date", "listed_at", "sold_at"),
    )

    project_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("projects.project_id"), primary_key=True)
    unit_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    title: Mapped[str | None]
    price: Mapped[Money | None]
    payment_plan: Mapped[Json | None]
    cash_ratio: Mapped[Decimal | None]
    delivery_date: Mapped[dt.date | None]
    amenities: Mapped[Json | None]
    real_demand: Mapped[Decimal | None]
    sales_velocity: Mapped[Decimal | None]
    negative_reviews: Mapped[Json | None]
    positive_triggers: Mapped[Json | None]
    updated_at: Mapped[UpdatedAt]
    currency: Mapped[str]
    area_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("market_insights.area_id"))
    unit_type: Mapped[str | None]
    segment: Mapped[str | None]
    bedrooms: Mapped[int | None]
    bathrooms: Mapped[int | None]
    area_sqm: Mapped[Decimal | None]
    status: Mapped[str] = mapped_column(server_default=text("'available'"))
    listed_at: Mapped[dt.datetime | None]
    sold_at: Mapped[dt.datetime | None]
    event_count: Mapped[BigInt] = mapped_column(server_default=text("0"))
    last_event_at: Mapped[dt.datetime | None]
    computed: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    recount_at: Mapped[dt.datetime | None]
