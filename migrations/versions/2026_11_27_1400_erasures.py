"""ledger of erased clients

Which clients were erased, as keyed hashes, so that a restored backup can be brought up to date; and an erased id
becomes a pseudonym in the audit log, which is otherwise only ever added to.

Revision: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


GUARD = """
CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN {but} RAISE EXCEPTION 'the audit log is only ever added to' USING ERRCODE = '42501'; END $$
"""
# Which columns it may change is a matter of its grants, see core/policies.py.
BUT = "IF TG_OP = 'UPDATE' AND current_user = 'estate_eraser' THEN RETURN NULL; END IF;"


def upgrade() -> None:
    op.execute(GUARD.format(but=BUT))
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
    op.execute(GUARD.format(but=""))
    op.drop_table("erasures")
