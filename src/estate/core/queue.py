"""Celery and the waking of workers; Redis only wakes, the outbox holds the work."""

import datetime as dt
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from functools import lru_cache

from celery import Celery
from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from estate.core.context import request_id, task_id, working_for
from estate.core.db import database_time, unit_of_work
from estate.core.heartbeats import RETAIN, SWEEP, take_turn
from estate.core.idempotency import forget_old_answers
from estate.core.outbox import Handler, drain
from estate.core.retention import forget_old
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.core.telemetry import WAKES_DROPPED

__all__ = [
    "DUE",
    "REQUEST_HEADER",
    "TOPICS",
    "celery_app",
    "drain_all",
    "drain_topic",
    "keep_sweeping",
    "sweep",
    "wake",
]

log = logging.getLogger(__name__)

TASK_TIME_LIMIT_S = 300
VISIBILITY_TIMEOUT_S = 3 * TASK_TIME_LIMIT_S  # Over twice the time limit: a live task is never given out again.
REQUEST_HEADER = "estate_request_id"
WAKE_REST_S = 0.1  # Far below the time that work takes, and few enough wake-ups to cost nothing.

DUE: dict[str, Callable[[Session, dt.datetime], None]] = {}
"""By topic, who writes the work that nothing but the passing of time has caused; `estate.registry` fills it."""
TOPICS: dict[str, Handler] = {}
"""Who does the work of which topic; `estate.registry` fills it."""


@lru_cache(maxsize=1)
def celery_app() -> Celery:
    """Build the Celery application of this process.

    A worker killed at any moment costs one sweep: claims are row locks in PostgreSQL, so a task that
    is delivered twice, or never, changes nothing.
    """
    settings = get_settings()
    app = Celery("estate", broker=settings.require_redis_url())
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_time_limit=TASK_TIME_LIMIT_S,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_TIMEOUT_S,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
        },
        timezone="UTC",
        beat_schedule={
            "sweep": {"task": "estate.sweep", "schedule": settings.sweep_interval_s},
        },
    )
    app.task(name="estate.drain")(drain_topic)
    app.task(name="estate.sweep")(sweep)
    return app


def drain_topic(topic: str) -> int:
    """Do all due work of one topic now."""
    with unit_of_work(Actor.system(), read_only=True) as session:
        now = database_time(session)
    return drain(topic, TOPICS[topic], now=now)


def drain_all() -> int:
    """Do all due work of every topic until none is left; catches what Redis forgot.

    A topic that fails holds up no other: the first error is raised when there is nothing left to do.
    """
    total = 0
    failed: dict[str, Exception] = {}
    while done := sum(_drained(topic, failed) for topic in TOPICS if topic not in failed):
        total += done
    for error in failed.values():
        raise error
    return total


def _drained(topic: str, failed: dict[str, Exception]) -> int:
    try:
        return drain_topic(topic)
    except Exception as error:  # Whatever it was, the other topics may be luckier.
        log.warning("a topic failed", extra={"topic": topic}, exc_info=error)
        failed[topic] = error
        return 0


def sweep() -> int:
    """Do all due work, that of the passing of time included, and forget what is past its retention.

    However many ask for it (one beat, two, and the workers themselves), it is done once in half an interval.
    """
    settings = get_settings()
    if not take_turn(SWEEP, settings.sweep_interval_s / 2):
        return 0
    for write_due in (forget_old_answers, *DUE.values()):
        with unit_of_work(Actor.system()) as session:
            write_due(session, database_time(session))
    if take_turn(RETAIN, settings.retention_interval_s):
        forget_old()
    return drain_all()


def keep_sweeping() -> None:
    """Sweep in the background for as long as the process lives: nothing waits for ever when beat or Redis is gone."""
    threading.Thread(target=_sweep_for_ever, name="estate-sweeper", daemon=True).start()


def _sweep_for_ever() -> None:
    while True:
        time.sleep(get_settings().sweep_interval_s)
        task_id.set(str(uuid.uuid4()))  # What it logs is followed as a task's lines are.
        try:
            sweep()
        except Exception as error:  # Whatever it was, the next sweep may be luckier; the row at fault is counted.
            log.warning("a sweep failed", exc_info=error)


class _Waker:
    """One background thread sends wake-ups, so that a stalled Redis never holds a request.

    Topics that are asked for while it sends or rests are sent once: however busy the doors are, a topic is
    announced a few times a second.
    """

    def __init__(self) -> None:
        self._topics: dict[str, str | None] = {}  # Each with the request that asked for it first.
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="estate-waker", daemon=True)
        self._thread.start()

    def put(self, topics: Iterable[str]) -> None:
        with self._changed:
            for topic in topics:
                self._topics.setdefault(topic, request_id.get())
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._topics))
                topics, self._topics = self._topics, {}
            for topic, request in sorted(topics.items()):
                self._send(topic, request)
            time.sleep(WAKE_REST_S)

    def _send(self, topic: str, request: str | None) -> None:
        try:
            headers = {REQUEST_HEADER: request}
            celery_app().send_task("estate.drain", args=[topic], retry=False, expires=60, headers=headers)
        except (OSError, RedisError, ConnectionError) as error:
            WAKES_DROPPED.inc()
            with working_for(request):
                log.warning("worker was not woken", extra={"topic": topic, "error": type(error).__name__})


@lru_cache(maxsize=1)
def _waker() -> _Waker:
    return _Waker()


def wake(topics: Iterable[str]) -> None:
    """Ask workers to look at some topics; losing the request costs one sweep interval."""
    if get_settings().redis_url is not None:
        _waker().put(topics)
