"""findings by speaker with their held-out lift and examples; stability of groups; what a proof would need

Revision: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("analysis_runs", sa.Column("more_needed", sa.Integer(), nullable=True))
    op.add_column("pattern_groups", sa.Column("stability", sa.Float(), nullable=True))
    op.add_column(
        "trigger_findings", sa.Column("speaker", sa.Text(), server_default=sa.text("'unknown'"), nullable=False)
    )
    op.add_column("trigger_findings", sa.Column("held_out_lift", sa.Float(), nullable=True))
    for name in ("adjusted_for", "examples"):
        column = sa.Column(name, postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False)
        op.add_column("trigger_findings", column)
    op.create_check_constraint(
        op.f("ck_trigger_findings_speaker_known"), "trigger_findings", "speaker IN ('agent', 'client', 'unknown')"
    )
    op.drop_constraint("pk_trigger_findings", "trigger_findings")
    op.create_primary_key("pk_trigger_findings", "trigger_findings", ["run_id", "speaker", "term"])


def downgrade() -> None:
    op.execute(
        "DELETE FROM trigger_findings f USING trigger_findings o "
        "WHERE (f.run_id, f.term) = (o.run_id, o.term) AND f.rank > o.rank"
    )
    op.drop_constraint("pk_trigger_findings", "trigger_findings")
    op.create_primary_key("pk_trigger_findings", "trigger_findings", ["run_id", "term"])
    op.drop_constraint(op.f("ck_trigger_findings_speaker_known"), "trigger_findings")
    for name in ("examples", "adjusted_for", "held_out_lift", "speaker"):
        op.drop_column("trigger_findings", name)
    op.drop_column("pattern_groups", "stability")
    op.drop_column("analysis_runs", "more_needed")
