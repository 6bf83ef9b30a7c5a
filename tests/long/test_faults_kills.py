"""API and worker killed again and again under load, judged event by event.

Numbers of tests are rows of docs/faults.md.
"""

from pathlib import Path

import pytest
from benchmarks.harness.run import Scenario, run
from benchmarks.harness.stack import Postgres, Redis
from tests.long.conftest import SEED

pytestmark = pytest.mark.long

EVENTS = 2_000
KILLS = {"api kill": 12, "worker kill": 12}


def test_rows_1_and_9_killed_again_and_again_nothing_is_lost_or_counted_twice(
    database_server: Postgres, redis_server: Redis, folder: Path
) -> None:
    outcome = run(Scenario(SEED, EVENTS, KILLS, conflict_share=0.01), database_server, redis_server, folder)
    assert outcome.violations() == {}
    assert outcome.missing_faults == 0
    assert {kind: sum(fault.kind == kind for fault in outcome.struck) for kind in KILLS} == KILLS
    assert outcome.journal.acknowledged >= EVENTS
