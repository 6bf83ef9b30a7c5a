"""when deals reached their stages

Revision: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STAGES = ("new", "qualified", "viewing", "negotiation", "reserved", "won", "lost")


def upgrade() -> None:
    op.create_table(
        "deal_stages",
        sa.Column("deal_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(f"stage IN {STAGES}", name=op.f("ck_deal_stages_stage_known")),
        sa.CheckConstraint(
            "reached_at >= '1970-01-01' AND reached_at < '2101-01-01'", name=op.f("ck_deal_stages_reached_at_sane")
        ),
        sa.ForeignKeyConstraint(["deal_id"], ["deals.deal_id"], name=op.f("fk_deal_stages_deal_id_deals")),
        sa.PrimaryKeyConstraint("deal_id", "stage", name=op.f("pk_deal_stages")),
    )


def downgrade() -> None:
    op.drop_table("deal_stages")
