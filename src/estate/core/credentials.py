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

from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from estate.core.db import database_time, unit_of_work
from estate.core.errors import Unauthorized, Unavailable
from estate.core.keys import ApiKey
from estate.core.models import StoredKey, User, UserSession
from estate.core.security import Actor, fingerprint
from estate.core.settings import Settings

__all__ = ["Credentials"]

MAX_REMEMBERED = 10_000
LOOK_UPS_AT_A_TIME = 2  # Unknown keys must not take the connections that known callers work on.
STRANGERS_WAITING = 64
"""Unknown keys and tokens that may wait to be asked about; what was good lately waits for none of them."""
NOTE_USE_EVERY = dt.timedelta(minutes=1)
NOT_KNOWN = "The API key is not known or no longer good. Send one as X-API-Key or Authorization: Bearer."
ENDED = "The session has ended; log in again."

BOOTSTRAP = Actor.bootstrap()
Ask = Callable[[], Actor | None]


@dataclass(frozen=True, slots=True)
class _Remembered:
    actor: Actor | None
    until: float


class Credentials:
    """Resolves keys and session tokens.

    What the database said, also that a key is unknown, is remembered for `credential_cache_ms`, at most a second:
    so long a revoked key may still be good in another process. It is remembered by the fingerprint of what was
    presented, so that nobody learns from the time of an answer how much of a key was right.

    Parameters
    ----------
    settings : Settings
        Bootstrap key, environment of the other keys, time of remembering, limits of sessions.
    """

    def __init__(self, settings: Settings) -> None:
        key = settings.bootstrap_api_key
        self._bootstrap = b"" if key is None else fingerprint(key.get_secret_value())
        self._environment = settings.environment
        self._remember_s = settings.credential_cache_ms / 1_000
        self._idle = dt.timedelta(minutes=settings.session_idle_minutes)
        self._lifetime = dt.timedelta(hours=settings.session_lifetime_hours)
        self._known: dict[bytes, _Remembered] = {}
        self._asked: dict[bytes, Future[Actor | None]] = {}
        self._lock = threading.Lock()
        self._strangers: set[bytes] = set()
        self._pool = ThreadPoolExecutor(LOOK_UPS_AT_A_TIME, "estate-credentials")
        self._pool_of_strangers = ThreadPoolExecutor(LOOK_UPS_AT_A_TIME, "estate-strangers")

    async def of_key(self, presented: str) -> Actor:
        """Return whom a key stands for.

        Raises
        ------
        Unauthorized
            It is unknown, revoked, expired, or its user is disabled; of a text that has not the form of a key,
            or a wrong checksum, the database is not asked.
        Unavailable
            It was not good lately, and too many such wait to be asked about.
        """
        shown = fingerprint(presented)
        if hmac.compare_digest(shown, self._bootstrap):
            return BOOTSTRAP
        remembered = self._remembered(shown)
        if remembered is not None:
            actor = remembered.actor
        else:
            key = ApiKey.parse(presented)
            if key is None or key.environment != self._environment:
                raise Unauthorized(NOT_KNOWN)
            actor = await self._ask_once(shown, lambda: _actor_of_key(key))
        if actor is None:
            raise Unauthorized(NOT_KNOWN)
        return actor

    async def of_session(self, token: str) -> Actor:
        """Return who is logged in with a token.

        Raises
        ------
        Unauthorized
            It is unknown, logged out, too old or was left alone too long, or its user is disabled.
        Unavailable
            It was not good lately, and too many such wait to be asked about.
        """
        shown = fingerprint(token)
        remembered = self._remembered(shown)
        if remembered is not None:
            actor = remembered.actor
        else:
            actor = await self._ask_once(shown, lambda: self._actor_of_session(shown))
        if actor is None:
            raise Unauthorized(ENDED)
        return actor

    def forget(self, shown: bytes) -> None:
        """Ask the database again about a fingerprint, as what it is of was just revoked."""
        with self._lock:
            self._known.pop(shown, None)

    def _remembered(self, shown: bytes) -> _Remembered | None:
        remembered = self._known.get(shown)
        return remembered if remembered is not None and time.monotonic() < remembered.until else None

    async def _ask_once(self, shown: bytes, ask: Ask) -> Actor | None:
        """Ask in a thread; whoever waits for the same shares the answer, and one who leaves takes it from nobody."""
        with self._lock:
            answer = self._asked.get(shown)
            if answer is None:
                answer = self._asked[shown] = self._pool_for(shown).submit(self._ask_and_remember, shown, ask)
        return await asyncio.shield(asyncio.wrap_future(answer))

    def _pool_for(self, shown: bytes) -> ThreadPoolExecutor:
        """Return the threads that ask; whoever guesses is not to hold up those who are known."""
        lately = self._known.get(shown)
        if lately is not None and lately.actor is not None:
            return self._pool
        if len(self._strangers) >= STRANGERS_WAITING:
            raise Unavailable("Too many unknown keys are being looked up.", retry_after_seconds=1)
        self._strangers.add(shown)
        return self._pool_of_strangers

    def _ask_and_remember(self, shown: bytes, ask: Ask) -> Actor | None:
        until = time.monotonic() + self._remember_s
        try:
            actor = ask()
            with self._lock:
                if len(self._known) >= MAX_REMEMBERED:
                    self._forget_some()
                self._known[shown] = _Remembered(actor, until)
            return actor
        finally:
            with self._lock:
                del self._asked[shown]
                self._strangers.discard(shown)

    def _forget_some(self) -> None:
        """Forget what was not good; all, when that is not enough."""
        good = {shown: lately for shown, lately in self._known.items() if lately.actor is not None}
        self._known = good if len(good) < MAX_REMEMBERED else {}

    def _actor_of_session(self, shown: bytes) -> Actor | None:
        query = (
            select(UserSession.last_seen_at, User)
            .join(User, User.user_id == UserSession.user_id)
            .where(
                UserSession.token_hash == shown,
                UserSession.revoked_at.is_(None),
                UserSession.last_seen_at > func.now() - self._idle,
                UserSession.created_at > func.now() - self._lifetime,
                User.disabled_at.is_(None),
            )
        )
        with unit_of_work(Actor.gate(), read_only=True) as session:
            row, now = session.execute(query).one_or_none(), database_time(session)
        if row is None:
            return None
        _note_use(row.last_seen_at, now, lambda session: _note_session(session, shown, now))
        user: User = row.User
        return Actor(user.role, user.agent_id, user.team_id, caller=str(user.user_id))


def _actor_of_key(key: ApiKey) -> Actor | None:
    query = (
        select(StoredKey)
        .outerjoin(User, User.user_id == StoredKey.user_id)
        .where(
            StoredKey.key_id == key.key_id,
            StoredKey.revoked_at.is_(None),
            StoredKey.expires_at.is_(None) | (StoredKey.expires_at > func.now()),
            User.disabled_at.is_(None),
        )
    )
    with unit_of_work(Actor.gate(), read_only=True) as session:
        stored, now = session.scalars(query).one_or_none(), database_time(session)
    if stored is None or not hmac.compare_digest(stored.secret_hash, fingerprint(key.secret)):
        return None
    _note_use(stored.last_used_at, now, lambda session: _note_key(session, key.key_id, now))
    return Actor(stored.role, stored.agent_id, stored.team_id, caller=stored.key_id)


def _note_use(last: dt.datetime | None, now: dt.datetime, note: Callable[[Session], None]) -> None:
    """Write that something is used, once a minute; a call never fails for it."""
    if last is None or last < now - NOTE_USE_EVERY:
        with suppress(DBAPIError, PoolTimeout), unit_of_work(Actor.gate()) as session:
            note(session)


def _note_key(session: Session, key_id: str, now: dt.datetime) -> None:
    """Write when a key was used, unless another process is at it."""
    free = select(StoredKey.key_id).where(StoredKey.key_id == key_id).with_for_update(skip_locked=True)
    session.execute(update(StoredKey).where(StoredKey.key_id.in_(free)).values(last_used_at=now))


def _note_session(session: Session, shown: bytes, now: dt.datetime) -> None:
    """Write when a session was used, unless another process is at it."""
    free = select(UserSession.token_hash).where(UserSession.token_hash == shown).with_for_update(skip_locked=True)
    session.execute(update(UserSession).where(UserSession.token_hash.in_(free)).values(last_seen_at=now))
