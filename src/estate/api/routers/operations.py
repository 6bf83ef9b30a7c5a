"""Health, readiness and metrics."""

from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from estate.core import db
from estate.core.errors import NotFound, Unavailable
from estate.core.health import RedisState, redis_state
from estate.core.settings import get_settings

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """What the process depends on; without Redis it still takes and answers everything, only later."""

    status: Literal["ready"] = "ready"
    database: Literal["ok"] = "ok"
    redis: RedisState


@router.get("/healthz")
async def healthz() -> Health:
    """Tell that the process answers."""
    return Health()


@router.get("/readyz")
def readyz() -> Readiness:
    """Tell whether requests can be served: 503 without the database."""
    try:
        db.ping()
    except SQLAlchemyError as error:
        raise Unavailable("The database does not answer.", retry_after_seconds=1) from error
    return Readiness(redis=redis_state(get_settings()))


@router.get("/metrics", response_class=Response)
def metrics() -> Response:
    """Return metrics of this process, and gauges of what it stands on; one that cannot be read is missing."""
    if not get_settings().metrics_enabled:
        raise NotFound("Metrics are switched off.")
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
