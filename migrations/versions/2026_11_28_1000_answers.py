"""what a reply was composed from

Revision: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    basis = sa.Column(
        "basis", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
    )
    op.add_column("gpt_responses", basis)


def downgrade() -> None:
    op.drop_column("gpt_responses", "basis")
