"""Celery entry point: `celery -A estate.worker worker --beat`."""

from celery import Celery, signals

from estate import registry
from estate.core import db, queue
from estate.core.settings import get_settings
from estate.core.telemetry import configure_logging, configure_sentry

__all__ = ["app"]


def _log_as_the_api_does(**_: object) -> None:
    configure_logging(get_settings())


def _connect(**_: object) -> None:
    """Give each worker process connections of its own, with the worker's statement time-out."""
    db.set_default_role("worker")
    db.require_limited_login()


signals.setup_logging.connect(_log_as_the_api_does)
signals.worker_process_init.connect(_connect)
configure_sentry(get_settings())
registry.register()
db.set_default_role("worker")
db.after_commit(queue.wake)
app: Celery = queue.celery_app()
