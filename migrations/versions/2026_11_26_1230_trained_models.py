"""trained models, and the scores of clients over time

Revision: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "trained_models",
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("trained_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("metrics", postgresql.JSONB(), nullable=False),
        sa.Column("recipe", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("parameters", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("kind IN ('qualification', 'closing')", name=op.f("ck_trained_models_kind_known")),
        sa.CheckConstraint("n >= 0", name=op.f("ck_trained_models_n_positive")),
        sa.PrimaryKeyConstraint("model_id", name=op.f("pk_trained_models")),
    )
    op.create_index(
        "uq_trained_models_kind_active",
        "trained_models",
        ["kind"],
        unique=True,
        postgresql_where=sa.text("active"),
    )
    op.create_index("ix_trained_models_kind_trained_at", "trained_models", ["kind", "trained_at"], unique=False)
    op.execute("COMMENT ON INDEX uq_trained_models_kind_active IS 'the model that answers for a kind'")
    op.execute("COMMENT ON INDEX ix_trained_models_kind_trained_at IS 'the trainings of a kind, the newest first'")
    op.create_table(
        "client_scores",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scored_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.Numeric(), nullable=True) for name in ("score", "lower", "upper")),
        sa.Column("n", sa.Integer(), nullable=True),
        sa.Column("model_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("stated_by", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('model', 'stated')", name=op.f("ck_client_scores_kind_known")),
        sa.CheckConstraint("n >= 0", name=op.f("ck_client_scores_n_positive")),
        *(
            sa.CheckConstraint(f"{name} BETWEEN 0 AND 1", name=op.f(f"ck_client_scores_{name}_share"))
            for name in ("score", "lower", "upper")
        ),
        sa.CheckConstraint(
            "scored_at >= '1970-01-01' AND scored_at < '2101-01-01'", name=op.f("ck_client_scores_scored_at_sane")
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client_profiles.client_id"], name=op.f("fk_client_scores_client_id_client_profiles")
        ),
        sa.PrimaryKeyConstraint("client_id", "kind", "scored_at", name=op.f("pk_client_scores")),
    )


def downgrade() -> None:
    op.drop_table("client_scores")
    op.drop_table("trained_models")
