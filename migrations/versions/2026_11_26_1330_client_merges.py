"""clients that are one person: keys to find them by, and what was merged

Revision: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NAME_KEY = r"""
nullif(btrim(regexp_replace(
    replace(translate(
        lower(regexp_replace(
            normalize(name, NFKD),
            '[\u0300-\u036f\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed]', '', 'g'
        )),
        'ىیةک', 'ييهك'
    ), 'ß', 'ss'),
    '(\W|_)+', ' ', 'g'
)), '')
"""
INDEX_QUERIES = {
    "ix_client_merges_kept_id": "clients that were merged into a client",
    "ix_client_profiles_email_lower": "clients with an e-mail address, case ignored (duplicates, search)",
    "ix_client_profiles_name_key": "clients with a name however written (duplicates)",
}


def upgrade() -> None:
    op.create_table(
        "client_merges",
        sa.Column("merged_id", sa.Uuid(), nullable=False),
        sa.Column("merged_into", sa.Uuid(), nullable=False),
        sa.Column("kept_id", sa.Uuid(), nullable=False),
        sa.Column("merged_by", sa.Text(), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("moved", postgresql.JSONB(), nullable=False),
        sa.Column("filled", postgresql.JSONB(), nullable=False),
        sa.Column("profile", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint(
            "merged_id <> kept_id AND merged_id <> merged_into", name=op.f("ck_client_merges_two_clients")
        ),
        sa.ForeignKeyConstraint(["kept_id"], ["client_profiles.client_id"], name=op.f("fk_client_merges_kept_id")),
        sa.PrimaryKeyConstraint("merged_id", name=op.f("pk_client_merges")),
    )
    op.create_index("ix_client_merges_kept_id", "client_merges", ["kept_id"], unique=False)
    op.add_column("client_profiles", sa.Column("name_key", sa.Text(), sa.Computed(NAME_KEY, persisted=True)))
    op.create_index("ix_client_profiles_name_key", "client_profiles", ["name_key"], unique=False)
    op.create_index("ix_client_profiles_email_lower", "client_profiles", [sa.text("lower(email)")], unique=False)
    op.drop_index("ix_client_profiles_email", table_name="client_profiles")
    for index, query in INDEX_QUERIES.items():
        op.execute(f"COMMENT ON INDEX {index} IS '{query}'")


def downgrade() -> None:
    op.create_index("ix_client_profiles_email", "client_profiles", ["email"], unique=False)
    op.execute("COMMENT ON INDEX ix_client_profiles_email IS 'clients with an e-mail address (duplicates)'")
    op.drop_index("ix_client_profiles_email_lower", table_name="client_profiles")
    op.drop_column("client_profiles", "name_key")
    op.drop_table("client_merges")
