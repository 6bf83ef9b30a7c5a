"""Gauges that are read when somebody scrapes: the pool, the disk, and what the database and Redis know.

One process is one target. The API answers at ``/metrics``; each process of a worker's pool has a port of its own, so
that no files are shared between processes and nobody's counters are added to another's.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import REGISTRY, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from estate.core import db, health
from estate.core.outbox import standings
from estate.core.security import Actor
from estate.core.settings import Settings, get_settings

__all__ = ["SOURCES", "gauge", "serve", "watch"]

log = logging.getLogger(__name__)

FOLD = ".fold"
DATABASE, REDIS = "database", "redis"

Source = Callable[[Session], Iterable[Metric]]


def gauge(name: str, told: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    """Return a gauge with one label."""
    family = GaugeMetricFamily(name, told, labels=(label,))
    for value, number in values:
        family.add_metric((value,), number)
    return family


def _sweep(session: Session) -> Iterator[Metric]:
    age = health.sweep_age_s(session)
    if age is not None:
        yield GaugeMetricFamily("estate_sweep_age_seconds", "Time since a worker last swept the outbox.", age)


def _outbox(session: Session) -> Iterator[Metric]:
    found = standings(session)
    yield gauge("estate_outbox_rows", "Outbox rows to be done.", "topic", ((s.topic, s.waiting) for s in found))
    yield gauge("estate_outbox_dead_rows", "Outbox rows given up.", "topic", ((s.topic, s.dead) for s in found))
    oldest = [(s.topic, s.oldest_s) for s in found]
    yield gauge("estate_outbox_oldest_seconds", "Age of the oldest outbox row that is due.", "topic", oldest)
    lag = max((age for topic, age in oldest if topic.endswith(FOLD)), default=0.0)
    yield GaugeMetricFamily("estate_fold_lag_seconds", "Age of the oldest event that no count holds yet.", lag)


SOURCES: dict[str, Source] = {"sweep": _sweep, "outbox": _outbox}
"""What the database is asked; `estate.registry` adds what the layers know."""


class _Gauges(Collector):
    """Reads at a scrape, and anew only after the time that the settings name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._errors: Counter[str] = Counter(dict.fromkeys((DATABASE, REDIS), 0))
        self._kept: list[Metric] = []
        self._read_at = float("-inf")

    def describe(self) -> list[Metric]:
        """Name nothing beforehand: to be registered must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Return what is known now; what cannot be read is missing, and counted."""
        yield from _pool()
        yield from _disk()
        with self._lock:
            if time.monotonic() - self._read_at >= get_settings().metrics_cache_s:
                self._kept = [*self._queue(), *self._database()]
                self._read_at = time.monotonic()
            errors = CounterMetricFamily("estate_scrape_errors", "Readings that failed.", labels=("source",))
            for source, n in self._errors.items():
                errors.add_metric((source,), n)
            yield from [*self._kept, errors]

    def _queue(self) -> Iterator[Metric]:
        settings = get_settings()
        if settings.redis_url is None:
            return
        try:
            waiting = health.queued_tasks(settings)
        except (RedisError, OSError) as error:
            self._failed(REDIS, error)
        else:
            yield GaugeMetricFamily("estate_celery_queue_tasks", "Tasks that no worker has taken yet.", waiting)

    def _database(self) -> Iterator[Metric]:
        """Ask each source in a transaction of its own, and none when the database does not answer at all."""
        try:
            db.ping()
        except (SQLAlchemyError, ValueError) as error:
            self._failed(DATABASE, error)
            yield GaugeMetricFamily("estate_database_up", "Whether the database answers.", 0)
            return
        yield GaugeMetricFamily("estate_database_up", "Whether the database answers.", 1)
        for name, source in SOURCES.items():
            try:
                with db.unit_of_work(Actor.house(), read_only=True) as session:
                    db.take_time(session, get_settings().metrics_statement_timeout_ms)
                    found = list(source(session))
            except SQLAlchemyError as error:
                self._failed(name, error)
            else:
                yield from found

    def _failed(self, source: str, error: Exception) -> None:
        self._errors[source] += 1
        log.warning("a gauge was not read", extra={"source": source, "error": type(error).__name__})


def _pool() -> Iterator[Metric]:
    """Tell of the pool as it stands; a process that never asked the database has none at work."""
    try:
        engine = db.get_database().engine
    except ValueError:  # No database is configured.
        return
    if isinstance(engine, Engine) and isinstance(engine.pool, QueuePool):
        size, at_work = engine.pool.size(), engine.pool.checkedout()
        yield GaugeMetricFamily("estate_db_pool_size", "Connections that this process may have.", size)
        yield GaugeMetricFamily("estate_db_pool_checked_out", "Connections of this process at work.", at_work)


def _disk() -> Iterator[Metric]:
    free, size = health.disk_usage(get_settings().data_dir)
    yield GaugeMetricFamily("estate_disk_free_bytes", "Free space where the data folder is.", free)
    yield GaugeMetricFamily("estate_disk_size_bytes", "Space where the data folder is.", size)


def watch() -> None:
    """Add the gauges to what this process shows; twice is as good as once."""
    if not _watched:
        REGISTRY.register(_Gauges())
        _watched.append(True)


_watched: list[bool] = []


def serve(settings: Settings, place: int) -> None:
    """Show the metrics of one process of a worker's pool, on the port of its place in the pool."""
    if not settings.worker_metrics_port:
        return
    watch()
    port = settings.worker_metrics_port + place
    try:
        start_http_server(port, settings.worker_metrics_host)
    except OSError as error:
        log.error("the metrics of this process are not shown", extra={"port": port, "error": type(error).__name__})
