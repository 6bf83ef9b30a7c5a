"""figures of units that are counted: which, from what, and when to count again

Revision: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INDEX_QUERIES = {"ix_properties_recount_at": "units whose figures time alone has changed (sweep)"}


def upgrade() -> None:
    op.add_column(
        "properties",
        sa.Column("computed", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
    )
    op.add_column("properties", sa.Column("recount_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_properties_recount_at", "properties", ["recount_at"], postgresql_where=sa.text("recount_at IS NOT NULL")
    )
    for index, query in INDEX_QUERIES.items():
        op.execute(f"COMMENT ON INDEX {index} IS '{query}'")
    # What is stored already is counted as well, wherever nobody stated it.
    op.execute("""
        INSERT INTO outbox (topic, key, payload)
        SELECT 'intelligence.figures', project_id || ':' || unit_id, '{}'::jsonb FROM properties
    """)


def downgrade() -> None:
    op.execute("DELETE FROM outbox WHERE topic = 'intelligence.figures'")
    op.drop_index("ix_properties_recount_at", table_name="properties")
    op.drop_column("properties", "recount_at")
    op.drop_column("properties", "computed")
