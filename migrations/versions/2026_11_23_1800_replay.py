"""replay of refused rows, and notes of what workers are doing

Revision: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rejected_rows", sa.Column("replayed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox", sa.Column("crashes", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_table(
        "outbox_claims",
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("outbox_ids", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("claim_id", name=op.f("pk_outbox_claims")),
    )
    op.create_index("ix_outbox_claims_topic", "outbox_claims", ["topic"], unique=False)
    op.execute("COMMENT ON INDEX ix_outbox_claims_topic IS 'what is being done of a topic (crashed workers)'")


def downgrade() -> None:
    op.drop_table("outbox_claims")
    op.drop_column("outbox", "crashes")
    op.drop_column("rejected_rows", "replayed_at")
