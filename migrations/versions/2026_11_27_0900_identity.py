"""who may and who did: users, keys, sessions, and the log of what they did

Revision: 0009
Revises: 0008
"""

import datetime as dt

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INDEX_QUERIES = {
    "ix_users_agent_id": "users who are an agent",
    "ix_users_team_id": "users of a team",
    "ix_api_keys_user_id": "keys of a user",
    "ix_api_keys_agent_id": "keys of an agent",
    "ix_api_keys_team_id": "keys of a team",
    "ix_api_keys_replaced_by": "keys that another key replaces",
    "ix_sessions_user_id": "sessions of a user, to end them",
    "ix_sessions_created_at": "sessions that ended long ago (retention)",
    "ix_audit_log_subject_table_subject_id": "what happened to a record",
    "ix_audit_log_caller": "what a key or user did",
    "ix_audit_log_at": "what happened in a time window; retention",
}
NOW = sa.text("now()")


def _time(name: str, *, required: bool = False) -> sa.Column[dt.datetime]:
    default = NOW if required else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=not required)


def _role_checks(table: str) -> list[sa.CheckConstraint]:
    known = "role IN ('admin', 'manager', 'agent', 'ingest', 'read_only')"
    return [
        sa.CheckConstraint(known, name=op.f(f"ck_{table}_role_known")),
        sa.CheckConstraint("role <> 'agent' OR agent_id IS NOT NULL", name=op.f(f"ck_{table}_agent_named")),
        sa.CheckConstraint("role <> 'manager' OR team_id IS NOT NULL", name=op.f(f"ck_{table}_team_named")),
    ]


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        _time("disabled_at"),
        _time("created_at", required=True),
        *_role_checks("users"),
        _key("users", "agent_id", "agent_activity.agent_id"),
        _key("users", "team_id", "teams.team_id"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_users")),
    )
    op.create_index("uq_users_email_lower", "users", [sa.text("lower(email)")], unique=True)
    op.create_index("ix_users_agent_id", "users", ["agent_id"])
    op.create_index("ix_users_team_id", "users", ["team_id"])
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("secret_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("replaced_by", sa.Text(), nullable=True),
        _time("expires_at"),
        _time("revoked_at"),
        _time("last_used_at"),
        _time("created_at", required=True),
        *_role_checks("api_keys"),
        sa.CheckConstraint("octet_length(secret_hash) = 32", name=op.f("ck_api_keys_secret_hashed")),
        _key("api_keys", "user_id", "users.user_id"),
        _key("api_keys", "agent_id", "agent_activity.agent_id"),
        _key("api_keys", "team_id", "teams.team_id"),
        _key("api_keys", "replaced_by", "api_keys.key_id"),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_api_keys")),
    )
    for column in ("user_id", "agent_id", "team_id", "replaced_by"):
        op.create_index(f"ix_api_keys_{column}", "api_keys", [column])
    op.create_table(
        "sessions",
        sa.Column("token_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        _time("created_at", required=True),
        _time("last_seen_at", required=True),
        _time("revoked_at"),
        sa.CheckConstraint("octet_length(token_hash) = 32", name=op.f("ck_sessions_token_hashed")),
        _key("sessions", "user_id", "users.user_id"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_index("ix_sessions_created_at", "sessions", ["created_at"])
    op.create_table(
        "audit_log",
        sa.Column("audit_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _time("at", required=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject_table", sa.Text(), nullable=True),
        sa.Column("subject_id", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("detail", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit_log")),
    )
    op.create_index("ix_audit_log_subject_table_subject_id", "audit_log", ["subject_table", "subject_id"])
    op.create_index("ix_audit_log_caller", "audit_log", ["caller"])
    op.create_index("ix_audit_log_at", "audit_log", ["at"])
    for index, query in INDEX_QUERIES.items():
        op.execute(f"COMMENT ON INDEX {index} IS '{query}'")
    op.execute("""
        CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the audit log is only ever added to' USING ERRCODE = '42501'; END $$
    """)
    op.execute("""
        CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()
    """)


def downgrade() -> None:
    for table in ("audit_log", "sessions", "api_keys", "users"):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_audit_change()")
