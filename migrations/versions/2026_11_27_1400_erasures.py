"""ledger of erased clients

Which clients were erased, as keyed hashes, so that a restored backup can be brought up to date.

Revision: 0012
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("client_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("erased_by", sa.Text(), nullable=False),
        sa.Column("counts", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.PrimaryKeyConstraint("client_hash", name=op.f("pk_erasures")),
        sa.CheckConstraint("octet_length(client_hash) = 32", name=op.f("ck_erasures_client_hashed")),
    )


def downgrade() -> None:
    op.drop_table("erasures")
