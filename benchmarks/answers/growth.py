"""How long a reply takes, alone and in a stream, and how that grows with the number of documents."""

import datetime as dt
import os
import queue
import threading
import time
from collections.abc import Iterator
from itertools import islice
from random import Random

import numpy as np
import psycopg

from benchmarks.answers import questions, world
from benchmarks.answers.questions import Asked
from benchmarks.harness.stack import Postgres
from estate.core.db import Database, use_database
from estate.core.settings import get_settings
from estate.realestate_gpt import respond

__all__ = ["growth", "paced"]

RATE, SECONDS, CLIENTS = 20.0, 15.0, 4
TIMED, WARM = 60, 20
SMALL, LARGE = 1_000, 100_000
FACT_SHARE = 0.8

_FILL = """
INSERT INTO documents (layer, record_id, content_hash, title, text, fields)
SELECT 'property', md5('p' || n % 500)::uuid || ':' || md5('u' || n)::uuid, decode(md5(n::text), 'hex'),
    bedrooms || '-bedroom ' || kind || ' in ' || stem || ' ' || tail || ', floor ' || n % 40,
    bedrooms || ' bedroom ' || kind || ' ' || lower(stem || ' ' || tail) || ' floor ' || n % 40 || ' ' || status,
    '{}'
FROM (
    SELECT n, 1 + n % 5 AS bedrooms, (ARRAY['apartment', 'villa', 'townhouse'])[1 + n % 3] AS kind,
        (ARRAY['Pearl', 'Cedar', 'Lantern', 'Oasis', 'Horizon', 'Saffron', 'Coral', 'Jasmine'])[1 + n % 8] AS stem,
        (ARRAY['Residences', 'Gate', 'Court', 'Terraces', 'Towers', 'Place', 'Walk'])[1 + n % 7] AS tail,
        (ARRAY['available', 'sold', 'reserved'])[1 + n % 3] AS status
    FROM generate_series(1, %s) n
) drawn
"""


def paced(known: world.World, seed: int) -> dict[str, float]:
    """Return the 95th percentile for one client who waits, and for a stream that does not; milliseconds."""
    rng = world.stream("pace", seed)
    agents = sorted(row["id"] for row in known.of("agent"))
    mixed = _mixed(known, rng)
    alone = [_timed(next(mixed), agents[0], known.now) for _ in range(WARM + 2 * TIMED)][WARM:]
    late = _stream([next(mixed) for _ in range(int(RATE * SECONDS))], agents[0], known.now)
    return {
        "p95_ms": 1_000 * float(np.quantile(alone, 0.95)),
        "median_ms": 1_000 * float(np.median(alone)),
        "p95_at_20_rps_ms": 1_000 * float(np.quantile(late, 0.95)),
    }


def _mixed(known: world.World, rng: Random) -> Iterator[Asked]:
    facts, talk = questions.answerable(known, rng), questions.in_context(known, rng)
    while True:
        yield next(facts if rng.random() < FACT_SHARE else talk)


def _timed(asked: Asked, agent: str, now: dt.datetime) -> float:
    started = time.perf_counter()
    respond(asked.text, {"agent_id": agent, "client_id": asked.client, "property_id": asked.unit}, now=now)
    return time.perf_counter() - started


def _stream(asked: list[Asked], agent: str, now: dt.datetime) -> list[float]:
    """Ask at a steady rate, whether or not the answers keep up; return how long after its due time each came."""
    jobs: queue.Queue[tuple[float, Asked] | None] = queue.Queue()
    late: list[float] = []

    def work() -> None:
        while (job := jobs.get()) is not None:
            _timed(job[1], agent, now)
            late.append(time.perf_counter() - job[0])

    workers = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for worker in workers:
        worker.start()
    begun = time.perf_counter()
    for number, one in enumerate(asked):
        due = begun + number / RATE
        time.sleep(max(0.0, due - time.perf_counter()))
        jobs.put((due, one))
    for _ in workers:
        jobs.put(None)
    for worker in workers:
        worker.join()
    return late


def growth(postgres: Postgres, seed: int, now: dt.datetime) -> dict[str, float]:
    """Return the median time of a reply over many documents to that over few, on the same records and questions."""
    postgres.create("growth")
    url = postgres.url("growth").render_as_string(hide_password=False)
    os.environ["ESTATE_DATABASE_URL"] = url
    get_settings.cache_clear()
    database = Database.connect(url, "worker")
    medians: dict[int, float] = {}
    with psycopg.connect(postgres.dsn("growth"), autocommit=True) as connection, use_database(database):
        known = world.build(connection, seed + 1, 1, now)
        agents = sorted(row["id"] for row in known.of("agent"))
        asked = list(islice(_mixed(known, world.stream("growth", seed)), WARM + TIMED))
        for documents in (SMALL, LARGE):
            _fill(connection, documents)
            medians[documents] = float(np.median([_timed(one, agents[0], now) for one in asked][WARM:]))
    database.close()
    return {
        "growth": medians[LARGE] / medians[SMALL],
        "ms_at_1000": 1_000 * medians[SMALL],
        "ms_at_100000": 1_000 * medians[LARGE],
    }


def _fill(connection: psycopg.Connection, documents: int) -> None:
    """Add units that nobody asks about, with the words of those that are asked about, up to a number of documents."""
    row = connection.execute("SELECT count(*) FROM documents").fetchone()
    assert row is not None
    connection.execute(_FILL.encode().replace(b"% ", b"%% ").replace(b"%%s", b"%s"), (max(documents - row[0], 0),))
    connection.execute("VACUUM ANALYZE documents")
