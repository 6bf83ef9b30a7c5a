"""Celery entry point: `celery -A estate.worker worker --beat`."""

import logging
from typing import Any

from billiard.process import current_process
from celery import Celery, signals

from estate import registry
from estate.core import context, db, gauges, queue
from estate.core.error_reports import configure_sentry
from estate.core.logs import configure_logging
from estate.core.settings import get_settings

__all__ = ["app"]


CHATTER = ("celery.beat", "celery.worker.strategy", "celery.app.trace")
"""Loggers with lines for every task, also where there was nothing to do; what was done the outbox tells."""


def _log_as_the_api_does(**_: object) -> None:
    configure_logging(get_settings())
    for name in CHATTER:
        logging.getLogger(name).setLevel(logging.getLogger().level + 10)  # One level less: shown at DEBUG.


def _connect(**_: object) -> None:
    """Give each worker process its own connections, with the worker's time-out, its own metrics and its own sweeps."""
    db.set_default_role("worker")
    db.require_limited_login()
    gauges.serve(get_settings(), place=getattr(current_process(), "index", 0))
    queue.keep_sweeping()


def _begin(task_id: str, task: Any, **_: object) -> None:
    """Put the task, and the request that woke it, on every line that follows."""
    context.task_id.set(task_id)
    context.request_id.set(task.request.get(queue.REQUEST_HEADER))


def _end(**_: object) -> None:
    context.task_id.set(None)
    context.request_id.set(None)


signals.setup_logging.connect(_log_as_the_api_does)
signals.worker_process_init.connect(_connect)
signals.task_prerun.connect(_begin)
signals.task_postrun.connect(_end)
configure_sentry(get_settings())
registry.register()
db.set_default_role("worker")
db.after_commit(queue.wake)
app: Celery = queue.celery_app()
