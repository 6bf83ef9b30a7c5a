"""Who acts, in which role, and the secret that keeps what we store of keys and sessions from being guessed at."""

import hmac
import uuid
from dataclasses import dataclass
from typing import Literal, get_args

from estate.core.settings import get_settings

__all__ = ["ROLES", "Actor", "ActorRole", "fingerprint"]

ActorRole = Literal["admin", "manager", "agent", "ingest", "read_only"]
ROLES: tuple[ActorRole, ...] = get_args(ActorRole)


@dataclass(frozen=True, slots=True)
class Actor:
    """On whose behalf a transaction runs.

    Parameters
    ----------
    role : str
        One of `ROLES`; ``anonymous`` without a key or session, ``system`` for the platform itself.
    agent_id : uuid.UUID or None
        The agent that the caller is; always there for the role ``agent``.
    team_id : uuid.UUID or None
        The team that the caller leads or belongs to; always there for the role ``manager``.
    caller : str
        Id of the key or user, for idempotency, rate limits and the audit log; never a secret.
    """

    role: str
    agent_id: uuid.UUID | None = None
    team_id: uuid.UUID | None = None
    caller: str = "anonymous"

    @property
    def is_member(self) -> bool:
        """Tell whether the actor sees some of the clients only: an agent's own, or those of a manager's team."""
        return self.role in ("agent", "manager")

    @classmethod
    def system(cls) -> "Actor":
        """Return the platform itself: worker, command line, health checks."""
        return cls(role="system", caller="system")

    @classmethod
    def gate(cls) -> "Actor":
        """Return the gate that finds out who calls: it reads keys and sessions, and nothing else."""
        return cls(role="gate", caller="gate")

    @classmethod
    def house(cls) -> "Actor":
        """Return the platform reading all rows to answer somebody who sees only some of them."""
        return cls(role="house", caller="house")

    @classmethod
    def eraser(cls, caller: str) -> "Actor":
        """Return the platform taking a client out of all tables; ask first whether the caller may."""
        return cls(role="eraser", caller=caller)

    @classmethod
    def anonymous(cls) -> "Actor":
        """Return somebody without a key."""
        return cls(role="anonymous")

    @classmethod
    def bootstrap(cls) -> "Actor":
        """Return the administrator that the platform is set up with."""
        return cls(role="admin", caller="bootstrap")


def fingerprint(secret: str) -> bytes:
    """Return what is stored of a secret: its HMAC-SHA-256 under the server's pepper, 32 bytes."""
    return hmac.digest(get_settings().pepper(), secret.encode(), "sha256")
