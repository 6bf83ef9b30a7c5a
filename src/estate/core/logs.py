"""Structured logs: one JSON object a line, with the ids of the request and task, and without personal data."""

import datetime as dt
import logging
import sys
import threading
from types import TracebackType

import structlog
from pydantic_core import to_json

from estate.core.context import ids
from estate.core.redaction import describe, redact, said
from estate.core.settings import Settings

__all__ = ["configure_logging", "log_request"]

_requests = logging.getLogger("estate.request")
_uncaught = logging.getLogger("estate.uncaught")


def log_request(**fields: str | float) -> None:
    """Write the line of a request directly: through records and processors it would cost more than storing an event.

    Its fields are ours: ids, the template of a route and numbers.
    """
    if not _requests.isEnabledFor(logging.INFO):
        return
    told = {"event": "request", "level": "info", "logger": _requests.name, "timestamp": dt.datetime.now(dt.UTC)}
    sys.stderr.write(to_json({**ids(), **fields, **told}).decode() + "\n")


def configure_logging(settings: Settings) -> None:
    """Write one JSON object a line to standard error, for our loggers and the libraries' alike."""
    shared: list[structlog.typing.Processor] = [
        _add_ids,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            _make_harmless,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        use_get_message=False,
        pass_foreign_args=True,
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
    # What nobody catches would be printed with its words, line by line.
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda thread: _log_uncaught(
        thread.exc_type, thread.exc_value or thread.exc_type(), thread.exc_traceback
    )


def _add_ids(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    event.update(ids())
    return event


def _make_harmless(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Render message and exception without their data, and hide every field that is not known to be harmless."""
    record: logging.LogRecord = event.pop("_record")
    for name in ("_from_structlog", "stack_info", "color_message"):  # The last is uvicorn's copy for terminals.
        event.pop(name, None)
    error = _error_of(event.pop("exc_info", None))
    message = event["event"] if isinstance(record.msg, dict) else record.msg
    event["event"] = said(message, event.pop("positional_args", ()), failed=error is not None)
    if error is not None:
        event["exception"] = describe(error)
    return redact(event)


def _error_of(exc_info: object) -> BaseException | None:
    found = sys.exc_info() if exc_info is True else exc_info
    error = found[1] if isinstance(found, tuple) else found
    return error if isinstance(error, BaseException) else None


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        sys.__excepthook__(kind, error, trace)
        return
    _uncaught.critical("uncaught exception", exc_info=(kind, error, trace))
