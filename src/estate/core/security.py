"""Who acts, and how a presented key is compared with the known one."""

import hashlib
import hmac
import uuid
from dataclasses import dataclass

from estate.core.errors import Unauthorized
from estate.core.settings import get_settings

__all__ = ["Actor", "actor_for_key"]


@dataclass(frozen=True, slots=True)
class Actor:
    """On whose behalf a transaction runs.

    Parameters
    ----------
    role : str
        ``admin``, ``anonymous`` or ``system``.
    agent_id : uuid.UUID or None
        The agent that the caller is, if any.
    caller : str
        Stable name of the key, for idempotency and rate limits; never the key itself.
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
    def house(cls) -> "Actor":
        """Return the platform reading all rows to answer somebody who sees only some of them."""
        return cls(role="house", caller="house")

    @classmethod
    def anonymous(cls) -> "Actor":
        """Return somebody without a key."""
        return cls(role="anonymous")


def actor_for_key(presented: str) -> Actor:
    """Return the actor that a key stands for.

    Raises
    ------
    Unauthorized
        When the key is not known. The comparison takes constant time.
    """
    known = get_settings().bootstrap_api_key
    digest = hashlib.sha256(presented.encode()).digest()
    if known is None or not hmac.compare_digest(digest, hashlib.sha256(known.get_secret_value().encode()).digest()):
        raise Unauthorized("The API key is not known. Send it as X-API-Key or Authorization: Bearer.")
    return Actor(role="admin", caller=digest.hex()[:12])
