"""Planted bugs: `python -m benchmarks.mutants NAME -m PROGRAM …` runs one of our programs with one of them.

The product has no switch for them: a planted bug replaces functions of the running program. Each is a mistake
that a reviewer can overlook and that real systems have shipped; the checker of `estate bench chaos` must see
every one.
"""

import functools
import runpy
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from sqlalchemy import delete, text, update
from sqlalchemy.orm import Session

from estate.core.models import OutboxRow

__all__ = ["BUGS", "plant"]

LATE_S = 0.15
"""What is done too late is done so much later: long enough for a crash to fall between."""
BETWEEN_S = 1.0  # Between an effect and its claim: wide enough that a kill on another topic's sign meets it.


def _replace(module: ModuleType | type, name: str, make: Callable[[Any], Any]) -> None:
    """Replace a function by one made from it; a name that is gone is an error, or the bug would not be planted."""
    setattr(module, name, make(getattr(module, name)))


def no_id_key() -> None:
    """Keep the sender's id in an ordinary column: what is sent twice is there twice."""
    from estate.behavior.crud import events as crud
    from estate.core.db import unit_of_work
    from estate.core.security import Actor

    def drop_key() -> None:
        with unit_of_work(Actor.system()) as session:
            session.execute(text("SET LOCAL ROLE NONE"))  # A planted bug runs under the owner of the tables.
            session.execute(text("ALTER TABLE behavior_events DROP CONSTRAINT IF EXISTS pk_behavior_events CASCADE"))

    def make(_: Any) -> Any:
        once = functools.lru_cache(maxsize=1)(drop_key)

        def add(session: Session, rows: Sequence[Mapping[str, Any]]) -> set[uuid.UUID]:
            once()
            if rows:
                session.execute(crud._TABLE.insert(), [dict(row) for row in rows])
            return {row["event_id"] for row in rows}

        return add

    _replace(crud, "add_events", make)


def outbox_in_second_transaction() -> None:
    """Write the work after the event was committed, in a transaction of its own."""
    from estate.behavior import events
    from estate.core.db import unit_of_work
    from estate.core.security import Actor

    def make(enqueue: Any) -> Any:
        def later(jobs: list[Any]) -> None:
            with unit_of_work(Actor.system()) as session:
                enqueue(session, jobs)

        def put(_: Session, jobs: Any) -> None:
            threading.Timer(LATE_S, later, (list(jobs),)).start()

        return put

    _replace(events, "enqueue", make)


def claim_before_effect() -> None:
    """Delete and commit the claim first, then do the work: at most once."""
    from estate.core import outbox
    from estate.core.db import unit_of_work
    from estate.core.security import Actor

    def drain(topic: str, handler: Any, *, now: Any) -> int:
        done = 0
        while True:
            with unit_of_work(Actor.system()) as session:
                claims = outbox._claim(session, topic, now)
                ids = [claim.outbox_id for claim in claims]
                session.execute(delete(OutboxRow).where(OutboxRow.outbox_id.in_(ids)))
            if not claims:
                return done
            time.sleep(LATE_S)
            with unit_of_work(Actor.system()) as session:
                outbox._work(session, topic, handler, claims, now)
            done += len(claims)

    _replace_drain(drain)


def effect_before_claim() -> None:
    """Do and commit the work first, then delete the claim: at least once."""
    from estate.core import outbox
    from estate.core.db import unit_of_work
    from estate.core.security import Actor

    def drain(topic: str, handler: Any, *, now: Any) -> int:
        done = 0
        while True:
            with unit_of_work(Actor.system()) as session:
                claims = outbox._claim(session, topic, now)
                if claims:
                    handler(session, claims)
            if not claims:
                return done
            time.sleep(BETWEEN_S)
            with unit_of_work(Actor.system()) as session:
                ids = [claim.outbox_id for claim in claims]
                session.execute(delete(OutboxRow).where(OutboxRow.outbox_id.in_(ids)))
            done += len(claims)

    _replace_drain(drain)


def _replace_drain(drain: Callable[..., int]) -> None:
    from estate.core import queue

    _replace(queue, "drain", lambda _: drain)


def answer_before_commit() -> None:
    """Answer when the statements are done, while the commit is still to come."""
    from estate.api import deps
    from estate.core import db, group_commit

    @contextmanager
    def late(actor: Any, *, read_only: bool = False) -> Iterator[Session]:
        whole = db.unit_of_work(actor, read_only=read_only)
        session = whole.__enter__()
        try:
            yield session
        except BaseException as error:
            whole.__exit__(type(error), error, error.__traceback__)
            raise
        threading.Timer(LATE_S, whole.__exit__, (None, None, None)).start()

    _replace(deps, "unit_of_work", lambda _: late)
    _replace(group_commit, "unit_of_work", lambda _: late)


def poison_fails_batch() -> None:
    """Give up the whole batch when one row of it cannot be done."""
    from estate.core import outbox

    def work(session: Session, topic: str, handler: Any, claims: Sequence[Any], now: Any) -> int:
        mine = OutboxRow.outbox_id.in_([claim.outbox_id for claim in claims])
        error = outbox._try(session, handler, claims)
        if error is None:
            return len(claims)
        session.execute(update(OutboxRow).where(mine).values(dead=True, last_error=type(error).__name__))
        return 0

    _replace(outbox, "_work", lambda _: work)


def swallow_conflict() -> None:
    """Answer `duplicate` for an id that exists, whatever its content."""
    from estate.behavior import events

    def make(settle: Any) -> Any:
        def settled(*arguments: Any) -> list[Any]:
            found = settle(*arguments)
            return [type(s)(s.id, "duplicate") if s.status == "conflict" else s for s in found]

        return settled

    _replace(events, "settle", make)


def last_content_wins() -> None:
    """Overwrite an id that exists with what came last."""
    from estate.behavior.crud import events as crud

    def make(add: Any) -> Any:
        change = text("UPDATE behavior_events SET trigger_word = :word WHERE event_id = :id")

        def put(session: Session, rows: Sequence[Mapping[str, Any]]) -> set[uuid.UUID]:
            created: set[uuid.UUID] = add(session, rows)
            again = [{"word": r["trigger_word"], "id": r["event_id"]} for r in rows if r["event_id"] not in created]
            if again:
                session.execute(change, again)
            return created

        return put

    _replace(crud, "add_events", make)


def drop_on_redis_error() -> None:
    """Drop events, answered as created, while Redis does not answer."""
    import redis

    from estate.behavior import events
    from estate.core.settings import get_settings

    def make(store: Any) -> Any:
        url = get_settings().require_redis_url()
        client = redis.Redis.from_url(url, socket_timeout=0.1, socket_connect_timeout=0.1)

        def put(session: Session, rows: Sequence[Mapping[str, Any]]) -> set[uuid.UUID]:
            try:
                client.ping()
            except redis.RedisError:
                return {row["event_id"] for row in rows}
            stored: set[uuid.UUID] = store(session, rows)
            return stored

        return put

    _replace(events, "store_new", make)


def drop_malformed() -> None:
    """Answer a refused row and forget it."""
    from estate.core import ingest

    _replace(ingest, "_keep_refused", lambda _: lambda *arguments: None)


def cursor_by_id() -> None:
    """Go on behind the highest id seen: what commits late, or is tried again, is never done."""
    from estate.core import outbox

    def make(claim: Any) -> Any:
        seen: dict[str, int] = {}

        def newer(session: Session, topic: str, now: Any) -> list[Any]:
            claims = [c for c in claim(session, topic, now) if c.outbox_id > seen.get(topic, 0)]
            if claims:
                seen[topic] = max(c.outbox_id for c in claims)
            return claims

        return newer

    _replace(outbox, "_claim", make)


def success_on_database_error() -> None:
    """Tell the caller that all is well when the database fails."""
    from sqlalchemy.exc import SQLAlchemyError

    from estate.core import db, group_commit

    @contextmanager
    def forgiving(actor: Any, *, read_only: bool = False) -> Iterator[Session]:
        whole = db.unit_of_work(actor, read_only=read_only)
        session = whole.__enter__()
        yield session
        try:
            whole.__exit__(None, None, None)
        except SQLAlchemyError:
            session.close()

    from estate.api import deps

    _replace(deps, "unit_of_work", lambda _: forgiving)
    _replace(group_commit, "unit_of_work", lambda _: forgiving)


BUGS: dict[str, Callable[[], None]] = {
    bug.__name__.replace("_", "-"): bug
    for bug in (
        no_id_key,
        outbox_in_second_transaction,
        claim_before_effect,
        effect_before_claim,
        answer_before_commit,
        poison_fails_batch,
        swallow_conflict,
        last_content_wins,
        drop_on_redis_error,
        drop_malformed,
        cursor_by_id,
        success_on_database_error,
    )
}
"""Name to what plants it; the first sentence of its docstring says what is wrong."""


def plant(name: str) -> None:
    """Plant one bug in this process.

    Raises
    ------
    KeyError
        When there is no bug of that name.
    """
    BUGS[name]()


def main() -> None:
    """Plant the bug that the first argument names, then run the module that the others name."""
    name, flag, module, *arguments = sys.argv[1:]
    if flag != "-m":
        raise SystemExit("usage: python -m benchmarks.mutants NAME -m MODULE [ARGUMENT …]")
    plant(name)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
