"""The faults of a run follow from its seed, and recovery is read from what came after them."""

from random import Random

from benchmarks.chaos import BUG_FAULTS, FAULTS, TARGETS
from benchmarks.harness.faults import KINDS, Struck, plan, recoveries
from benchmarks.mutants import BUGS

COUNTS = dict.fromkeys(KINDS, 3)


def test_a_seed_gives_one_plan() -> None:
    assert plan(Random(5), 1_000, COUNTS) == plan(Random(5), 1_000, COUNTS)
    assert plan(Random(5), 1_000, COUNTS) != plan(Random(6), 1_000, COUNTS)


def test_a_plan_holds_every_fault_in_the_order_of_its_points() -> None:
    faults = plan(Random(5), 1_000, COUNTS)

    assert {kind: sum(f.kind == kind for f in faults) for kind in KINDS} == COUNTS
    assert [f.at for f in faults] == sorted(f.at for f in faults)
    assert all(0 < f.at < 1_000 for f in faults)


def test_the_full_plan_is_large_enough_for_its_targets() -> None:
    assert sum(FAULTS.values()) >= TARGETS["faults"][1]
    assert set(FAULTS) == set(KINDS)
    assert len(BUGS) >= TARGETS["planted_bugs"][1]
    assert BUG_FAULTS.keys() <= BUGS.keys()


def test_recovery_ends_with_what_was_begun_after_the_fault() -> None:
    acks = [(9.0, 12.0), (10.5, 11.0), (13.0, 13.5)]
    folds = [(9.5, 9.6), (14.0, 14.5)]

    found = recoveries([Struck("api kill", 10.0), Struck("worker kill", 10.0), Struck("stall", 20.0)], acks, folds)

    assert found == {"api kill": [1.0], "worker kill": [4.5]}
