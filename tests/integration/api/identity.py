"""Keys, users and clients of every role, for the tests of who may what."""

import uuid

from fastapi import FastAPI
from sqlalchemy import insert
from starlette.datastructures import Headers
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from estate.agent.models import AgentActivity
from estate.core.db import unit_of_work
from estate.core.key_store import Standing, create_key
from estate.core.models import Team
from estate.core.security import Actor, ActorRole
from estate.core.users import create_user

__all__ = [
    "AGENT",
    "EMAIL",
    "HTTPS",
    "PASSWORD",
    "TEAM",
    "addressed",
    "client_of",
    "new_key",
    "new_owners",
    "new_user",
    "standing",
]

AGENT = uuid.UUID(int=0xA9E27, version=4)
TEAM = uuid.UUID(int=0x7EA3, version=4)
EMAIL = "Layla.Haddad@example.com"
PASSWORD = "a long enough password"
HTTPS = "https://testserver"


def standing(role: ActorRole) -> Standing:
    """Return what a role needs to be complete."""
    return Standing(role, AGENT if role == "agent" else None, TEAM if role in ("manager", "agent") else None)


def new_owners() -> None:
    """Make the team and the agent that `standing` names."""
    with unit_of_work(Actor.system()) as session:
        session.execute(insert(Team).values(team_id=TEAM, name="Marina"))
        session.execute(insert(AgentActivity).values(agent_id=AGENT, name="Layla", currency="AED", team_id=TEAM))


def new_key(role: ActorRole) -> str:
    """Make a key of a role."""
    with unit_of_work(Actor.system()) as session:
        return create_key(session, Actor.system(), f"{role} of the test", standing(role)).text()


def new_user(role: ActorRole = "admin", password: str | None = PASSWORD) -> uuid.UUID:
    """Make the user who logs in with `EMAIL`."""
    with unit_of_work(Actor.system()) as session:
        made = create_user(session, Actor.system(), EMAIL, standing(role), name="Layla", password=password)
        return made.user_id


def client_of(app: FastAPI, headers: dict[str, str] | None = None) -> TestClient:
    """Return a caller without a key, over TLS."""
    return TestClient(app, base_url=HTTPS, headers=headers, raise_server_exceptions=False)


def addressed(app: FastAPI) -> ASGIApp:
    """Let a test say in a header from which address a request comes."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["client"] = (Headers(scope=scope).get("x-test-address", "198.51.100.1"), 50_000)
        await app(scope, receive, send)

    return call
