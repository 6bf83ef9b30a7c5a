"""What `estate doctor` looks at: each check yields what is wrong, where, and the command that mends it.

To add a check, write a function and put it into `CHECKS` (it needs settings only) or `DATABASE_CHECKS` (it gets a
read-only session as well).
"""

import datetime as dt
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from psycopg.pq import Conninfo
from sqlalchemy import make_url
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateIndex, Index

from estate.core import health
from estate.core.migrate import revisions
from estate.core.outbox import standings
from estate.core.policies import policy_faults
from estate.core.roles import login_problem
from estate.core.settings import Environment, Settings

__all__ = ["CHECKS", "DATABASE_CHECKS", "Finding", "address"]

WELL_KNOWN = frozenset(
    {"", "admin", "changeme", "default", "estate", "guest", "pass", "password", "postgres", "redis", "root", "secret"}
)
MIN_PASSWORD_CHARACTERS = 12
MIN_DISTINCT_CHARACTERS = 8

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
PSQL = 'psql "${ESTATE_DATABASE_URL/+psycopg/}"'
NEW_SECRET = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"  # noqa: S105 (a command, no secret)
GUESSABLE_PEPPER = (
    "the pepper can be guessed; with another one all keys, sessions, trained models and the ledger of erasures are void"
)
START_WORKER = "docker compose up --detach worker beat"
RESTART_REDIS = "docker compose restart redis"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Parameters
    ----------
    what : str
        In words and figures.
    where : str
        The part, table, setting or address.
    mend : str
        A command to run, for containers where it names them; elsewhere start the same service your way.
    """

    what: str
    where: str
    mend: str


def address(url: str) -> str:
    """Return a URL without its password."""
    return make_url(url).render_as_string(hide_password=True)


def secrets(settings: Settings) -> Iterator[Finding]:
    """Look for secrets that anybody could guess, where it matters."""
    if settings.environment is not Environment.PRODUCTION:
        return
    for where, password in (_database_password(settings), _redis_password(settings)):
        if password is not None and _guessable(password):
            yield Finding("the password can be guessed", where, NEW_SECRET)
    for what, where, secret in (
        ("the API key can be guessed", "ESTATE_BOOTSTRAP_API_KEY", settings.bootstrap_api_key),
        (GUESSABLE_PEPPER, "ESTATE_KEY_PEPPER", settings.key_pepper),
    ):
        if secret is not None and _guessable(secret.get_secret_value()):
            yield Finding(what, where, NEW_SECRET)


def _database_password(settings: Settings) -> tuple[str, str | None]:
    """Return the password that libpq sends, and where it stands: in the URL or, as in the containers, beside it."""
    password = make_url(settings.require_database_url()).password
    if password is not None:
        return "ESTATE_DATABASE_URL", str(password)
    beside = next(option.val for option in Conninfo.get_defaults() if option.keyword == b"password")
    return "PGPASSWORD", None if beside is None else beside.decode()


def _redis_password(settings: Settings) -> tuple[str, str | None]:
    return "ESTATE_REDIS_URL", urlsplit(settings.require_redis_url()).password


def _guessable(secret: str) -> bool:
    short = len(secret) < MIN_PASSWORD_CHARACTERS or len(set(secret)) < MIN_DISTINCT_CHARACTERS
    return short or any(word and secret.lower().strip("0123456789!-_") == word for word in WELL_KNOWN)


def redis(settings: Settings) -> Iterator[Finding]:
    """Ask Redis for an answer within its time-out."""
    state = health.redis_state(settings)
    if state == "ok":
        return
    if settings.redis_url is None:
        mend = "export ESTATE_REDIS_URL=redis://127.0.0.1:6379/0"
        yield Finding("no Redis is configured: workers are never woken or swept", "ESTATE_REDIS_URL", mend)
        return
    where = address(settings.require_redis_url())
    if state == "stalled":
        told = f"Redis takes connections but did not answer within {settings.redis_timeout_ms} ms"
        yield Finding(told, where, RESTART_REDIS)
    else:
        yield Finding("Redis cannot be reached", where, "docker compose up --detach redis")


def disk(settings: Settings) -> Iterator[Finding]:
    """Compare the free space of the data folder with what must be left."""
    free, _ = health.disk_usage(settings.data_dir)
    if free < settings.doctor_disk_min_free_bytes:
        told = f"{free:,} bytes are free, fewer than {settings.doctor_disk_min_free_bytes:,}"
        folder = settings.data_dir.resolve()
        yield Finding(told, str(folder), f"du -xh {shlex.quote(str(folder))} | sort -h | tail")


def schema(session: Session, settings: Settings) -> Iterator[Finding]:
    """Compare revision and indexes with those of this release."""
    from estate.registry import metadata

    found, newest = revisions(session.connection(), settings.require_database_url())
    if found != newest:
        told = f"the schema is at revision {found or 'none'}, this release needs {newest}"
        yield Finding(told, "alembic_version", "estate migrate")
        return
    for index in health.missing_indexes(session.connection(), metadata):
        yield Finding(f"index {index.name} is missing or not valid", f"table {index.table}", _create(index))


def rights(session: Session, settings: Settings) -> Iterator[Finding]:
    """Look whether rows are guarded, and whether a process could see them without taking on a role."""
    for fault in policy_faults(session.connection()):
        yield Finding(fault, "core/policies.py", "estate migrate")
    if settings.environment is Environment.PRODUCTION:
        problem = login_problem(session.connection())
        if problem is not None:
            yield Finding(problem, "ESTATE_DATABASE_URL", "estate migrate, with ESTATE_API_DATABASE_PASSWORD set")


def _create(index: Index) -> str:
    statement = " ".join(str(CreateIndex(index).compile(dialect=DIALECT)).split())
    statement = statement.replace("INDEX", "INDEX CONCURRENTLY", 1)
    drop = f"DROP INDEX CONCURRENTLY IF EXISTS {index.name}"  # One that is not valid is in the way.
    return f"{PSQL} -c {shlex.quote(drop)} -c {shlex.quote(statement)}"


def worker(session: Session, settings: Settings) -> Iterator[Finding]:
    """Look when a worker last swept; it does so by itself, also without beat and Redis."""
    age = health.sweep_age_s(session)
    if age is None:
        yield Finding("no worker has ever swept", "table heartbeats", START_WORKER)
    elif age > settings.doctor_sweep_max_age_s:
        yield Finding(f"no worker has swept for {age:,.0f} s", "table heartbeats", START_WORKER)


def outbox(session: Session, settings: Settings) -> Iterator[Finding]:
    """Look for work that was given up or waits too long."""
    for topic in standings(session):
        where = f"table outbox, topic {topic.topic}"
        if topic.dead:
            yield Finding(f"{topic.dead:,} rows were given up ({topic.reason})", where, "estate work --revive")
        if topic.oldest_s > settings.doctor_outbox_max_age_s:
            told = f"{topic.waiting:,} rows wait, the oldest for {topic.oldest_s:,.0f} s"
            yield Finding(told, where, "estate work")


def clock(session: Session, settings: Settings) -> Iterator[Finding]:
    """Compare our clock with the database's."""
    ahead = health.clock_difference_s(session)
    if abs(ahead) > settings.doctor_clock_max_difference_s:
        told = f"the database's clock is {abs(ahead):,.1f} s {'ahead of' if ahead > 0 else 'behind'} ours"
        yield Finding(told, "clocks", "sudo timedatectl set-ntp true")


def models(session: Session, settings: Settings) -> Iterator[Finding]:
    """Look for trained models that have not learned from what has closed."""
    from estate.intelligence.freshness import freshness

    now = dt.datetime.now(dt.UTC)
    for model in freshness(session):
        if model.is_stale(now):
            told = f"the {model.kind} model has not learned from {model.unlearned:,} deals that closed since"
            if not model.usable:
                told = f"no trained {model.kind} model can be used, although {model.unlearned:,} deals have closed"
            yield Finding(told, "table trained_models", "estate models train")


def embeddings(session: Session, settings: Settings) -> Iterator[Finding]:
    """Look for pgvector where vector search is switched on."""
    if settings.embedder != "off" and not health.has_extension(session, "vector"):
        told = f"ESTATE_EMBEDDER is {settings.embedder}, but pgvector is not installed: search is by words only"
        yield Finding(told, "extension vector", "export ESTATE_EMBEDDER=off")


CHECKS: Mapping[str, Callable[[Settings], Iterator[Finding]]] = {"secrets": secrets, "redis": redis, "disk": disk}

DATABASE_CHECKS: Mapping[str, Callable[[Session, Settings], Iterator[Finding]]] = {
    "schema": schema,
    "rights": rights,
    "worker": worker,
    "outbox": outbox,
    "clock": clock,
    "models": models,
    "embeddings": embeddings,
}
