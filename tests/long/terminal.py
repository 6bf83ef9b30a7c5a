"""`make run` in a folder, as a person runs it in a terminal."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["Terminal", "make_run"]

READY_S = 600.0
STOP_S = 60.0
POLL_S = 0.2


@dataclass(frozen=True)
class Terminal:
    """A terminal in which `make run` goes on."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def parts(self) -> list[psutil.Process]:
        """Everything that was started, directly or not."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def ctrl_c(self) -> None:
        """Interrupt the foreground processes, as the terminal's driver does, and wait for their end."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(STOP_S)


@contextmanager
def make_run(folder: Path, log: Path, environment: Mapping[str, str]) -> Iterator[Terminal]:
    """Run it until it is ready; nothing of it outlives the block.

    Parameters
    ----------
    folder : Path
        Where the project lies.
    log : Path
        Gets what the terminal shows.
    environment : mapping
        All of it: nothing of ours is added. It names ESTATE_API_PORT.
    """
    with log.open("wb") as lines:
        process = subprocess.Popen(
            ["make", "run"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=lines,
            start_new_session=True,
        )
    terminal = Terminal(process, log)
    parts: list[psutil.Process] = []
    try:
        _wait_ready(terminal, f"http://127.0.0.1:{environment['ESTATE_API_PORT']}/readyz")
        parts = terminal.parts()
        yield terminal
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            psutil.wait_procs(parts, timeout=STOP_S)
            os.killpg(process.pid, signal.SIGKILL)
        for part in psutil.wait_procs(parts, timeout=1)[1]:
            part.kill()
        process.wait(STOP_S)


def _wait_ready(terminal: Terminal, url: str) -> None:
    deadline = time.monotonic() + READY_S
    while not (_answers(url) and "Estate is ready" in terminal.output):
        assert terminal.process.poll() is None, terminal.output
        assert time.monotonic() < deadline, f"not ready after {READY_S:.0f} s:\n{terminal.output}"
        time.sleep(POLL_S)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 (our own address)
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
