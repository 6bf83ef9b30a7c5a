"""other names of areas, and forecasts kept to be compared with what came

Revision: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "area_aliases",
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["area_id"], ["market_insights.area_id"], name=op.f("fk_area_aliases_area_id_market_insights")
        ),
        sa.PrimaryKeyConstraint("area_id", "alias", name=op.f("pk_area_aliases")),
    )
    op.create_index("ix_area_aliases_alias_lower", "area_aliases", [sa.text("lower(alias)")], unique=False)
    op.execute("COMMENT ON INDEX ix_area_aliases_alias_lower IS 'areas by any of their names'")
    op.create_table(
        "market_forecasts",
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("origin_month", sa.Date(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("price", sa.Numeric(20, 2), nullable=False),
        sa.Column("lower", sa.Numeric(20, 2), nullable=False),
        sa.Column("upper", sa.Numeric(20, 2), nullable=False),
        sa.Column("lower_95", sa.Numeric(20, 2), nullable=False),
        sa.Column("upper_95", sa.Numeric(20, 2), nullable=False),
        sa.Column("naive", sa.Numeric(20, 2), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("month > origin_month", name=op.f("ck_market_forecasts_month_ahead")),
        sa.ForeignKeyConstraint(
            ["area_id"], ["market_insights.area_id"], name=op.f("fk_market_forecasts_area_id_market_insights")
        ),
        sa.PrimaryKeyConstraint("origin_month", "area_id", "month", name=op.f("pk_market_forecasts")),
    )


def downgrade() -> None:
    op.drop_table("market_forecasts")
    op.drop_table("area_aliases")
