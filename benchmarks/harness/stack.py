"""The whole platform as the bench runs it: each part can be killed, and is started again as a supervisor would."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import psycopg
import redis
from psycopg import sql
from sqlalchemy.engine import URL, make_url

from benchmarks.harness.proxy import ROLES, Proxy
from estate.cli.leash import leashed
from estate.cli.processes import HOST, free_port, start_server, stop_process
from estate.cli.servers import EmbeddedServer, start_postgres, start_redis
from estate.core.migrate import upgrade

__all__ = ["API_KEY", "Postgres", "Redis", "Stack", "passing_postgres", "repository", "wait_until"]

API_KEY = "estate-bench-key-of-forty-characters-0000"
READY_S = 60.0
POLL_S = 0.02
TEMPLATE = "bench_template"
LOGINS = {"estate_api": secrets.token_hex(16), "estate_worker": secrets.token_hex(16)}


def repository() -> Path:
    """Return the root of the checkout."""
    return Path(__file__).resolve().parents[2]


def wait_until(condition: Callable[[], bool], what: str, seconds: float = READY_S) -> None:
    """Wait for a condition.

    Raises
    ------
    TimeoutError
        When it does not come true in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(POLL_S)


class Postgres:
    """A PostgreSQL with one migrated template, from which each run gets a database.

    Parameters
    ----------
    folder : Path
        Where its data is.
    durable : bool
        Whether a commit waits for the disk.
    owner_sees : bool
        Whether row policies leave out the owner, who fills and checks the tables of a bench.
    """

    def __init__(self, folder: Path, *, durable: bool = True, owner_sees: bool = True) -> None:
        self._folder = folder
        self._durable = durable
        self._server = self._start()
        self.execute(f"CREATE DATABASE {TEMPLATE}", database="estate")
        upgrade(self.url(TEMPLATE).render_as_string(hide_password=False), LOGINS)
        if owner_sees:
            self._let_the_owner_see()

    def _let_the_owner_see(self) -> None:
        """Take the owner out of the row policies; API and worker log in as others."""
        with psycopg.connect(self.dsn(TEMPLATE), autocommit=True) as connection:
            for (table,) in connection.execute("SELECT relname FROM pg_class WHERE relforcerowsecurity").fetchall():
                connection.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(sql.Identifier(table)))

    def _start(self) -> EmbeddedServer:
        return start_postgres(self._folder, for_tests=not self._durable)

    @property
    def server(self) -> EmbeddedServer:
        """The server that runs now."""
        return self._server

    def url(self, database: str) -> URL:
        """Return the address of a database."""
        return make_url(self._server.url).set(database=database)

    def dsn(self, database: str) -> str:
        """Return the address of a database as libpq reads it."""
        return self.url(database).set(drivername="postgresql").render_as_string(hide_password=False)

    def execute(self, statement: str, *, database: str) -> None:
        """Run one statement outside a transaction."""
        with psycopg.connect(self.dsn(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def create(self, database: str, template: str = TEMPLATE) -> None:
        """Make a fresh database: with the schema and nothing in it, or a copy of another one."""
        self.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)", database="estate")
        self.execute(f"CREATE DATABASE {database} TEMPLATE {template}", database="estate")

    def mend(self) -> bool:
        """Start the server again when it died; return whether it had."""
        if _runs(self._server.pid):
            return False
        self._server.stop()
        self._server = self._start()
        return True

    def backends(self) -> list[psutil.Process]:
        """Return the processes that serve our programs, oldest first."""
        found = []
        for process in psutil.Process(self._server.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if " ".join(process.cmdline()).startswith("postgres: estate"):
                    found.append(process)
        return sorted(found, key=lambda p: p.pid)

    def stop(self) -> None:
        """Stop the server."""
        self._server.stop()


@contextmanager
def passing_postgres(*, owner_sees: bool = True) -> Iterator[Postgres]:
    """Yield a PostgreSQL that waits for no disk and is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="estate-bench-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        postgres = Postgres(folder / "postgresql", durable=False, owner_sees=owner_sees)
        try:
            yield postgres
        finally:
            postgres.stop()


class Redis:
    """A Redis that comes back on the same port with the same password, and empty."""

    def __init__(self, folder: Path) -> None:
        with start_redis(folder) as server:
            self.url = server.url
            self._program = psutil.Process(server.pid).cmdline()
        self._folder = folder
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        url = make_url(self.url)
        options = (f"bind {HOST}", f"port {url.port}", 'save ""', "appendonly no", f"requirepass {url.password}")
        process = start_server(
            leashed([self._program[0], "-"], signal.SIGTERM), self._folder, "\n".join(options).encode()
        )
        wait_until(self.answers, "Redis getting ready")
        return process

    def client(self) -> redis.Redis:
        """Return a client that gives up after a second."""
        return redis.Redis.from_url(self.url, socket_timeout=1, socket_connect_timeout=1)

    def answers(self) -> bool:
        """Tell whether it answers."""
        with contextlib.suppress(redis.RedisError), self.client() as client:
            return bool(client.ping())
        return False

    @property
    def pid(self) -> int:
        """Number of its process."""
        return self._process.pid

    def mend(self) -> bool:
        """Start the server again when it died; return whether it had."""
        if self._process.poll() is None:
            return False
        self._process = self._start()
        return True

    def stop(self) -> None:
        """Stop the server."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)
        stop_process(self._process, signal.SIGTERM, 5)


class Stack:
    """API, worker, proxy and the servers below them.

    Parameters
    ----------
    postgres, redis : Postgres, Redis
        Servers that outlive the stack.
    database : str
        Name of its database, which exists.
    folder : Path
        Where logs go.
    bug : str or None
        Name of the planted bug that API and worker run with.
    roles : sequence of str
        Which programs run.
    direct : bool
        Leave the proxy out, where its time would be measured.
    extra : mapping of str to str or None
        Further settings.
    """

    def __init__(
        self,
        postgres: Postgres,
        redis: Redis,
        database: str,
        folder: Path,
        *,
        bug: str | None = None,
        roles: Sequence[str] = ROLES,
        direct: bool = False,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self.postgres = postgres
        self.redis = redis
        self.database = database
        self.port = free_port()
        self._started: dict[str, float] = {}
        self._folder = folder
        self._bug = bug
        folder.mkdir(parents=True, exist_ok=True)
        self._direct = direct
        self._extra = dict(extra or {})
        self._proxy = Proxy(self._postgres_port())
        self._parts = {role: self._start(role) for role in roles}

    def _postgres_port(self) -> int:
        port = self.postgres.url(self.database).port
        assert port is not None
        return port

    def _command(self, role: str) -> list[str]:
        planted = ["-m", "benchmarks.mutants", self._bug] if self._bug else []
        if role == "api":
            return [sys.executable, *planted, "-m", "estate", "serve"]
        worker = ["celery", "--quiet", "--app", "estate.worker", "worker", "--loglevel", "WARNING"]
        pool = ["--pool", "prefork", "--concurrency", "1", "--without-mingle", "--without-gossip"]
        beat = ["--beat", "--schedule", str(self._folder / "beat-schedule")]
        return [sys.executable, *planted, "-m", *worker, *pool, *beat]

    def environment(self, role: str) -> dict[str, str]:
        """Return the environment that a program of this role runs with."""
        url = self.postgres.url(self.database)
        if self._bug is None:
            login = "estate_api" if role == "api" else "estate_worker"
            url = url.set(username=login, password=LOGINS[login])
        if not self._direct:
            url = url.set(port=self._proxy.ports[role])
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(repository() / "src"), str(repository()))),
            "PYTHONUNBUFFERED": "1",
            "ESTATE_ENVIRONMENT": "test",
            "ESTATE_KEY_PEPPER": "estate-bench-pepper",
            "ESTATE_DATABASE_URL": url.render_as_string(hide_password=False),
            "ESTATE_REDIS_URL": self.redis.url,
            "ESTATE_BOOTSTRAP_API_KEY": API_KEY,
            "ESTATE_API_PORT": str(self.port),
            "ESTATE_READS_PER_MINUTE": "10000000",
            "ESTATE_WRITES_PER_MINUTE": "10000000",
            "ESTATE_COSTLY_PER_MINUTE": "10000000",
            "ESTATE_SWEEP_INTERVAL_S": "1",
            "ESTATE_OUTBOX_MAX_ATTEMPTS": "3",
            **self._extra,
        }

    def _start(self, role: str) -> subprocess.Popen[bytes]:
        self._started[role] = time.time()
        with (self._folder / f"{role}.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603 (our own programs)
                leashed(self._command(role), signal.SIGKILL),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment(role),
                cwd=self._folder,
                start_new_session=True,
            )

    @property
    def proxy(self) -> Proxy:
        """What stands between our programs and PostgreSQL."""
        return self._proxy

    def wait_ready(self) -> None:
        """Wait until the API answers that it is ready."""
        wait_until(self._ready, f"the API getting ready, see {self._folder / 'api.log'},")

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as refusal:
            refusal.close()  # It holds the connection.
            return False
        except OSError:
            return False

    def mend(self) -> None:
        """Start again what died, as the supervisor of a real installation does."""
        if self.postgres.mend():
            self._proxy.target(self._postgres_port())
        self.redis.mend()
        for role, process in self._parts.items():
            if process.poll() is not None:
                _kill_group(process)
                self._parts[role] = self._start(role)

    def kill(self, role: str) -> None:
        """End a program and what it started, at once."""
        process = self._parts[role]
        _kill_group(process)
        process.wait()

    def kill_child(self, role: str) -> bool:
        """End only a process that the program started; return whether there was one."""
        children = psutil.Process(self._parts[role].pid).children(recursive=True)
        for child in children[:1]:
            child.kill()
        return bool(children)

    def send(self, role: str, number: signal.Signals) -> None:
        """Send a signal to a program and what it started."""
        os.killpg(self._parts[role].pid, number)

    def started(self, role: str) -> float:
        """Return when a program was started last, in seconds of `time.time`."""
        return self._started[role]

    def alive(self, role: str) -> bool:
        """Tell whether a program runs."""
        return self._parts[role].poll() is None

    def processes(self, role: str) -> list[psutil.Process]:
        """Return a program and what it started, without the leash that holds it."""
        program = psutil.Process(self._parts[role].pid)
        return [program, *program.children(recursive=True)]

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection]:
        """Open a connection that does not go through the proxy."""
        with psycopg.connect(self.postgres.dsn(self.database), autocommit=True, connect_timeout=2) as connection:
            yield connection

    def stop(self) -> None:
        """Stop the programs and the proxy; the servers stay."""
        with ExitStack() as parts:
            parts.callback(self._proxy.stop)
            for role in self._parts:
                parts.callback(self._end, role)

    def _end(self, role: str) -> None:
        _kill_group(self._parts[role])
        self._parts[role].wait()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _runs(pid: int) -> bool:
    """Tell whether a process runs; a child that ended and was not waited for does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
