"""The platform itself, for administrators: its work, models, keys and users."""

from typing import Annotated

from fastapi import APIRouter, Query

from estate.api import system
from estate.api.deps import NO_PARAMETERS, ReadSession, now
from estate.core.paging import PageOut
from estate.core.types import QueryLimit, Schema
from estate.intelligence.quality import model_standings
from estate.intelligence.schemas import ModelsOut

router = APIRouter(prefix="/system", tags=["system"])


class HowMany(Schema):
    """How many failures at most."""

    limit: QueryLimit = 50


@router.get("/queues", dependencies=[NO_PARAMETERS])
def queues() -> system.QueuesOut:
    """Tell how much work of each kind waits, for how long, and how much was given up."""
    return system.list_queues()


@router.get("/jobs")
def jobs(wanted: Annotated[HowMany, Query()]) -> system.JobsOut:
    """Tell what workers did last, are doing and have failed at."""
    return system.list_jobs(wanted.limit)


@router.get("/models", dependencies=[NO_PARAMETERS])
def models(session: ReadSession) -> ModelsOut:
    """Tell which model answers for each kind, how well it foretold, and the latest trainings."""
    return model_standings(session, now())


@router.get("/keys", dependencies=[NO_PARAMETERS])
def keys() -> PageOut[system.KeyListed]:
    """List API keys, the newest first, without anything of their secrets."""
    return PageOut(items=system.list_keys(now()), next_cursor=None)


@router.get("/users", dependencies=[NO_PARAMETERS])
def users(session: ReadSession) -> PageOut[system.UserListed]:
    """List people who log in, by e-mail address."""
    return PageOut(items=system.list_users(session), next_cursor=None)
