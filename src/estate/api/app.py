"""Builds the FastAPI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from estate import registry
from estate.api import errors, openapi
from estate.api.events import group_commit
from estate.api.middleware import EnvelopeCheck, RateLimit, RequestRecord
from estate.api.routers import agent, behavior, client, gpt, ingest, market, operations, property_
from estate.core import db, gauges, queue
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
        docs_url="/docs" if settings.docs_enabled else None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs_enabled else None,
        redirect_slashes=False,
        lifespan=_lifespan,
        responses={code: {"model": errors.Problem, "description": text} for code, text in openapi.PROBLEMS.items()},
    )
    app.state.events = group_commit(settings)
    errors.install(app)
    # Routes are tried in this order, and events come most often.
    for router in (behavior, market, agent, client, property_, gpt, ingest, operations):
        app.include_router(router.router)
    openapi.install(app)
    app.add_middleware(RateLimit, settings=settings)
    app.add_middleware(EnvelopeCheck)
    app.add_middleware(RequestRecord)
    return app
