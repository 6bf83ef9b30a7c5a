"""A platform of real processes for the tests of faults, and somebody who keeps calling it."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from benchmarks.harness.checker import compare, recount
from benchmarks.harness.run import load
from benchmarks.harness.stack import API_KEY, Stack
from benchmarks.harness.tables import kept_counts, left_over, stored_events
from benchmarks.harness.world import Event, World, new_event
from benchmarks.harness.writers import call

from estate.cli.processes import HOST

__all__ = ["Call", "Caller", "Platform"]

PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Call:
    """One event that was sent, and its answer; ``status`` is None when there was none.

    Times are of `time.monotonic`.
    """

    event: Event
    sent_at: float
    seconds: float
    status: int | None

    @property
    def acknowledged(self) -> bool:
        return self.status in (200, 202)


@dataclass(slots=True)
class Caller:
    """Sends new events from one thread or several, and writes down what it was told."""

    stack: Stack
    world: World
    rng: Random
    calls: list[Call] = field(default_factory=list)
    resets: int = 0

    def send(self, event: Event | None = None) -> Call:
        """Send an event on a connection of its own."""
        event = event or new_event(self.rng, self.world)
        connection = http.client.HTTPConnection(HOST, self.stack.port, timeout=PATIENCE_S)
        started = time.monotonic()
        status = None
        try:
            status = call(connection, "/behavior/event", event, API_KEY)[0]
        except (OSError, http.client.HTTPException) as error:
            self.resets += not isinstance(error, ConnectionRefusedError)
        finally:
            connection.close()
        done = Call(event, started, time.monotonic() - started, status)
        self.calls.append(done)
        return done

    def send_until_acknowledged(self, seconds: float = PATIENCE_S) -> Call:
        """Send new events until one is acknowledged."""
        deadline = time.monotonic() + seconds
        while not (done := self.send()).acknowledged:
            assert time.monotonic() < deadline, f"no event was acknowledged within {seconds} s; the last: {done.status}"
            time.sleep(0.02)
        return done

    @contextmanager
    def calling(self, threads: int = 4, pause_s: float = 0.02) -> Iterator[None]:
        """Send events in the background throughout the block."""
        stop = threading.Event()

        def run() -> None:
            while not stop.wait(pause_s):
                self.send()

        runners = [threading.Thread(target=run) for _ in range(threads)]
        for runner in runners:
            runner.start()
        try:
            yield
        finally:
            stop.set()
            for runner in runners:
                runner.join()

    def acknowledged(self) -> set[str]:
        """Return the ids of the events that were acknowledged."""
        return {done.event["event_id"] for done in self.calls if done.acknowledged}


@dataclass(slots=True)
class Platform:
    """A running stack with a world loaded into it, and its caller."""

    stack: Stack
    caller: Caller

    @classmethod
    def loaded(cls, stack: Stack, seed: int) -> "Platform":
        """Wait until a stack is ready and load a world into it."""
        rng = Random(seed)
        world = World.draw(rng)
        stack.wait_ready()
        load(stack, world)
        return cls(stack, Caller(stack, world, rng))

    def value(self, statement: str, *values: object) -> Any:
        """Return one value from the database."""
        with self.stack.connection() as connection:
            row = connection.execute(statement.encode(), values).fetchone()
        return row[0] if row else None

    def stored(self) -> set[str]:
        """Return the ids of the events in the database."""
        with self.stack.connection() as connection:
            return {row.event_id for row in stored_events(connection)}

    def left(self) -> int:
        """Count the work that is still to be done."""
        with self.stack.connection() as connection:
            return left_over(connection)

    def wait_folded(self, seconds: float = PATIENCE_S) -> float:
        """Wait until all events are folded; return how long that took."""
        started = time.monotonic()
        while self.unfolded():
            waited = time.monotonic() - started
            assert waited < seconds, f"{self.unfolded()} events are not folded after {seconds:.0f} s"
            time.sleep(0.05)
        return time.monotonic() - started

    def unfolded(self) -> int:
        """Count the events that no count holds."""
        with self.stack.connection() as connection:
            return kept_counts(connection)[1]

    def check(self) -> None:
        """See that every acknowledged event is stored, and every stored one counted once."""
        self.wait_folded()
        deadline = time.monotonic() + PATIENCE_S
        while (wrong := self._miscounted()) and time.monotonic() < deadline:  # Other topics' work follows.
            time.sleep(0.1)
        assert wrong == 0
        assert self.caller.acknowledged() <= self.stored()

    def _miscounted(self) -> int:
        with self.stack.connection() as connection:
            kept, unfolded, _ = kept_counts(connection)
            return unfolded + compare(kept, recount(stored_events(connection), dict(self.caller.world.deals)))
