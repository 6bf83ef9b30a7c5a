"""Dirty files come in and everything in them is told: read, asked, taken, refused, brought again, taken back."""

from collections.abc import Callable
from random import Random

import pytest
from benchmarks.console_imports import Trial
from benchmarks.dirty_files import DirtyFile, corpus
from starlette.testclient import TestClient

FILES = corpus(Random(7), 24)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_dirty_file_is_read_right_adds_up_changes_nothing_twice_and_goes_back(
    api: TestClient, drain: Callable[[], int], file: DirtyFile
) -> None:
    trial = Trial(api, drain)
    trial.run(file)
    assert trial.metrics()["mismatches"] == []
