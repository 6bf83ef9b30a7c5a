"""near spellings, half-precision vectors, ranking policies

Documents know the spellings of their names, so that a misspelt one is found; all are written again, since their words
are stemmed. Vectors have 384 dimensions of half precision and know their layer, so that a search within few documents
can compare exactly. What people thought of replies says whose word it is, and moves the versions of the ranking.

Revision: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

VECTORS = """
DO $$ BEGIN
    IF to_regclass('document_embeddings') IS NOT NULL THEN
        DROP TABLE document_embeddings;
        CREATE TABLE document_embeddings (
            document_id bigint PRIMARY KEY REFERENCES documents ON DELETE CASCADE,
            layer text NOT NULL,
            embedder text NOT NULL,
            embedding halfvec(384) NOT NULL
        );
        CREATE INDEX ix_document_embeddings_embedding ON document_embeddings
            USING hnsw (embedding halfvec_cosine_ops);
        COMMENT ON INDEX ix_document_embeddings_embedding IS 'nearest documents of a question (retriever)';
        CREATE INDEX ix_document_embeddings_embedder_layer ON document_embeddings (embedder, layer);
        COMMENT ON INDEX ix_document_embeddings_embedder_layer IS 'vectors within a filter (retriever)';
    END IF;
END $$
"""
WRITE_AGAIN = """
INSERT INTO outbox (topic, key, payload)
SELECT 'realestate_gpt.document', layer || ':' || record_id, '{}'::jsonb FROM documents
"""
# A new database has no documents yet, and nobody has rights in it.
GUARDED = "SELECT has_table_privilege('estate_system', 'outbox', 'INSERT')"
WORDS: postgresql.ARRAY[str] = postgresql.ARRAY(sa.Text())
EMPTY = sa.text("'{}'::text[]")


def upgrade() -> None:
    for name in ("names", "spellings"):
        op.add_column("documents", sa.Column(name, WORDS, server_default=EMPTY, nullable=False))
    op.create_index("ix_documents_spellings", "documents", ["spellings"], postgresql_using="gin")
    op.execute("COMMENT ON INDEX ix_documents_spellings IS 'records with a name like a misspelt word (retriever)'")
    if op.get_bind().scalar(sa.text(GUARDED)):
        op.execute("SET LOCAL ROLE estate_system")
        op.execute(WRITE_AGAIN)
        op.execute("RESET ROLE")
    op.execute(VECTORS)
    op.create_table(
        "ranking_policies",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("weights", postgresql.JSONB(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("gain", sa.Double(), nullable=True),
        sa.Column("gain_lower", sa.Double(), nullable=True),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_ranking_policies")),
        sa.CheckConstraint("why IN ('learned', 'rolled_back')", name=op.f("ck_ranking_policies_why_known")),
    )
    op.add_column("gpt_feedback", sa.Column("account", sa.Text(), nullable=True))
    op.add_column("gpt_feedback", sa.Column("edited_text", sa.Text(), nullable=True))
    op.add_column("gpt_feedback", sa.Column("outcome", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_gpt_feedback_outcome_known"), "gpt_feedback", "outcome IN ('won', 'went_on', 'lost')"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_gpt_feedback_outcome_known"), "gpt_feedback")
    for name in ("outcome", "edited_text", "account"):
        op.drop_column("gpt_feedback", name)
    op.drop_table("ranking_policies")
    op.drop_index("ix_documents_spellings", "documents")
    for name in ("spellings", "names"):
        op.drop_column("documents", name)
    op.execute("""
        DO $$ BEGIN
            IF to_regclass('document_embeddings') IS NOT NULL THEN
                DROP TABLE document_embeddings;
                CREATE TABLE document_embeddings (
                    document_id bigint PRIMARY KEY REFERENCES documents ON DELETE CASCADE,
                    embedder text NOT NULL,
                    embedding vector(256) NOT NULL
                );
                CREATE INDEX ix_document_embeddings_embedding ON document_embeddings
                    USING hnsw (embedding vector_cosine_ops);
                COMMENT ON INDEX ix_document_embeddings_embedding IS 'nearest documents of a question (retriever)';
            END IF;
        END $$
    """)
