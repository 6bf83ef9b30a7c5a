"""Builds the FastAPI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from estate import registry
from estate.api import errors, openapi
from estate.api.admission import Admission, Limits
from estate.api.deps import caller
from estate.api.events import group_commit
from estate.api.middleware import EnvelopeCheck, RequestRecord
from estate.api.routers import (
    agent,
    auth,
    behavior,
    client,
    gpt,
    imports,
    ingest,
    market,
    operations,
    property_,
    system,
)
from estate.core import db, gauges, queue
from estate.core.credentials import Credentials
from estate.core.settings import get_settings

__all__ = ["create_app"]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Write what still waits when the server stops: by then every open request has its answer or its time is up."""
    yield
    await run_in_threadpool(app.state.events.close)


def create_app() -> FastAPI:
    """Return the application with every router, handler and middleware."""
    settings = get_settings()
    registry.register()
    db.after_commit(queue.wake)
    gauges.watch()
    app = FastAPI(
        title="Estate",
        version="0.1.0",
        summary="Sales intelligence for real-estate brokerages.",
        docs_url=None,  # `openapi` has a page with headers of its own.
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs_enabled else None,
        redirect_slashes=False,
        lifespan=_lifespan,
        responses={code: {"model": errors.Problem, "description": text} for code, text in openapi.PROBLEMS.items()},
    )
    app.state.events = group_commit(settings)
    app.state.credentials = Credentials(settings)
    app.state.limits = Limits(settings)
    errors.install(app)
    # Routes are tried in this order, and events come most often.
    for router in (behavior, market, agent, client, property_, gpt, ingest, imports, auth, system, operations):
        app.include_router(router.router, dependencies=[Depends(caller)])
    openapi.install(app, docs=settings.docs_enabled)
    # The last one added is the first that a request meets.
    app.add_middleware(EnvelopeCheck)
    app.add_middleware(Admission, credentials=app.state.credentials, limits=app.state.limits)
    if origins := settings.allowed_origins():
        _allow(app, origins)
    app.add_middleware(RequestRecord, settings=settings)
    return app


def _allow(app: FastAPI, origins: list[str]) -> None:
    """Let pages of other origins call with a key of their own; a session's cookie stays with ours."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=("GET", "POST", "DELETE"),
        allow_headers=("Authorization", "Content-Type", "Idempotency-Key", "X-API-Key", "X-Request-Id"),
        expose_headers=("Idempotent-Replay", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"),
    )
