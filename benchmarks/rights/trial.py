"""Sends the requests of the access bench and judges the answers, and what they changed."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx2
from sqlalchemy import text
from starlette.testclient import TestClient

from benchmarks.rights.draw import OPERATIONS, Call, Complaint, Draw, Operation
from benchmarks.rights.oracle import COLUMNS, Key, Oracle
from benchmarks.rights.world import Caller, Place
from benchmarks.rights.writes import MERGE

__all__ = ["Trial", "Watch"]

OWN_IDS = re.compile(r'"(request_id|batch_id|response_id|feedback_id)":"[^"]*"')
FORBIDDEN = 403
REFUSED = (400, 404, 409, 410, 422)
WATCHED = tuple(table for table in COLUMNS if table not in ("documents", "document_embeddings", "idempotency_keys"))
UNCHECKED = ("rejected_rows", "agent_activity")
"""Whoever sends a row that is refused does not see what is kept of it; agents are changed by loaders alone."""


@dataclass(slots=True)
class Watch:
    """Tells which rows a request wrote or removed.

    Parameters
    ----------
    place : Place
        Nobody else writes to it meanwhile.
    """

    place: Place
    _since: int = 0
    _counts: Mapping[str, int] = field(default_factory=dict)

    def begin(self) -> None:
        """Remember how things are."""
        with self.place.whole() as connection:
            self._since = int(connection.scalar(text("SELECT pg_current_xact_id()::text")))
        self._counts = self._counted()

    def written(self) -> dict[str, set[Key]]:
        """Return the keys of the rows that are new or changed, by table."""
        parts = (
            f"SELECT '{table}', ARRAY[{', '.join(f'CAST({column} AS text)' for column in COLUMNS[table][0])}]"  # noqa: S608
            f" FROM {table} WHERE CAST(CAST(xmin AS text) AS bigint) > {self._since}"
            for table in WATCHED
        )
        found: dict[str, set[Key]] = {}
        with self.place.whole() as connection:
            for table, key in connection.exec_driver_sql(" UNION ALL ".join(parts)):
                found.setdefault(table, set()).add(tuple(key))
        return found

    def removed(self) -> list[str]:
        """Return the tables that have fewer rows."""
        now = self._counted()
        return [table for table, n in self._counts.items() if now[table] < n]

    def _counted(self) -> dict[str, int]:
        parts = (f"SELECT '{table}', count(*) FROM {table}" for table in WATCHED)  # noqa: S608
        with self.place.whole() as connection:
            return {row[0]: row[1] for row in connection.exec_driver_sql(" UNION ALL ".join(parts))}


@dataclass(slots=True)
class Trial:
    """Random requests by random callers.

    Parameters
    ----------
    http : TestClient
        The application.
    oracle : Oracle
        Who sees what.
    callers : sequence of Caller
        Who calls.
    rng : Random
        Source of all that is drawn.
    """

    http: TestClient
    oracle: Oracle
    callers: Sequence[Caller]
    rng: Random
    requests: int = 0
    allowed: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    found: list[Complaint] = field(default_factory=list)
    _watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        self._watch = Watch(self.oracle.place)

    def run(self, n: int) -> None:
        """Send requests until there were so many."""
        while self.requests < n:
            self.step()

    def step(self) -> list[Complaint]:
        """Send one request, and what belongs to it: further pages, or the twin that names what nobody has."""
        caller = self.rng.choice(self.callers)
        (operation,) = self.rng.choices(OPERATIONS, [o.weight for o in OPERATIONS])
        draw = Draw(self.oracle, caller.actor, self.rng.randrange(2**31))
        call = operation.draw(draw)
        writes = operation.method == "POST" and not operation.name.startswith("POST /auth")
        if writes:
            self._watch.begin()
        answer = self._send(operation, call, caller)
        found = [
            (kind, f"{caller.actor.role}: {operation.name} ({draw.hope}, {answer.status_code}): {what}")
            for kind, what in self._judged(operation, call, draw, caller, answer)
        ]
        if writes:
            may = self._is_good(operation, call, draw, caller)
            found += [
                (kind, f"{caller.actor.role}: {operation.name} ({draw.hope}, {answer.status_code}): {what}")
                for kind, what in self._judged_effect(operation, caller, may=may)
            ]
        self.found += found
        return found

    def _send(self, operation: Operation, call: Call, caller: Caller, **further: Any) -> httpx2.Response:
        self.requests += 1
        headers = {"X-API-Key": caller.key}
        params = {**call.params, **further}
        if operation.method == "GET":
            answer = self.http.get(call.path, params=params, headers=headers)
        elif call.file is not None:
            headers["Content-Type"] = "text/csv"
            answer = self.http.post(call.path, params=params, content=call.file, headers=headers)
        else:
            answer = self.http.post(call.path, json=call.body, headers=headers)
        self.allowed += answer.is_success
        self.statuses[f"{operation.name} {answer.status_code}"] += 1
        return answer

    def _is_good(self, operation: Operation, call: Call, draw: Draw, caller: Caller) -> bool:
        refused = call.refused if call.refused is not None else draw.hope != "good"
        return caller.actor.role in operation.roles and not refused

    def _judged(
        self, operation: Operation, call: Call, draw: Draw, caller: Caller, answer: httpx2.Response
    ) -> Iterator[Complaint]:
        if told := self.oracle.told(caller.actor, answer.text, draw.sent):
            yield "leak", f"tells {sorted(told)[:3]}"
        if caller.actor.role not in operation.roles:
            if answer.status_code != FORBIDDEN:
                yield "leak", "the role may not call this"
            return
        if self._is_good(operation, call, draw, caller):
            if answer.status_code not in call.statuses:
                yield "refusal", answer.text[:300]
            elif call.check is not None:
                yield from call.check(answer.json())
        elif answer.status_code not in REFUSED and call.listed is None:
            yield "leak", f"not refused: {answer.text[:300]}"
        if call.listed is not None and answer.is_success:
            yield from self._judged_list(operation, call, draw, caller, answer)
        if draw.hope == "hidden" and call.has_twin:
            yield from self._judged_twin(operation, draw, caller, answer)

    def _judged_list(
        self, operation: Operation, call: Call, draw: Draw, caller: Caller, answer: httpx2.Response
    ) -> Iterator[Complaint]:
        """Walk all pages."""
        assert call.listed is not None
        page = answer.json()
        found = [str(item[call.listed.name]) for item in page["items"]]
        while page["next_cursor"]:
            following = self._send(operation, call, caller, cursor=page["next_cursor"])
            if told := self.oracle.told(caller.actor, following.text, draw.sent):
                yield "leak", f"a further page tells {sorted(told)[:3]}"
            page = following.json()
            found += [str(item[call.listed.name]) for item in page["items"]]
        if more := set(found) - call.listed.expected:
            yield "leak", f"{len(more)} rows too many: {sorted(more)[:3]}"
        if fewer := call.listed.expected - set(found):
            yield "refusal", f"{len(fewer)} rows are missing: {sorted(fewer)[:3]}"
        if len(found) > len(set(found)):
            yield "refusal", "a row is listed twice"

    def _judged_twin(
        self, operation: Operation, draw: Draw, caller: Caller, answer: httpx2.Response
    ) -> Iterator[Complaint]:
        """Compare with the answer to the same request about what nobody has."""
        twin = Draw(self.oracle, caller.actor, draw.seed, twin=True)
        other = self._send(operation, operation.draw(twin), caller)
        first, second = _bare(answer.text, draw.sent), _bare(other.text, twin.sent)
        if (answer.status_code, first) != (other.status_code, second):
            yield "leak", f"is told apart from an unknown one: {first[:200]} / {other.status_code} {second[:200]}"

    def _judged_effect(self, operation: Operation, caller: Caller, *, may: bool) -> Iterator[Complaint]:
        """Look at what was written: all of it must be the caller's to write, before and after."""
        written, removed = self._watch.written(), self._watch.removed()
        before = {table: (self.oracle.rows[table].keys(), self.oracle.seen(caller.actor, table)) for table in written}
        touched = {*written, *removed}
        if touched:
            self.oracle.read(touched)
        checked = {table: keys for table, keys in written.items() if table not in UNCHECKED}
        if not may and (checked or removed):
            yield "leak", f"wrote to {sorted({*checked, *removed})}"
        if may and not touched and operation.name != "POST /client/closing" and "/ingest" not in operation.name:
            yield "refusal", "nothing was stored"
        for table, keys in checked.items():
            existed, was_seen = before[table]
            if caller.actor.role == "ingest":
                continue
            if keys & set(existed) - was_seen:
                yield "leak", f"changed foreign rows of {table}"
            if keys - self.oracle.seen(caller.actor, table):
                yield "leak", f"wrote foreign rows of {table}"
        if removed and operation.name != MERGE:
            yield "leak", f"removed rows of {removed}"


def _bare(answer: str, sent: Collection[str]) -> str:
    """Return an answer without the ids that were made for it and those that the request named."""
    answer = OWN_IDS.sub(r'"\1":""', answer)
    for place, word in enumerate(sent):
        answer = answer.replace(word, f"<{place}>")
    return answer
