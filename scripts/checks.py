"""What the verification steps are made of: checks, waits with a deadline, and commands that end in time."""

import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from estate.cli.processes import stop_process

__all__ = ["Failed", "Skipped", "require", "run_command", "wait_for"]

DEADLINE_S = 60.0
POLL_S = 0.25
STOP_DEADLINE_S = 10.0
TAIL_LINES = 20


class Failed(Exception):
    """A check did not hold; the message says which."""


class Skipped(Exception):
    """A step could not run here; the message gives the reason and the command for another machine."""


def require(holds: bool, sentence: str) -> None:
    """Raise when a check does not hold."""
    if not holds:
        raise Failed(sentence)


def wait_for(
    what: str, condition: Callable[[], bool], still_possible: Callable[[], None], deadline_s: float = DEADLINE_S
) -> None:
    """Wait until a condition holds, no longer than the deadline.

    Parameters
    ----------
    what : str
        Named when the deadline passes.
    condition : callable
        Asked again and again.
    still_possible : callable
        Raises `Failed` once waiting has no point any more.
    deadline_s : float
        How long it may take.
    """
    deadline = time.monotonic() + deadline_s
    while not condition():
        still_possible()
        require(time.monotonic() < deadline, f"{what} did not happen within {deadline_s:.0f} s")
        time.sleep(POLL_S)


def run_command(
    command: Sequence[str | Path], *, deadline_s: float, environment: Mapping[str, str] | None = None
) -> str:
    """Run a command to its end, and nothing of it longer than its deadline.

    Returns
    -------
    str
        What it wrote to standard output.

    Raises
    ------
    Failed
        It ended with another status than 0, or not in time.
    """
    name = shlex.join(map(str, command))
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            output, errors = (text.decode(errors="replace") for text in process.communicate(timeout=deadline_s))
        except subprocess.TimeoutExpired:
            raise Failed(f"`{name}` did not end within {deadline_s:.0f} s") from None
        finally:
            stop_process(process, signal.SIGTERM, STOP_DEADLINE_S)
    tail = "\n".join((output + errors).strip().splitlines()[-TAIL_LINES:])
    require(process.returncode == 0, f"`{name}` ended with status {process.returncode}:\n{tail}")
    return output
