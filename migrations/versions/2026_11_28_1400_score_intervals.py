"""the interval of a client's score and the deals that it rests on, beside the score itself

Revision: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ENDS = ("qualification_lower", "qualification_upper")


def upgrade() -> None:
    for end in ENDS:
        op.add_column("client_profiles", sa.Column(end, sa.Numeric(), nullable=True))
        op.create_check_constraint(op.f(f"ck_client_profiles_{end}_share"), "client_profiles", f"{end} BETWEEN 0 AND 1")
    op.add_column("client_profiles", sa.Column("qualification_n", sa.Integer(), nullable=True))
    op.create_check_constraint(
        op.f("ck_client_profiles_qualification_n_positive"), "client_profiles", "qualification_n >= 0"
    )
    # What has a score already is scored anew, so that it gets its interval.
    op.execute("""
        INSERT INTO outbox (topic, key, payload)
        SELECT 'intelligence.score', client_id::text, '{}'::jsonb FROM client_profiles
        WHERE qualification_score IS NOT NULL
    """)


def downgrade() -> None:
    for name in (*ENDS, "qualification_n"):
        op.drop_column("client_profiles", name)
