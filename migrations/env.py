"""Alembic environment: one transaction a migration, time-outs on lock and statement."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from estate.core.settings import get_settings
from estate.registry import metadata

LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "10min"


def run() -> None:
    url = context.config.get_main_option("sqlalchemy.url") or get_settings().require_database_url()
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
        connection.commit()
        context.configure(connection=connection, target_metadata=metadata, compare_type=True)
        with context.begin_transaction():
            context.run_migrations()


run()
