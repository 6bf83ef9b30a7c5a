"""What the command line starts computes on one thread, unless somebody asks for more."""

import json
import os
import subprocess
import sys

import pytest

LOOK = (
    "import estate.cli.app, json, sklearn.ensemble, threadpoolctl;"
    "print(json.dumps([pool['num_threads'] for pool in threadpoolctl.threadpool_info()]))"
)


@pytest.mark.parametrize(("asked", "threads"), [(None, 1), ("2", 2)])
def test_numbers_are_computed_on_as_many_threads_as_are_asked_for(asked: str | None, threads: int) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    if asked is not None:
        environment["OMP_NUM_THREADS"] = asked
    done = subprocess.run([sys.executable, "-c", LOOK], env=environment, capture_output=True, text=True, check=True)
    pools = json.loads(done.stdout)
    assert len(pools) >= 2  # OpenMP of the learners and the linear algebra.
    assert max(pools) == threads
