"""`estate keys` and `estate users`: who may call and who may log in."""

import datetime as dt
import sys
import uuid
from typing import TYPE_CHECKING, Annotated, get_args

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from estate.cli.attach import attached
from estate.core.db import unit_of_work
from estate.core.keys import ApiKey
from estate.core.security import Actor, ActorRole
from estate.core.settings import get_settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from estate.core.key_store import Standing

__all__ = ["keys", "users"]

SYSTEM = Actor.system()

keys = typer.Typer(help="API keys: a program calls with one. Each is shown once.", no_args_is_help=True)
users = typer.Typer(help="People who log in to the console.", no_args_is_help=True)

Role = Annotated[ActorRole, typer.Option(help=f"One of {', '.join(get_args(ActorRole))}.")]
Agent = Annotated[uuid.UUID | None, typer.Option(help="Whom the role agent stands for.")]
Team = Annotated[uuid.UUID | None, typer.Option(help="Whom the role manager leads.")]
KeyId = Annotated[str, typer.Argument(help="The eight characters behind the environment, see `estate keys list`.")]
EmailAddress = Annotated[str, typer.Argument(help="E-mail address of the user.")]


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    role: Role,
    agent: Agent = None,
    team: Team = None,
    user: Annotated[str | None, typer.Option(help="E-mail address of whose key it is; it ends with the user.")] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="How long it is good; for ever by default.")
    ] = None,
) -> None:
    """Make a key and print it, once."""
    from estate.core import key_store
    from estate.core.users import find_user

    expires_at = None if days is None else _now() + dt.timedelta(days=days)
    with attached(), unit_of_work(SYSTEM) as session:
        user_id = None if user is None else find_user(session, user).user_id
        standing = key_store.Standing(role, agent, team)
        _require(session, standing)
        key = key_store.create_key(session, SYSTEM, name, standing, user_id=user_id, expires_at=expires_at)
    _show(key)


@keys.command("list")
def list_keys() -> None:
    """List keys, the newest first; their secrets are not kept."""
    from estate.core import key_store

    table = Table("Id", "Name", "Role", "Created", "Last used", "State")
    with attached(), unit_of_work(SYSTEM, read_only=True) as session:
        for key, owner in key_store.list_keys(session):
            state = _told(key_store.state_of(key, owner, _now()), key.expires_at, key.replaced_by)
            told = (_day(key.created_at), _day(key.last_used_at), state)
            table.add_row(key.key_id, escape(key.name), key.role, *told)
    Console().print(table)


@keys.command("rotate")
def rotate_key(
    key_id: KeyId,
    overlap_hours: Annotated[
        int | None,
        typer.Option(min=0, max=8_760, help="How long the old one stays good; see ESTATE_KEY_OVERLAP_HOURS."),
    ] = None,
) -> None:
    """Replace a key: print its successor; the old one stays good for a while."""
    from estate.core import key_store

    hours = get_settings().key_overlap_hours if overlap_hours is None else overlap_hours
    with attached(), unit_of_work(SYSTEM) as session:
        key = key_store.rotate_key(session, SYSTEM, key_id, _now(), dt.timedelta(hours=hours))
    _show(key)


@keys.command("revoke")
def revoke_key(key_id: KeyId) -> None:
    """End a key: within a second no process takes it."""
    from estate.core import key_store

    with attached(), unit_of_work(SYSTEM) as session:
        key_store.revoke_key(session, SYSTEM, key_id, _now())
    typer.echo(f"{key_id} is revoked.")


@users.command("create")
def create_user(
    email: EmailAddress,
    role: Role,
    name: Annotated[str | None, typer.Option(help="Shown in the console.")] = None,
    agent: Agent = None,
    team: Team = None,
) -> None:
    """Make a user; the password is asked for, or read from standard input."""
    from pydantic import TypeAdapter, ValidationError

    from estate.core import key_store, users
    from estate.core.errors import Invalid
    from estate.core.types import Email

    try:
        address = TypeAdapter(Email).validate_python(email)
    except ValidationError:
        raise Invalid("Write an e-mail address such as name@example.com.") from None
    standing = key_store.Standing(role, agent, team)
    password = _password()
    with attached(), unit_of_work(SYSTEM) as session:
        _require(session, standing)
        user = users.create_user(session, SYSTEM, address, standing, name=name, password=password)
    typer.echo(f"{address} may log in as {role}; id {user.user_id}.")


@users.command("list")
def list_users() -> None:
    """List users by e-mail address."""
    from estate.core import users

    table = Table("E-mail", "Name", "Role", "Created", "State")
    with attached(), unit_of_work(SYSTEM, read_only=True) as session:
        for user in users.list_users(session):
            told = (_day(user.created_at), users.state_of(user).replace("_", " "))
            table.add_row(escape(user.email), escape(user.name or ""), user.role, *told)
    Console().print(table)


@users.command("disable")
def disable_user(email: EmailAddress) -> None:
    """Shut a user out, with their sessions and keys."""
    from estate.core import users

    with attached(), unit_of_work(SYSTEM) as session:
        users.disable_user(session, SYSTEM, email, _now())
    typer.echo(f"{email} is disabled.")


@users.command("enable")
def enable_user(email: EmailAddress) -> None:
    """Let a disabled user in again, with the keys that did not end otherwise."""
    from estate.core import users

    with attached(), unit_of_work(SYSTEM) as session:
        users.enable_user(session, SYSTEM, email)
    typer.echo(f"{email} is enabled.")


@users.command("password")
def set_password(email: EmailAddress) -> None:
    """Set another password, asked for or read from standard input; open sessions end."""
    from estate.core import users

    password = _password()
    with attached(), unit_of_work(SYSTEM) as session:
        user = users.set_password(session, SYSTEM, email, password, _now())
    still = "" if user.disabled_at is None else " and stays disabled"
    typer.echo(f"{email} has another password{still}.")


def _require(session: "Session", standing: "Standing") -> None:
    """Refuse to stand for an agent or a team that is not there."""
    from estate.agent.service import get_agent
    from estate.core.errors import NotFound
    from estate.core.models import Team

    if standing.agent_id is not None:
        get_agent(session, standing.agent_id)
    if standing.team_id is not None and session.get(Team, standing.team_id) is None:
        raise NotFound("No team has this id.")


def _password() -> str:
    """Ask for a password twice, or take the first line of standard input; an argument would be in everybody's `ps`."""
    if sys.stdin.isatty():
        given: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return given
    return sys.stdin.readline().rstrip("\r\n")


def _show(key: ApiKey) -> None:
    """Print a key alone on standard output, so that it can be piped to where it is kept."""
    typer.echo(f"Key {key.key_id}. It is shown this once:", err=True)
    typer.echo(key.text())


def _told(state: str, expires_at: dt.datetime | None, replaced_by: str | None) -> str:
    if state in ("revoked", "expired"):
        return state
    ends = f" until {expires_at:%Y-%m-%d %H:%M}" if expires_at else ""
    return f"replaced by {replaced_by}{ends}" if replaced_by else f"active{ends}"


def _day(time: dt.datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M}" if time else "-"


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
