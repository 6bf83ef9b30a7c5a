"""Child processes that neither outlive their owner nor hear the terminal's Ctrl-C."""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from estate.core.errors import Unavailable

__all__ = [
    "HOST",
    "end_leftovers",
    "free_port",
    "log_tail",
    "start_server",
    "stop_process",
    "wait_until_ready",
]

HOST = "127.0.0.1"
POLL_S = 0.02
LEFTOVER_DEADLINE_S = 5.0
LOG_TAIL_LINES = 10

SERVER_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}
"""Nothing of the caller's: a stray PGDATA, PGOPTIONS or locale must not reach the servers."""


def start_server(command: Sequence[str], folder: Path, text: bytes = b"") -> subprocess.Popen[bytes]:
    """Start a server that works in a folder and writes its log there.

    Parameters
    ----------
    command : sequence of str
        Put on a leash by the caller.
    folder : Path
        Its working folder.
    text : bytes
        Its standard input; what is secret goes here, since everybody can list the arguments.

    Returns
    -------
    subprocess.Popen
        Leader of its own session.
    """
    with (folder / "log").open("wb") as log, tempfile.TemporaryFile() as stdin:
        stdin.write(text)
        stdin.seek(0)
        return subprocess.Popen(  # noqa: S603 (our own programs)
            command,
            stdin=stdin,
            stdout=log,
            stderr=log,
            cwd=folder,
            env=SERVER_ENVIRONMENT,
            start_new_session=True,
        )


def stop_process(process: subprocess.Popen[bytes], with_signal: signal.Signals, seconds: float) -> None:
    """Ask a process that leads its own group to stop; past the deadline kill the whole group.

    Parameters
    ----------
    process : subprocess.Popen
        Started with ``start_new_session=True``; it may have ended already.
    with_signal : signal.Signals
        The polite request.
    seconds : float
        How long it may take.
    """
    process.send_signal(with_signal)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_until_ready(process: subprocess.Popen[bytes], ready: Callable[[], bool], seconds: float) -> bool:
    """Wait for a server; one that is not ready in time, or whose wait is broken off, is killed.

    Parameters
    ----------
    process : subprocess.Popen
        The server.
    ready : callable
        Whether it answers.
    seconds : float
        How long it may take.

    Returns
    -------
    bool
        True when it is ready, False when it ended.

    Raises
    ------
    Unavailable
        It runs but was not ready in time.
    """
    deadline = time.monotonic() + seconds
    try:
        while process.poll() is None:
            if ready():
                return True
            if time.monotonic() > deadline:
                raise Unavailable(f"Process {process.pid} was not ready after {seconds:.0f} s.")
            time.sleep(POLL_S)
    except BaseException:
        stop_process(process, signal.SIGKILL, 0)
        raise
    return False


def free_port(wanted: int = 0) -> int:
    """Return a port of the loopback address that is free now: the wanted one if possible."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError:
            probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def end_leftovers(folder: Path, *names: str) -> None:
    """End what a killed run left behind: the processes of these names at work in this folder.

    The caller holds the folder's lock, so no living owner has them.
    """
    running = psutil.process_iter(["name", "cwd"])
    left = [p for p in running if p.info["name"] in names and p.info["cwd"] == str(folder)]
    for number in (signal.SIGQUIT, signal.SIGKILL):
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        left = psutil.wait_procs(left, timeout=LEFTOVER_DEADLINE_S)[1]


def log_tail(folder: Path) -> str:
    """Return the last lines that the server of a folder wrote."""
    lines = (folder / "log").read_text(errors="replace").splitlines()
    return "\n".join(lines[-LOG_TAIL_LINES:])
