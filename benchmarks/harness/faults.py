"""The faults: which strike when is drawn from the seed; each says when it has really happened."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from random import Random

import psutil
import psycopg
from psycopg.types.json import Jsonb

from benchmarks.harness.stack import Stack

__all__ = ["ACK_PATH", "KILLS", "KINDS", "Fault", "Nemesis", "Struck", "plan"]

KILLS = ("api kill", "worker kill", "backend kill", "postmaster kill", "redis kill")
KINDS = (*KILLS, "redis stop", "redis flush", "lost commit", "stall", "poison row", "worker stop")
ACK_PATH = frozenset({"api kill", "backend kill", "postmaster kill", "lost commit", "stall"})
"""Kinds after which the next acknowledgement tells that all is well again; after the others the next fold does."""

STUCK_S = 20.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault to come: when so many events are acknowledged; `draw` in [0, 1) settles its details."""

    kind: str
    at: int
    draw: float


@dataclass(frozen=True, slots=True)
class Struck:
    """One fault that happened, at a time of `time.time`."""

    kind: str
    at: float


def plan(rng: Random, events: int, counts: Mapping[str, int]) -> list[Fault]:
    """Draw the points at which faults strike, in order.

    Parameters
    ----------
    rng : Random
        The same state gives the same plan.
    events : int
        How many events a run acknowledges; faults strike between 3 % and 95 % of them.
    counts : mapping
        Kind to how many.
    """
    faults = [
        Fault(kind, int(events * rng.uniform(0.03, 0.95)), rng.random()) for kind, n in counts.items() for _ in range(n)
    ]
    return sorted(faults, key=lambda fault: fault.at)


@dataclass(slots=True)
class Nemesis:
    """Strikes a stack with the faults of a plan.

    Parameters
    ----------
    stack : Stack
        What is struck.
    faults : list of Fault
        The plan, in order.
    last_ack, last_fold : callable
        When the newest acknowledged request was sent, and when the newest fold began: a program is killed at
        work, not while it starts.
    """

    stack: Stack
    faults: list[Fault]
    last_ack: Callable[[], float]
    last_fold: Callable[[], float]
    struck: list[Struck] = field(default_factory=list)
    poisoned: int = 0
    _later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    _cuts: int = 0

    def step(self, acknowledged: int) -> None:
        """Undo what lasted long enough, then strike with the next fault if its point is reached."""
        self._undo(time.time())
        self._count_cuts()
        if self.faults and acknowledged >= self.faults[0].at and self._strike(self.faults[0]):
            self.faults.pop(0)

    def finish(self) -> None:
        """Undo everything that still lasts."""
        self._undo(float("inf"))
        self._count_cuts()

    def happened(self) -> Counter[str]:
        """Count the faults that happened by kind."""
        return Counter(fault.kind for fault in self.struck)

    def _undo(self, now: float) -> None:
        due = [action for at, action in self._later if at <= now]
        self._later = [entry for entry in self._later if entry[0] > now]
        for action in due:
            action()

    def _count_cuts(self) -> None:
        for at in self.stack.proxy.cuts[self._cuts :]:
            self.struck.append(Struck("lost commit", at))
            self._cuts += 1

    def _strike(self, fault: Fault) -> bool:
        """Do it; return whether it happened, else it is tried again."""
        at = time.time()
        try:
            if not _STRIKES[fault.kind](self, fault.draw):
                return False
        except (ProcessLookupError, psutil.NoSuchProcess):  # It died of an earlier fault.
            return False
        if fault.kind != "lost commit":  # Counted when the proxy says that a reply was swallowed.
            self.struck.append(Struck(fault.kind, at))
        return True

    def _at_work(self, role: str, last_sign: float) -> bool:
        """Tell whether a program did something since it was started, or is so long about it that it may be stuck."""
        started = self.stack.started(role)
        return self.stack.alive(role) and (last_sign > started or time.time() > started + STUCK_S)

    def _api_kill(self, draw: float) -> bool:
        if not self._at_work("api", self.last_ack()):
            return False
        self.stack.kill("api")
        return True

    def _worker_kill(self, draw: float) -> bool:
        """Kill the worker, or now and then only the process that does its work."""
        if not self._at_work("worker", self.last_fold()):
            return False
        if draw < 0.3:
            return self.stack.kill_child("worker")
        self.stack.kill("worker")
        return True

    def _backend_kill(self, draw: float) -> bool:
        backends = self.stack.postgres.backends()
        if backends:
            backends[int(draw * len(backends))].kill()
        return bool(backends)

    def _postmaster_kill(self, draw: float) -> bool:
        os.kill(self.stack.postgres.server.pid, signal.SIGKILL)
        return True

    def _redis_kill(self, draw: float) -> bool:
        os.kill(self.stack.redis.pid, signal.SIGKILL)
        return True

    def _redis_stop(self, draw: float) -> bool:
        os.kill(self.stack.redis.pid, signal.SIGSTOP)
        self._later.append((time.time() + 1 + 2 * draw, partial(_continue, self.stack.redis.pid)))
        return True

    def _redis_flush(self, draw: float) -> bool:
        if not self.stack.redis.answers():
            return False
        with self.stack.redis.client() as client:
            client.flushall()
        return True

    def _lost_commit(self, draw: float) -> bool:
        self.stack.proxy.cut("api" if draw < 0.7 else "worker")
        return True

    def _stall(self, draw: float) -> bool:
        self.stack.proxy.stall(0.5 + 2 * draw)
        return True

    def _worker_stop(self, draw: float) -> bool:
        """Stop the worker with whatever it holds, as a machine does that swaps."""
        if not self._at_work("worker", self.last_fold()):
            return False
        self.stack.send("worker", signal.SIGSTOP)
        self._later.append((time.time() + 1 + 2 * draw, self._worker_continue))
        return True

    def _worker_continue(self) -> None:
        with suppress(ProcessLookupError):
            self.stack.send("worker", signal.SIGCONT)

    def _poison_row(self, draw: float) -> bool:
        """Put work into the queue that can never be done."""
        topic = "behavior.fold" if draw < 0.5 else "agent.fold"
        try:
            with self.stack.connection() as connection:
                connection.execute(
                    "INSERT INTO outbox (topic, key, payload) VALUES (%s, %s, %s)",
                    (topic, f"poison {draw}", Jsonb({"agent_id": "nobody"})),
                )
        except psycopg.Error:
            return False
        self.poisoned += 1
        return True


def _continue(pid: int) -> None:
    """Let a stopped process go on, unless it was killed meanwhile."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


_STRIKES: dict[str, Callable[[Nemesis, float], bool]] = {
    "api kill": Nemesis._api_kill,
    "worker kill": Nemesis._worker_kill,
    "backend kill": Nemesis._backend_kill,
    "postmaster kill": Nemesis._postmaster_kill,
    "redis kill": Nemesis._redis_kill,
    "redis stop": Nemesis._redis_stop,
    "redis flush": Nemesis._redis_flush,
    "lost commit": Nemesis._lost_commit,
    "stall": Nemesis._stall,
    "worker stop": Nemesis._worker_stop,
    "poison row": Nemesis._poison_row,
}


def recoveries(
    struck: Iterable[Struck], acks: list[tuple[float, float]], folds: list[tuple[float, float]]
) -> dict[str, list[float]]:
    """Return for each kind how long it took until things went on, in seconds.

    Parameters
    ----------
    struck : iterable of Struck
        What happened.
    acks : list of (float, float)
        When an acknowledged request was sent and answered, sorted.
    folds : list of (float, float)
        When a fold began and when it was seen, sorted.
    """
    times: dict[str, list[float]] = {}
    for fault in struck:
        signs = acks if fault.kind in ACK_PATH else folds
        ends = [end for start, end in signs if start > fault.at]
        if ends:
            times.setdefault(fault.kind, []).append(min(ends) - fault.at)
    return times
