"""People who log in: their passwords (Argon2), and the sessions that a log-in opens."""

import datetime as dt
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from pwdlib import PasswordHash
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from estate.core.audit import audit
from estate.core.errors import Conflict, Invalid, NotFound
from estate.core.key_store import Standing
from estate.core.keys import ID_CHARACTERS, SECRET_CHARACTERS, random_text
from estate.core.models import StoredKey, Team, User, UserSession
from estate.core.security import Actor, fingerprint

__all__ = [
    "PASSWORD_MAX_CHARACTERS",
    "Opened",
    "UserState",
    "create_user",
    "disable_user",
    "enable_user",
    "find_user",
    "last_sessions",
    "list_users",
    "log_in",
    "log_out",
    "name_of",
    "set_password",
    "state_of",
    "team_names",
]

UserState = Literal["active", "no_password", "disabled"]

PASSWORD_MIN_CHARACTERS = 12
PASSWORD_MAX_CHARACTERS = 256

_hashing = threading.BoundedSemaphore(2)
"""A hash takes 64 MiB and a core for some 50 ms: no more than this many at a time."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that was opened: its token, of which only the fingerprint is kept, and who logged in."""

    token: str = field(repr=False)
    actor: Actor
    name: str | None


def create_user(
    session: Session, by: Actor, email: str, standing: Standing, *, name: str | None, password: str | None
) -> User:
    """Make a user; without a password nobody can log in as them.

    Raises
    ------
    Conflict
        Somebody has this e-mail address, in whatever case.
    Invalid
        The password is too short or too long.
    """
    there = _by_email(session, email)
    if there is not None:
        disabled = "" if there.disabled_at is None else ", who is disabled"
        raise Conflict(f"There is a user with this e-mail address{disabled}.")
    user = User(
        user_id=uuid.uuid4(),
        email=email,
        name=name,
        role=standing.role,
        agent_id=standing.agent_id,
        team_id=standing.team_id,
        password_hash=None if password is None else _hashed(password),
    )
    session.add(user)
    session.flush()
    audit(session, by, "user.create", "users", user.user_id, role=standing.role)
    return user


def find_user(session: Session, email: str) -> User:
    """Return the user with an e-mail address.

    Raises
    ------
    NotFound
        There is none.
    """
    user = _by_email(session, email)
    if user is None:
        raise NotFound("There is no user with this e-mail address.")
    return user


def list_users(session: Session) -> Sequence[User]:
    """Return every user by e-mail address."""
    return session.scalars(select(User).order_by(func.lower(User.email))).all()


def state_of(user: User) -> UserState:
    """Return whether a user can log in, else why not."""
    if user.disabled_at is not None:
        return "disabled"
    return "no_password" if user.password_hash is None else "active"


def last_sessions(session: Session) -> dict[uuid.UUID, dt.datetime]:
    """Return when each user last used a session; those that ended long ago are not kept."""
    query = select(UserSession.user_id, func.max(UserSession.last_seen_at)).group_by(UserSession.user_id)
    return {row[0]: row[1] for row in session.execute(query)}


def team_names(session: Session) -> dict[uuid.UUID, str]:
    """Return the name of each team."""
    return {row[0]: row[1] for row in session.execute(select(Team.team_id, Team.name))}


def set_password(session: Session, by: Actor, email: str, password: str, now: dt.datetime) -> User:
    """Give a user another password and end what was opened with the last one; who is disabled stays so."""
    user = find_user(session, email)
    user.password_hash = _hashed(password)
    _end_sessions(session, user, now)
    audit(session, by, "user.password", "users", user.user_id)
    return user


def disable_user(session: Session, by: Actor, email: str, now: dt.datetime) -> None:
    """Shut a user out, with their sessions and keys."""
    user = find_user(session, email)
    user.disabled_at = user.disabled_at or now
    _end_sessions(session, user, now)
    audit(session, by, "user.disable", "users", user.user_id)


def enable_user(session: Session, by: Actor, email: str) -> None:
    """Let a user in again; keys that did not end otherwise are good again, sessions are not."""
    user = find_user(session, email)
    user.disabled_at = None
    session.flush()
    audit(session, by, "user.enable", "users", user.user_id)


def log_in(session: Session, email: str, password: str) -> Opened | None:
    """Open a session for the owner of a password; None, and as slowly, when there is nobody of that kind."""
    user = _by_password(session, email, password)
    if user is None:
        audit(session, Actor.anonymous(), "login.refuse")
        return None
    token = random_text(SECRET_CHARACTERS)
    session.add(UserSession(token_hash=fingerprint(token), user_id=user.user_id))
    session.flush()
    actor = Actor(user.role, user.agent_id, user.team_id, caller=str(user.user_id))
    audit(session, actor, "login", "users", user.user_id)
    return Opened(token, actor, user.name)


def log_out(session: Session, by: Actor, token_hash: bytes, now: dt.datetime) -> bool:
    """End a session; tell whether there was one to end."""
    open_one = (UserSession.token_hash == token_hash, UserSession.revoked_at.is_(None))
    ended = update(UserSession).where(*open_one).values(revoked_at=now).returning(UserSession.user_id)
    user_id = session.scalars(ended).one_or_none()
    if user_id is not None:
        audit(session, by, "logout", "users", user_id)
    return user_id is not None


def name_of(session: Session, caller: str) -> str | None:
    """Return the name of the key or user behind `Actor.caller`."""
    if len(caller) == ID_CHARACTERS:
        return session.scalars(select(StoredKey.name).where(StoredKey.key_id == caller)).one_or_none()
    try:
        user_id = uuid.UUID(caller)
    except ValueError:
        return None
    return session.scalars(select(User.name).where(User.user_id == user_id)).one_or_none()


def _by_password(session: Session, email: str, password: str) -> User | None:
    """Return the user; whether there is one, with a password and not disabled, changes nothing about the time."""
    user = _by_email(session, email)
    stored = user.password_hash if user is not None and user.disabled_at is None else None
    with _hashing:
        right, renewed = _hasher().verify_and_update(password, stored or _hash_of_nobody())
    if user is None or stored is None or not right:
        return None
    # Whoever changes the password or disables the user ends the sessions that they see: either they saw this one, or
    # we see the change.
    session.refresh(user, with_for_update={"key_share": True})
    if user.password_hash != stored or user.disabled_at is not None:
        return None
    if renewed is not None:
        user.password_hash = renewed
    return user


def _end_sessions(session: Session, user: User, now: dt.datetime) -> None:
    of_user = (UserSession.user_id == user.user_id, UserSession.revoked_at.is_(None))
    session.execute(update(UserSession).where(*of_user).values(revoked_at=now))
    session.flush()


def _by_email(session: Session, email: str) -> User | None:
    return session.scalars(select(User).where(func.lower(User.email) == func.lower(email))).one_or_none()


def _hashed(password: str) -> str:
    if not PASSWORD_MIN_CHARACTERS <= len(password) <= PASSWORD_MAX_CHARACTERS:
        raise Invalid(f"A password has {PASSWORD_MIN_CHARACTERS} to {PASSWORD_MAX_CHARACTERS} characters.")
    with _hashing:
        return _hasher().hash(password)


@lru_cache(maxsize=1)
def _hasher() -> PasswordHash:
    return PasswordHash.recommended()


@lru_cache(maxsize=1)
def _hash_of_nobody() -> str:
    return _hasher().hash(random_text(SECRET_CHARACTERS))
