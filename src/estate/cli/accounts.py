"""Accounts of a platform of one's own: somebody of each role, so that the console can be seen at once."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from estate.core.security import Actor

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from estate.agent.schemas import AgentOut
    from estate.core.key_store import Standing

__all__ = ["ACCOUNTS", "PASSWORD_FILE", "create_accounts", "open_accounts"]

ACCOUNTS = {role: f"{role}@estate.example" for role in ("agent", "manager", "admin")}
PASSWORD_FILE = "console.password"  # noqa: S105 (a name, no password)


def open_accounts() -> None:
    """Make a user of each role when there is none; all have the password kept in the data folder."""
    from estate.cli.folder import kept_secret
    from estate.core import users
    from estate.core.db import unit_of_work
    from estate.core.settings import get_settings

    with unit_of_work(Actor.system()) as session:
        if not users.list_users(session):
            create_accounts(session, kept_secret(get_settings().data_dir / PASSWORD_FILE))


def create_accounts(session: "Session", password: str) -> None:
    """Make a user of each role: agent and manager stand for the first agent, and for the team of that agent."""
    from estate.agent import service as agents
    from estate.core import users

    for standing, name in _standings(next(iter(agents.all_agents(session)), None)):
        users.create_user(session, Actor.system(), ACCOUNTS[standing.role], standing, name=name, password=password)


def _standings(first: "AgentOut | None") -> Iterator[tuple["Standing", str]]:
    from estate.core.key_store import Standing

    yield Standing("admin"), "Administrator"
    if first is not None:
        yield Standing("agent", agent_id=first.agent_id, team_id=first.team_id), first.name or "Agent"
        if first.team_id is not None:
            yield Standing("manager", team_id=first.team_id), "Team manager"
