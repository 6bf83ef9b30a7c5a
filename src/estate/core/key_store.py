"""API keys in the database: made, listed, replaced and revoked; their secrets are shown once and never stored."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from estate.core.audit import audit
from estate.core.errors import Conflict, Invalid, NotFound
from estate.core.keys import ApiKey
from estate.core.models import StoredKey, User
from estate.core.security import Actor, ActorRole, fingerprint
from estate.core.settings import get_settings

__all__ = ["KeyState", "Standing", "create_key", "list_keys", "revoke_key", "rotate_key", "state_of"]

KeyState = Literal["active", "replaced", "expired", "revoked"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a user or key may do, and whose records it may see.

    Parameters
    ----------
    role : str
        One of `estate.core.security.ROLES`.
    agent_id : uuid.UUID or None
        Needed by the role ``agent``.
    team_id : uuid.UUID or None
        Needed by the role ``manager``.

    Raises
    ------
    Invalid
        When the role needs what is not given.
    """

    role: ActorRole
    agent_id: uuid.UUID | None = None
    team_id: uuid.UUID | None = None

    def __post_init__(self) -> None:
        if self.role == "agent" and self.agent_id is None:
            raise Invalid("The role agent needs the agent that it stands for.")
        if self.role == "manager" and self.team_id is None:
            raise Invalid("The role manager needs the team that it leads.")


def create_key(
    session: Session,
    by: Actor,
    name: str,
    standing: Standing,
    *,
    user_id: uuid.UUID | None = None,
    expires_at: dt.datetime | None = None,
) -> ApiKey:
    """Make a key; the answer is the only copy of its secret.

    Parameters
    ----------
    by : Actor
        Who makes it, for the audit log.
    name : str
        What it is for.
    user_id : uuid.UUID or None
        Whose it is: it ends when the user is disabled.
    expires_at : datetime or None
        When it ends by itself.

    Raises
    ------
    Conflict
        The user is disabled.
    """
    key = _store(session, name, standing, user_id, expires_at)
    audit(session, by, "key.create", "api_keys", key.key_id, role=standing.role)
    return key


def list_keys(session: Session) -> list[tuple[StoredKey, User | None]]:
    """Return every key with whose it is, the newest first."""
    owned = select(StoredKey, User).outerjoin(User, User.user_id == StoredKey.user_id)
    return [(row[0], row[1]) for row in session.execute(owned.order_by(StoredKey.created_at.desc(), StoredKey.key_id))]


def state_of(key: StoredKey, owner: User | None, now: dt.datetime) -> KeyState:
    """Return how a key stands: it ends with its owner; one that is replaced is still good, until it expires."""
    if key.revoked_at is not None or (owner is not None and owner.disabled_at is not None):
        return "revoked"
    if key.expires_at is not None and key.expires_at <= now:
        return "expired"
    return "active" if key.replaced_by is None else "replaced"


def rotate_key(session: Session, by: Actor, key_id: str, now: dt.datetime, overlap: dt.timedelta) -> ApiKey:
    """Make a key that replaces another; both are good for a while, so that no caller is shut out.

    Raises
    ------
    NotFound
        No such key.
    Conflict
        The key is revoked, expired or replaced already, or its user is disabled.
    """
    old = _find(session, key_id)
    ended = old.expires_at is not None and old.expires_at <= now
    if old.revoked_at is not None or old.replaced_by is not None or ended:
        raise Conflict(f"Key {key_id} is revoked, expired or replaced already.")
    standing = Standing(old.role, old.agent_id, old.team_id)  # type: ignore[arg-type]
    new = _store(session, old.name, standing, old.user_id, old.expires_at)
    old.replaced_by = new.key_id
    old.expires_at = now + overlap if old.expires_at is None else min(old.expires_at, now + overlap)
    session.flush()
    audit(session, by, "key.rotate", "api_keys", key_id, replaced_by=new.key_id)
    return new


def revoke_key(session: Session, by: Actor, key_id: str, now: dt.datetime) -> None:
    """End a key; every process refuses it within the time that `credentials` remembers.

    Raises
    ------
    NotFound
        No such key.
    """
    key = _find(session, key_id)
    if key.revoked_at is None:
        key.revoked_at = now
        session.flush()
        audit(session, by, "key.revoke", "api_keys", key_id)


def _find(session: Session, key_id: str) -> StoredKey:
    key = session.get(StoredKey, key_id, with_for_update=True)
    if key is None:
        raise NotFound(f"There is no key {key_id}.")
    return key


def _store(
    session: Session, name: str, standing: Standing, user_id: uuid.UUID | None, expires_at: dt.datetime | None
) -> ApiKey:
    owner = None if user_id is None else session.get(User, user_id)
    if owner is not None and owner.disabled_at is not None:
        raise Conflict("The user of this key is disabled: nobody could call with it.")
    key = ApiKey.make(get_settings().environment)
    row = StoredKey(
        key_id=key.key_id,
        name=name,
        user_id=user_id,
        secret_hash=fingerprint(key.secret),
        role=standing.role,
        agent_id=standing.agent_id,
        team_id=standing.team_id,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    return key
