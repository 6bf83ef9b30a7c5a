"""Error reports to Sentry, rebuilt from what is known to be harmless."""

from collections.abc import Mapping
from typing import Any

from estate.core.context import ids
from estate.core.redaction import HIDDEN, redact, said, scrub
from estate.core.settings import Settings

__all__ = ["configure_sentry"]

KEPT = frozenset(
    {
        *("event_id", "timestamp", "level", "platform", "logger", "environment", "release", "server_name", "sdk"),
        *("transaction", "transaction_info", "exception", "logentry", "request", "tags", "extra"),
    }
)
"""The rest of a report is left out: users, breadcrumbs, contexts of integrations such as a task's arguments."""

FRAME = frozenset({"filename", "module", "function", "lineno", "in_app", "pre_context", "context_line", "post_context"})


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
    from sentry_sdk.integrations.logging import LoggingIntegration

    sentry_sdk.init(
        dsn=settings.sentry_dsn.get_secret_value(),
        environment=settings.environment,
        send_default_pii=False,
        max_request_body_size="never",
        include_local_variables=False,
        max_breadcrumbs=0,
        send_client_reports=False,
        auto_session_tracking=False,
        integrations=[LoggingIntegration(level=None)],
        before_send=_harmless,
    )
    return True


def _harmless(event: Any, hint: Mapping[str, Any]) -> Any:
    """Return a report without request data, words of exceptions, variables and whatever else may be personal."""
    kept = {name: value for name, value in event.items() if name in KEPT}
    for name, rebuild in (("exception", _exception), ("logentry", _logentry), ("request", _request)):
        if name in kept:
            kept[name] = rebuild(kept[name])
    if "extra" in kept:
        kept["extra"] = redact(kept["extra"])
    kept["tags"] = ids()
    return kept


def _exception(told: Mapping[str, Any]) -> dict[str, Any]:
    """Keep types and places, as log lines do; the source lines in them are ours and the libraries'."""
    return {"values": [_cause(cause) for cause in told.get("values", ())]}


def _cause(cause: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: cause[name] for name in ("type", "module", "mechanism") if name in cause}
    frames = (cause.get("stacktrace") or {}).get("frames", ())
    shown = [{name: value for name, value in frame.items() if name in FRAME} for frame in frames]
    return {**kept, "value": HIDDEN, "stacktrace": {"frames": shown}}


def _logentry(told: Mapping[str, Any]) -> dict[str, Any]:
    return {"message": said(told.get("message", ""), (), failed=True)}


def _request(told: Mapping[str, Any]) -> dict[str, Any]:
    return {"method": told.get("method"), "url": scrub(str(told.get("url", "")).partition("?")[0])}
