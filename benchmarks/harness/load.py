"""A light load generator in a process of its own, the same for every side.

`python -m benchmarks.harness.load PORT CONNECTIONS KEY FILE` sends each line of a file, method, path and body, as one
request over so many connections that stay open, and writes one JSON object: seconds, latencies in milliseconds, and
how often each status came.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast

import uvloop

from estate.cli.processes import HOST

__all__ = ["Call", "Load", "measure"]

DEADLINE_S = 900.0


@dataclass(frozen=True, slots=True)
class Load:
    """What a load came to."""

    seconds: float
    milliseconds: list[float]
    statuses: dict[str, int]


class Call(NamedTuple):
    """One request: its body is JSON without a line break, empty where there is none."""

    method: str
    path: str
    body: bytes = b""


def measure(port: int, connections: int, key: str, calls: Iterable[Call], file: Path) -> Load:
    """Send requests to a server on this machine and return how it went; the file is where they are handed over."""
    file.write_bytes(b"\n".join(f"{call.method} {call.path} ".encode() + call.body for call in calls))
    command = [sys.executable, "-m", "benchmarks.harness.load", str(port), str(connections), key, str(file)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=DEADLINE_S)  # noqa: S603 (our own)
    return Load(**json.loads(done.stdout))


@dataclass(slots=True)
class _Shared:
    """What the connections share."""

    requests: deque[bytes]
    done: asyncio.Future[None]
    open: int = 0
    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)


class _Connection(asyncio.Protocol):
    """Sends one request after the other, the next when the last is answered."""

    def __init__(self, shared: _Shared) -> None:
        self.shared = shared
        self.buffer = b""
        self.started = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.shared.open += 1

    def send(self) -> None:
        """Send the next request, or close when there is none."""
        if not self.shared.requests:
            self.transport.close()
            return
        self.started = time.perf_counter()
        self.transport.write(self.shared.requests.popleft())

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self.shared.milliseconds.append(1000 * (time.perf_counter() - self.started))
        self.shared.statuses[head[9:12].decode()] += 1
        self.buffer = b""
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        self.shared.open -= 1
        if self.shared.open == 0 and not self.shared.done.done():
            self.shared.done.set_result(None)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError("an answer without Content-Length")


def _request(line: bytes, key: str) -> bytes:
    method, path, body = line.decode().split(" ", 2)
    head = f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nX-API-Key: {key}\r\n"
    if method != "GET":
        head += f"Content-Type: application/json\r\nContent-Length: {len(body.encode())}\r\n"
    return f"{head}\r\n{body}".encode()


async def _main(port: int, connections: int, key: str, file: Path) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    requests = deque(_request(line, key) for line in file.read_bytes().split(b"\n"))
    shared = _Shared(requests, loop.create_future())
    made = [await loop.create_connection(lambda: _Connection(shared), HOST, port) for _ in range(connections)]
    started = time.perf_counter()
    for _, connection in made:
        connection.send()
    await shared.done
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "milliseconds": shared.milliseconds, "statuses": shared.statuses}


if __name__ == "__main__":
    _port, _connections, _key, _file = sys.argv[1:]
    print(json.dumps(uvloop.run(_main(int(_port), int(_connections), _key, Path(_file)))))  # noqa: T201
