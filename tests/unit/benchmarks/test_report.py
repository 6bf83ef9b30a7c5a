"""A report says which targets are missed, in its exit code too."""

import json

import pytest
from benchmarks.report import PASSED, TARGET_MISSED, Report, emit


def report(**targets: tuple[str, float]) -> Report:
    metrics = {"ratio": 0.8, "lost": 0, "detail": {"a": {"p50_s": 1.0}}}
    return Report("sample", 1, 10, "nothing", metrics, targets, {"peer": {"ratio": 1.0}})


def test_a_target_is_met_at_its_value() -> None:
    assert report(ratio=(">=", 0.8), lost=("==", 0)).passed


@pytest.mark.parametrize("target", [(">=", 0.81), ("<=", 0.79), (">", 0.8), ("<", 0.8), ("==", 0.9)])
def test_a_target_beyond_the_measured_value_is_missed(target: tuple[str, float]) -> None:
    assert report(ratio=target).missed == ["ratio"]


def test_a_metric_that_is_absent_misses_its_target() -> None:
    assert report(absent=(">=", 0)).missed == ["absent"]


def test_json_is_one_object_of_the_agreed_shape(capsys: pytest.CaptureFixture[str]) -> None:
    code = emit(report(ratio=(">=", 0.9)), as_json=True)

    printed = json.loads(capsys.readouterr().out)
    assert code == TARGET_MISSED
    assert printed.keys() == {"bench", "seed", "n", "data", "machine", "metrics", "peers", "targets", "passed"}
    assert printed["targets"] == {"ratio": [">=", 0.9]}
    assert printed["passed"] is False


def test_the_table_names_every_metric_and_what_was_missed(capsys: pytest.CaptureFixture[str]) -> None:
    assert emit(report(lost=("==", 0)), as_json=False) == PASSED
    emit(report(lost=("==", 1)), as_json=False)

    printed = capsys.readouterr().out
    assert "ratio" in printed
    assert "missed: lost" in printed
