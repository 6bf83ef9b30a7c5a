"""Alembic environment: one transaction a migration, time-outs on lock and statement."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from estate.core.settings import get_settings
from estate.registry import metadata

STATEMENT_TIMEOUT = "10min"


OPTIONAL_TABLES = {"document_embeddings"}  # Only where the server has pgvector, so no model declares it.


def known(name: str | None, kind: str, parents: object) -> bool:
    return not (kind == "table" and name in OPTIONAL_TABLES)


def run() -> None:
    url = context.config.get_main_option("sqlalchemy.url") or get_settings().require_database_url()
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"SET lock_timeout = {get_settings().migration_lock_timeout_ms}"))
        connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_type=True,
            include_name=known,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
