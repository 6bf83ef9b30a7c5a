"""`estate bench ingest`: what events cost over HTTP, beside the least that any program could do.

Peers, on the same PostgreSQL with the same table, keys, foreign keys and indexes: for single events the smallest
FastAPI and asyncpg endpoint with the same Pydantic model; for batches `COPY` by psycopg of the same rows. Ours
checks the key, refuses doubles and conflicts, writes the work that follows, logs and counts. One process a side;
alternating rounds, medians.
"""

import datetime as dt
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from benchmarks.harness.load import Call, Load, measure
from benchmarks.harness.run import load
from benchmarks.harness.stack import API_KEY, Postgres, Redis, Stack, repository, wait_until
from benchmarks.harness.world import Event, World, new_event
from benchmarks.peers.ingest_minimal import COLUMNS, HASH
from benchmarks.report import Options, Report
from estate.cli.leash import leashed
from estate.cli.processes import HOST, free_port, stop_process

__all__ = ["TARGETS", "bench"]

CONNECTIONS = 64
BATCH = 500
BATCH_CONNECTIONS = 4
ROUNDS = 5
SINGLES = 5_000
BATCHES = 60
WARM_UP = 500

TARGETS: dict[str, tuple[str, float]] = {"single_ratio": (">=", 0.8), "batch_ratio": (">=", 0.30)}


@dataclass(slots=True)
class _Rounds:
    """Figures of one side, one a round."""

    rates: list[float] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)

    def add(self, n: int, done: Load) -> None:
        self.rates.append(n / done.seconds)
        self.milliseconds += done.milliseconds

    def p(self, percent: int) -> float:
        return statistics.quantiles(self.milliseconds, n=100)[percent - 1]


@dataclass(slots=True)
class _Sides:
    """The four things that are measured."""

    ours: _Rounds = field(default_factory=_Rounds)
    peer: _Rounds = field(default_factory=_Rounds)
    batches: _Rounds = field(default_factory=_Rounds)
    copy: _Rounds = field(default_factory=_Rounds)


def bench(options: Options) -> Report:
    """Run the bench."""
    rounds, singles, batches = (1, 1_000, 6) if options.quick else (ROUNDS, SINGLES, BATCHES)
    with tempfile.TemporaryDirectory(prefix="estate-bench-", dir="/var/tmp") as name, ExitStack() as parts:
        folder = Path(name)
        folder.chmod(0o755)
        postgres = Postgres(folder / "postgresql")
        parts.callback(postgres.stop)
        redis = Redis(folder / "redis")
        parts.callback(redis.stop)
        rng = Random(options.seed)  # noqa: S311 (what is sent must be repeatable)
        world = World.draw(rng)
        _prepare(postgres, redis, folder, world)
        stack = Stack(postgres, redis, "ours", folder / "ours", roles=("api",), direct=True)
        parts.callback(stack.stop)
        stack.wait_ready()
        peer = parts.enter_context(_peer(postgres.dsn("peer"), folder))
        sides = _measure(rounds, singles, batches, stack, peer, rng, world, folder)
        written = _count(postgres, "ours")
        expected = WARM_UP + rounds * (singles + batches * BATCH)
        if written != expected or _count(postgres, "peer") != expected:
            raise RuntimeError(f"{written} events are stored instead of {expected}")
    return _report(options, sides, written)


def _prepare(postgres: Postgres, redis: Redis, folder: Path, world: World) -> None:
    """Make two databases with the same records in them."""
    postgres.create("world")
    stack = Stack(postgres, redis, "world", folder / "world", roles=("api",), direct=True)
    try:
        stack.wait_ready()
        load(stack, world)
    finally:
        stack.stop()
    postgres.execute("DELETE FROM outbox", database="world")
    for database in ("ours", "peer"):
        postgres.create(database, template="world")


@contextmanager
def _peer(dsn: str, folder: Path) -> Iterator[int]:
    """Run the minimal endpoint; yield its port."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.peers.ingest_minimal", dsn, str(port)]
    with (folder / "peer.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 (our own program)
            leashed(command, signal.SIGTERM), stdout=log, stderr=log, cwd=repository(), start_new_session=True
        )
    try:
        wait_until(lambda: _answers(port), f"the peer getting ready, see {folder / 'peer.log'},")
        yield port
    finally:
        stop_process(process, signal.SIGTERM, 5)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/openapi.json", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _measure(
    rounds: int, singles: int, batches: int, stack: Stack, peer: int, rng: Random, world: World, folder: Path
) -> _Sides:
    sides = _Sides()
    file = folder / "bodies"
    warm = _events(rng, world, WARM_UP)
    for port in (stack.port, peer):
        _single(port, warm, file)
    for number in range(rounds):
        events = _events(rng, world, singles)
        order = [(stack.port, sides.ours), (peer, sides.peer)]
        for port, side in order if number % 2 == 0 else order[::-1]:
            side.add(singles, _single(port, events, file))
        events = _events(rng, world, batches * BATCH)
        copy_first = number % 2 == 1
        if copy_first:
            _copy(stack, events, sides)
        _batches(stack, events, file, sides)
        if not copy_first:
            _copy(stack, events, sides)
    return sides


def _events(rng: Random, world: World, n: int) -> list[Event]:
    return [new_event(rng, world) for _ in range(n)]


def _body(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _single(port: int, events: Sequence[Event], file: Path) -> Load:
    calls = [Call("POST", "/behavior/event", _body(event)) for event in events]
    done = measure(port, CONNECTIONS, API_KEY, calls, file)
    if done.statuses != {"202": len(events)}:
        raise RuntimeError(f"single events were answered {done.statuses}")
    return done


def _batches(stack: Stack, events: Sequence[Event], file: Path, sides: _Sides) -> None:
    bodies = [_body(events[start : start + BATCH]) for start in range(0, len(events), BATCH)]
    calls = [Call("POST", "/behavior/ingest", body) for body in bodies]
    done = measure(stack.port, BATCH_CONNECTIONS, API_KEY, calls, file)
    if done.statuses != {"200": len(bodies)}:
        raise RuntimeError(f"batches were answered {done.statuses}")
    sides.batches.add(len(events), done)


def _copy(stack: Stack, events: Sequence[Event], sides: _Sides) -> None:
    """Copy the rows in one transaction, from values that need no more reading."""
    rows = [_row(event) for event in events]
    with psycopg.connect(stack.postgres.dsn("peer")) as connection:
        started = time.perf_counter()
        with connection.cursor().copy(f"COPY behavior_events ({', '.join(COLUMNS)}) FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)
        connection.commit()
        sides.copy.rates.append(len(rows) / (time.perf_counter() - started))


def _row(event: Event) -> tuple[Any, ...]:
    given = {**event, "time_of_event": dt.datetime.fromisoformat(event["time_of_event"]), "content_hash": HASH}
    return tuple(given.get(name) for name in COLUMNS)


def _count(postgres: Postgres, database: str) -> int:
    with psycopg.connect(postgres.dsn(database)) as connection:
        row = connection.execute("SELECT count(*) FROM behavior_events").fetchone()
    return int(row[0]) if row else 0


def _report(options: Options, sides: _Sides, written: int) -> Report:
    ours, peer, batches, copy = (
        statistics.median(s.rates) for s in (sides.ours, sides.peer, sides.batches, sides.copy)
    )
    metrics = {
        "single_rps": ours,
        "single_ratio": ours / peer,
        "single_p50_ms": sides.ours.p(50),
        "single_p99_ms": sides.ours.p(99),
        "batch_rows_per_s": batches,
        "batch_ratio": batches / copy,
        "batch_p50_ms": sides.batches.p(50),
        "batch_p99_ms": sides.batches.p(99),
        "rounds": {
            str(number): {"single_rps": a, "minimal_rps": b, "batch_rows_per_s": c, "copy_rows_per_s": d}
            for number, (a, b, c, d) in enumerate(
                zip(sides.ours.rates, sides.peer.rates, sides.batches.rates, sides.copy.rates, strict=True), start=1
            )
        },
    }
    peers = {
        "fastapi + asyncpg": {
            "single_rps": peer,
            "single_ratio": 1.0,
            "single_p50_ms": sides.peer.p(50),
            "single_p99_ms": sides.peer.p(99),
        },
        "psycopg COPY": {"batch_rows_per_s": copy, "batch_ratio": 1.0},
    }
    data = f"generated events; {CONNECTIONS} connections, batches of {BATCH} over {BATCH_CONNECTIONS}; one API process"
    return Report("ingest", options.seed, written, data, metrics, {} if options.quick else TARGETS, peers)
