"""work on imports says on whose behalf it is done

Revision: 0019
Revises: 0018
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        UPDATE outbox o SET payload = o.payload || jsonb_build_object('actor', jsonb_build_object(
            'role', i.role, 'agent_id', i.agent_id, 'team_id', i.team_id, 'caller', i.caller))
        FROM imports i WHERE o.topic IN ('intake.commit', 'intake.undo') AND o.key = i.import_id::text
    """)


def downgrade() -> None:
    """Work that says more is done all the same."""
