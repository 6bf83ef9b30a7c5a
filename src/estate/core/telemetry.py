"""Metrics, structured logs and the optional error reporter."""

import datetime as dt
import logging
import re
import sys
from typing import Any

import structlog
from prometheus_client import Counter, Histogram
from pydantic_core import to_json

from estate.core.settings import Settings

__all__ = [
    "GROUP_COMMIT_REFUSED",
    "GROUP_COMMIT_ROWS",
    "HTTP_REQUESTS",
    "HTTP_SECONDS",
    "INGESTED_ROWS",
    "OUTBOX_DEAD",
    "OUTBOX_DONE",
    "RATE_LIMIT_OPEN",
    "WAKES_DROPPED",
    "WRONG_CREDENTIALS",
    "configure_logging",
    "configure_sentry",
    "log_request",
    "redact_personal",
]

HTTP_REQUESTS = Counter("estate_http_requests_total", "Requests answered.", ("method", "route", "status"))
HTTP_SECONDS = Histogram("estate_http_request_seconds", "Time to answer a request.", ("method", "route"))
INGESTED_ROWS = Counter("estate_ingested_rows_total", "Rows by layer and what became of them.", ("layer", "status"))
GROUP_COMMIT_ROWS = Histogram(
    "estate_group_commit_rows", "Rows written in one transaction.", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
)
GROUP_COMMIT_REFUSED = Counter("estate_group_commit_refused_total", "Rows answered 503 since too many waited.")
OUTBOX_DONE = Counter("estate_outbox_done_total", "Outbox rows done.", ("topic",))
OUTBOX_DEAD = Counter("estate_outbox_dead_total", "Outbox rows given up.", ("topic",))
WAKES_DROPPED = Counter("estate_wakes_dropped_total", "Wake-ups that did not reach Redis; the sweep catches them.")
RATE_LIMIT_OPEN = Counter("estate_rate_limit_open_total", "Requests let through because Redis did not answer.")
WRONG_CREDENTIALS = Counter("estate_wrong_credentials_total", "Requests with a key or session that is not good.")


PERSONAL = (
    (re.compile(r"(DETAIL|CONTEXT): .*"), r"\1: [redacted]"),
    (re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+"), "[e-mail]"),
    (re.compile(r"\+\d[\d ().-]{5,}\d"), "[phone]"),
)

_requests = logging.getLogger("estate.request")


def log_request(**fields: str | float) -> None:
    """Write the line of a request directly: through records and processors it would cost more than storing an event."""
    if not _requests.isEnabledFor(logging.INFO):
        return
    told = {"event": "request", "level": "info", "logger": _requests.name, "timestamp": dt.datetime.now(dt.UTC)}
    sys.stderr.write(to_json({**fields, **told}).decode() + "\n")


def configure_logging(settings: Settings) -> None:
    """Write one JSON object a line to standard error, for our loggers and the libraries' alike."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _drop_terminal_copy,
            structlog.processors.format_exc_info,
            redact_personal,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _drop_terminal_copy(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Leave out the copy of its message that uvicorn makes for terminals."""
    event.pop("color_message", None)
    return event


def redact_personal(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Take e-mail addresses, phone numbers and what PostgreSQL tells of rows out of every text of a line."""
    return {name: _redacted(value) for name, value in event.items()}


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        for pattern, instead in PERSONAL:
            value = pattern.sub(instead, value)
    elif isinstance(value, dict):
        return {name: _redacted(item) for name, item in value.items()}
    elif isinstance(value, list | tuple):
        return [_redacted(item) for item in value]
    return value


def configure_sentry(settings: Settings) -> bool:
    """Report errors to Sentry when a DSN is set and the `sentry` extra is installed.

    Returns
    -------
    bool
        Whether reporting is on.
    """
    if settings.sentry_dsn is None:
        return False
    import sentry_sdk

    sentry_sdk.init(
        dsn=settings.sentry_dsn.get_secret_value(),
        environment=settings.environment,
        send_default_pii=False,
        max_request_body_size="never",
    )
    return True
