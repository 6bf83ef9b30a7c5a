"""Database access: one engine a process, one transaction a unit of work, and the only `commit()` of the house."""

import datetime as dt
import logging
import uuid
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.orm import Session, sessionmaker

from estate.core import roles
from estate.core.security import Actor
from estate.core.settings import Environment, Settings, get_settings

__all__ = [
    "Database",
    "act_as",
    "after_commit",
    "allow_idle",
    "database_time",
    "get_database",
    "make_engine",
    "only_agent",
    "ping",
    "require_limited_login",
    "set_default_role",
    "take_time",
    "unit_of_work",
    "use_database",
    "wait_for_locks",
    "whole_house",
]

log = logging.getLogger(__name__)

T = TypeVar("T")
BAD_CONFIGURATION = 78
STALL_MARGIN_S = 1.0  # The server's own time-out has come through by then, if anything does.
SIGN_OF_LIFE_S = 1.0  # For the one statement in autocommit: the pool asks whether a connection is still good.

Role = Literal["api", "worker"]


def make_engine(url: str, settings: Settings, *, statement_timeout_ms: int) -> Engine:
    """Build an engine whose every wait has a limit.

    Parameters
    ----------
    url : str
        SQLAlchemy URL.
    settings : Settings
        Source of the other time-outs.
    statement_timeout_ms : int
        The longest a statement may run; differs between API and worker.
    """
    server_settings = {
        "statement_timeout": statement_timeout_ms,
        "lock_timeout": settings.db_lock_timeout_ms,
        "idle_in_transaction_session_timeout": settings.db_idle_in_transaction_timeout_ms,
        "client_connection_check_interval": settings.db_connection_check_interval_ms,
        "timezone": "UTC",
    }
    engine = create_engine(
        url,
        pool_size=settings.db_pool_size,
        max_overflow=0,
        pool_timeout=settings.db_pool_timeout_s,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "connect_timeout": settings.db_connect_timeout_s,
            "options": " ".join(f"-c {name}={value}" for name, value in server_settings.items()),
        },
    )
    patience_s = statement_timeout_ms / 1_000 + STALL_MARGIN_S

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: Any, arguments: list[Any], options: dict[str, Any]) -> _Connection:
        return _Connection.connect(*arguments, **options)

    @event.listens_for(engine, "checkout")
    def be_patient(connection: _Connection, record: Any, proxy: Any) -> None:
        connection.patience_s = patience_s

    return engine


class _Connection(psycopg.Connection[Any]):
    """Gives up a server that says nothing: its own time-outs never come through a network that lost its route."""

    patience_s: float | None = None

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for the answer to one message; without one the connection is over, whatever the server still does."""
        try:
            return super().wait(gen, interval, timeout or (SIGN_OF_LIFE_S if self.autocommit else self.patience_s))
        except psycopg.OperationalError as error:
            if error.diag.severity_nonlocalized != "ERROR":  # It says so where only the statement failed.
                self.pgconn.finish()
            raise


@dataclass(frozen=True, slots=True)
class Database:
    """Where sessions come from.

    Parameters
    ----------
    sessions : sessionmaker
        Of those that write.
    readers : sessionmaker
        Of those that read, all as of one moment: what one answer says agrees with itself.
    """

    sessions: sessionmaker[Session]
    readers: sessionmaker[Session]

    @classmethod
    def of(cls, engine: Engine) -> "Database":
        """Return the database behind an engine."""
        as_of_now = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        return cls(*(sessionmaker(bind, expire_on_commit=False) for bind in (engine, as_of_now)))

    @classmethod
    def connect(cls, url: str, role: Role) -> "Database":
        """Build the database behind a URL, with the time-outs of a role."""
        settings = get_settings()
        limit = settings.db_statement_timeout_ms if role == "api" else settings.db_worker_statement_timeout_ms
        return cls.of(make_engine(url, settings, statement_timeout_ms=limit))

    @property
    def engine(self) -> Engine:
        """The engine with the pool of connections."""
        engine: Engine = self.sessions.kw["bind"]
        return engine

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self.engine.dispose()


_ACT_AS = text("""
SELECT set_config('role', :taken, true), set_config('estate.actor_role', :role, true),
    set_config('estate.actor_agent_id', :agent, true), set_config('estate.actor_team_id', :team, true),
    set_config('estate.actor_caller', :caller, true)
""")
_ALLOW_IDLE = text("SELECT set_config('idle_in_transaction_session_timeout', :limit, true)")
_WAIT_FOR_LOCKS = text("SELECT set_config('lock_timeout', :limit, true)")
_CLOCK = text("SELECT clock_timestamp()")
_TAKEN = {
    "admin": roles.ADMIN,
    "read_only": roles.READER,
    "house": roles.READER,
    "manager": roles.MEMBER,
    "agent": roles.MEMBER,
    "gate": roles.GATE,
    "ingest": roles.INGEST,
    "system": roles.SYSTEM,
    "eraser": roles.ERASER,
}
"""The role of PostgreSQL that a transaction takes on; a login by itself sees nothing."""

_in_use: list[Database] = []
_hooks: list[Callable[[Set[str]], None]] = []


_role: list[Role] = ["api"]


@lru_cache(maxsize=1)
def _connected() -> Database:
    return Database.connect(get_settings().require_database_url(), _role[-1])


def set_default_role(role: Role) -> None:
    """Choose the time-outs of this process, and forget connections that a parent process opened."""
    _role[:] = [role]
    _connected.cache_clear()


def get_database() -> Database:
    """Return the database that this process uses, connecting at the first call."""
    return _in_use[-1] if _in_use else _connected()


@contextmanager
def use_database(database: Database) -> Iterator[Database]:
    """Use another database within the block: the worker's own, or a test's."""
    _in_use.append(database)
    try:
        yield database
    finally:
        _in_use.remove(database)


@contextmanager
def unit_of_work(actor: Actor, *, read_only: bool = False) -> Iterator[Session]:
    """Open one transaction on behalf of an actor; commit at the end, roll back on any exception.

    Parameters
    ----------
    actor : Actor
        Who acts; written to transaction-local settings that row-level policies read.
    read_only : bool
        Read all as of one moment; the database itself refuses writes.

    Raises
    ------
    sqlalchemy.exc.DBAPIError
        When the commit fails: the caller must not answer success before this block ends.
    """
    database = get_database()
    session = database.readers() if read_only else database.sessions()
    try:
        act_as(session, actor)
        yield session
        session.commit()
        _wake(session)
    except BaseException:
        session.rollback()
        raise
    finally:
        session.close()


def act_as(session: Session, actor: Actor) -> None:
    """State on whose behalf the statements that follow run, until the transaction ends."""
    team = actor.team_id if actor.role == "manager" else None  # An agent sees no more of the team than places.
    stated = {"agent": str(actor.agent_id or ""), "team": str(team or ""), "caller": actor.caller}
    session.execute(_ACT_AS, {"taken": _TAKEN[actor.role], "role": actor.role, **stated})
    session.info["actor"] = actor


def database_time(session: Session) -> dt.datetime:
    """Return the time by the clock of the database, the one that all processes share.

    The clock of this machine may be wrong, and what it wrote would be refused as stale or done a day late.
    """
    now: dt.datetime = session.execute(_CLOCK).scalar_one()
    return now


def only_agent(session: Session) -> uuid.UUID | None:
    """Return the agent to whom the actor of the session is confined; None for a manager and all who see more.

    The policies confine them in any case. A query that says so too gets a better plan: to the planner, a policy
    that holds for a whole team looks like ten agents.
    """
    actor: Actor | None = session.info.get("actor")
    return actor.agent_id if actor is not None and actor.role == "agent" else None


@contextmanager
def whole_house(session: Session) -> Iterator[Session]:
    """Let an agent's or a manager's session read all rows within the block, and write none.

    For figures that are the same whoever asks. Ask on the actor's behalf first whether the subject may be seen.
    """
    actor: Actor | None = session.info.get("actor")
    if actor is None or not actor.is_member:
        yield session
        return
    act_as(session, Actor.house())
    yield session
    act_as(session, actor)  # Not after an error: it ends the transaction, and the roles with it.


def take_time(session: Session, limit_ms: int) -> None:
    """Let statements, and the pauses between them, last longer until the end of the transaction."""
    connection = session.connection().connection.driver_connection
    if isinstance(connection, _Connection):
        connection.patience_s = limit_ms / 1_000 + STALL_MARGIN_S
    for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
        session.execute(text("SELECT set_config(:name, :value, true)"), {"name": name, "value": str(limit_ms)})


def after_commit(hook: Callable[[Set[str]], None]) -> None:
    """Set what is called with the outbox topics that a committed transaction wrote to."""
    _hooks[:] = [hook]


def allow_idle(session: Session, seconds: float) -> None:
    """Let the transaction compute for so long between two statements."""
    session.execute(_ALLOW_IDLE, {"limit": f"{round(seconds * 1_000)}ms"})


def wait_for_locks(session: Session, limit_ms: int) -> None:
    """Wait so long for what others hold, instead of `db_lock_timeout_ms`, until the end of the transaction."""
    session.execute(_WAIT_FOR_LOCKS, {"limit": f"{limit_ms}ms"})


def _wake(session: Session) -> None:
    topics = session.info.pop("wake", None)
    if topics:
        for hook in _hooks:
            hook(topics)


def require_limited_login() -> None:
    """Refuse to go on in production with a login that sees rows without taking on a role.

    Raises
    ------
    SystemExit
        With code 78, as for any bad configuration.
    """
    if get_settings().environment is not Environment.PRODUCTION:
        return
    with get_database().sessions() as session:
        problem = roles.login_problem(session.connection())
    if problem is not None:
        log.critical(problem)
        raise SystemExit(BAD_CONFIGURATION)


def ping() -> None:
    """Ask the database for one row; raises when it does not answer."""
    with unit_of_work(Actor.house(), read_only=True) as session:
        session.execute(text("SELECT 1"))
