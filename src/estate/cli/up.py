"""`estate up`: the whole platform in one terminal, from the database to the console, until Ctrl-C."""

import contextlib
import errno
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO, Annotated

import typer
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from estate.core.errors import Conflict, EstateError, Unavailable
from estate.core.settings import ConsoleSettings, Settings, api_address, get_settings

__all__ = ["up"]

EXIT_FAILED = 1
EXIT_REFUSED = 2

READY_DEADLINE_S = 60.0
STOP_DEADLINE_S = 15.0
"""Longer than the API gives its open requests to finish."""

POLL_S = 0.1
TAIL_LINES = 15


@dataclass(frozen=True)
class Child:
    """A part of the platform that runs beside the others.

    Parameters
    ----------
    name : str
        Shown before each of its lines.
    process : subprocess.Popen
        Leader of its own process group.
    tail : deque of str
        The last lines it wrote.
    reader : Thread
        Copies its lines to the terminal.
    """

    name: str
    process: subprocess.Popen[bytes]
    tail: deque[str]
    reader: Thread

    def stop(self) -> None:
        """Ask it to stop, and see to it that nothing of it is left."""
        from estate.cli.processes import stop_process

        stop_process(self.process, signal.SIGTERM, STOP_DEADLINE_S)
        self.reader.join(timeout=1)


def up(
    empty: Annotated[bool, typer.Option("--empty", help="Bring no sample brokerage into the database.")] = False,
) -> None:
    """Run the whole platform in this terminal: database, queue, API, worker and console. Ctrl-C stops it."""
    if sys.platform == "win32":
        typer.echo("`estate up` needs Linux or macOS. Set ESTATE_DATABASE_URL and ESTATE_REDIS_URL instead.")
        raise typer.Exit(EXIT_REFUSED)
    raise typer.Exit(_supervise(get_settings(), Console(), empty=empty))


def _supervise(settings: Settings, console: Console, *, empty: bool) -> int:
    """Run until a signal, a refusal or the death of a part; return the exit code."""
    with ExitStack() as parts:
        try:
            _listen_to_signals()
            _run(settings, console, parts, empty=empty)
        except KeyboardInterrupt:
            return 0
        except EstateError as error:
            console.print(error.message, style="bold red", markup=False)
            return EXIT_REFUSED if isinstance(error, Conflict) else EXIT_FAILED
        finally:
            # From here on everything stops, in reverse order; a second Ctrl-C would only leave orphans.
            _ignore_signals()
    return 0


def _listen_to_signals() -> None:
    """Let every request to stop arrive as a KeyboardInterrupt, also in a shell's background job."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _run(settings: Settings, console: Console, parts: ExitStack, *, empty: bool) -> None:
    """Start everything, say where it is, and watch it."""
    from estate.cli.folder import exclusive

    folder = settings.data_dir.resolve()
    parts.enter_context(exclusive(folder))
    for host, port, name in (
        (settings.api_host, settings.api_port, "ESTATE_API_PORT"),
        (settings.console_host, settings.console_port, "ESTATE_CONSOLE_PORT"),
    ):
        _require_free_port(host, port, name)
    parts.callback(console.print, "Stopped.")
    environment = _environment(settings, folder, _servers(settings, folder, console, parts), _api_key(settings, folder))
    logins = _logins(folder, environment["ESTATE_DATABASE_URL"])
    with _step(console, "Schema"):
        _migrate(environment["ESTATE_DATABASE_URL"], logins)
    if settings.database_url is None and not empty:
        _estate(environment, "seed", "--if-empty", "--accounts")
    children = [
        _start(console, parts, environment | {"ESTATE_DATABASE_URL": logins[name]}, name, command)
        for name, command in _commands(settings, folder)
    ]
    children.append(_start(console, parts, _console_environment(settings), "console", ["-m", "estate", "console"]))
    with _step(console, "API"):
        _wait_ready(f"{_address(settings)}/readyz", children)
    with _step(console, "Console"):
        _wait_ready(f"{_console_address(settings)}/healthz", children)
    _welcome(console, settings, folder, environment, parts)
    parts.callback(console.print, "Stopping…")
    while True:
        _require_alive(children)
        time.sleep(POLL_S)


@contextlib.contextmanager
def _step(console: Console, name: str) -> Iterator[None]:
    """Show that something goes on, then how long it took."""
    started = time.monotonic()
    with console.status(f"{name}…"):
        yield
    console.print(f"[green]✓[/] {name} [dim]{time.monotonic() - started:.1f} s[/]")


def _require_free_port(host: str, port: int, name: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = "is taken: stop what listens there" if error.errno == errno.EADDRINUSE else "cannot be used"
            raise Conflict(f"Port {port} of {host} {reason}, or set {name} to another.") from None


def _servers(settings: Settings, folder: Path, console: Console, parts: ExitStack) -> dict[str, str]:
    """Start the servers whose address is not set; return the URLs by the name of their variable."""
    from estate.cli.servers import start_postgres, start_redis

    urls = {}
    for name, variable, given, start in (
        ("PostgreSQL", "ESTATE_DATABASE_URL", settings.database_url, start_postgres),
        ("Redis", "ESTATE_REDIS_URL", settings.redis_url, start_redis),
    ):
        if given is not None:
            urls[variable] = given.get_secret_value()
            continue
        with _step(console, name):
            server = parts.enter_context(start(folder / name.lower()))
        if server.note:
            console.print(server.note, style="yellow", markup=False)
        urls[variable] = server.url
    return urls


def _api_key(settings: Settings, folder: Path) -> str:
    from estate.cli.folder import kept_secret

    if settings.bootstrap_api_key is not None:
        return settings.bootstrap_api_key.get_secret_value()
    return kept_secret(folder / "api.key")


def _environment(settings: Settings, folder: Path, urls: Mapping[str, str], api_key: str) -> dict[str, str]:
    """Compose what every child gets: our own environment, with the gaps filled in."""
    return {
        **os.environ,
        **urls,
        "ESTATE_BOOTSTRAP_API_KEY": api_key,
        "ESTATE_DATA_DIR": str(folder),
        "ESTATE_API_HOST": settings.api_host,
        "ESTATE_API_PORT": str(settings.api_port),
        # The console calls for people and tells from where.
        "ESTATE_FORWARDED_ALLOW_IPS": settings.forwarded_allow_ips or "127.0.0.1,::1",
        "PYTHONUNBUFFERED": "1",
    }


def _console_environment(settings: Settings) -> dict[str, str]:
    """Compose what the console gets: of our settings those that it has, so that no secret is among them."""
    foreign = {f"ESTATE_{name.upper()}" for name in Settings.model_fields.keys() - ConsoleSettings.model_fields.keys()}
    own = {name: value for name, value in os.environ.items() if name not in foreign}
    return own | {"ESTATE_API_URL": _address(settings), "PYTHONUNBUFFERED": "1"}


def _commands(settings: Settings, folder: Path) -> list[tuple[str, list[str]]]:
    return [
        ("api", ["-m", "estate", "serve"]),
        (
            "worker",
            [
                # Root is said to be discouraged at every start; containers have nobody else.
                *("-W", "ignore:You're running the worker with superuser privileges"),
                *("-m", "celery", "--quiet", "--app", "estate.worker", "worker", "--loglevel", settings.log_level),
                # A pool of one process, not `solo`: only a pool can end a task that is over its time limit.
                *("--pool", "prefork", "--concurrency", "1", "--without-mingle", "--without-gossip"),
                *("--beat", "--schedule", str(folder / "beat-schedule")),
            ],
        ),
    ]


def _logins(folder: Path, url: str) -> dict[str, str]:
    """Return the URL that each child logs in with: none of them owns the tables."""
    from sqlalchemy import make_url

    from estate.cli.folder import kept_secret

    return {
        name: make_url(url)
        .set(username=f"estate_{name}", password=kept_secret(folder / f"{name}.password"))
        .render_as_string(hide_password=False)
        for name in ("api", "worker")
    }


def _migrate(url: str, logins: Mapping[str, str]) -> None:
    from sqlalchemy import make_url

    from estate.core.migrate import upgrade

    as_whom = [make_url(login) for login in logins.values()]
    upgrade(url, {str(login.username): str(login.password) for login in as_whom})


def _estate(environment: Mapping[str, str], *arguments: str) -> None:
    """Run one of our own commands to its end, on this terminal."""
    from estate.cli.leash import leashed

    command = leashed([sys.executable, "-m", "estate", *arguments], signal.SIGTERM)
    code = subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 (our own program)
    if code:
        raise Unavailable(f"`estate {shlex.join(arguments)}` ended with exit code {code}.")


def _start(
    console: Console, parts: ExitStack, environment: Mapping[str, str], name: str, arguments: list[str]
) -> Child:
    from estate.cli.leash import leashed

    process = subprocess.Popen(  # noqa: S603 (our own program)
        leashed([sys.executable, *arguments], signal.SIGTERM),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        # Ctrl-C is for the supervisor, which stops the parts in order.
        start_new_session=True,
    )
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    reader = Thread(target=_copy_lines, args=(console, name, process.stdout, tail), daemon=True)
    child = Child(name, process, tail, reader)
    parts.callback(child.stop)
    reader.start()
    return child


def _copy_lines(console: Console, name: str, lines: IO[bytes], tail: deque[str]) -> None:
    style = {"api": "cyan", "worker": "magenta"}.get(name, "green")
    with lines:
        for raw in lines:
            line = raw.decode(errors="replace").rstrip()
            tail.append(line)
            console.print(Text(f"{name:<8}", style) + Text.from_ansi(line), soft_wrap=True)


def _require_alive(children: list[Child]) -> None:
    for child in children:
        if child.process.poll() is not None:
            child.reader.join(timeout=1)
            tail = "\n".join(child.tail)
            raise Unavailable(f"{child.name} ended with exit code {child.process.returncode}. Its last lines:\n{tail}")


def _wait_ready(url: str, children: list[Child]) -> None:
    deadline = time.monotonic() + READY_DEADLINE_S
    while True:
        _require_alive(children)
        problem = _problem_of(url)
        if problem is None:
            return
        if time.monotonic() > deadline:
            raise Unavailable(f"{url} was not ready after {READY_DEADLINE_S:.0f} s: {problem}")
        time.sleep(POLL_S)


def _problem_of(url: str) -> str | None:
    """Return why the API is not ready, or None when it is."""
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 (our own address)
            return None
    except urllib.error.HTTPError as error:
        with error:
            return error.read(500).decode(errors="replace")
    except OSError as error:
        return str(error)


def _address(settings: Settings) -> str:
    return api_address(settings.api_host, settings.api_port)


def _console_address(settings: Settings) -> str:
    return api_address(settings.console_host, settings.console_port)


def _welcome(
    console: Console, settings: Settings, folder: Path, environment: Mapping[str, str], parts: ExitStack
) -> None:
    """Print where everything is, and leave the addresses for a second terminal while we run."""
    addresses = folder / "env"
    _write_private(addresses, {name: environment[name] for name in environment if name.startswith("ESTATE_")})
    parts.callback(addresses.unlink, missing_ok=True)
    address = _address(settings)
    key = environment["ESTATE_BOOTSTRAP_API_KEY"] if settings.bootstrap_api_key is None else "$ESTATE_BOOTSTRAP_API_KEY"
    lines = [
        f"Console  {_console_address(settings)}",
        *_accounts(folder),
        f"API      {address}",
        f"Docs     {address}/docs",
        f"API key  {key}",
        f"Other terminals:  . {shlex.quote(str(addresses))}",
        f"Ctrl-C stops; data is kept in {folder}",
    ]
    box = Panel(Text("\n".join(lines)), title="Estate is ready", border_style="green", expand=False)
    # Outside the box and in one piece, so that it can be copied from a narrow terminal.
    example = f'curl -H "X-API-Key: {key}" "{address}/market/heatmap"'
    console.print(box, Text(example), soft_wrap=True)


def _accounts(folder: Path) -> list[str]:
    """Tell how to sign in: to the accounts that were opened by us, else how to make one."""
    from estate.cli.accounts import ACCOUNTS, PASSWORD_FILE

    password = folder / PASSWORD_FILE
    if not password.exists():
        return ["Sign in  as a user of yours; the first: estate users create you@example.com --role admin"]
    return [f"Sign in  {', '.join(ACCOUNTS.values())}", f"         password in {password}"]


def _write_private(path: Path, variables: Mapping[str, str]) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()))
