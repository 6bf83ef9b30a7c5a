"""imports of people's files

Revision: 0016
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

INDEX_QUERIES = {
    "ix_imports_created_at": "imports, the newest first; what is past its retention",
    "ix_imports_fingerprint": "what was said of the last file with a header",
    "ix_import_rows_import_id_status_line": "rows of an import by what became of them, in the order of the file",
    "ix_import_rows_record_id": "the rows that a record came from (same record again, export and erasure of a client)",
    "ix_import_changes_waiting": "what an import still has to take back, in order",
    "ix_import_changes_record_id": "former states of a record (export and erasure of a client)",
}
JSONB = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("sha256", postgresql.BYTEA(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'read'"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("stated", JSONB, server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("reading", JSONB, server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("columns", JSONB, server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("content", postgresql.BYTEA(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("import_id", name=op.f("pk_imports")),
        sa.CheckConstraint(
            "state IN ('read', 'committing', 'committed', 'undoing', 'undone')", name=op.f("ck_imports_state_known")
        ),
        sa.CheckConstraint("kind IN ('clients', 'units', 'agents', 'market')", name=op.f("ck_imports_kind_known")),
        sa.CheckConstraint("octet_length(sha256) = 32", name=op.f("ck_imports_sha256_whole")),
    )
    op.create_index("ix_imports_created_at", "imports", ["created_at"])
    op.create_index("ix_imports_fingerprint", "imports", ["fingerprint", "committed_at"])
    op.create_table(
        "import_rows",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("raw", postgresql.BYTEA(), nullable=True),
        sa.Column("cells", JSONB, nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("problems", JSONB, server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=True),
        sa.Column("said", postgresql.BYTEA(), nullable=True),
        sa.Column("undone", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("import_id", "line", name=op.f("pk_import_rows")),
        sa.ForeignKeyConstraint(["import_id"], ["imports.import_id"], name=op.f("fk_import_rows_import_id")),
        sa.CheckConstraint(
            "status IN ('waiting', 'created', 'updated', 'unchanged', 'rejected', 'ignored')",
            name=op.f("ck_import_rows_status_known"),
        ),
    )
    op.create_index("ix_import_rows_import_id_status_line", "import_rows", ["import_id", "status", "line"])
    op.create_index("ix_import_rows_record_id", "import_rows", ["record_id"])
    op.create_table(
        "import_changes",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("subject_table", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("key", JSONB, nullable=False),
        sa.Column("before", JSONB, nullable=True),
        sa.Column("after_hash", postgresql.BYTEA(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("import_id", "subject_table", "record_id", name=op.f("pk_import_changes")),
        sa.ForeignKeyConstraint(["import_id"], ["imports.import_id"], name=op.f("fk_import_changes_import_id")),
        sa.CheckConstraint("outcome IN ('restored', 'removed', 'kept')", name=op.f("ck_import_changes_outcome_known")),
    )
    op.create_index(
        "ix_import_changes_waiting",
        "import_changes",
        ["import_id", "place", "line"],
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_index("ix_import_changes_record_id", "import_changes", ["record_id"])
    for index, query in INDEX_QUERIES.items():
        op.execute(f"COMMENT ON INDEX {index} IS '{query}'")


def downgrade() -> None:
    op.drop_table("import_changes")
    op.drop_table("import_rows")
    op.drop_table("imports")
