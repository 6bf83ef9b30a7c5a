"""what came of calls, whom agents skipped, and where clients are

Revision: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

CHANNELS = ("call", "whatsapp", "email", "meeting")
OUTCOMES = ("reached", "no_answer", "call_back", "refused", "not_interested", "booked_viewing", "wrong_number")
REASONS = (
    "busy",
    "wrong_time",
    "spoke_elsewhere",
    "need_information",
    "waiting_for_client",
    "not_ready",
    "not_mine",
    "other",
)
INDEX_QUERIES = {
    "ix_contacts_client_id_contacted_at": "contacts of a client, the newest first (calls, time line)",
    "ix_contacts_agent_id_contacted_at": "contacts of an agent, the newest first",
    "ix_contacts_phone": "contacts by the number that was called (refusals, caps)",
    "ix_call_skips_client_id_skipped_at": "skips of a client, the newest first (calls, time line)",
    "ix_call_skips_reason": "skips by reason (how often contact followed)",
}


def _sane(table: str, column: str) -> sa.CheckConstraint:
    rule = f"{column} >= '1970-01-01' AND {column} < '2101-01-01'"
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{column}_sane"))


def _people(table: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(
            ["client_id"], ["client_profiles.client_id"], name=op.f(f"fk_{table}_client_id_client_profiles")
        ),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agent_activity.agent_id"], name=op.f(f"fk_{table}_agent_id_agent_activity")
        ),
    ]


def upgrade() -> None:
    op.add_column("client_profiles", sa.Column("country", sa.Text(), nullable=True))
    op.create_check_constraint(op.f("ck_client_profiles_country_code"), "client_profiles", "country ~ '^[A-Z]{2}$'")
    op.create_table(
        "contacts",
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("contacted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"channel IN {CHANNELS}", name=op.f("ck_contacts_channel_known")),
        sa.CheckConstraint(f"outcome IN {OUTCOMES}", name=op.f("ck_contacts_outcome_known")),
        sa.CheckConstraint("next_at > contacted_at", name=op.f("ck_contacts_next_is_later")),
        sa.CheckConstraint("outcome <> 'call_back' OR next_at IS NOT NULL", name=op.f("ck_contacts_call_back_when")),
        _sane("contacts", "contacted_at"),
        _sane("contacts", "next_at"),
        *_people("contacts"),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_contacts")),
    )
    op.create_index("ix_contacts_client_id_contacted_at", "contacts", ["client_id", "contacted_at"])
    op.create_index("ix_contacts_agent_id_contacted_at", "contacts", ["agent_id", "contacted_at"])
    op.create_index("ix_contacts_phone", "contacts", ["phone"])
    op.create_table(
        "call_skips",
        sa.Column("skip_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("skipped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(f"reason IN {REASONS}", name=op.f("ck_call_skips_reason_known")),
        _sane("call_skips", "skipped_at"),
        *_people("call_skips"),
        sa.PrimaryKeyConstraint("skip_id", name=op.f("pk_call_skips")),
    )
    op.create_index("ix_call_skips_client_id_skipped_at", "call_skips", ["client_id", "skipped_at"])
    op.create_index("ix_call_skips_reason", "call_skips", ["reason"])
    for index, query in INDEX_QUERIES.items():
        op.execute(f"COMMENT ON INDEX {index} IS '{query}'")


def downgrade() -> None:
    op.drop_table("call_skips")
    op.drop_table("contacts")
    op.drop_column("client_profiles", "country")
