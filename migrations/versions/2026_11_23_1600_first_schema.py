"""first schema

Revision: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# The query that each index serves, kept as its comment in the database.
INDEX_QUERIES = {
    "ix_agent_activity_closing_rate": "agents by stated closing rate (rankings without deals)",
    "ix_agent_activity_name_lower": "agents by name, case ignored (GET /agent/query, retriever)",
    "ix_agent_activity_team_id": "agents of a team",
    "ix_agent_activity_updated_at": "agents changed since a time",
    "ix_analysis_runs_as_of": "the newest analysis run (GET /behavior/triggers)",
    "ix_behavior_events_agent_id_time": "newest events of an agent (GET /behavior/query)",
    "ix_behavior_events_client_id_time": "newest events of a client (scores, next step)",
    "ix_behavior_events_conversation_id": "events of a conversation (units of counting)",
    "ix_behavior_events_deal_id": "events of a deal (refolding when it closes)",
    "ix_behavior_events_folded_deal_id": "events whose outcome came from a deal (refolding when it changes)",
    "ix_behavior_events_pattern_group": "events of a pattern group (GET /behavior/patterns)",
    "ix_behavior_events_time": "newest events of all, keyset pages (GET /behavior/query)",
    "ix_behavior_events_trigger_word": "events with a term (recount, drill-down)",
    "ix_behavior_events_unit_time": "newest events of a unit (demand)",
    "ix_client_profiles_budget": "clients by budget range (GET /client/query)",
    "ix_client_profiles_email": "clients with an e-mail address (duplicates)",
    "ix_client_profiles_interest": "clients whose interest contains a value (jsonb containment)",
    "ix_client_profiles_location_targets": "clients who want a location (jsonb containment)",
    "ix_client_profiles_name_lower": "clients by name, case ignored",
    "ix_client_profiles_owner_agent_id_score": "clients of an agent by score (whom to call next)",
    "ix_client_profiles_phone": "clients with a phone number (duplicates)",
    "ix_client_profiles_qualification_score": "clients by score (GET /client/query)",
    "ix_client_profiles_updated_at": "clients changed since a time",
    "ix_conversations_agent_id_started_at": "newest conversations of an agent",
    "ix_conversations_client_id_started_at": "newest conversations of a client",
    "ix_conversations_deal_id": "conversations of a deal (units of counting)",
    "ix_deals_agent_id_opened_at": "deals of an agent (ranking; attribution of an event)",
    "ix_deals_client_id_opened_at": "deals of a client (qualification; attribution of an event)",
    "ix_deals_open_stage": "open deals by stage (pipeline)",
    "ix_deals_project_id_unit_id": "deals of a unit",
    "ix_documents_owner_agent_id": "documents of one agent's clients",
    "ix_documents_search": "full-text search (retriever)",
    "ix_gpt_feedback_response_id": "feedback on a reply (learning hook)",
    "ix_gpt_responses_agent_id_created_at": "newest replies to an agent (audit)",
    "ix_gpt_responses_client_id_created_at": "newest replies about a client (audit)",
    "ix_idempotency_keys_created_at": "answers past their retention",
    "ix_ingest_batches_received_at": "newest batches",
    "ix_market_insights_area_name_lower": "areas by name, case ignored (importers, retriever)",
    "ix_market_insights_demand_score": "areas by demand",
    "ix_market_insights_updated_at": "areas changed since a time",
    "ix_market_snapshots_area_id_observed_on": "history of an area; the window of its aggregate",
    "ix_outbox_topic_due": "oldest due work of a topic, FOR UPDATE SKIP LOCKED",
    "ix_projects_area_id": "projects of an area",
    "ix_projects_name_lower": "projects by name, case ignored",
    "ix_properties_amenities": "units with an amenity (jsonb containment)",
    "ix_properties_area_id_sold_at": "newest sales of an area (comparables)",
    "ix_properties_available_area_price": "available units of an area by price (recommendations)",
    "ix_properties_bedrooms_price": "units by bedrooms and price (GET /property/query)",
    "ix_properties_delivery_date": "units by delivery date",
    "ix_properties_price": "units by price, keyset pages (GET /property/query)",
    "ix_properties_unit_id": "a unit by its bare id (GET /property/compare)",
    "ix_properties_updated_at": "units changed since a time",
    "ix_rejected_rows_batch_id": "refused rows of a batch",
    "ix_rejected_rows_layer_rejected_id": "newest refused rows of a layer (GET /ingest/rejected)",
    "ix_trigger_findings_run_id_rank": "findings of a run in rank order (GET /behavior/triggers)",
}

# Optional: where the server has no pgvector, or the role may not install it, search is lexical.
EMBEDDINGS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') THEN
        BEGIN
            CREATE EXTENSION IF NOT EXISTS vector;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'pgvector is there, but this role may not install it';
        END;
    END IF;
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') THEN
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
"""


def upgrade() -> None:
    op.create_table(
        "analysis_runs",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("n_won", sa.Integer(), nullable=False),
        sa.Column("n_lost", sa.Integer(), nullable=False),
        sa.Column("n_open", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_analysis_runs")),
    )
    op.create_index("ix_analysis_runs_as_of", "analysis_runs", ["as_of"], unique=False)
    op.create_table(
        "documents",
        sa.Column("document_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("content_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "search",
            postgresql.TSVECTOR(),
            sa.Computed(
                "setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('simple', text), 'B')",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column("owner_agent_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "layer IN ('market', 'agent', 'client', 'property', 'behavior')", name=op.f("ck_documents_layer_known")
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_documents")),
    )
    op.create_index("ix_documents_owner_agent_id", "documents", ["owner_agent_id"], unique=False)
    op.create_index("ix_documents_search", "documents", ["search"], unique=False, postgresql_using="gin")
    op.create_index("uq_documents_layer_record_id", "documents", ["layer", "record_id"], unique=True)
    op.create_table(
        "exchange_rates",
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("rate", sa.Numeric(), nullable=False),
        sa.CheckConstraint(
            "rate > 0 AND rate NOT IN ('NaN', 'Infinity')", name=op.f("ck_exchange_rates_rate_positive")
        ),
        sa.CheckConstraint("base <> quote", name=op.f("ck_exchange_rates_pair_differs")),
        sa.PrimaryKeyConstraint("base", "quote", "as_of", name=op.f("pk_exchange_rates")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("response", postgresql.BYTEA(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("caller", "route", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "ingest_batches",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "counts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_ingest_batches")),
    )
    op.create_index("ix_ingest_batches_received_at", "ingest_batches", ["received_at"], unique=False)
    op.create_table(
        "market_insights",
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("area_name", sa.Text(), nullable=False),
        sa.Column("price_avg", sa.Numeric(), nullable=True),
        sa.Column("demand_score", sa.Numeric(), nullable=True),
        sa.Column("supply_score", sa.Numeric(), nullable=True),
        sa.Column("sales_volume", sa.BigInteger(), nullable=True),
        sa.Column("new_projects", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("agent_density", sa.Numeric(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("price_median", sa.Numeric(), nullable=True),
        sa.Column(
            "segments", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("snapshot_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "agent_density NOT IN ('NaN', 'Infinity', '-Infinity')",
            name=op.f("ck_market_insights_agent_density_finite"),
        ),
        sa.CheckConstraint(
            "demand_score NOT IN ('NaN', 'Infinity', '-Infinity')", name=op.f("ck_market_insights_demand_score_finite")
        ),
        sa.CheckConstraint(
            "price_avg NOT IN ('NaN', 'Infinity', '-Infinity')", name=op.f("ck_market_insights_price_avg_finite")
        ),
        sa.CheckConstraint(
            "price_median NOT IN ('NaN', 'Infinity', '-Infinity')", name=op.f("ck_market_insights_price_median_finite")
        ),
        sa.CheckConstraint(
            "supply_score NOT IN ('NaN', 'Infinity', '-Infinity')", name=op.f("ck_market_insights_supply_score_finite")
        ),
        sa.CheckConstraint("price_avg >= 0", name=op.f("ck_market_insights_price_avg_positive")),
        sa.CheckConstraint("sales_volume >= 0", name=op.f("ck_market_insights_sales_volume_positive")),
        sa.PrimaryKeyConstraint("area_id", name=op.f("pk_market_insights")),
    )
    op.create_index(
        "ix_market_insights_area_name_lower", "market_insights", [sa.literal_column("lower(area_name)")], unique=False
    )
    op.create_index("ix_market_insights_demand_score", "market_insights", ["demand_score"], unique=False)
    op.create_index("ix_market_insights_updated_at", "market_insights", ["updated_at"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("outbox_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column(
            "payload", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("dead", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_outbox_attempts_positive")),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_outbox")),
    )
    op.create_index(
        "ix_outbox_topic_due", "outbox", ["topic", "outbox_id"], unique=False, postgresql_where=sa.text("NOT dead")
    )
    op.create_table(
        "teams",
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_teams")),
        sa.UniqueConstraint("name", name=op.f("uq_teams_name")),
    )
    op.create_table(
        "trigger_stats",
        sa.Column("term", sa.Text(), nullable=False),
        sa.Column("n_won", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_lost", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_open", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("term", name=op.f("pk_trigger_stats")),
    )
    op.create_table(
        "agent_activity",
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("calls_per_day", sa.Integer(), nullable=True),
        sa.Column("lead_responses", sa.Integer(), nullable=True),
        sa.Column("objections_heard", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("deals_closed", sa.Integer(), nullable=True),
        sa.Column("projects_assigned", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("closing_rate", sa.Numeric(), nullable=True),
        sa.Column("avg_response_time", sa.Numeric(), nullable=True),
        sa.Column("avg_closing_price", sa.Numeric(precision=20, scale=2), nullable=True),
        sa.Column("skill_scores", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("event_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("response_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("response_seconds_total", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_event_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "avg_closing_price NOT IN ('NaN', 'Infinity', '-Infinity')",
            name=op.f("ck_agent_activity_avg_closing_price_finite"),
        ),
        sa.CheckConstraint(
            "avg_response_time NOT IN ('NaN', 'Infinity', '-Infinity')",
            name=op.f("ck_agent_activity_avg_response_time_finite"),
        ),
        sa.CheckConstraint(
            "response_seconds_total NOT IN ('NaN', 'Infinity', '-Infinity')",
            name=op.f("ck_agent_activity_response_seconds_total_finite"),
        ),
        sa.CheckConstraint(
            "calls_per_day >= 0 AND lead_responses >= 0 AND deals_closed >= 0",
            name=op.f("ck_agent_activity_counts_positive"),
        ),
        sa.CheckConstraint("closing_rate BETWEEN 0 AND 1", name=op.f("ck_agent_activity_closing_rate_share")),
        sa.ForeignKeyConstraint(["team_id"], ["teams.team_id"], name=op.f("fk_agent_activity_team_id")),
        sa.PrimaryKeyConstraint("agent_id", name=op.f("pk_agent_activity")),
    )
    op.create_index("ix_agent_activity_closing_rate", "agent_activity", ["closing_rate"], unique=False)
    op.create_index("ix_agent_activity_name_lower", "agent_activity", [sa.literal_column("lower(name)")], unique=False)
    op.create_index("ix_agent_activity_team_id", "agent_activity", ["team_id"], unique=False)
    op.create_index("ix_agent_activity_updated_at", "agent_activity", ["updated_at"], unique=False)
    op.create_table(
        "market_snapshots",
        sa.Column("snapshot_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("segment", sa.Text(), server_default=sa.text("'all'"), nullable=False),
        sa.Column("observed_on", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("stated", sa.Boolean(), nullable=False),
        sa.Column("price_avg", sa.Numeric(precision=20, scale=2), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("demand_score", sa.Numeric(), nullable=True),
        sa.Column("supply_score", sa.Numeric(), nullable=True),
        sa.Column("sales_volume", sa.BigInteger(), nullable=True),
        sa.Column("new_projects", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("agent_density", sa.Numeric(), nullable=True),
        sa.Column("days_on_market", sa.Numeric(), nullable=True),
        sa.Column("inventory", sa.BigInteger(), nullable=True),
        sa.Column("views_per_listing", sa.Numeric(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "agent_density NOT IN ('NaN', 'Infinity', '-Infinity')",
            name=op.f("ck_market_snapshots_agent_density_finite"),
        ),
        sa.CheckConstraint(
            "days_on_market NOT IN ('NaN', 'Infinity', '-Infinity')",
            name=op.f("ck_market_snapshots_days_on_market_finite"),
        ),
        sa.CheckConstraint(
            "demand_score NOT IN ('NaN', 'Infinity', '-Infinity')", name=op.f("ck_market_snapshots_demand_score_finite")
        ),
        sa.CheckConstraint(
            "observed_on >= '1970-01-01' AND observed_on < '2101-01-01'",
            name=op.f("ck_market_snapshots_observed_on_sane"),
        ),
        sa.CheckConstraint(
            "price_avg NOT IN ('NaN', 'Infinity', '-Infinity')", name=op.f("ck_market_snapshots_price_avg_finite")
        ),
        sa.CheckConstraint("segment IN ('all', 'ready', 'off_plan')", name=op.f("ck_market_snapshots_segment_known")),
        sa.CheckConstraint(
            "supply_score NOT IN ('NaN', 'Infinity', '-Infinity')", name=op.f("ck_market_snapshots_supply_score_finite")
        ),
        sa.CheckConstraint("price_avg >= 0", name=op.f("ck_market_snapshots_price_avg_positive")),
        sa.CheckConstraint("sales_volume >= 0", name=op.f("ck_market_snapshots_sales_volume_positive")),
        sa.ForeignKeyConstraint(["area_id"], ["market_insights.area_id"], name=op.f("fk_market_snapshots_area_id")),
        sa.PrimaryKeyConstraint("snapshot_id", name=op.f("pk_market_snapshots")),
    )
    op.create_index(
        "ix_market_snapshots_area_id_observed_on", "market_snapshots", ["area_id", "observed_on"], unique=False
    )
    op.create_index(
        "uq_market_snapshots_stated",
        "market_snapshots",
        ["area_id", "segment", "observed_on", "source"],
        unique=True,
        postgresql_where=sa.text("stated"),
    )
    op.create_table(
        "pattern_groups",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("n_won", sa.Integer(), nullable=False),
        sa.Column("n_lost", sa.Integer(), nullable=False),
        sa.Column("n_open", sa.Integer(), nullable=False),
        sa.Column("lift", sa.Double(), nullable=True),
        sa.Column("lower", sa.Double(), nullable=True),
        sa.Column("upper", sa.Double(), nullable=True),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["analysis_runs.run_id"], name=op.f("fk_pattern_groups_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_pattern_groups")),
    )
    op.create_table(
        "projects",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("developer", sa.Text(), nullable=True),
        sa.Column("area_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("handover_on", sa.Date(), nullable=True),
        sa.Column("percent_complete", sa.Numeric(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("percent_complete BETWEEN 0 AND 100", name=op.f("ck_projects_percent_complete_range")),
        sa.ForeignKeyConstraint(["area_id"], ["market_insights.area_id"], name=op.f("fk_projects_area_id")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_projects")),
    )
    op.create_index("ix_projects_area_id", "projects", ["area_id"], unique=False)
    op.create_index("ix_projects_name_lower", "projects", [sa.literal_column("lower(name)")], unique=False)
    op.create_table(
        "rejected_rows",
        sa.Column("rejected_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raw", postgresql.BYTEA(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('rejected', 'conflict')", name=op.f("ck_rejected_rows_status_known")),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["ingest_batches.batch_id"], name=op.f("fk_rejected_rows_batch_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("rejected_id", name=op.f("pk_rejected_rows")),
    )
    op.create_index("ix_rejected_rows_batch_id", "rejected_rows", ["batch_id"], unique=False)
    op.create_index("ix_rejected_rows_layer_rejected_id", "rejected_rows", ["layer", "rejected_id"], unique=False)
    op.create_table(
        "trigger_findings",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("term", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("log_odds", sa.Double(), nullable=False),
        sa.Column("lift", sa.Double(), nullable=False),
        sa.Column("lower", sa.Double(), nullable=False),
        sa.Column("upper", sa.Double(), nullable=False),
        sa.Column("q", sa.Double(), nullable=False),
        sa.Column("n_with", sa.Integer(), nullable=False),
        sa.Column("n_without", sa.Integer(), nullable=False),
        sa.Column("n_agents", sa.Integer(), nullable=False),
        sa.Column("win_rate_with", sa.Double(), nullable=False),
        sa.Column("win_rate_without", sa.Double(), nullable=False),
        sa.CheckConstraint("evidence IN ('proven', 'candidate')", name=op.f("ck_trigger_findings_evidence_known")),
        sa.ForeignKeyConstraint(
            ["run_id"], ["analysis_runs.run_id"], name=op.f("fk_trigger_findings_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "term", name=op.f("pk_trigger_findings")),
    )
    op.create_index("ix_trigger_findings_run_id_rank", "trigger_findings", ["run_id", "rank"], unique=False)
    op.create_table(
        "client_profiles",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("interest", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("budget", sa.Numeric(precision=20, scale=2), nullable=True),
        sa.Column("location_targets", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("objections", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("decision_speed", sa.Text(), nullable=True),
        sa.Column("emotional_type", sa.Text(), nullable=True),
        sa.Column("qualification_score", sa.Numeric(), nullable=True),
        sa.Column("response_history", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("stated_score", sa.Numeric(), nullable=True),
        sa.Column("owner_agent_id", sa.Uuid(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("contact_consent", sa.Boolean(), nullable=True),
        sa.Column("do_not_contact", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "budget NOT IN ('NaN', 'Infinity', '-Infinity')", name=op.f("ck_client_profiles_budget_finite")
        ),
        sa.CheckConstraint("budget >= 0", name=op.f("ck_client_profiles_budget_positive")),
        sa.CheckConstraint(
            "qualification_score BETWEEN 0 AND 1", name=op.f("ck_client_profiles_qualification_score_share")
        ),
        sa.CheckConstraint("stated_score BETWEEN 0 AND 1", name=op.f("ck_client_profiles_stated_score_share")),
        sa.ForeignKeyConstraint(
            ["owner_agent_id"], ["agent_activity.agent_id"], name=op.f("fk_client_profiles_owner_agent_id")
        ),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_client_profiles")),
    )
    op.create_index("ix_client_profiles_budget", "client_profiles", ["budget"], unique=False)
    op.create_index("ix_client_profiles_email", "client_profiles", ["email"], unique=False)
    op.create_index(
        "ix_client_profiles_interest", "client_profiles", ["interest"], unique=False, postgresql_using="gin"
    )
    op.create_index(
        "ix_client_profiles_location_targets",
        "client_profiles",
        ["location_targets"],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "ix_client_profiles_name_lower", "client_profiles", [sa.literal_column("lower(name)")], unique=False
    )
    op.create_index(
        "ix_client_profiles_owner_agent_id_score",
        "client_profiles",
        ["owner_agent_id", "qualification_score"],
        unique=False,
    )
    op.create_index("ix_client_profiles_phone", "client_profiles", ["phone"], unique=False)
    op.create_index("ix_client_profiles_qualification_score", "client_profiles", ["qualification_score"], unique=False)
    op.create_index("ix_client_profiles_updated_at", "client_profiles", ["updated_at"], unique=False)
    op.create_table(
        "properties",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("price", sa.Numeric(precision=20, scale=2), nullable=True),
        sa.Column("payment_plan", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("cash_ratio", sa.Numeric(), nullable=True),
        sa.Column("delivery_date", sa.Date(), nullable=True),
        sa.Column("amenities", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("real_demand", sa.Numeric(), nullable=True),
        sa.Column("sales_velocity", sa.Numeric(), nullable=True),
        sa.Column("negative_reviews", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("positive_triggers", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=True),
        sa.Column("unit_type", sa.Text(), nullable=True),
        sa.Column("segment", sa.Text(), nullable=True),
        sa.Column("bedrooms", sa.Integer(), nullable=True),
        sa.Column("bathrooms", sa.Integer(), nullable=True),
        sa.Column("area_sqm", sa.Numeric(), nullable=True),
        sa.Column("status", sa.Text(), server_default=sa.text("'available'"), nullable=False),
        sa.Column("listed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sold_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_event_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "area_sqm NOT IN ('NaN', 'Infinity', '-Infinity')", name=op.f("ck_properties_area_sqm_finite")
        ),
        sa.CheckConstraint(
            "delivery_date >= '1970-01-01' AND delivery_date < '2101-01-01'",
            name=op.f("ck_properties_delivery_date_sane"),
        ),
        sa.CheckConstraint(
            "listed_at >= '1970-01-01' AND listed_at < '2101-01-01'", name=op.f("ck_properties_listed_at_sane")
        ),
        sa.CheckConstraint("price NOT IN ('NaN', 'Infinity', '-Infinity')", name=op.f("ck_properties_price_finite")),
        sa.CheckConstraint(
            "real_demand NOT IN ('NaN', 'Infinity', '-Infinity')", name=op.f("ck_properties_real_demand_finite")
        ),
        sa.CheckConstraint(
            "sales_velocity NOT IN ('NaN', 'Infinity', '-Infinity')", name=op.f("ck_properties_sales_velocity_finite")
        ),
        sa.CheckConstraint("segment IN ('ready', 'off_plan')", name=op.f("ck_properties_segment_known")),
        sa.CheckConstraint(
            "sold_at >= '1970-01-01' AND sold_at < '2101-01-01'", name=op.f("ck_properties_sold_at_sane")
        ),
        sa.CheckConstraint(
            "status IN ('available', 'reserved', 'sold', 'withdrawn')", name=op.f("ck_properties_status_known")
        ),
        sa.CheckConstraint("area_sqm > 0", name=op.f("ck_properties_area_sqm_positive")),
        sa.CheckConstraint("bedrooms BETWEEN 0 AND 100", name=op.f("ck_properties_bedrooms_range")),
        sa.CheckConstraint("cash_ratio BETWEEN 0 AND 1", name=op.f("ck_properties_cash_ratio_share")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_properties_price_positive")),
        sa.ForeignKeyConstraint(["area_id"], ["market_insights.area_id"], name=op.f("fk_properties_area_id")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.project_id"], name=op.f("fk_properties_project_id")),
        sa.PrimaryKeyConstraint("project_id", "unit_id", name=op.f("pk_properties")),
    )
    op.create_index("ix_properties_amenities", "properties", ["amenities"], unique=False, postgresql_using="gin")
    op.create_index(
        "ix_properties_area_id_sold_at",
        "properties",
        ["area_id", "sold_at"],
        unique=False,
        postgresql_where=sa.text("status = 'sold'"),
    )
    op.create_index(
        "ix_properties_available_area_price",
        "properties",
        ["area_id", "price"],
        unique=False,
        postgresql_where=sa.text("status = 'available'"),
    )
    op.create_index("ix_properties_bedrooms_price", "properties", ["bedrooms", "price"], unique=False)
    op.create_index("ix_properties_delivery_date", "properties", ["delivery_date"], unique=False)
    op.create_index("ix_properties_price", "properties", ["price"], unique=False)
    op.create_index("ix_properties_unit_id", "properties", ["unit_id"], unique=False)
    op.create_index("ix_properties_updated_at", "properties", ["updated_at"], unique=False)
    op.create_table(
        "deals",
        sa.Column("deal_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("value", sa.Numeric(precision=20, scale=2), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("lost_reason", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(outcome IS NULL AND stage NOT IN ('won', 'lost')) OR outcome = stage",
            name=op.f("ck_deals_stage_is_outcome"),
        ),
        sa.CheckConstraint(
            "closed_at >= '1970-01-01' AND closed_at < '2101-01-01'", name=op.f("ck_deals_closed_at_sane")
        ),
        sa.CheckConstraint(
            "opened_at >= '1970-01-01' AND opened_at < '2101-01-01'", name=op.f("ck_deals_opened_at_sane")
        ),
        sa.CheckConstraint("outcome IN ('won', 'lost')", name=op.f("ck_deals_outcome_known")),
        sa.CheckConstraint(
            "stage IN ('new', 'qualified', 'viewing', 'negotiation', 'reserved', 'won', 'lost')",
            name=op.f("ck_deals_stage_known"),
        ),
        sa.CheckConstraint("value NOT IN ('NaN', 'Infinity', '-Infinity')", name=op.f("ck_deals_value_finite")),
        sa.CheckConstraint("(outcome IS NULL) = (closed_at IS NULL)", name=op.f("ck_deals_closed_whole")),
        sa.CheckConstraint("(project_id IS NULL) = (unit_id IS NULL)", name=op.f("ck_deals_unit_whole")),
        sa.CheckConstraint("closed_at >= opened_at", name=op.f("ck_deals_closed_after_opened")),
        sa.CheckConstraint("value >= 0", name=op.f("ck_deals_value_positive")),
        sa.ForeignKeyConstraint(["agent_id"], ["agent_activity.agent_id"], name=op.f("fk_deals_agent_id")),
        sa.ForeignKeyConstraint(["client_id"], ["client_profiles.client_id"], name=op.f("fk_deals_client_id")),
        sa.ForeignKeyConstraint(
            ["project_id", "unit_id"],
            ["properties.project_id", "properties.unit_id"],
            name=op.f("fk_deals_project_id_unit_id"),
        ),
        sa.PrimaryKeyConstraint("deal_id", name=op.f("pk_deals")),
    )
    op.create_index("ix_deals_agent_id_opened_at", "deals", ["agent_id", "opened_at"], unique=False)
    op.create_index("ix_deals_client_id_opened_at", "deals", ["client_id", "opened_at"], unique=False)
    op.create_index(
        "ix_deals_open_stage", "deals", ["stage"], unique=False, postgresql_where=sa.text("outcome IS NULL")
    )
    op.create_index("ix_deals_project_id_unit_id", "deals", ["project_id", "unit_id"], unique=False)
    op.create_table(
        "gpt_responses",
        sa.Column("response_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("property_project_id", sa.Uuid(), nullable=True),
        sa.Column("property_unit_id", sa.Uuid(), nullable=True),
        sa.Column("client_input", sa.Text(), nullable=False),
        sa.Column("intent", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reasoning", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("used_records", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("records", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("abstained", sa.Boolean(), nullable=False),
        sa.Column("composer_version", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name=op.f("ck_gpt_responses_confidence_share")),
        sa.ForeignKeyConstraint(["agent_id"], ["agent_activity.agent_id"], name=op.f("fk_gpt_responses_agent_id")),
        sa.ForeignKeyConstraint(["client_id"], ["client_profiles.client_id"], name=op.f("fk_gpt_responses_client_id")),
        sa.PrimaryKeyConstraint("response_id", name=op.f("pk_gpt_responses")),
    )
    op.create_index("ix_gpt_responses_agent_id_created_at", "gpt_responses", ["agent_id", "created_at"], unique=False)
    op.create_index("ix_gpt_responses_client_id_created_at", "gpt_responses", ["client_id", "created_at"], unique=False)
    op.create_table(
        "conversations",
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("deal_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("turn_count", sa.Integer(), nullable=False),
        sa.Column("content_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "channel IN ('call', 'chat', 'email', 'meeting')", name=op.f("ck_conversations_channel_known")
        ),
        sa.CheckConstraint(
            "started_at >= '1970-01-01' AND started_at < '2101-01-01'", name=op.f("ck_conversations_started_at_sane")
        ),
        sa.CheckConstraint("(project_id IS NULL) = (unit_id IS NULL)", name=op.f("ck_conversations_unit_whole")),
        sa.ForeignKeyConstraint(["agent_id"], ["agent_activity.agent_id"], name=op.f("fk_conversations_agent_id")),
        sa.ForeignKeyConstraint(["client_id"], ["client_profiles.client_id"], name=op.f("fk_conversations_client_id")),
        sa.ForeignKeyConstraint(["deal_id"], ["deals.deal_id"], name=op.f("fk_conversations_deal_id")),
        sa.ForeignKeyConstraint(
            ["project_id", "unit_id"],
            ["properties.project_id", "properties.unit_id"],
            name=op.f("fk_conversations_project_id_unit_id"),
        ),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_conversations")),
    )
    op.create_index("ix_conversations_agent_id_started_at", "conversations", ["agent_id", "started_at"], unique=False)
    op.create_index("ix_conversations_client_id_started_at", "conversations", ["client_id", "started_at"], unique=False)
    op.create_index("ix_conversations_deal_id", "conversations", ["deal_id"], unique=False)
    op.create_table(
        "gpt_feedback",
        sa.Column("feedback_id", sa.Uuid(), nullable=False),
        sa.Column("response_id", sa.Uuid(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "verdict IN ('helpful', 'not_helpful', 'wrong')", name=op.f("ck_gpt_feedback_verdict_known")
        ),
        sa.ForeignKeyConstraint(
            ["response_id"], ["gpt_responses.response_id"], name=op.f("fk_gpt_feedback_response_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("feedback_id", name=op.f("pk_gpt_feedback")),
    )
    op.create_index("ix_gpt_feedback_response_id", "gpt_feedback", ["response_id"], unique=False)
    op.create_table(
        "behavior_events",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("property_project_id", sa.Uuid(), nullable=True),
        sa.Column("property_unit_id", sa.Uuid(), nullable=True),
        sa.Column("trigger_word", sa.Text(), nullable=True),
        sa.Column("emotion_detected", sa.Text(), nullable=True),
        sa.Column("response_speed", sa.Numeric(), nullable=True),
        sa.Column("conversion_effect", sa.Numeric(), nullable=True),
        sa.Column("time_of_event", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pattern_group", sa.Text(), nullable=True),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("deal_id", sa.Uuid(), nullable=True),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("content_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("folded_deal_id", sa.Uuid(), nullable=True),
        sa.Column("folded_outcome", sa.Text(), nullable=True),
        sa.Column("folded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "conversion_effect NOT IN ('NaN', 'Infinity', '-Infinity')",
            name=op.f("ck_behavior_events_conversion_effect_finite"),
        ),
        sa.CheckConstraint("folded_outcome IN ('won', 'lost', 'open')", name=op.f("ck_behavior_events_outcome_known")),
        sa.CheckConstraint(
            "response_speed NOT IN ('NaN', 'Infinity', '-Infinity')",
            name=op.f("ck_behavior_events_response_speed_finite"),
        ),
        sa.CheckConstraint(
            "time_of_event >= '1970-01-01' AND time_of_event < '2101-01-01'",
            name=op.f("ck_behavior_events_time_of_event_sane"),
        ),
        sa.CheckConstraint(
            "(property_project_id IS NULL) = (property_unit_id IS NULL)", name=op.f("ck_behavior_events_unit_whole")
        ),
        sa.CheckConstraint("agent_id IS NOT NULL OR client_id IS NOT NULL", name=op.f("ck_behavior_events_someone")),
        sa.ForeignKeyConstraint(["agent_id"], ["agent_activity.agent_id"], name=op.f("fk_behavior_events_agent_id")),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client_profiles.client_id"], name=op.f("fk_behavior_events_client_id")
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.conversation_id"], name=op.f("fk_behavior_events_conversation_id")
        ),
        sa.ForeignKeyConstraint(["deal_id"], ["deals.deal_id"], name=op.f("fk_behavior_events_deal_id")),
        sa.ForeignKeyConstraint(
            ["property_project_id", "property_unit_id"],
            ["properties.project_id", "properties.unit_id"],
            name=op.f("fk_behavior_events_property_project_id_property_unit_id"),
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_behavior_events")),
    )
    op.create_index("ix_behavior_events_agent_id_time", "behavior_events", ["agent_id", "time_of_event"], unique=False)
    op.create_index(
        "ix_behavior_events_client_id_time", "behavior_events", ["client_id", "time_of_event"], unique=False
    )
    op.create_index("ix_behavior_events_conversation_id", "behavior_events", ["conversation_id"], unique=False)
    op.create_index("ix_behavior_events_deal_id", "behavior_events", ["deal_id"], unique=False)
    op.create_index("ix_behavior_events_folded_deal_id", "behavior_events", ["folded_deal_id"], unique=False)
    op.create_index("ix_behavior_events_pattern_group", "behavior_events", ["pattern_group"], unique=False)
    op.create_index("ix_behavior_events_time", "behavior_events", ["time_of_event", "event_id"], unique=False)
    op.create_index("ix_behavior_events_trigger_word", "behavior_events", ["trigger_word"], unique=False)
    op.create_index(
        "ix_behavior_events_unit_time",
        "behavior_events",
        ["property_project_id", "property_unit_id", "time_of_event"],
        unique=False,
    )
    op.create_table(
        "utterances",
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("turn", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("speaker", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("speaker IN ('agent', 'client')", name=op.f("ck_utterances_speaker_known")),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.conversation_id"],
            name=op.f("fk_utterances_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("conversation_id", "turn", name=op.f("pk_utterances")),
    )
    for name, query in INDEX_QUERIES.items():
        op.execute(f"COMMENT ON INDEX {name} IS '{query.replace(chr(39), chr(39) * 2)}'")
    op.execute(EMBEDDINGS)


def downgrade() -> None:
    op.execute("DROP TABLE IF EXISTS document_embeddings")
    op.drop_table("utterances")
    op.drop_index("ix_behavior_events_unit_time", table_name="behavior_events")
    op.drop_index("ix_behavior_events_trigger_word", table_name="behavior_events")
    op.drop_index("ix_behavior_events_time", table_name="behavior_events")
    op.drop_index("ix_behavior_events_pattern_group", table_name="behavior_events")
    op.drop_index("ix_behavior_events_folded_deal_id", table_name="behavior_events")
    op.drop_index("ix_behavior_events_deal_id", table_name="behavior_events")
    op.drop_index("ix_behavior_events_conversation_id", table_name="behavior_events")
    op.drop_index("ix_behavior_events_client_id_time", table_name="behavior_events")
    op.drop_index("ix_behavior_events_agent_id_time", table_name="behavior_events")
    op.drop_table("behavior_events")
    op.drop_index("ix_gpt_feedback_response_id", table_name="gpt_feedback")
    op.drop_table("gpt_feedback")
    op.drop_index("ix_conversations_deal_id", table_name="conversations")
    op.drop_index("ix_conversations_client_id_started_at", table_name="conversations")
    op.drop_index("ix_conversations_agent_id_started_at", table_name="conversations")
    op.drop_table("conversations")
    op.drop_index("ix_gpt_responses_client_id_created_at", table_name="gpt_responses")
    op.drop_index("ix_gpt_responses_agent_id_created_at", table_name="gpt_responses")
    op.drop_table("gpt_responses")
    op.drop_index("ix_deals_project_id_unit_id", table_name="deals")
    op.drop_index("ix_deals_open_stage", table_name="deals", postgresql_where=sa.text("outcome IS NULL"))
    op.drop_index("ix_deals_client_id_opened_at", table_name="deals")
    op.drop_index("ix_deals_agent_id_opened_at", table_name="deals")
    op.drop_table("deals")
    op.drop_index("ix_properties_updated_at", table_name="properties")
    op.drop_index("ix_properties_unit_id", table_name="properties")
    op.drop_index("ix_properties_price", table_name="properties")
    op.drop_index("ix_properties_delivery_date", table_name="properties")
    op.drop_index("ix_properties_bedrooms_price", table_name="properties")
    op.drop_index(
        "ix_properties_available_area_price", table_name="properties", postgresql_where=sa.text("status = 'available'")
    )
    op.drop_index("ix_properties_area_id_sold_at", table_name="properties", postgresql_where=sa.text("status = 'sold'"))
    op.drop_index("ix_properties_amenities", table_name="properties", postgresql_using="gin")
    op.drop_table("properties")
    op.drop_index("ix_client_profiles_updated_at", table_name="client_profiles")
    op.drop_index("ix_client_profiles_qualification_score", table_name="client_profiles")
    op.drop_index("ix_client_profiles_phone", table_name="client_profiles")
    op.drop_index("ix_client_profiles_owner_agent_id_score", table_name="client_profiles")
    op.drop_index("ix_client_profiles_name_lower", table_name="client_profiles")
    op.drop_index("ix_client_profiles_location_targets", table_name="client_profiles", postgresql_using="gin")
    op.drop_index("ix_client_profiles_interest", table_name="client_profiles", postgresql_using="gin")
    op.drop_index("ix_client_profiles_email", table_name="client_profiles")
    op.drop_index("ix_client_profiles_budget", table_name="client_profiles")
    op.drop_table("client_profiles")
    op.drop_index("ix_trigger_findings_run_id_rank", table_name="trigger_findings")
    op.drop_table("trigger_findings")
    op.drop_index("ix_rejected_rows_layer_rejected_id", table_name="rejected_rows")
    op.drop_index("ix_rejected_rows_batch_id", table_name="rejected_rows")
    op.drop_table("rejected_rows")
    op.drop_index("ix_projects_name_lower", table_name="projects")
    op.drop_index("ix_projects_area_id", table_name="projects")
    op.drop_table("projects")
    op.drop_table("pattern_groups")
    op.drop_index("uq_market_snapshots_stated", table_name="market_snapshots", postgresql_where=sa.text("stated"))
    op.drop_index("ix_market_snapshots_area_id_observed_on", table_name="market_snapshots")
    op.drop_table("market_snapshots")
    op.drop_index("ix_agent_activity_updated_at", table_name="agent_activity")
    op.drop_index("ix_agent_activity_team_id", table_name="agent_activity")
    op.drop_index("ix_agent_activity_name_lower", table_name="agent_activity")
    op.drop_index("ix_agent_activity_closing_rate", table_name="agent_activity")
    op.drop_table("agent_activity")
    op.drop_table("trigger_stats")
    op.drop_table("teams")
    op.drop_index("ix_outbox_topic_due", table_name="outbox", postgresql_where=sa.text("NOT dead"))
    op.drop_table("outbox")
    op.drop_index("ix_market_insights_updated_at", table_name="market_insights")
    op.drop_index("ix_market_insights_demand_score", table_name="market_insights")
    op.drop_index("ix_market_insights_area_name_lower", table_name="market_insights")
    op.drop_table("market_insights")
    op.drop_index("ix_ingest_batches_received_at", table_name="ingest_batches")
    op.drop_table("ingest_batches")
    op.drop_index("ix_idempotency_keys_created_at", table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_table("exchange_rates")
    op.drop_index("uq_documents_layer_record_id", table_name="documents")
    op.drop_index("ix_documents_search", table_name="documents", postgresql_using="gin")
    op.drop_index("ix_documents_owner_agent_id", table_name="documents")
    op.drop_table("documents")
    op.drop_index("ix_analysis_runs_as_of", table_name="analysis_runs")
    op.drop_table("analysis_runs")
