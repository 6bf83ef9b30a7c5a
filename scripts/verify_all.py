"""Runs the ten verification steps of the client's specification and writes build_report.json."""

import argparse
import datetime as dt
import json
import secrets
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import httpx2
from redis import Redis
from rich.console import Console
from sqlalchemy import Connection, Engine, NullPool, create_engine, func, select, text

from estate.core.migrate import revisions
from estate.registry import metadata
from scripts.checks import Failed, Skipped, require, run_command, wait_for
from scripts.schema_check import schema_problems
from scripts.services import Addresses, Services, choose
from scripts.smoke import smoke_problems

REPORT = Path("build_report.json")
REQUEST_DEADLINE_S = 30.0
CONNECT_DEADLINE_S = 5
STATEMENT_DEADLINE_MS = 60_000
PYTEST_DEADLINE_S = 2_400.0
LEAST_ROWS = {"agent_activity": 10, "client_profiles": 50, "properties": 100, "behavior_events": 1_000}
LEAST_GROUPED = 10
LEAST_LAYERS = 3
EVENTS_POSTED = 30
SOON = dt.timedelta(seconds=30)

console = Console()


@dataclass(frozen=True, slots=True)
class Step:
    """The result of one step."""

    name: str
    status: str
    detail: str
    seconds: float


@dataclass
class Run:
    """What the steps share."""

    services: Services
    api_key: str

    @cached_property
    def addresses(self) -> Addresses:
        """Addresses of the services; the first look waits until they are healthy."""
        return self.services.addresses()

    @cached_property
    def engine(self) -> Engine:
        """Engine of the database under test; it keeps no connection open."""
        options = f"-c statement_timeout={STATEMENT_DEADLINE_MS}"
        arguments = {"connect_timeout": CONNECT_DEADLINE_S, "options": options}
        return create_engine(self.addresses.database, poolclass=NullPool, connect_args=arguments)

    @contextmanager
    def whole_house(self) -> Iterator[Connection]:
        """Open a connection that sees the rows of everybody, as the migrated database lets its owner."""
        with self.engine.connect() as connection:
            connection.execute(text("SET ROLE estate_system"))
            yield connection

    @property
    def api(self) -> httpx2.Client:
        """Client of the running API."""
        headers = {"X-API-Key": self.api_key}
        return httpx2.Client(base_url=self.addresses.api, headers=headers, timeout=REQUEST_DEADLINE_S)


def start_containers(run: Run) -> str:
    """Step 1: bring up the services in containers."""
    return run.services.start()


def services_healthy(run: Run) -> str:
    """Step 2: wait for PostgreSQL and Redis."""
    with run.engine.connect() as connection:
        version = connection.execute(text("SHOW server_version")).scalar_one()
    with Redis.from_url(run.addresses.redis, socket_timeout=CONNECT_DEADLINE_S) as client:
        require(bool(client.ping()), "Redis did not answer a ping")
        redis_version = client.info("server")["redis_version"]
    return f"PostgreSQL {version}, Redis {redis_version}"


def migrate(run: Run) -> str:
    """Step 3: run the Alembic migrations."""
    run.services.estate("migrate")
    with run.engine.connect() as connection:
        found, newest = revisions(connection, run.addresses.database)
    require(found == newest, f"the database is at revision {found}, the newest is {newest}")
    return f"revision {found}"


def check_schema(run: Run) -> str:
    """Step 4: compare the database with the specification."""
    with run.engine.connect() as connection:
        problems = schema_problems(connection)
        require(not problems, "; ".join(problems))
        indexes = connection.execute(text("SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'")).scalar_one()
    return f"tables, columns, types, keys and {indexes} indexes are as specified"


def seed(run: Run) -> str:
    """Step 5: load the sample world."""
    run.services.estate("seed", "--scale", "1", "--seed", "7", "--if-empty")
    counts = {table: _rows(run, table) for table in LEAST_ROWS}
    for table, least in LEAST_ROWS.items():
        require(counts[table] >= least, f"{table} has {counts[table]} rows, at least {least} are demanded")
    return ", ".join(f"{n:,} {table}" for table, n in counts.items())


def run_tests(run: Run) -> str:
    """Step 6: run the unit and integration tests, on servers of their own."""
    command = (sys.executable, "-m", "pytest", "-q", "-m", "not long", "-p", "no:cacheprovider")
    return run_command(command, deadline_s=PYTEST_DEADLINE_S).strip().splitlines()[-1]


def call_endpoints(run: Run) -> str:
    """Step 7: call every endpoint and check its answer."""
    run.services.start_api()
    wait_for("the API getting ready", lambda: _status(run, "/readyz") == 200, run.services.require_alive)
    called, problems = smoke_problems(run.api)
    require(not problems, "; ".join(problems))
    return f"{called} operations answered as described in OpenAPI"


def run_behavior_job(run: Run) -> str:
    """Step 8: let a real worker fold events and discover triggers."""
    run.services.start_worker()
    posted = _post_events(run)
    grouped = "SELECT count(*) FROM behavior_events WHERE pattern_group IS NOT NULL AND folded_at IS NOT NULL"
    mine = grouped + " AND event_id = ANY(:ids)"
    waiting = "SELECT count(*) FROM outbox WHERE NOT dead AND (attempts > 0 OR available_at < :soon)"
    soon = dt.datetime.now(dt.UTC) + SOON  # Work that is planned for later is not waited for.
    alive = run.services.require_alive
    wait_for("the worker folding the posted events", lambda: _count(run, mine, ids=posted) == len(posted), alive)
    wait_for("the outbox running empty", lambda: _count(run, waiting, soon=soon) == 0, alive)
    n = _count(run, grouped)
    require(n >= LEAST_GROUPED, f"{n} events have a pattern group, at least {LEAST_GROUPED} are demanded")
    triggers = run.api.get("/behavior/triggers").json()["items"]
    require(bool(triggers), "no trigger was computed")
    dead = _count(run, "SELECT count(*) FROM outbox WHERE dead")
    require(dead == 0, f"{dead} pieces of work were given up")
    return (
        f"{n:,} events grouped; {len(triggers)} triggers, first: {triggers[0]['term']} (lift {triggers[0]['lift']:.2f})"
    )


def ask_gpt(run: Run) -> str:
    """Step 9: ask the assistant a realistic question."""
    with run.whole_house() as connection:
        row = connection.execute(
            text("""
            SELECT c.client_id, c.owner_agent_id, m.area_name
            FROM client_profiles c, market_insights m
            WHERE c.owner_agent_id IS NOT NULL AND m.price_avg IS NOT NULL
            ORDER BY c.client_id, m.area_name LIMIT 1
            """)
        ).one()
    question = f"My client finds {row.area_name} too expensive. What should I offer, and is the market there still hot?"
    payload = {"client_input": question, "agent_id": str(row.owner_agent_id), "client_id": str(row.client_id)}
    answer = run.api.post("/gpt/respond", json=payload | {"property": None})
    require(answer.status_code == 200, f"POST /gpt/respond answered {answer.status_code}: {answer.text[:300]}")
    reply = answer.json()
    layers = {used["layer"] for used in reply["used_records"] if used["ids"]}
    require(
        len(layers) >= LEAST_LAYERS, f"the reply uses records of {sorted(layers)}, at least three layers are demanded"
    )
    require(isinstance(reply["confidence"], float), "the reply has no numeric confidence")
    require(all(claim["cites"] for claim in reply["reasoning"]), "a claim of the reply cites no record")
    return f"{len(reply['reasoning'])} claims cite {', '.join(sorted(layers))}; confidence {reply['confidence']:.2f}"


STEPS: tuple[tuple[str, Callable[[Run], str]], ...] = (
    ("start containers", start_containers),
    ("services healthy", services_healthy),
    ("migrations", migrate),
    ("database schema", check_schema),
    ("sample data", seed),
    ("tests", run_tests),
    ("endpoints", call_endpoints),
    ("behavior job", run_behavior_job),
    ("gpt reply", ask_gpt),
)


def _post_events(run: Run) -> list[uuid.UUID]:
    agent = run.api.get("/agent/query", params={"limit": 1}).json()["items"][0]["agent_id"]
    clients = [item["client_id"] for item in run.api.get("/client/query", params={"limit": 2}).json()["items"]]
    ids = [uuid.uuid4() for _ in range(EVENTS_POSTED)]
    events = [
        {
            "event_id": str(event_id),
            "agent_id": agent,
            "client_id": clients[i % len(clients)],
            "trigger_word": "payment plan" if i % 2 else "too far",
            "conversion_effect": 0.8 if i % 2 else -0.5,
            "time_of_event": "2026-01-01T09:00:00Z",
        }
        for i, event_id in enumerate(ids)
    ]
    for event in events:
        answer = run.api.post("/behavior/event", json=event)
        require(answer.status_code == 202, f"POST /behavior/event answered {answer.status_code}: {answer.text[:300]}")
    return ids


def _rows(run: Run, table: str) -> int:
    with run.whole_house() as connection:
        return int(connection.execute(select(func.count()).select_from(metadata.tables[table])).scalar_one())


def _count(run: Run, query: str, **parameters: object) -> int:
    with run.whole_house() as connection:
        return int(connection.execute(text(query), parameters).scalar_one())


def _status(run: Run, path: str) -> int:
    try:
        return run.api.get(path).status_code
    except httpx2.TransportError:
        return 0


def perform(run: Run, results: list[Step]) -> None:
    """Perform the steps in order, adding their results; after the first that fails the rest is skipped."""
    failed = False
    for name, action in STEPS:
        started = time.monotonic()
        if failed:
            status, detail = "skipped", "an earlier step failed; mend it and run scripts/verify_all.sh again"
        else:
            status, detail = _outcome(run, action)
        results.append(Step(name, status, detail, round(time.monotonic() - started, 2)))
        _show(results[-1], len(results))
        if status == "failed":
            failed = True
            _show_logs(run)


def _outcome(run: Run, action: Callable[[Run], str]) -> tuple[str, str]:
    try:
        return "passed", action(run)
    except Skipped as reason:
        return "skipped", str(reason)
    except Failed as problem:
        return "failed", str(problem)
    except KeyboardInterrupt:
        return "failed", "interrupted"
    except Exception as error:
        return "failed", f"{type(error).__name__}: {str(error)[:1000]}"


def _show(step: Step, number: int) -> None:
    mark = {"passed": "[green]passed[/]", "failed": "[red]failed[/]", "skipped": "[yellow]skipped[/]"}[step.status]
    console.print(f"{number:>2}. {step.name:<18}{mark}  {step.seconds:>7.2f} s  ", end="")
    console.print(step.detail, markup=False, highlight=False)


def _show_logs(run: Run) -> None:
    with suppress(Failed):
        for line in run.services.log_tail().splitlines():
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def verify(mode: str) -> list[Step]:
    """Perform the steps on the services of a mode, and leave nothing of them running."""
    steps: list[Step] = []
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="estate-verify-")))
            folder.chmod(0o755)
            api_key = secrets.token_urlsafe(32)
            try:
                perform(Run(choose(mode, stack, folder, api_key), api_key), steps)
            finally:
                _ignore_signals()
    except Failed as problem:
        steps.append(Step("clean up", "failed", str(problem), 0.0))
    return steps


def _listen_to_signals() -> None:
    """Let every request to stop arrive as a KeyboardInterrupt, which fails the step at work and cleans up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def write_report(steps: list[Step]) -> bool:
    """Write the report (step 10) and return whether nothing failed."""
    passed = all(step.status != "failed" for step in steps)
    final = Step("report", "passed", str(REPORT), 0.0)
    content = {"passed": passed, "steps": [asdict(step) for step in (*steps, final)]}
    REPORT.write_text(json.dumps(content, indent=2) + "\n")
    _show(final, len(steps) + 1)
    return passed


def main() -> int:
    """Run all steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--services",
        choices=("auto", "docker", "embedded"),
        default="auto",
        help="containers, embedded servers, or (auto) containers where an engine answers",
    )
    _listen_to_signals()
    steps = verify(parser.parse_args().services)
    if write_report(steps):
        console.print("[green]Every step that can run here passed.[/]")
        return 0
    broken = next(step for step in steps if step.status == "failed")
    console.print(f"[red]Step “{broken.name}” failed:[/] ", end="")
    console.print(broken.detail, markup=False, highlight=False)
    return 1


if __name__ == "__main__":
    sys.exit(main())
