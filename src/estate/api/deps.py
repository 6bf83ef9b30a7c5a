"""What endpoints ask for: who calls, a read-only session, and a write that happens once."""

import datetime as dt
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Header, Query, Request
from pydantic import BaseModel, WithJsonSchema
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.responses import Response

from estate.api.admission import actor_of
from estate.api.body import JsonBody, read_body, read_file
from estate.api.openapi import IDEMPOTENCY_KEY
from estate.api.rights import require
from estate.core.audit import audit
from estate.core.db import unit_of_work
from estate.core.errors import BadRequest, Conflict, Invalid
from estate.core.idempotency import oldest_kept
from estate.core.models import IdempotencyKey
from estate.core.security import Actor
from estate.core.types import NoParameters

__all__ = [
    "NO_PARAMETERS",
    "Answer",
    "Caller",
    "Once",
    "OnceDep",
    "OnceWithFile",
    "ReadSession",
    "Subject",
    "caller",
    "now",
    "once_of",
]

KEY_PATTERN = re.compile(r"[\x21-\x7e]{1,255}")


def now() -> dt.datetime:
    """Return the time of the request in UTC; the pure code below takes it as an argument."""
    return dt.datetime.now(dt.UTC)


async def caller(request: Request) -> Actor:
    """Return who calls, if their role may call this operation: the one gate of every route.

    Raises
    ------
    Unauthorized, Forbidden
        See `estate.api.rights.require`.
    """
    actor = actor_of(request.scope)
    require(actor, f"{request.method} {request.scope['route'].path_format}")
    return actor


Caller = Annotated[Actor, Depends(caller)]


async def _no_parameters(_: Annotated[NoParameters, Query()]) -> None:
    """Refuse any parameter."""


NO_PARAMETERS = Depends(_no_parameters)


def _read_session(actor: Caller) -> Iterator[Session]:
    with unit_of_work(actor, read_only=True) as session:
        yield session


ReadSession = Annotated[Session, Depends(_read_session, scope="function")]


@dataclass(frozen=True, slots=True)
class Subject:
    """What the audit log says of a write: the record that was written, and counts."""

    table: str
    id: object
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a write answers: a status and a model; with a subject it is audited in the transaction of the effect."""

    status: int
    content: BaseModel
    media_type: str = "application/json"
    subject: Subject | None = None

    def rendered(self) -> bytes:
        """Return the bytes of the content."""
        return self.content.__pydantic_serializer__.to_json(self.content)

    def response(self) -> Response:
        """Return the response."""
        return _respond(self.status, self.rendered(), self.media_type)


@dataclass(frozen=True, slots=True)
class Once:
    """Runs a write in one transaction, at most once for an Idempotency-Key.

    A route is its template, and what its path and query name is compared as the body is: an id of a client must not
    stand in a log or key that outlives the client.

    The answer is made after the commit; with a key it is stored in the transaction of its effect, so
    that a repeated call gets the same bytes back.
    """

    actor: Actor
    route: str
    about: str
    body: JsonBody
    key: str | None

    def replay(self) -> Response | None:
        """Repeat the stored answer, if there is one: to be asked before work that no transaction may wait for.

        Raises
        ------
        Conflict, Invalid
            See `run`.
        """
        if not self.key:
            return None
        with unit_of_work(self.actor) as session:
            return self._repeated(session)

    def run(self, effect: Callable[[Session], Answer]) -> Response:
        """Do the effect, or repeat the stored answer.

        Raises
        ------
        Conflict
            When a call with the same key is still running.
        Invalid
            When the key came before with another body.
        """
        with unit_of_work(self.actor) as session:
            repeated = self._repeated(session) if self.key else None
            if repeated is not None:
                return repeated
            answer = effect(session)
            if answer.subject is not None:
                self._audit(session, answer.subject)
            content = answer.rendered()
            if self.key:
                self._store(session, answer, content)
        return _respond(answer.status, content, answer.media_type)

    def _audit(self, session: Session, subject: Subject) -> None:
        action = ".".join(part for part in self.route.split("/") if part and not part.startswith("{"))
        audit(session, self.actor, action, subject.table, subject.id, **subject.detail)

    def _repeated(self, session: Session) -> Response | None:
        stored = self._stored(session)
        if stored is None:
            return None
        return _respond(stored.status, stored.response, stored.media_type, replayed=True)

    def _stored(self, session: Session) -> IdempotencyKey | None:
        lock = func.hashtextextended(f"{self.actor.caller} {self.route} {self.key}", 0)
        locked, time = session.execute(select(func.pg_try_advisory_xact_lock(lock), func.now())).one()
        if not locked:
            raise Conflict("A call with this Idempotency-Key is still running.")
        row = session.get(IdempotencyKey, (self.actor.caller, self.route, self.key))
        if row is not None and row.created_at < oldest_kept(time):
            session.delete(row)
            return None
        if row is not None and row.body_hash != self._body_hash():
            raise Invalid("This Idempotency-Key was used with another body.")
        return row

    def _store(self, session: Session, answer: Answer, content: bytes) -> None:
        session.add(
            IdempotencyKey(
                caller=self.actor.caller,
                route=self.route,
                key=self.key,
                body_hash=self._body_hash(),
                status=answer.status,
                response=content,
                media_type=answer.media_type,
            )
        )

    def _body_hash(self) -> bytes:
        return hashlib.sha256(self.about.encode() + self.body.raw).digest()


def _respond(status: int, content: bytes, media_type: str, *, replayed: bool = False) -> Response:
    headers = {"Idempotent-Replay": "true"} if replayed else None
    return Response(content, status, headers, media_type)


IdempotencyHeader = Annotated[
    str | None,
    Header(description="1 to 255 visible characters; makes a repeated call harmless for 24 hours."),
    WithJsonSchema(IDEMPOTENCY_KEY),
]


async def once(
    request: Request,
    actor: Caller,
    body: Annotated[JsonBody, Depends(read_body)],
    idempotency_key: IdempotencyHeader = None,
) -> Once:
    """Gather what a write needs; the caller is checked before the body is read.

    Raises
    ------
    BadRequest
        When the Idempotency-Key is empty, too long or not visible.
    """
    return _once(request, actor, body, idempotency_key)


async def once_with_file(
    request: Request,
    actor: Caller,
    body: Annotated[JsonBody, Depends(read_file)],
    idempotency_key: IdempotencyHeader = None,
) -> Once:
    """Gather the same of a call whose body is a file."""
    return _once(request, actor, body, idempotency_key)


async def once_of(request: Request) -> Once:
    """Gather the same straight from the request: resolving nested dependencies costs as much as storing an event."""
    actor = await caller(request)
    return _once(request, actor, await read_body(request), request.headers.get("idempotency-key"))


def _once(request: Request, actor: Actor, body: JsonBody, key: str | None) -> Once:
    if key is not None and not KEY_PATTERN.fullmatch(key):
        raise BadRequest("An Idempotency-Key has 1 to 255 visible ASCII characters.")
    query = request.scope["query_string"].decode("latin-1")
    about = "/".join(map(str, request.path_params.values())) + (f"?{query}" if query else "")
    return Once(actor, request.scope["route"].path_format, about, body, key)


OnceDep = Annotated[Once, Depends(once)]
OnceWithFile = Annotated[Once, Depends(once_with_file)]
