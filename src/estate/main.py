"""Starts the API server."""

import ctypes
import gc

import uvicorn

from estate.api.app import create_app
from estate.api.protocol import configure
from estate.core.db import require_limited_login
from estate.core.error_reports import configure_sentry
from estate.core.logs import configure_logging
from estate.core.settings import get_settings
from estate.realestate_gpt.generators import configured_model

__all__ = ["serve"]

M_ARENA_MAX, ARENAS = -8, 2
"""The name of the limit in glibc's malloc.h, and how many arenas all threads share."""


def serve() -> None:
    """Serve the API on the configured address until a signal stops it."""
    settings = get_settings()
    configure_logging(settings)
    configure_sentry(settings)
    require_limited_login()
    configured_model()  # A missing extra is told now and not at the first question.
    _share_arenas()
    app = create_app()
    gc.collect()
    gc.freeze()  # What lives as long as the process is not searched for garbage again and again.
    uvicorn.run(
        app,
        host=settings.api_host,
        port=settings.api_port,
        http=configure(settings),
        loop="auto",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=settings.forwarded_allow_ips is not None,
        forwarded_allow_ips=settings.forwarded_allow_ips,
        timeout_graceful_shutdown=10,
    )


def _share_arenas() -> None:
    """Let threads share arenas: with one each, every arena keeps for good the most that its thread ever needed."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # Other C libraries have no arenas.
    if mallopt is not None:
        mallopt(M_ARENA_MAX, ARENAS)
