"""`estate bench heatmap`: what `GET /market/heatmap` costs with many areas, against the time of its SQL alone.

Each turn takes one new snapshot through `POST /market/ingest`, which makes the kept answer stale, and then asks
twice: the first answer is computed, the second is the kept one. The SQL is what the computed answer reads.
"""

import os
import statistics
import time
from collections.abc import Callable

import psycopg
from starlette.testclient import TestClient

from benchmarks.harness.stack import API_KEY, Postgres, passing_postgres
from benchmarks.report import Options, Report
from estate import registry
from estate.api.app import create_app
from estate.core.db import Database, unit_of_work, use_database
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.market import crud, service
from estate.market.analytics.heat import MONTHS_NEEDED

__all__ = ["TARGETS", "bench"]

Answer = list[dict[str, object]]

AREAS, MONTHS, TURNS = 5_000, 60, 5
QUICK_AREAS, QUICK_MONTHS, QUICK_TURNS = 100, 24, 2
DATABASE = "heatmap"

FILL = """
INSERT INTO market_insights (area_id, area_name, currency)
SELECT md5('area ' || a)::uuid, 'Area ' || a, 'AED' FROM generate_series(0, %(areas)s - 1) a;
INSERT INTO market_snapshots (area_id, observed_on, source, stated, price_avg, currency, sales_volume,
    days_on_market, inventory, views_per_listing)
SELECT md5('area ' || a)::uuid, (date '2021-01-31' + m * interval '1 month')::date, 'bench', true,
    1000000 + 1000 * m + 500 * (a %% 97), 'AED', 1 + (a * 31 + m * 17) %% 90, 20 + (a * 13 + m * 7) %% 80,
    (a * 7 + m * 3) %% 400, 5 + (a * 11 + m * 5) %% 60
FROM generate_series(0, %(areas)s - 1) a, generate_series(0, %(months)s - 1) m;
"""

TARGETS: dict[str, tuple[str, float]] = {"stale_answers": ("==", 0), "cached_ratio": ("<=", 1.0)}
QUICK_TARGETS: dict[str, tuple[str, float]] = {"stale_answers": ("==", 0)}


def bench(options: Options) -> Report:
    """Run the bench."""
    areas, months, turns = (QUICK_AREAS, QUICK_MONTHS, QUICK_TURNS) if options.quick else (AREAS, MONTHS, TURNS)
    registry.register()
    with passing_postgres() as postgres, use_database(_filled(postgres, areas, months)):
        seconds, stale = _measured(turns)
    return _report(options, areas, months, seconds, stale)


def _filled(postgres: Postgres, areas: int, months: int) -> Database:
    postgres.create(DATABASE)
    url = postgres.url(DATABASE).render_as_string(hide_password=False)
    with psycopg.connect(postgres.dsn(DATABASE), autocommit=True) as connection:
        cursor = psycopg.ClientCursor(connection)
        cursor.execute(FILL, {"areas": areas, "months": months})
        with use_database(Database.connect(url, "worker")), unit_of_work(Actor.system()) as session:
            service.refresh(session)
        connection.execute("VACUUM ANALYZE market_insights, market_snapshots")
    os.environ["ESTATE_DATABASE_URL"], os.environ["ESTATE_BOOTSTRAP_API_KEY"] = url, API_KEY
    get_settings.cache_clear()
    return Database.connect(url, "api")


def _measured(turns: int) -> tuple[dict[str, list[float]], int]:
    """Return seconds by what was timed, and how many answers did not know the newest snapshot."""
    client = TestClient(create_app(), headers={"X-API-Key": API_KEY})
    calls = {"sql": _sql, "cold": lambda: _heatmap(client), "cached": lambda: _heatmap(client)}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    stale = 0
    for turn in range(turns + 1):  # The first turn fills caches and plans.
        day = f"2026-01-{10 + turn}"
        _news(client, day)
        for name, call in calls.items():
            taken, answer = _timed(call)
            stale += name != "sql" and day not in {area["as_of"] for area in answer}
            if turn:
                seconds[name].append(taken)
    return seconds, stale


def _timed(call: Callable[[], Answer]) -> tuple[float, Answer]:
    started = time.perf_counter()
    found = call()
    return time.perf_counter() - started, found


def _news(client: TestClient, day: str) -> None:
    with unit_of_work(Actor.system(), read_only=True) as session:
        area = crud.areas(session)[0]
    row = {"area_id": str(area.area_id), "area_name": area.area_name, "observed_on": day, "days_on_market": 30}
    client.post("/market/ingest", json=row).raise_for_status()


def _sql() -> Answer:
    with unit_of_work(Actor.system(), read_only=True) as session:
        crud.version(session)
        crud.areas(session)
        crud.heat_months(session, MONTHS_NEEDED)
    return []


def _heatmap(client: TestClient) -> Answer:
    answer = client.get("/market/heatmap")
    answer.raise_for_status()
    found: Answer = answer.json()["items"]
    return found


def _report(options: Options, areas: int, months: int, seconds: dict[str, list[float]], stale: int) -> Report:
    medians = {f"{name}_ms": 1_000 * statistics.median(values) for name, values in seconds.items()}
    metrics = {
        **medians,
        "cold_ratio": medians["cold_ms"] / medians["sql_ms"],
        "cached_ratio": medians["cached_ms"] / medians["sql_ms"],
        "stale_answers": stale,
    }
    data = f"generated: {areas:,} areas × {months} months; medians of {len(seconds['sql'])} turns; one process"
    targets = QUICK_TARGETS if options.quick else TARGETS
    return Report("heatmap", options.seed, areas * months, data, metrics, targets)
