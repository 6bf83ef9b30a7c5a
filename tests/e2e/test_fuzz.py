"""Every operation answers as it must, and what schemathesis makes of OpenAPI finds nothing: `tests/long` has more."""

from pathlib import Path

from scripts.smoke import smoke_problems
from sqlalchemy import Engine
from tests.conftest import API_KEY
from tests.fuzzing import fuzzing_target


def test_plain_good_and_bad_requests_are_answered_as_described(engine: Engine, redis_url: str, tmp_path: Path) -> None:
    with fuzzing_target(engine, redis_url, tmp_path) as target:
        assert smoke_problems(target.client) == (len(target.operations()), [])
        found = target.fuzz(API_KEY, ["examples", "fuzzing"], max_examples=3)
        assert (found.failures, found.errors) == ([], []), found
        assert found.operations["tested"] == len(target.operations())
        assert found.server_errors() == 0
        print(found)  # noqa: T201 (the figures of the run)
