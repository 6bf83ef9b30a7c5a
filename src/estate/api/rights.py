"""Which role may call which operation: one table, and nothing is allowed that does not stand in it."""

import re
from collections.abc import Mapping

from estate.core.errors import Forbidden, Unauthorized
from estate.core.security import ROLES, Actor, ActorRole

__all__ = ["COSTLY", "OPEN", "RIGHTS", "cost_class", "require", "require_import"]

Roles = frozenset[ActorRole]

EVERYBODY: Roles = frozenset(ROLES)
READERS: Roles = frozenset({"admin", "manager", "agent", "read_only"})
PEOPLE: Roles = frozenset({"admin", "manager", "agent"})
LEADERS: Roles = frozenset({"admin", "manager"})
LOADERS: Roles = frozenset({"admin", "ingest"})
IMPORTERS: Roles = PEOPLE | LOADERS

OPEN = frozenset(
    {
        "GET /healthz",
        "GET /readyz",
        "GET /metrics",
        "GET /docs",
        "GET /openapi.json",
        "POST /auth/login",
    }
)
"""Need neither key nor session; one that is sent is not looked at."""

RIGHTS: Mapping[str, Roles] = {
    "GET /auth/me": EVERYBODY,
    "POST /auth/logout": EVERYBODY,
    "POST /market/ingest": LOADERS,
    "GET /market/query": READERS,
    "GET /market/heatmap": READERS,
    "GET /market/predict": READERS,
    "GET /market/track-record": READERS,
    "GET /market/recommend": READERS,
    "POST /agent/ingest": LOADERS,
    "GET /agent/query": READERS,
    "GET /agent/predict": READERS,
    "GET /agent/recommend": READERS,
    "GET /agent/rankings": READERS,
    "POST /client/ingest": LOADERS | {"manager"},
    "GET /client/query": READERS,
    "GET /client/count": READERS,
    "GET /client/qualification/{client_id}": READERS,
    "GET /client/predict": READERS,
    "POST /client/closing": READERS,  # A computation: it writes nothing.
    "POST /client/override": PEOPLE,
    "GET /client/quality": READERS,
    "GET /client/recommend": READERS,
    "GET /client/skip-reasons": READERS,
    "POST /client/{client_id}/contact": PEOPLE,
    "POST /client/{client_id}/skip": PEOPLE,
    "GET /client/{client_id}/timeline": READERS,
    "GET /client/duplicates": LEADERS,
    "POST /client/merge": LEADERS,
    "GET /client/{client_id}/export": PEOPLE,
    "DELETE /client/{client_id}": LEADERS,
    "POST /property/ingest": LOADERS,
    "GET /property/query": READERS,
    "GET /property/count": READERS,
    "GET /property/predict": READERS,
    "GET /property/recommend": READERS,
    "GET /property/compare": READERS,
    "POST /behavior/event": PEOPLE | {"ingest"},
    "POST /behavior/ingest": LOADERS | {"manager"},
    "POST /behavior/conversation": PEOPLE | {"ingest"},
    "POST /behavior/deal": PEOPLE | {"ingest"},
    "GET /behavior/query": READERS,
    "GET /behavior/deals": READERS,
    "GET /behavior/pipeline": READERS,
    "GET /behavior/predict": READERS,
    "GET /behavior/recommend": READERS,
    "GET /behavior/triggers": READERS,
    "GET /behavior/patterns": READERS,
    "POST /gpt/respond": PEOPLE,
    "POST /gpt/respond/stream": PEOPLE,
    "POST /gpt/feedback": PEOPLE,
    "GET /gpt/responses/{response_id}": READERS,
    "GET /gpt/ranking": READERS,
    "POST /gpt/ranking/rollback": LEADERS,
    "GET /ingest/rejected": LOADERS,
    "POST /imports": IMPORTERS,
    "GET /imports": IMPORTERS,
    "GET /imports/{import_id}": IMPORTERS,
    "POST /imports/{import_id}/mapping": IMPORTERS,
    "GET /imports/{import_id}/rows": IMPORTERS,
    "POST /imports/{import_id}/rows/{line}": IMPORTERS,
    "POST /imports/{import_id}/commit": IMPORTERS,
    "POST /imports/{import_id}/undo": IMPORTERS,
}

ANSWERS = {"POST /gpt/respond", "POST /gpt/respond/stream"}
COSTLY = frozenset(ANSWERS | {"POST /imports"} | {name for name in RIGHTS if name.endswith("/recommend")})
WITH_ID = re.compile(r"GET /client/[^/]+/export|POST /imports/[^/]+/mapping")
"""Operations that compute for long; they have a lower rate limit."""


def require(actor: Actor, operation: str) -> None:
    """Let an actor call an operation, or say why not.

    Parameters
    ----------
    operation : str
        Method and path template, as in OpenAPI.

    Raises
    ------
    Unauthorized
        The operation needs a key or session, and none was sent.
    Forbidden
        Other roles may call it; the message names them.
    """
    if operation in OPEN:
        return
    if actor.role == "anonymous":
        raise Unauthorized("This call needs an API key (X-API-Key or Authorization: Bearer) or a session.")
    allowed: frozenset[str] = RIGHTS.get(operation, frozenset())
    if actor.role not in allowed:
        may = ", ".join(role for role in ROLES if role in allowed) or "nobody"
        raise Forbidden(f"The role {actor.role} may not {operation}; allowed: {may}.")


def require_import(actor: Actor, layer: str) -> None:
    """Let an actor import records of a layer: who may load it, and agents clients of their own.

    Raises
    ------
    Forbidden
        See `require`.
    """
    if not (actor.role == "agent" and layer == "client"):
        require(actor, f"POST /{layer}/ingest")


def cost_class(operation: str) -> str:
    """Return which rate limit counts a call: ``reads``, ``writes`` or ``costly``.

    Parameters
    ----------
    operation : str
        Method and path.
    """
    if operation in COSTLY or WITH_ID.fullmatch(operation):
        return "costly"
    return "reads" if operation.startswith("GET ") else "writes"
