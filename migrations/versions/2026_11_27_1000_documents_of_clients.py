"""documents of clients

Who finds a document follows from the client that it is about, not from the agent who had that client when the
document was written.

Revision: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

QUERY = "documents about a client (row policy, erasure)"


def upgrade() -> None:
    op.add_column("documents", sa.Column("client_id", sa.Uuid(), nullable=True))
    op.execute("UPDATE documents SET client_id = CAST(record_id AS uuid) WHERE layer = 'client'")
    op.execute("""
        UPDATE documents SET client_id = CAST(fields ->> 'client_id' AS uuid)
        WHERE layer = 'behavior' AND fields ? 'client_id'
    """)
    op.drop_column("documents", "owner_agent_id")
    op.create_index("ix_documents_client_id", "documents", ["client_id"])
    op.execute(f"COMMENT ON INDEX ix_documents_client_id IS '{QUERY}'")


def downgrade() -> None:
    op.add_column("documents", sa.Column("owner_agent_id", sa.Uuid(), nullable=True))
    op.drop_column("documents", "client_id")
    op.create_index("ix_documents_owner_agent_id", "documents", ["owner_agent_id"])
    op.execute("COMMENT ON INDEX ix_documents_owner_agent_id IS 'documents of one agent''s clients'")
