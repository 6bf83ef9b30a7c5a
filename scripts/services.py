"""Where the platform under verification runs: processes of this machine, or the containers of docker-compose.yml."""

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from estate.cli.processes import HOST, free_port, stop_process
from estate.cli.servers import start_postgres, start_redis
from estate.core.settings import get_settings
from scripts.checks import TAIL_LINES, Failed, Skipped, require, run_command, wait_for

__all__ = ["Addresses", "Containers", "Processes", "Services", "choose"]

ENGINE_DEADLINE_S = 30.0
BUILD_DEADLINE_S = 1_200.0
START_DEADLINE_S = 300.0
COMMAND_DEADLINE_S = 300.0
PROCESS_STOP_DEADLINE_S = 20.0
CONTAINER_STOP_DEADLINE_S = 10
IMAGE = "estate-verify"
CONTAINERS = ("postgres", "redis", "web", "console", "worker", "beat")
DOCKER_COMMAND = "scripts/verify_all.sh --services docker"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts listen, as URLs."""

    database: str
    redis: str
    api: str


class Services(Protocol):
    """The platform, wherever it runs; what a part needs to stop is on the exit stack of the run."""

    def start(self) -> str:
        """Bring up the containers and return a sentence on them."""

    def addresses(self) -> Addresses:
        """Return the addresses once PostgreSQL and Redis are healthy."""

    def estate(self, *arguments: str) -> None:
        """Run a command of ours to its end."""

    def start_api(self) -> None:
        """Start the API unless it runs already."""

    def start_worker(self) -> None:
        """Start worker and beat unless they run already."""

    def require_alive(self) -> None:
        """Raise `Failed` when a part that was started has ended for good."""

    def log_tail(self) -> str:
        """Return the last lines that our own parts wrote."""


@dataclass(slots=True)
class Processes:
    """Embedded or configured servers, and our parts as processes of this machine."""

    stack: ExitStack
    folder: Path
    api_key: str
    reason: str
    _environment: dict[str, str] = field(default_factory=dict)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self) -> str:
        """Refuse: there are no containers in this mode."""
        raise Skipped(f"{self.reason}; on a machine with a container engine: {DOCKER_COMMAND}")

    def addresses(self) -> Addresses:
        """Start the servers whose address is not configured."""
        settings = get_settings()
        if settings.database_url is None:
            database = self.stack.enter_context(start_postgres(self.folder / "postgresql", for_tests=True)).url
        else:
            database = settings.require_database_url()
        if settings.redis_url is None:
            redis = self.stack.enter_context(start_redis(self.folder / "redis")).url
        else:
            redis = settings.require_redis_url()
        port = free_port()
        self._environment = {
            **os.environ,
            "ESTATE_DATABASE_URL": database,
            "ESTATE_REDIS_URL": redis,
            "ESTATE_BOOTSTRAP_API_KEY": self.api_key,
            "ESTATE_API_HOST": HOST,
            "ESTATE_API_PORT": str(port),
            "ESTATE_DATA_DIR": str(self.folder),
        }
        return Addresses(database, redis, f"http://{HOST}:{port}")

    def estate(self, *arguments: str) -> None:
        """Run a command of ours in a process."""
        command = [sys.executable, "-m", "estate", *arguments]
        run_command(command, deadline_s=COMMAND_DEADLINE_S, environment=self._environment)

    def start_api(self) -> None:
        """Start `estate serve`."""
        self.stack.enter_context(self._process("api", "estate", "serve"))

    def start_worker(self) -> None:
        """Start a worker with its beat."""
        options = ("--beat", "--schedule", str(self.folder / "beat"), "--concurrency", "1")
        self.stack.enter_context(
            self._process("worker", "celery", "--quiet", "-A", "estate.worker", "worker", *options)
        )

    def require_alive(self) -> None:
        """Raise when a process has ended."""
        for name, process in self._running.items():
            require(process.poll() is None, f"the {name} ended with status {process.returncode}")

    def log_tail(self) -> str:
        """Return the last lines of each log."""
        logs = {name: (self.folder / f"{name}.log").read_text(errors="replace") for name in self._running}
        return "\n".join(f"{name:<7}{line}" for name, log in logs.items() for line in log.splitlines()[-TAIL_LINES:])

    @contextmanager
    def _process(self, name: str, *module_and_arguments: str) -> Iterator[None]:
        command = [sys.executable, "-m", *module_and_arguments]
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log, start_new_session=True)
        self._running[name] = process
        try:
            yield
        finally:
            stop_process(process, signal.SIGTERM, PROCESS_STOP_DEADLINE_S)


@dataclass(slots=True)
class Containers:
    """The services of docker-compose.yml under a project name of their own; they are removed with their data."""

    stack: ExitStack
    folder: Path
    api_key: str
    _password: str = field(default_factory=lambda: secrets.token_hex(20))
    _pepper: str = field(default_factory=lambda: secrets.token_hex(20))
    _api_port: int = field(default_factory=free_port)
    _console_port: int = field(default_factory=free_port)
    _compose: list[str] = field(default_factory=list)
    _ids: dict[str, str] = field(default_factory=dict)

    def start(self) -> str:
        """Build the image, then start everything in its order."""
        ports = self.folder / "ports.json"
        ports.write_text(json.dumps(_published({"postgres": 5432, "redis": 6379})))
        project = f"estate-verify-{secrets.token_hex(4)}"
        files = ("--file", "docker-compose.yml", "--file", str(ports))
        self._compose = [*compose_command(), "--project-name", project, *files]
        self._run("build", "web", deadline_s=BUILD_DEADLINE_S)
        self.stack.callback(self._remove)
        self._run("up", "--detach", deadline_s=START_DEADLINE_S)
        self._ids = {name: self._run("ps", "--all", "--quiet", name).split()[-1] for name in CONTAINERS}
        return f"{', '.join(CONTAINERS)} run after the migration job, from an image of {_image_megabytes()} MB"

    def addresses(self) -> Addresses:
        """Wait until every container is healthy, then ask which ports the engine chose."""
        wait_for("every container getting healthy", self._healthy, self.require_alive, START_DEADLINE_S)
        database = f"postgresql+psycopg://estate:{self._password}@{self._address('postgres', 5432)}/estate"
        return Addresses(database, f"redis://{self._address('redis', 6379)}/0", f"http://{HOST}:{self._api_port}")

    def estate(self, *arguments: str) -> None:
        """Run a command of ours in a container of its own."""
        self._run("run", "--rm", "--no-deps", "-T", "migrate", "estate", *arguments)

    def start_api(self) -> None:
        """Do nothing: web runs since the first step."""

    def start_worker(self) -> None:
        """Do nothing: worker and beat run since the first step."""

    def require_alive(self) -> None:
        """Raise when a container has stopped and its restart policy does not start it again."""
        for name, (status, code, _) in self._states().items():
            require(status in {"running", "restarting"}, f"the container of {name} has {status} with status {code}")

    def log_tail(self) -> str:
        """Return the last lines that each container of ours wrote."""
        if not self._compose:
            return ""
        return self._run("logs", "--no-color", "--tail", str(TAIL_LINES), "migrate", "web", "console", "worker", "beat")

    def _healthy(self) -> bool:
        return all(health == "healthy" for _, _, health in self._states().values())

    def _states(self) -> dict[str, list[str]]:
        """Return status, exit status and health of each container."""
        template = "{{.State.Status}} {{.State.ExitCode}} {{.State.Health.Status}}"
        command = ["docker", "inspect", "--format", template, *self._ids.values()]
        lines = run_command(command, deadline_s=ENGINE_DEADLINE_S).splitlines()
        return {name: line.split() for name, line in zip(self._ids, lines, strict=True)}

    def _address(self, service: str, port: int) -> str:
        return self._run("port", service, str(port)).split()[-1]

    def _run(self, *arguments: str, deadline_s: float = COMMAND_DEADLINE_S) -> str:
        return run_command([*self._compose, *arguments], deadline_s=deadline_s, environment=self._environment)

    @property
    def _environment(self) -> Mapping[str, str]:
        return {
            **os.environ,
            "POSTGRES_PASSWORD": self._password,
            "ESTATE_API_DATABASE_PASSWORD": f"api-{self._password}",
            "ESTATE_WORKER_DATABASE_PASSWORD": f"worker-{self._password}",
            "ESTATE_BOOTSTRAP_API_KEY": self.api_key,
            "ESTATE_KEY_PEPPER": self._pepper,
            "ESTATE_API_PORT": str(self._api_port),
            "ESTATE_CONSOLE_PORT": str(self._console_port),
            "ESTATE_IMAGE": IMAGE,
        }

    def _remove(self) -> None:
        timeout = str(CONTAINER_STOP_DEADLINE_S)
        self._run("down", "--volumes", "--remove-orphans", "--timeout", timeout)


def _published(ports: Mapping[str, int]) -> dict[str, object]:
    """Compose file that publishes ports where the engine finds a free one, for this machine only."""
    return {"services": {service: {"ports": [f"{HOST}::{port}"]} for service, port in ports.items()}}


def _image_megabytes() -> int:
    size = run_command(["docker", "image", "inspect", "--format", "{{.Size}}", IMAGE], deadline_s=ENGINE_DEADLINE_S)
    return int(size) // 1_000_000


def compose_command() -> tuple[str, ...]:
    """Return how Compose is called here.

    Raises
    ------
    Failed
        No container engine answers, or Compose is not installed.
    """
    if not _answers("docker", "info"):
        raise Failed("no container engine answers `docker info` here")
    for command in (("docker", "compose"), ("docker-compose",)):
        if _answers(*command, "version"):
            return command
    raise Failed("neither `docker compose` nor `docker-compose` is installed here")


def _answers(*command: str) -> bool:
    try:
        run_command(command, deadline_s=ENGINE_DEADLINE_S)
    except (Failed, OSError):
        return False
    return True


def choose(mode: str, stack: ExitStack, folder: Path, api_key: str) -> Services:
    """Return the services of a mode: ``docker``, ``embedded``, or ``auto``, which is the first one that works here."""
    if mode == "docker":
        return Containers(stack, folder, api_key)
    reason = "this run was asked to use the embedded servers"
    if mode == "auto":
        try:
            compose_command()
            return Containers(stack, folder, api_key)
        except Failed as problem:
            reason = str(problem)
    return Processes(stack, folder, api_key, reason)
