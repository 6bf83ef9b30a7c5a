"""`estate bench chaos`: every acknowledged event is stored once and counted once, whatever breaks meanwhile.

Eight writers send events over HTTP, keep a journal, send one in ten twice, one in a hundred malformed and one in
a thousand with the id of another. Faults strike at points drawn from the seed, in terms of events acknowledged.
Then the checker compares the journal with the tables. So that a clean result means something, the same checker
judges runs with planted bugs (`benchmarks.mutants`), and every one must be caught.
"""

import statistics
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.harness.faults import KILLS, KINDS
from benchmarks.harness.run import Outcome, Scenario, run
from benchmarks.harness.stack import Postgres, Redis
from benchmarks.mutants import BUGS
from benchmarks.report import Options, Report

__all__ = ["TARGETS", "bench"]

EVENTS = 200_000
CONFLICTS = 0.001
FAULTS = {
    **dict.fromkeys(KILLS, 11),
    "redis stop": 6,
    "redis flush": 8,
    "lost commit": 20,
    "stall": 8,
    "poison row": 10,
    "worker stop": 4,
}
QUICK_EVENTS = 3_000
QUICK_FAULTS = dict.fromkeys(KINDS, 1)

# A planted bug shows under the faults that it does not survive.
BUG_EVENTS = 4_000
FREQUENT_CONFLICTS = 0.01  # So that a short run has some.
BUG_FAULTS: Mapping[str, Mapping[str, int]] = {
    "outbox-in-second-transaction": {"api kill": 3},
    "claim-before-effect": {"worker kill": 8},
    "effect-before-claim": {"worker kill": 8},
    "answer-before-commit": {"api kill": 2, "postmaster kill": 1},
    "poison-fails-batch": {"poison row": 4},
    "drop-on-redis-error": {"redis stop": 2},
    "cursor-by-id": {"poison row": 2, "worker kill": 1},
    "success-on-database-error": {"backend kill": 6, "postmaster kill": 2},
}
QUICK_BUGS = ("swallow-conflict", "drop-malformed")
QUICK_BUG_EVENTS = 1_000

TARGETS: dict[str, tuple[str, float]] = {
    "events": (">=", EVENTS),
    "faults": (">=", 100),
    "kinds": (">=", 8),
    "kinds_missing": ("==", 0),
    "kills_min": (">=", 10),
    "planted_bugs": (">=", 8),
    "false_acks": ("==", 0),
    "lost": ("==", 0),
    "duplicates": ("==", 0),
    "altered": ("==", 0),
    "refused_stored": ("==", 0),
    "wrong_answers": ("==", 0),
    "violations": ("==", 0),
    "malformed_kept_share": ("==", 1),
    "conflicts_reported_share": ("==", 1),
    "aggregate_mismatches": ("==", 0),
    "poison_not_quarantined": ("==", 0),
    "replayed_share": ("==", 1),
}
QUICK_TARGETS = {
    "events": (">=", QUICK_EVENTS),
    "faults": (">=", 11),
    "kills_min": (">=", 1),
    "planted_bugs": (">=", 2),
}


def bench(options: Options) -> Report:
    """Run the bench: one run as the product is, then one for each planted bug."""
    events, faults = (QUICK_EVENTS, QUICK_FAULTS) if options.quick else (EVENTS, FAULTS)
    bugs = QUICK_BUGS if options.quick else tuple(BUGS)
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="estate-bench-", dir="/var/tmp") as name, ExitStack() as parts:
        folder = Path(name)
        folder.chmod(0o755)
        postgres = Postgres(folder / "postgresql")
        parts.callback(postgres.stop)
        redis = Redis(folder / "redis")
        parts.callback(redis.stop)
        conflicts = FREQUENT_CONFLICTS if options.quick else CONFLICTS
        outcome = run(Scenario(options.seed, events, faults, conflicts), postgres, redis, folder)
        console.print(f"clean run: {outcome.seconds:.0f} s, {outcome.violations() or 'no violation'}")
        caught = {}
        for bug in bugs:
            planted = run(_planted(bug, options), postgres, redis, folder)
            caught[bug] = planted.violations()
            console.print(f"{bug}: {planted.seconds:.0f} s, {caught[bug] or 'NOT CAUGHT'}")
    return _report(options, outcome, caught)


def _planted(bug: str, options: Options) -> Scenario:
    """Return a short run that lets a bug show."""
    events = QUICK_BUG_EVENTS if options.quick else BUG_EVENTS
    faults = BUG_FAULTS.get(bug, {})
    return Scenario(options.seed, events, faults, FREQUENT_CONFLICTS, bug, seconds=300.0)


def _report(options: Options, outcome: Outcome, caught: Mapping[str, Mapping[str, float]]) -> Report:
    verdict, journal = outcome.verdict, outcome.journal
    happened = {kind: sum(s.kind == kind for s in outcome.struck) for kind in KINDS}
    metrics: dict[str, Any] = {
        "events": journal.acknowledged,
        "faults": len(outcome.struck),
        "kinds": sum(n > 0 for n in happened.values()),
        "kinds_missing": sum(n == 0 for n in happened.values()),
        "kills_min": min(happened[kind] for kind in KILLS),
        "planted_bugs": len(caught),
        "planted_caught": sum(bool(signs) for signs in caught.values()),
        "false_acks": outcome.unread_acks + verdict.false_answers,
        "lost": verdict.lost,
        "duplicates": verdict.duplicates + verdict.strangers,
        "unknown": verdict.unknown,
        "unknown_stored": verdict.unknown_stored,
        "altered": verdict.altered,
        "refused_stored": verdict.failed_stored + verdict.malformed_stored,
        "wrong_answers": sum(verdict.wrong.values()),
        "violations": len(outcome.violations()),
        "malformed": verdict.malformed,
        "malformed_kept_share": verdict.malformed_kept_share,
        "conflicts": verdict.conflicts,
        "conflicts_reported_share": verdict.conflicts_reported_share,
        "aggregate_mismatches": outcome.mismatches + outcome.stuck,
        "poison_not_quarantined": outcome.poisoned - outcome.quarantined,
        "replayed_share": outcome.replayed_share,
        "resent": journal.resent,
        "seconds": outcome.seconds,
        "recovery": {kind: _recovery(happened[kind], outcome.recovery.get(kind, [])) for kind in KINDS},
        "answers": dict(journal.answers),
        "wrong": dict(verdict.wrong),
        "planted": {bug: {"caught by": ", ".join(signs) or "NOTHING"} for bug, signs in caught.items()},
    }
    targets = {**TARGETS, **(QUICK_TARGETS if options.quick else {}), "planted_caught": ("==", len(caught))}
    return Report(
        "chaos", options.seed, journal.acknowledged, "generated events, 8 writers over HTTP", metrics, targets
    )


def _recovery(happened: int, seconds: list[float]) -> dict[str, Any]:
    """Describe how long a kind of fault lasted, until the next acknowledgement or the next fold."""
    if not seconds:
        return {"faults": happened}
    return {"faults": happened, "n": len(seconds), "p50_s": statistics.median(seconds), "max_s": max(seconds)}
