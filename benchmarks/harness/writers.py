"""Writers that send events over HTTP, some twice, some broken, and write down what they were told."""

import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from random import Random
from typing import Any

from benchmarks.harness.journal import Journal, Sample, Sent
from benchmarks.harness.world import Event, World, conflicting, malformed, new_event

__all__ = ["RESENT_SHARE", "Writer", "call"]

RESENT_SHARE = 0.10
MALFORMED_SHARE = 0.01
SINGLE_SHARE = 0.5
MOST_IN_BATCH = 100
TRY_AGAIN_SHARE = 0.5
TIMEOUT_S = 10.0
PAUSE_S = 0.05
CALM_PAUSE_S = 0.5

NOTHING_DONE = (400, 401, 404, 405, 408, 413, 415, 429)
"""Statuses that say that nothing was stored."""


def call(connection: http.client.HTTPConnection, path: str, body: object, key: str) -> tuple[int, Any]:
    """Make one call and return its status and parsed answer.

    Raises
    ------
    OSError, http.client.HTTPException
        When there was no whole answer.
    """
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json", "X-API-Key": key}
    connection.request("POST" if body is not None else "GET", path, raw if body is not None else None, headers)
    answer = connection.getresponse()
    content = answer.read()
    return answer.status, json.loads(content) if content else None


@dataclass(slots=True)
class Writer:
    """One writer: a thread with its own connection, source of chance and journal.

    Parameters
    ----------
    port : int
        Of the API on this machine.
    key : str
        API key.
    world : World
        What events refer to.
    rng : Random
        Decides what is sent; what comes back decides only what is sent again.
    stop : threading.Event
        Set when enough was acknowledged.
    sample : Sample
        Gets one acknowledged id of each request.
    conflict_share : float
        How many rows carry the id of another event.
    calm : threading.Event
        Set when enough was acknowledged and the last faults are still to come: few events are enough then.
    """

    port: int
    key: str
    world: World
    rng: Random
    stop: threading.Event
    sample: Sample
    conflict_share: float
    calm: threading.Event
    journal: Journal = field(default_factory=Journal)
    _sent: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Send until told to stop; a request without an answer is sent again half of the time."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        while not self.stop.is_set():
            rows = self._draw()
            self._connect(connection)
            answered = self._send(connection, rows)
            if self.calm.is_set():
                self.stop.wait(CALM_PAUSE_S)
            while not answered and not self.stop.is_set() and self.rng.random() < TRY_AGAIN_SHARE:
                self._connect(connection)
                self.journal.resent += len(rows)
                answered = self._send(connection, rows)
        connection.close()

    def _connect(self, connection: http.client.HTTPConnection) -> None:
        """Wait until somebody listens; nothing was sent before."""
        while connection.sock is None and not self.stop.is_set():
            try:
                connection.connect()
            except OSError:
                self.journal.answers["not connected"] += 1
                self.stop.wait(PAUSE_S)

    def _draw(self) -> list[Sent]:
        n = 1 if self.rng.random() < SINGLE_SHARE else self.rng.randint(2, MOST_IN_BATCH)
        rows: dict[str, Sent] = {}
        for _ in range(n):
            row = self._row()
            rows.setdefault(row.event_id, row)
        return list(rows.values())

    def _row(self) -> Sent:
        chance = self.rng.random()
        if chance < MALFORMED_SHARE:
            broken = malformed(self.rng, new_event(self.rng, self.world))
            return Sent("malformed", broken.sent, broken)
        if chance < MALFORMED_SHARE + self.conflict_share:
            before = self._earlier(acknowledged=True)
            if before is not None:
                return Sent("conflict", conflicting(self.rng, before))
        elif chance < MALFORMED_SHARE + self.conflict_share + RESENT_SHARE:
            before = self._earlier(acknowledged=False)
            if before is not None:
                self.journal.resent += 1
                return Sent("event", before)
        event = new_event(self.rng, self.world)
        self._sent.append(event["event_id"])
        return Sent("event", event)

    def _earlier(self, *, acknowledged: bool) -> Event | None:
        """Draw an event that was sent before."""
        if not self._sent:
            return None
        event_id = self.rng.choice(self._sent)
        if acknowledged and self.journal.states.get(event_id) != "ok":
            return None
        return self.journal.events.get(event_id)

    def _send(self, connection: http.client.HTTPConnection, rows: list[Sent]) -> bool:
        """Send one request; return whether it was answered for good."""
        started = time.time()
        try:
            body: object = rows[0].content if len(rows) == 1 else [row.content for row in rows]
            path = "/behavior/event" if len(rows) == 1 else "/behavior/ingest"
            status, answer = call(connection, path, body, self.key)
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            self.journal.answers[type(error).__name__] += 1
            self.journal.settle(rows, None)
            return False
        return self._answered(rows, status, answer, started)

    def _answered(self, rows: list[Sent], status: int, answer: Any, started: float) -> bool:
        self.journal.answers[str(status)] += 1
        statuses = _statuses(len(rows), status, answer)
        before = self.journal.acknowledged
        self.journal.settle(rows, statuses, refused=status in NOTHING_DONE)
        if statuses is None:
            self.stop.wait(PAUSE_S)
            return status in NOTHING_DONE and status != 429
        self.journal.acks.append((started, time.time()))
        if self.journal.acknowledged > before:
            self.sample.put(next(row.event_id for row in rows if self.journal.states.get(row.event_id) == "ok"))
        return True


def _statuses(n: int, status: int, answer: Any) -> list[str] | None:
    """Read what the API says of each row; None when it does not say."""
    if status == 200 and "items" in answer:
        by_index = {item["index"]: str(item["status"]) for item in answer["items"]}
        return [by_index.get(i, "missing") for i in range(n)]
    if status in (200, 202):
        return [str(answer["status"])] * n
    if status == 422:
        return ["rejected"] * n
    return ["conflict"] if status == 409 and n == 1 else None
