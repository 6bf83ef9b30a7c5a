"""Verification fails clearly and in time: waits have deadlines, and a command takes its children along."""

import contextlib
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from scripts.checks import Failed, Skipped, require, run_command, wait_for
from scripts.services import choose
from scripts.verify_all import STEPS, Run, Step, perform

QUICKLY_S = 10.0


def always_possible() -> None:
    """Nothing ends."""


def test_a_wait_ends_at_its_deadline_and_names_what_did_not_happen() -> None:
    with pytest.raises(Failed, match="the moon rising did not happen within 0 s"):
        wait_for("the moon rising", lambda: False, always_possible, deadline_s=0.3)


def test_a_wait_ends_at_once_when_it_has_no_point_any_more() -> None:
    started = time.monotonic()
    with pytest.raises(Failed, match="the worker ended"):
        wait_for("work", lambda: False, lambda: require(False, "the worker ended"))
    assert time.monotonic() - started < QUICKLY_S


def test_a_wait_returns_when_its_condition_holds() -> None:
    answers = iter([False, True])
    wait_for("it", lambda: next(answers), always_possible)
    assert list(answers) == []


def test_a_command_past_its_deadline_ends_with_its_children(tmp_path: Path) -> None:
    child = tmp_path / "child"
    script = f"sleep 600 & echo $! > {child}; wait"
    with pytest.raises(Failed, match="did not end within 1 s"):
        run_command(["sh", "-c", script], deadline_s=1.0)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(child.read_text())).wait(timeout=QUICKLY_S)


def test_a_command_that_fails_is_reported_with_its_status_and_last_words() -> None:
    program = "import sys; print('almost'); sys.exit('no disk left')"
    with pytest.raises(Failed, match=r"ended with status 1:\nalmost\nno disk left"):
        run_command([sys.executable, "-c", program], deadline_s=60)


def test_a_command_returns_its_output_without_its_warnings() -> None:
    program = "import sys; print('8000'); print('a warning', file=sys.stderr)"
    assert run_command([sys.executable, "-c", program], deadline_s=60) == "8000\n"


@pytest.fixture
def no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which no program named docker is found."""
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize("mode", ["auto", "embedded"])
def test_without_containers_the_first_step_is_skipped_with_reason_and_command(mode: str, tmp_path: Path) -> None:
    with ExitStack() as stack, pytest.raises(Skipped) as skipped:
        choose(mode, stack, tmp_path, "key").start()
    reason = {"auto": "no container engine answers", "embedded": "was asked to use the embedded servers"}[mode]
    assert reason in str(skipped.value)
    assert "scripts/verify_all.sh --services docker" in str(skipped.value)


@pytest.mark.usefixtures("no_engine")
def test_containers_that_were_asked_for_and_cannot_run_fail_the_first_step_and_skip_the_rest(tmp_path: Path) -> None:
    steps: list[Step] = []
    with ExitStack() as stack:
        perform(Run(choose("docker", stack, tmp_path, "key"), "key"), steps)
    assert [step.name for step in steps] == [name for name, _ in STEPS]
    assert [step.status for step in steps] == ["failed", *["skipped"] * (len(STEPS) - 1)]
    assert "no container engine answers" in steps[0].detail
