"""Tables of the market layer."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from estate.core.orm import Base, BigId, BigInt, Json, Money, UpdatedAt, finite, sane_time

__all__ = ["AreaAlias", "MarketForecast", "MarketInsight", "MarketSnapshot"]


class MarketInsight(Base):
    """One area: the aggregate of its recent snapshots."""

    __tablename__ = "market_insights"
    # Queries: areas by name (GET /market/query, retriever), newest change first, by demand (heat).
    __table_args__ = (
        Index("ix_market_insights_area_name_lower", text("lower(area_name)")),
        Index("ix_market_insights_updated_at", "updated_at"),
        Index("ix_market_insights_demand_score", "demand_score"),
        *finite("price_avg", "price_median", "demand_score", "supply_score", "agent_density"),
        CheckConstraint("price_avg >= 0", name="price_avg_positive"),
        CheckConstraint("sales_volume >= 0", name="sales_volume_positive"),
    )

    area_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    area_name: Mapped[str]
    price_avg: Mapped[Decimal | None]
    demand_score: Mapped[Decimal | None]
    supply_score: Mapped[Decimal | None]
    sales_volume: Mapped[BigInt | None]
    new_projects: Mapped[Json | None]
    agent_density: Mapped[Decimal | None]
    updated_at: Mapped[UpdatedAt]
    currency: Mapped[str]
    price_median: Mapped[Decimal | None]
    segments: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    snapshot_count: Mapped[int] = mapped_column(server_default=text("0"))
    as_of: Mapped[dt.date | None]


class MarketSnapshot(Base):
    """One observation of one area; a stated (area, segment, date, source) is restated, never doubled."""

    __tablename__ = "market_snapshots"
    __table_args__ = (
        # Query: the history of one area, newest first; the 90-day window of the aggregate.
        Index("ix_market_snapshots_area_id_observed_on", "area_id", "observed_on"),
        Index(
            "uq_market_snapshots_stated",
            "area_id",
            "segment",
            "observed_on",
            "source",
            unique=True,
            postgresql_where=text("stated"),
        ),
        CheckConstraint("segment IN ('all', 'ready', 'off_plan')", name="segment_known"),
        CheckConstraint("sales_volume >= 0", name="sales_volume_positive"),
        CheckConstraint("price_avg >= 0", name="price_avg_positive"),
        *finite("price_avg", "demand_score", "supply_score", "agent_density", "days_on_market"),
        *sane_time("observed_on"),
    )

    snapshot_id: Mapped[BigId]
    area_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("market_insights.area_id"))
    segment: Mapped[str] = mapped_column(server_default=text("'all'"))
    observed_on: Mapped[dt.date]
    source: Mapped[str]
    stated: Mapped[bool]
    price_avg: Mapped[Money | None]
    currency: Mapped[str]
    demand_score: Mapped[Decimal | None]
    supply_score: Mapped[Decimal | None]
    sales_volume: Mapped[BigInt | None]
    new_projects: Mapped[Json | None]
    agent_density: Mapped[Decimal | None]
    days_on_market: Mapped[Decimal | None]
    inventory: Mapped[BigInt | None]
    views_per_listing: Mapped[Decimal | None]
    received_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class AreaAlias(Base):
    """Another name of an area: official, used in the market, or in another language."""

    __tablename__ = "area_aliases"
    # Query: areas by any of their names.
    __table_args__ = (Index("ix_area_aliases_alias_lower", text("lower(alias)")),)

    area_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("market_insights.area_id"), primary_key=True)
    alias: Mapped[str] = mapped_column(primary_key=True)


class MarketForecast(Base):
    """One month of a published forecast, never changed, to be compared with what came."""

    __tablename__ = "market_forecasts"
    __table_args__ = (CheckConstraint("month > origin_month", name="month_ahead"),)

    origin_month: Mapped[dt.date] = mapped_column(primary_key=True)
    area_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("market_insights.area_id"), primary_key=True)
    month: Mapped[dt.date] = mapped_column(primary_key=True)
    currency: Mapped[str]
    price: Mapped[Money]
    lower: Mapped[Money]
    upper: Mapped[Money]
    lower_95: Mapped[Money]
    upper_95: Mapped[Money]
    naive: Mapped[Money]
    issued_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
