"""`estate bench soak`: many requests of all kinds at a whole platform, while its memory and connections are watched.

The requests come in turns. After each turn the worker catches up; then memory is read, and at the end the connections
that API and worker hold to PostgreSQL and Redis. The first turns warm up: caches fill and models are loaded.
"""

import datetime as dt
import json
import statistics
import tempfile
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console

from benchmarks.harness.load import Call, measure
from benchmarks.harness.stack import API_KEY, Postgres, Redis, Stack, wait_until
from benchmarks.report import Options, Report
from estate import registry
from estate.core.db import Database, use_database
from estate.core.queue import drain_all
from estate.importers.world import load_world

__all__ = ["TARGETS", "Watched", "bench", "report"]

TURNS, TURN, WARM_UP = 40, 5_000, 4
QUICK_TURNS, QUICK_TURN, QUICK_WARM_UP = 4, 150, 1
WORLD, QUICK_WORLD = 10, 1
"""Times the sample world, so that what comes in is spread over as many clients as it would be in use."""
CONNECTIONS = 8
ENDS = 5
"""Memory is that of the median of so many turns: a single one may meet a training."""
CATCH_UP_S = 300.0
DATABASE = "soak"

TARGETS: dict[str, tuple[str, float]] = {
    "ok_share": (">=", 0.98),
    "unanswered": ("==", 0),
    "errors_5xx": ("==", 0),
    "rss_growth_share": ("<=", 0.10),
    "connections_grown": ("==", 0),
}

SHARES: Mapping[str, float] = {
    "event": 0.60,
    "events": 0.05,
    "clients": 0.06,
    "units": 0.06,
    "areas": 0.05,
    "heatmap": 0.05,
    "score": 0.05,
    "conversation": 0.02,
    "deal": 0.01,
    "closing": 0.01,
    "recommend": 0.01,
    "calls": 0.01,
    "rankings": 0.005,
    "unknown": 0.005,
    "reply": 0.005,
    "bad": 0.005,
}
"""How often each kind of request comes; kinds that compute for long come seldom, as they do in use."""


@dataclass(frozen=True, slots=True)
class _People:
    """Whom the requests are about."""

    agents: Sequence[str]
    clients: Sequence[str]
    units: Sequence[tuple[str, str]]


@dataclass(slots=True)
class Watched:
    """What each turn came to."""

    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    rss: dict[str, list[int]] = field(default_factory=lambda: {"api": [], "worker": []})
    connections: list[int] = field(default_factory=list)


def bench(options: Options) -> Report:
    """Run the bench."""
    turns, size, warm_up = (QUICK_TURNS, QUICK_TURN, QUICK_WARM_UP) if options.quick else (TURNS, TURN, WARM_UP)
    rng = Random(options.seed)  # noqa: S311 (what is sent must be repeatable)
    watched = Watched()
    with tempfile.TemporaryDirectory(prefix="estate-bench-", dir="/var/tmp") as name, ExitStack() as parts:
        folder = Path(name)
        folder.chmod(0o755)
        postgres = Postgres(folder / "postgresql", durable=not options.quick)
        parts.callback(postgres.stop)
        redis = Redis(folder / "redis")
        parts.callback(redis.stop)
        _fill(postgres, options.seed, QUICK_WORLD if options.quick else WORLD)
        stack = Stack(postgres, redis, DATABASE, folder / "stack", direct=True)
        parts.callback(stack.stop)
        stack.wait_ready()
        people = _people(stack)
        for turn in range(warm_up + turns):
            calls = [_call(rng, people) for _ in range(size)]
            load = measure(stack.port, CONNECTIONS, API_KEY, calls, folder / "calls")
            _catch_up(stack)
            if turn >= warm_up:
                watched.milliseconds += load.milliseconds
                watched.statuses.update(load.statuses)
            _watch(stack, redis, watched)
            _tell(turn, size, load.seconds, watched)
    return report(options, turns * size, warm_up, watched)


def _fill(postgres: Postgres, seed: int, scale: int) -> None:
    registry.register()
    postgres.create(DATABASE)
    url = postgres.url(DATABASE).render_as_string(hide_password=False)
    with use_database(Database.connect(url, "worker")):
        load_world(scale, seed, dt.datetime.now(dt.UTC), lambda _: None)
        drain_all()


def _people(stack: Stack) -> _People:
    with stack.connection() as connection:

        def rows(query: str) -> list[Any]:
            return connection.execute(query.encode()).fetchall()

        return _People(
            [str(row[0]) for row in rows("SELECT agent_id FROM agent_activity ORDER BY 1")],
            [str(row[0]) for row in rows("SELECT client_id FROM client_profiles ORDER BY 1")],
            [(str(a), str(b)) for a, b in rows("SELECT project_id, unit_id FROM properties ORDER BY 1, 2")],
        )


# What is sent


def _call(rng: Random, people: _People) -> Call:
    (kind,) = rng.choices(list(SHARES), list(SHARES.values()))
    agent, client, unit = rng.choice(people.agents), rng.choice(people.clients), ":".join(rng.choice(people.units))
    reads = {
        "events": f"/behavior/query?client_id={client}&limit=20",
        "clients": f"/client/query?owner_agent_id={agent}&limit=20",
        "units": "/property/query?limit=20&bedrooms=2",
        "areas": "/market/query?limit=20",
        "heatmap": "/market/heatmap",
        "score": f"/client/qualification/{client}",
        "closing": f"/client/predict?agent_id={agent}&client_id={client}&unit={unit}",
        "recommend": f"/property/recommend?client_id={client}",
        "calls": f"/client/recommend?agent_id={agent}",
        "rankings": "/agent/rankings",
        "unknown": f"/client/qualification/{_id(rng)}",
    }
    if kind in reads:
        return Call("GET", reads[kind])
    path, body = _written(rng, kind, agent, client)
    return Call("POST", path, json.dumps(body, separators=(",", ":")).encode())


def _written(rng: Random, kind: str, agent: str, client: str) -> tuple[str, dict[str, Any]]:
    both = {"agent_id": agent, "client_id": client}
    if kind == "conversation":
        turns = [{"speaker": "client", "text": "Is there a payment plan?"}, {"speaker": "agent", "text": "Yes, 60/40."}]
        return "/behavior/conversation", {"conversation_id": _id(rng), "channel": "chat", "turns": turns, **both}
    if kind == "deal":
        return "/behavior/deal", {"deal_id": _id(rng), "stage": rng.choice(("new", "viewing", "won", "lost")), **both}
    if kind == "reply":
        return "/gpt/respond", {"client_input": "Which unit suits me, and what do I say?", "property": None, **both}
    word = rng.choice(("payment plan", "sea view", "handover", None))
    event = {"event_id": _id(rng), "trigger_word": word, "response_speed": rng.randrange(5, 4_000), **both}
    return "/behavior/event", event | ({"conversion_effect": "NaN"} if kind == "bad" else {})


def _id(rng: Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


# What is watched


def _catch_up(stack: Stack) -> None:
    """Wait until the worker has done what waits for it now."""

    def done() -> bool:
        with stack.connection() as connection:
            row = connection.execute("SELECT count(*) FROM outbox WHERE NOT dead AND available_at <= now()").fetchone()
        return row is not None and row[0] == 0

    wait_until(done, "the worker catching up", CATCH_UP_S)


def _watch(stack: Stack, redis: Redis, watched: Watched) -> None:
    for role, found in watched.rss.items():
        found.append(sum(process.memory_info().rss for process in stack.processes(role)))
    with stack.connection() as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'estate\\_%'").fetchone()
    with redis.client() as client:
        clients = int(client.info("clients")["connected_clients"]) - 1
    watched.connections.append((row[0] if row else 0) + clients)


def _tell(turn: int, size: int, seconds: float, watched: Watched) -> None:
    megabytes = {role: found[-1] // 2**20 for role, found in watched.rss.items()}
    line = f"turn {turn}: {size / seconds:.0f} requests/s, MB {megabytes}, connections {watched.connections[-1]}"
    Console(stderr=True).print(line)


def report(options: Options, n: int, warm_up: int, watched: Watched) -> Report:
    """Judge what was watched; a request without an answer is none that went well."""
    growth = {role: _growth(found[warm_up:]) for role, found in watched.rss.items()}
    counted = watched.connections[warm_up:]
    failed = sum(n for status, n in watched.statuses.items() if status.startswith("5"))
    good = sum(n for status, n in watched.statuses.items() if status.startswith("2"))
    cuts = statistics.quantiles(watched.milliseconds, n=100)
    metrics = {
        "ok_share": good / n,
        "unanswered": n - sum(watched.statuses.values()),
        "rss_growth_share": max(growth.values()),
        "p50_ms": cuts[49],
        "p99_ms": cuts[98],
        "errors_5xx": failed,
        "connections_grown": max(0, min(counted[-ENDS:]) - max(counted[:ENDS])),
        "growth": growth,
        "rss_megabytes": {role: [value // 2**20 for value in found] for role, found in watched.rss.items()},
        "statuses": dict(watched.statuses),
    }
    return Report("soak", options.seed, n, "sample world, requests generated", metrics, TARGETS)


def _growth(found: Sequence[int]) -> float:
    """Return by what share memory grew between the first turns and the last."""
    ends = min(ENDS, max(1, len(found) // 2))
    return statistics.median(found[-ends:]) / statistics.median(found[:ends]) - 1
