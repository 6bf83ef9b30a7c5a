"""Log-in of people, log-out, and who one is."""

import uuid

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, SecretStr
from starlette.concurrency import run_in_threadpool

from estate.api.admission import Limits, address_of, over_limit
from estate.api.body import read_body_within
from estate.api.cookies import clear_session_cookie, refuse_foreign_page, session_token, set_session_cookie
from estate.api.deps import NO_PARAMETERS, Answer, Caller, now
from estate.api.openapi import json_body
from estate.core import users
from estate.core.db import unit_of_work
from estate.core.errors import Unauthorized, Unavailable
from estate.core.security import Actor, fingerprint
from estate.core.settings import get_settings
from estate.core.types import Email, Schema

router = APIRouter(prefix="/auth", tags=["auth"])

EXAMPLE = {"email": "layla@example.com", "password": "correct horse battery"}
RETRY_AFTER_S = 5


class LogIn(Schema):
    """An e-mail address and its password."""

    email: Email
    password: SecretStr = Field(min_length=1, max_length=users.PASSWORD_MAX_CHARACTERS)


class Me(BaseModel):
    """Who calls, and whose records they may see."""

    caller: str = Field(description="Id of the key or user.")
    role: str
    agent_id: uuid.UUID | None
    team_id: uuid.UUID | None
    name: str | None = Field(description="What the key is for, or who the user is.")

    @classmethod
    def of(cls, actor: Actor, name: str | None) -> "Me":
        """Describe an actor."""
        return cls(caller=actor.caller, role=actor.role, agent_id=actor.agent_id, team_id=actor.team_id, name=name)


class LoggedOut(BaseModel):
    """Whether a session ended; a key has none."""

    logged_out: bool


@router.post("/login", response_model=Me, openapi_extra=json_body(LogIn, example=EXAMPLE, batch=False))
async def login(request: Request) -> Response:
    """Open a session: the answer sets a cookie that only this server reads; every log-in gets another one."""
    refuse_foreign_page(request.scope)
    await _count_attempt(request, f"address {address_of(request.scope)}")
    wanted = (await read_body_within(request, get_settings().log_in_max_bytes)).one(LogIn)
    await _count_attempt(request, f"account {fingerprint(wanted.email.lower()).hex()}")
    token, me = await run_in_threadpool(_log_in, wanted)
    response = Answer(200, me).response()
    set_session_cookie(response, request.scope, token)
    return response


@router.post("/logout", response_model=LoggedOut)
def logout(request: Request, actor: Caller) -> Response:
    """End the session of the cookie at once; another process refuses it within a second."""
    token = session_token(request.scope)
    ended = False
    if token:
        with unit_of_work(Actor.gate()) as session:
            ended = users.log_out(session, actor, fingerprint(token), now())
        request.app.state.credentials.forget(fingerprint(token))
    response = Answer(200, LoggedOut(logged_out=ended)).response()
    clear_session_cookie(response, request.scope)
    return response


@router.get("/me", dependencies=[NO_PARAMETERS])
def me(actor: Caller) -> Me:
    """Tell who calls."""
    with unit_of_work(Actor.gate(), read_only=True) as session:
        return Me.of(actor, users.name_of(session, actor.caller))


async def _count_attempt(request: Request, whose: str) -> None:
    """Hold up whoever tries many passwords, from one address or for one account; without Redis nobody logs in."""
    limits: Limits = request.app.state.limits
    taken = await limits.take(limits.log_ins, whose)
    request.scope["estate.rate_limit"] = taken
    if taken.left is None:
        raise Unavailable("Log-ins cannot be counted now, so nobody logs in.", retry_after_seconds=RETRY_AFTER_S)
    if not taken.allowed:
        raise over_limit(taken, "log-ins")


def _log_in(wanted: LogIn) -> tuple[str, Me]:
    with unit_of_work(Actor.gate()) as session:
        opened = users.log_in(session, wanted.email, wanted.password.get_secret_value())
    if opened is None:
        raise Unauthorized("The e-mail address or the password is wrong.")
    return opened.token, Me.of(opened.actor, opened.name)
