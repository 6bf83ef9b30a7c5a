"""Who a presented key or session token stands for: asked of the database once a second at most, off the event loop."""

import asyncio
import datetime as dt
import hmac
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from estate.core.db import unit_of_work
from estate.core.errors import Unauthorized
from estate.core.keys import ApiKey
from estate.core.models import StoredKey, User, UserSession
from estate.core.security import Actor, fingerprint, is_bootstrap_key
from estate.core.settings import Settings

__all__ = ["Credentials"]

MAX_REMEMBERED = 10_000
LOOK_UPS_AT_A_TIME = 2  # Unknown keys must not take the connections that known callers work on.
NOTE_USE_EVERY = dt.timedelta(minutes=1)
NOT_KNOWN = "The API key is not known or no longer good. Send one as X-API-Key or Authorization: Bearer."
ENDED = "The session has ended; log in again."

BOOTSTRAP = Actor.bootstrap()


@dataclass(frozen=True, slots=True)
class _Grant:
    """Whom a stored key or session stands for, and the fingerprint that proves it."""

    actor: Actor
    secret_hash: bytes


@dataclass(frozen=True, slots=True)
class _Remembered:
    grant: _Grant | None
    until: float


class Credentials:
    """Resolves keys and session tokens.

    What the database said, also that a key is unknown, is remembered for `credential_cache_ms`, at most a second:
    so long a revoked key may still be good in another process.

    Parameters
    ----------
    settings : Settings
        Environment of the keys, time of remembering, limits of sessions.
    """

    def __init__(self, settings: Settings) -> None:
        self._environment = settings.environment
        self._remember_s = settings.credential_cache_ms / 1_000
        self._idle = dt.timedelta(minutes=settings.session_idle_minutes)
        self._lifetime = dt.timedelta(hours=settings.session_lifetime_hours)
        self._known: dict[str | bytes, _Remembered] = {}
        self._asked: dict[str | bytes, Future[_Grant | None]] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(LOOK_UPS_AT_A_TIME, "estate-credentials")

    async def of_key(self, presented: str) -> Actor:
        """Return whom a key stands for.

        Raises
        ------
        Unauthorized
            It is unknown, revoked, expired, or its user is disabled; of a text that has not the form of a key,
            or a wrong checksum, the database is not asked.
        """
        if is_bootstrap_key(presented):
            return BOOTSTRAP
        key = ApiKey.parse(presented)
        if key is None or key.environment != self._environment:
            raise Unauthorized(NOT_KNOWN)
        grant = await self._grant(key.key_id, lambda: self._ask(_find_key, key.key_id))
        if grant is None or not hmac.compare_digest(grant.secret_hash, fingerprint(key.secret)):
            raise Unauthorized(NOT_KNOWN)
        return grant.actor

    async def of_session(self, token: str) -> Actor:
        """Return who is logged in with a token.

        Raises
        ------
        Unauthorized
            It is unknown, logged out, too old or was left alone too long, or its user is disabled.
        """
        token_hash = fingerprint(token)
        grant = await self._grant(token_hash, lambda: self._ask(self._find_session, token_hash))
        if grant is None or not hmac.compare_digest(grant.secret_hash, token_hash):
            raise Unauthorized(ENDED)
        return grant.actor

    def forget(self, name: str | bytes) -> None:
        """Ask the database again about a key id or token fingerprint, as it was just revoked."""
        self._known.pop(name, None)

    async def _grant(self, name: str | bytes, ask: Callable[[], _Grant | None]) -> _Grant | None:
        remembered = self._known.get(name)
        if remembered is not None and time.monotonic() < remembered.until:
            return remembered.grant
        # Whoever waits for the same answer shares it; one who leaves does not take it from the others.
        return await asyncio.shield(asyncio.wrap_future(self._answer(name, ask)))

    def _answer(self, name: str | bytes, ask: Callable[[], _Grant | None]) -> Future[_Grant | None]:
        with self._lock:
            answer = self._asked.get(name)
            if answer is None:
                answer = self._asked[name] = self._pool.submit(self._ask_and_remember, name, ask)
            return answer

    def _ask_and_remember(self, name: str | bytes, ask: Callable[[], _Grant | None]) -> _Grant | None:
        asked_at = time.monotonic()
        try:
            grant = ask()
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            self._known[name] = _Remembered(grant, asked_at + self._remember_s)
            return grant
        finally:
            with self._lock:
                del self._asked[name]

    def _ask(
        self, find: Callable[[Session, Any], tuple[_Grant, dt.datetime | None] | None], name: Any
    ) -> _Grant | None:
        with unit_of_work(Actor.gate(), read_only=True) as session:
            found = find(session, name)
        if found is None:
            return None
        grant, used_at = found
        if used_at is None or used_at < dt.datetime.now(dt.UTC) - NOTE_USE_EVERY:
            with suppress(DBAPIError), unit_of_work(Actor.gate()) as session:  # A call never fails for a note.
                _note_use(session, name)
        return grant

    def _find_session(self, session: Session, token_hash: bytes) -> tuple[_Grant, dt.datetime] | None:
        now = dt.datetime.now(dt.UTC)
        query = (
            select(UserSession.last_seen_at, User)
            .join(User, User.user_id == UserSession.user_id)
            .where(
                UserSession.token_hash == token_hash,
                UserSession.revoked_at.is_(None),
                UserSession.last_seen_at > now - self._idle,
                UserSession.created_at > now - self._lifetime,
                User.disabled_at.is_(None),
            )
        )
        row = session.execute(query).one_or_none()
        if row is None:
            return None
        user: User = row.User
        actor = Actor(user.role, user.agent_id, user.team_id, caller=str(user.user_id))
        return _Grant(actor, token_hash), row.last_seen_at


def _find_key(session: Session, key_id: str) -> tuple[_Grant, dt.datetime | None] | None:
    query = (
        select(StoredKey)
        .outerjoin(User, User.user_id == StoredKey.user_id)
        .where(StoredKey.key_id == key_id, _is_good(dt.datetime.now(dt.UTC)), User.disabled_at.is_(None))
    )
    key = session.scalars(query).one_or_none()
    if key is None:
        return None
    actor = Actor(key.role, key.agent_id, key.team_id, caller=key.key_id)
    return _Grant(actor, key.secret_hash), key.last_used_at


def _is_good(now: dt.datetime) -> ColumnElement[bool]:
    return StoredKey.revoked_at.is_(None) & (StoredKey.expires_at.is_(None) | (StoredKey.expires_at > now))


def _note_use(session: Session, name: str | bytes) -> None:
    """Write that a key or session is in use, unless another process is at it."""
    now = dt.datetime.now(dt.UTC)
    if isinstance(name, str):
        key = select(StoredKey.key_id).where(StoredKey.key_id == name).with_for_update(skip_locked=True)
        session.execute(update(StoredKey).where(StoredKey.key_id.in_(key)).values(last_used_at=now))
    else:
        token = select(UserSession.token_hash).where(UserSession.token_hash == name).with_for_update(skip_locked=True)
        session.execute(update(UserSession).where(UserSession.token_hash.in_(token)).values(last_seen_at=now))
