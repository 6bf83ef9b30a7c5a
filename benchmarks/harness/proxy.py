"""A TCP proxy before PostgreSQL that swallows the reply to a COMMIT, or stops passing anything for a while.

`Proxy` starts it as a process of its own; run as a module it listens on one port for each role and takes
commands on standard input, one a line: ``target PORT``, ``cut ROLE``, ``stall SECONDS``. It writes
``cut ROLE`` when a reply was swallowed.
"""

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import cast

from estate.cli.leash import leashed
from estate.cli.processes import HOST, free_port, stop_process

__all__ = ["ROLES", "Proxy"]

ROLES = ("api", "worker")
COMMIT = b"COMMIT\x00"
"""Ends the request to commit, as simple query or prepared, and the reply that it is done."""


class Proxy:
    """The proxy process: databases of `ports` are the ones of the target."""

    def __init__(self, target: int) -> None:
        self.ports = {role: free_port() for role in ROLES}
        arguments = [f"{role}={port}" for role, port in self.ports.items()]
        command = [sys.executable, "-m", "benchmarks.harness.proxy", *arguments]
        self._process = subprocess.Popen(  # noqa: S603 (our own program)
            leashed(command, signal.SIGKILL),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.cuts: list[float] = []
        self._say(f"target {target}")
        assert self._process.stdout is not None
        self._process.stdout.readline()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _say(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n".encode())
        self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for _ in self._process.stdout:
            self.cuts.append(time.time())

    def target(self, port: int) -> None:
        """Name the port that PostgreSQL listens on now."""
        self._say(f"target {port}")

    def cut(self, role: str) -> None:
        """Swallow the reply to the next COMMIT of a role and end its connection."""
        self._say(f"cut {role}")

    def stall(self, seconds: float) -> None:
        """Pass nothing for a while, as a network does that lost its route."""
        self._say(f"stall {seconds}")

    def stop(self) -> None:
        """End the process."""
        stop_process(self._process, signal.SIGKILL, 1)
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


@dataclass(slots=True)
class _State:
    """What all connections share."""

    target: int = 0
    cuts: Counter[str] = field(default_factory=Counter)
    stalled_until: float = 0.0
    pairs: set["_Client"] = field(default_factory=set)


class _Client(asyncio.Protocol):
    """The side that our programs talk to."""

    def __init__(self, state: _State, role: str) -> None:
        self.state = state
        self.role = role
        self.server: asyncio.Transport | None = None
        self.cutting = False
        self.waiting: list[bytes] = []
        self.held: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.state.pairs.add(self)
        self.task = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.create_connection(lambda: _Server(self), HOST, self.state.target)
        except OSError:
            self.transport.abort()
            return
        self.server = transport
        self.release()

    def data_received(self, data: bytes) -> None:
        if COMMIT in data:
            self._note_commit()
        if self.server is None or self.stalled:
            self.waiting.append(data)
        else:
            self.server.write(data)

    def _note_commit(self) -> None:
        if self.state.cuts[self.role] > 0:
            self.state.cuts[self.role] -= 1
            self.cutting = True

    @property
    def stalled(self) -> bool:
        return bool(self.state.stalled_until)

    def release(self) -> None:
        """Pass on what was held back."""
        if self.server is not None and not self.stalled:
            self.server.writelines(self.waiting)
            self.transport.writelines(self.held)
            self.waiting.clear()
            self.held.clear()

    def answered(self, data: bytes) -> None:
        if self.cutting and COMMIT in data:
            self.transport.abort()
            if self.server is not None:
                self.server.abort()
            sys.stdout.write(f"cut {self.role}\n")
            sys.stdout.flush()
        elif self.stalled:
            self.held.append(data)
        else:
            self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.state.pairs.discard(self)
        if self.server is not None:
            self.server.close()


class _Server(asyncio.Protocol):
    """The side that talks to PostgreSQL."""

    def __init__(self, client: _Client) -> None:
        self.client = client

    def data_received(self, data: bytes) -> None:
        self.client.answered(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.client.transport.close()


async def _serve(ports: dict[str, int]) -> None:
    state = _State()
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    for role, port in ports.items():
        await loop.create_server(lambda role=role: _Client(state, role), HOST, port)  # type: ignore[misc]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while line := (await commands.readline()).decode().split():
        _obey(state, *line)


def _obey(state: _State, verb: str, argument: str) -> None:
    if verb == "target":
        state.target = int(argument)
    elif verb == "cut":
        state.cuts[argument] += 1
    elif verb == "stall":
        loop = asyncio.get_running_loop()
        state.stalled_until = max(state.stalled_until, loop.time() + float(argument))
        loop.call_at(state.stalled_until, _end_stall, state)


def _end_stall(state: _State) -> None:
    if asyncio.get_running_loop().time() + 0.001 < state.stalled_until:
        return
    state.stalled_until = 0.0
    for pair in list(state.pairs):
        pair.release()


if __name__ == "__main__":
    asyncio.run(_serve({role: int(port) for role, _, port in (a.partition("=") for a in sys.argv[1:])}))
