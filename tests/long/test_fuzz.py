"""What schemathesis makes of OpenAPI finds nothing in tens of thousands of requests, of two roles."""

from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.conftest import API_KEY
from tests.fuzzing import fuzzing_target

pytestmark = pytest.mark.long

ALL_PHASES = ["examples", "coverage", "fuzzing", "stateful"]
REQUESTS = 50_000


def test_fifty_thousand_requests_are_answered_as_described(
    engine: Engine, redis_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with fuzzing_target(engine, redis_url, tmp_path) as target:
        runs = [target.fuzz(API_KEY, ALL_PHASES, max_examples=550)]
        runs.append(target.fuzz(target.agent_key, ALL_PHASES, max_examples=100))
        operations = target.operations()
    with capsys.disabled():
        print(*runs, sep="\n")  # noqa: T201 (the figures of the run)
    assert [(run.failures, run.errors) for run in runs] == [([], []), ([], [])]
    assert [run.operations["tested"] for run in runs] == [len(operations)] * 2
    assert sum(run.server_errors() for run in runs) == 0
    assert runs[0].unfruitful(operations) == []
    assert sum(run.requests for run in runs) >= REQUESTS
