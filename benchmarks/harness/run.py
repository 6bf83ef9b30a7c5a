"""One run: writers write, faults strike, everything comes to rest, and the checker judges."""

import http.client
import json
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from benchmarks.harness.checker import Verdict, compare, judge, recount
from benchmarks.harness.faults import Nemesis, Struck, plan, recoveries
from benchmarks.harness.journal import Journal, Sample
from benchmarks.harness.stack import API_KEY, READY_S, Postgres, Redis, Stack, wait_until
from benchmarks.harness.tables import kept_counts, left_over, refused_rows, stored_events
from benchmarks.harness.world import World
from benchmarks.harness.writers import Writer, call
from estate.cli.processes import HOST

__all__ = ["Outcome", "Scenario", "load", "run"]

WRITERS = 8
PROBE_S = 0.1
STEP_S = 0.01
MEND_ROWS = 200
DRAIN_S = 1_800.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens in a run.

    Parameters
    ----------
    seed : int
        Source of the world, the events and the faults.
    events : int
        How many are acknowledged before the writers stop.
    faults : mapping
        Kind to how many.
    conflict_share : float
        How many rows carry the id of another event.
    bug : str or None
        Planted bug.
    seconds : float
        The longest the writers may take.
    patience_s : float
        How long work may wait without any being done before it counts as stuck.
    """

    seed: int
    events: int
    faults: Mapping[str, int]
    conflict_share: float
    bug: str | None = None
    seconds: float = 1_800.0
    patience_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    verdict: Verdict
    journal: Journal
    struck: list[Struck]
    recovery: dict[str, list[float]]
    missing_faults: int
    mismatches: int
    stuck: int
    poisoned: int
    quarantined: int
    unread_acks: int
    replayed_share: float
    seconds: float

    def violations(self) -> dict[str, float]:
        """Return what must not be, by name; empty after a good run."""
        verdict = self.verdict
        counts = {
            "lost": verdict.lost,
            "duplicates": verdict.duplicates,
            "strangers": verdict.strangers,
            "altered": verdict.altered,
            "refused and stored": verdict.failed_stored + verdict.malformed_stored,
            "wrong answers": sum(verdict.wrong.values()),
            "acknowledged and not readable": self.unread_acks,
            "aggregate mismatches": self.mismatches,
            "work stuck": self.stuck,
            "poison not quarantined": self.poisoned - self.quarantined,
            "malformed not kept": 1 - verdict.malformed_kept_share,
            "conflicts not reported": 1 - verdict.conflicts_reported_share,
            "not replayed": 1 - self.replayed_share,
        }
        return {name: value for name, value in counts.items() if value > 0}


@dataclass(slots=True)
class _Probe:
    """A second connection that looks up what was acknowledged, and notes when folding goes on."""

    stack: Stack
    sample: Sample
    stop: threading.Event
    folds: list[tuple[float, float]] = field(default_factory=list)
    unread: int = 0

    def run(self) -> None:
        """Look until told to stop; a database that is down is asked again."""
        waiting: list[str] = []
        while not self.stop.is_set():
            try:
                with self.stack.connection() as connection:
                    while not self.stop.wait(PROBE_S):
                        waiting += self.sample.take()
                        self._look(connection, waiting)
                        waiting = []
            except psycopg.Error:
                self.stop.wait(PROBE_S)

    def last_fold(self) -> float:
        """Return when the newest fold began that was seen."""
        return self.folds[-1][0] if self.folds else 0.0

    def _look(self, connection: psycopg.Connection, ids: list[str]) -> None:
        found = connection.execute("SELECT count(*) FROM behavior_events WHERE event_id = ANY(%s::uuid[])", (ids,))
        row = found.fetchone()
        missing = len(set(ids)) - (row[0] if row else 0)
        self.unread += max(0, missing)
        newest = connection.execute("SELECT extract(epoch FROM max(updated_at))::float8 FROM trigger_stats").fetchone()
        if newest and newest[0] and (not self.folds or newest[0] > self.folds[-1][0]):
            self.folds.append((newest[0], time.time()))


def run(scenario: Scenario, postgres: Postgres, redis: Redis, folder: Path) -> Outcome:
    """Run a scenario on a fresh database and judge it.

    Raises
    ------
    TimeoutError
        When the platform does not get ready, or the writers do not get their events acknowledged in time.
    """
    started = time.monotonic()
    name = f"run_{scenario.seed}_{(scenario.bug or 'clean').replace('-', '_')}"
    rng = Random(scenario.seed)  # noqa: S311 (what happens must be repeatable)
    world = World.draw(rng)
    postgres.create(name)
    stack = Stack(postgres, redis, name, folder / name, bug=scenario.bug)
    try:
        stack.wait_ready()
        load(stack, world)
        return _run(scenario, stack, world, rng, started)
    finally:
        stack.stop()


def load(stack: Stack, world: World) -> None:
    """Send the records that events refer to.

    Raises
    ------
    TimeoutError
        When the API does not take them.
    """
    connection = http.client.HTTPConnection(HOST, stack.port, timeout=30)

    def taken(path: str, body: object) -> bool:
        status, answer = call(connection, path, body, API_KEY)
        return bool(status == 200 and answer["rejected"] == 0)

    for path, body in world.rows():
        # Again until all rows are taken: a planted bug may still be writing what they refer to.
        wait_until(partial(taken, path, body), f"{path} taking all rows")
    connection.close()


def _run(scenario: Scenario, stack: Stack, world: World, rng: Random, started: float) -> Outcome:
    stop, calm, sample = threading.Event(), threading.Event(), Sample()
    faults = plan(rng, scenario.events, scenario.faults)
    writers = [
        Writer(stack.port, API_KEY, world, Random(seed), stop, sample, scenario.conflict_share, calm)  # noqa: S311
        for seed in [rng.getrandbits(64) for _ in range(WRITERS)]
    ]
    probe_stop = threading.Event()
    probe = _Probe(stack, sample, probe_stop)
    nemesis = Nemesis(stack, faults, partial(_last_ack, writers), probe.last_fold)
    runs = [*(writer.run for writer in writers), probe.run]
    threads = [threading.Thread(target=one, daemon=True) for one in runs]
    for thread in threads:
        thread.start()
    try:
        _strike(scenario, stack, nemesis, writers, calm)
    finally:
        stop.set()
        nemesis.finish()
    for thread in threads[:-1]:
        thread.join()
    journal = Journal.merged([writer.journal for writer in writers])
    _mend_until_ready(stack)
    mended = _replay(stack, journal)
    stuck = _drain(stack, scenario.patience_s)
    time.sleep(2 * PROBE_S)
    probe_stop.set()
    threads[-1].join()
    return _judge(stack, world, journal, nemesis, probe, mended, stuck, started)


def _last_ack(writers: Sequence[Writer]) -> float:
    return max((writer.journal.acks[-1][0] for writer in writers if writer.journal.acks), default=0.0)


def _strike(scenario: Scenario, stack: Stack, nemesis: Nemesis, writers: list[Writer], calm: threading.Event) -> None:
    """Strike while the writers write, until enough is acknowledged and every fault has struck."""
    deadline = time.monotonic() + scenario.seconds
    while True:
        stack.mend()
        acknowledged = sum(writer.journal.acknowledged for writer in writers)
        nemesis.step(acknowledged)
        expected = sum(scenario.faults.values())
        if acknowledged >= scenario.events:
            calm.set()
            if not nemesis.faults and len(nemesis.struck) >= expected:
                return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{acknowledged} of {scenario.events} events were acknowledged in {scenario.seconds} s")
        time.sleep(STEP_S)


def _mend_until_ready(stack: Stack) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        stack.mend()
        connection = http.client.HTTPConnection(HOST, stack.port, timeout=2)
        with suppress(OSError, http.client.HTTPException), closing(connection):
            if call(connection, "/readyz", None, API_KEY)[0] == 200:
                return
        if time.monotonic() > deadline:
            raise TimeoutError("the API did not get ready again")
        time.sleep(PROBE_S)


def _replay(stack: Stack, journal: Journal) -> set[str]:
    """Read the refused rows as an operator does, mend them, send them again; return the ids that were taken."""
    connection = http.client.HTTPConnection(HOST, stack.port, timeout=30)
    cures = {json.dumps(m.sent, sort_keys=True): m.mended for m in journal.malformed}
    mended: dict[str, Mapping[str, Any]] = {}
    path = "/ingest/rejected?layer=behavior&limit=200"
    cursor = ""
    while True:
        _, page = call(connection, path + cursor, None, API_KEY)
        for row in page["items"]:
            cure = cures.get(json.dumps(json.loads(row["raw"]), sort_keys=True))
            if cure is not None:
                mended[str(cure["event_id"])] = cure
        if not page["next_cursor"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    taken: set[str] = set()
    rows = list(mended.values())
    for start in range(0, len(rows), MEND_ROWS):
        _, answer = call(connection, "/behavior/ingest", rows[start : start + MEND_ROWS], API_KEY)
        taken |= {item["id"] for item in answer.get("items", ()) if item["status"] == "created"}
    connection.close()
    return taken


def _drain(stack: Stack, patience_s: float) -> int:
    """Wait until no work is left; return how much is when none was done for too long."""
    deadline = time.monotonic() + DRAIN_S
    least, moved = None, time.monotonic()
    while time.monotonic() < deadline:
        stack.mend()
        with stack.connection() as connection:
            left = left_over(connection)
        if left == 0:
            return 0
        if least is None or left < least:
            least, moved = left, time.monotonic()
        if time.monotonic() - moved > patience_s:
            return left
        time.sleep(PROBE_S)
    return least or 0


def _judge(
    stack: Stack,
    world: World,
    journal: Journal,
    nemesis: Nemesis,
    probe: _Probe,
    mended: set[str],
    stuck: int,
    started: float,
) -> Outcome:
    with stack.connection() as connection:
        stored = stored_events(connection)
        refused = refused_rows(connection)
        kept, unfolded, quarantined = kept_counts(connection)
    rows = {row.event_id: row for row in stored}
    broken = {str(m.sent["event_id"]) for m in journal.malformed}
    return Outcome(
        verdict=judge(journal, stored, refused, mended),
        journal=journal,
        struck=nemesis.struck,
        recovery=recoveries(nemesis.struck, journal.acks, probe.folds),
        missing_faults=len(nemesis.faults),
        mismatches=compare(kept, recount(rows.values(), dict(world.deals))) + unfolded,
        stuck=stuck,
        poisoned=nemesis.poisoned,
        quarantined=quarantined,
        unread_acks=probe.unread,
        replayed_share=len(broken & mended & rows.keys()) / len(broken) if broken else 1.0,
        seconds=time.monotonic() - started,
    )
