"""`estate bench access`: nobody reads or changes what is not theirs, and everybody gets what is.

Random callers send random requests over all operations, about records of their own, of others and of nobody; every
answer and everything written is held against an oracle that shares nothing with the policies. Bare statements without
any condition ask the database the same. So that a clean result means something, each row policy, and whatever else
keeps rows apart, is broken in turn, and the same checks must notice. Last, the lists are timed against the same
queries with the filter written into them and the policies switched off.
"""

import sys
from collections.abc import Sequence
from random import Random
from typing import Any

from rich.console import Console
from starlette.testclient import TestClient

from benchmarks.harness.stack import passing_postgres
from benchmarks.report import Options, Report
from benchmarks.rights import reads, writes
from benchmarks.rights.draw import OPERATIONS, Complaint
from benchmarks.rights.lists import measured
from benchmarks.rights.mutants import Mutant, caught, other_mutants, policy_mutants
from benchmarks.rights.oracle import Oracle
from benchmarks.rights.probes import Probes
from benchmarks.rights.trial import Trial
from benchmarks.rights.world import Caller, new_place, settled
from estate.api.app import create_app
from estate.api.rights import RIGHTS

__all__ = ["TARGETS", "bench"]

REQUESTS, QUICK_REQUESTS = 10_000, 300
QUICK_PROBES, QUICK_MUTANTS = 100, 2
SHOWN = 20

TARGETS: dict[str, tuple[str, float]] = {
    "leaks": ("==", 0),
    "wrongly_refused": ("==", 0),
    "operations_untried": ("==", 0),
    "policies_missed": ("==", 0),
    "others_missed": ("==", 0),
    "list_ratio": ("<=", 1.3),
}
NEVER_GOOD = {
    "DELETE /client/{client_id}": "`estate bench erase` erases clients and compares every table",
    "POST /gpt/ranking/rollback": "nothing was promoted here that could be left",
}
"""Operations to which no good answer is expected, and why."""
QUICK_TARGETS = {name: TARGETS[name] for name in ("leaks", "wrongly_refused", "policies_missed", "others_missed")}

assert reads.__all__
assert writes.__all__


def bench(options: Options) -> Report:
    """Run the bench."""
    metrics: dict[str, Any] = {}
    rng = Random(options.seed)  # noqa: S311 (no secret)
    with passing_postgres(owner_sees=False) as postgres:
        with new_place(postgres, "access") as place:
            callers = settled(place, rng, trained=not options.quick)
            oracle = Oracle(place)
            oracle.read()
            with TestClient(create_app(), raise_server_exceptions=False) as http:
                trial = Trial(http, oracle, callers, rng)
                probes = Probes(oracle, callers, rng)
                metrics |= _clean(trial, probes, options)
                metrics |= _broken(trial, probes, options)
        if not options.quick:
            metrics |= measured(postgres)
    return _report(options, metrics, callers)


def _clean(trial: Trial, probes: Probes, options: Options) -> dict[str, Any]:
    """Try everything as the product is."""
    trial.run(QUICK_REQUESTS if options.quick else REQUESTS)
    listed = probes.all()
    if options.quick:
        listed = trial.rng.sample(listed, QUICK_PROBES)
    found = trial.found + [complaint for probe in listed for complaint in probes.one(probe)]
    _say(f"{trial.requests} requests, {len(listed)} probes: {len(found)} complaints")
    for complaint in found[:SHOWN]:
        _say(f"{complaint[0]}: {complaint[1]}")
    called = {status.rpartition(" ")[0] for status in trial.statuses if status.endswith(("200", "202"))}
    untried = sorted({*RIGHTS} - called - NEVER_GOOD.keys())
    return {
        "requests": trial.requests,
        "probes": len(listed),
        "leaks": _count(found, "leak"),
        "wrongly_refused": _count(found, "refusal"),
        "allowed_share": trial.allowed / trial.requests,
        "operations_untried": len(untried),
        "untried": dict.fromkeys(untried, "no good answer"),
        "complaints": {what: kind for kind, what in found[:SHOWN]},
    }


def _count(found: Sequence[Complaint], kind: str) -> int:
    return sum(one == kind for one, _ in found)


def _broken(trial: Trial, probes: Probes, options: Options) -> dict[str, Any]:
    """Break things one at a time."""
    policies, others = policy_mutants(trial.oracle.place), other_mutants(trial.oracle.place)
    if options.quick:
        policies, others = trial.rng.sample(policies, QUICK_MUTANTS), trial.rng.sample(others, 1)
    missed = [[m.name for m in mutants if not _noticed(m, trial, probes)] for mutants in (policies, others)]
    _say(f"{len(policies)} broken policies and {len(others)} others, not noticed: {missed[0] + missed[1] or 'none'}")
    return {
        "policies_tested": len(policies),
        "policies_caught": len(policies) - len(missed[0]),
        "policies_missed": len(missed[0]),
        "others_tested": len(others),
        "others_missed": len(missed[1]),
        "missed": dict.fromkeys(missed[0] + missed[1], "lives"),
    }


def _noticed(mutant: Mutant, trial: Trial, probes: Probes) -> bool:
    noticed = caught(mutant, trial, probes)
    trial.oracle.read()  # A broken policy may have let something be written.
    return noticed


def _say(line: str) -> None:
    Console(file=sys.stderr).print(line, markup=False, highlight=False)


def _report(options: Options, metrics: dict[str, Any], callers: Sequence[Caller]) -> Report:
    data = (
        f"generated: sample world of scale 1 with owners drawn by chance, {len(callers)} callers, "
        f"{len(OPERATIONS)} kinds of request; PostgreSQL without fsync"
    )
    targets = QUICK_TARGETS if options.quick else TARGETS
    return Report("access", options.seed, metrics["requests"], data, metrics, targets)
