"""`estate bench fold`: what 10,000 new events cost to fold, after a short and after a long history.

Folding adds new events to the counts of terms, agents and units, as the worker does it: by claims from the outbox,
batch by batch. Its cost must not grow with what is already there. The people, units and deals of the world grow
with the history, and new events are spread over all of them. Scoring and the analysis are other topics and not
timed here.
"""

import datetime as dt
import statistics
import time
from collections.abc import Mapping, Sequence
from random import Random

import psycopg
from rich.console import Console

from benchmarks.harness.history import fill, new_events, recount_differs
from benchmarks.harness.stack import Postgres, passing_postgres
from benchmarks.report import Options, Report
from estate import registry
from estate.behavior.service import ingest_events
from estate.core.db import Database, unit_of_work, use_database
from estate.core.ingest import SourceRow
from estate.core.outbox import drain
from estate.core.queue import TOPICS
from estate.core.security import Actor

__all__ = ["TARGETS", "bench"]

SIZES = (100_000, 1_000_000, 10_000_000)
NEW = 10_000
REPEATS = 7
QUICK_SIZES = (2_000, 10_000, 40_000)
QUICK_NEW = 1_000
BATCH = 500

FOLDS = ("behavior.fold", "agent.fold", "property.fold")

TARGETS: dict[str, tuple[str, float]] = {"growth": ("<=", 1.3), "mismatches": ("==", 0)}
QUICK_TARGETS: dict[str, tuple[str, float]] = {"mismatches": ("==", 0)}


def bench(options: Options) -> Report:
    """Run the bench: a database for each length of history, measured in turns."""
    sizes, new, repeats = (QUICK_SIZES, QUICK_NEW, 3) if options.quick else (SIZES, NEW, REPEATS)
    registry.register()
    with passing_postgres() as postgres:
        databases = {size: _filled(postgres, size) for size in sizes}
        rng = Random(options.seed)  # noqa: S311 (what is drawn must be repeatable)
        # The first turn fills caches and plans.
        turns = [_turn(postgres, databases, rng, new) for _ in range(repeats + 1)][1:]
        mismatches = sum(_differences(postgres, size) for size in sizes)
    return _report(options, sizes, new, turns, mismatches)


def _database(size: int) -> str:
    return f"history_{size}"


def _filled(postgres: Postgres, size: int) -> Database:
    """Make a database with a history."""
    started = time.monotonic()
    postgres.create(_database(size))
    with psycopg.connect(postgres.dsn(_database(size)), autocommit=True) as connection:
        fill(connection, size)
    Console(stderr=True).print(f"history of {size:,} events made in {time.monotonic() - started:.0f} s")
    return Database.connect(postgres.url(_database(size)).render_as_string(hide_password=False), "worker")


def _turn(postgres: Postgres, databases: Mapping[int, Database], rng: Random, new: int) -> dict[int, dict[str, float]]:
    """Measure each length of history once."""
    seconds = {}
    for size, database in databases.items():
        dsn = postgres.dsn(_database(size))
        with use_database(database), psycopg.connect(dsn, autocommit=True) as connection:
            seconds[size] = _once(connection, rng, size, new)
    return seconds


def _differences(postgres: Postgres, size: int) -> int:
    with psycopg.connect(postgres.dsn(_database(size)), autocommit=True) as connection:
        return recount_differs(connection)


def _once(connection: psycopg.Connection, rng: Random, history: int, new: int) -> dict[str, float]:
    """Take new events, then return the seconds that it takes to fold them, by topic."""
    events = new_events(connection, rng, history, new)
    for start in range(0, new, BATCH):
        rows = [SourceRow(i, event) for i, event in enumerate(events[start : start + BATCH])]
        with unit_of_work(Actor.system()) as session:
            result = ingest_events(session, rows)
        if result.counts["created"] != len(rows):
            raise RuntimeError(f"new events came to {result.counts}")
    # As autovacuum leaves them: what earlier passes left behind is not this one's cost.
    connection.execute("VACUUM ANALYZE outbox, trigger_stats, agent_activity, properties")
    seconds: dict[str, float] = {}
    for topic in FOLDS:
        started = time.perf_counter()
        drain(topic, TOPICS[topic], now=dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1))
        seconds[topic] = time.perf_counter() - started
    connection.execute("DELETE FROM outbox")  # Of the topics that are not timed.
    return seconds


def _report(
    options: Options, sizes: Sequence[int], new: int, turns: Sequence[dict[int, dict[str, float]]], mismatches: int
) -> Report:
    scale = 10_000 / new
    small, medium, large = ([scale * sum(turn[size].values()) for turn in turns] for size in sizes)
    metrics = {
        "seconds_per_10k_small": statistics.median(small),
        "seconds_per_10k_medium": statistics.median(medium),
        "seconds_per_10k_large": statistics.median(large),
        "growth": statistics.median(b / a for a, b in zip(small, large, strict=True)),
        "mismatches": mismatches,
        "topics": {
            f"{size:,}": {topic: scale * statistics.median(turn[size][topic] for turn in turns) for topic in FOLDS}
            for size in sizes
        },
        "turns": {
            str(number): {"small": a, "medium": b, "large": c}
            for number, (a, b, c) in enumerate(zip(small, medium, large, strict=True), start=1)
        },
    }
    data = f"generated history; {new:,} new events, {len(turns)} turns; PostgreSQL without fsync"
    return Report("fold", options.seed, sizes[-1], data, metrics, QUICK_TARGETS if options.quick else TARGETS)
