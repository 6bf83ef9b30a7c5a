"""A disk that is full, under the tables or under the write-ahead log.

Numbers of tests are rows of docs/faults.md. Each disk is a small tmpfs, which only root may mount.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from benchmarks.harness.stack import Postgres, Redis, Stack, wait_until
from tests.long.conftest import SEED
from tests.long.platform import Platform
from tests.long.test_faults_api import get

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="only root may mount a small disk"),
]

SIZES = {"base": "160m", "pg_wal": "80m"}


def may_mount() -> bool:
    """Tell whether mounting works here; in a container root may lack the right."""
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Put a folder and what is in it on a disk of its own."""
    owner = folder.stat()
    kept = folder.with_suffix(".kept")
    folder.rename(kept)
    folder.mkdir()
    options = f"size={size},mode=0700,uid={owner.st_uid},gid={owner.st_gid}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        subprocess.run(["cp", "--archive", f"{kept}/.", str(folder)], check=True)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class FullDisk:
    """A platform whose PostgreSQL keeps one of its folders on a small disk."""

    def __init__(self, running: Platform, disk: Path) -> None:
        self.running = running
        self._ballast = disk / "ballast"

    def fill(self) -> None:
        """Leave nothing free."""
        with self._ballast.open("wb") as file:
            try:
                while True:
                    file.write(bytes(1 << 16))
                    file.flush()
            except OSError:
                return

    def free(self) -> None:
        """Take away what filled it."""
        self._ballast.unlink()


@pytest.fixture
def full_disk(request: pytest.FixtureRequest, folder: Path) -> Iterator[FullDisk]:
    """Start a platform on a server of its own whose part is on a small disk."""
    if not may_mount():
        pytest.skip("mounting is not allowed in this container")
    part: str = request.param
    with ExitStack() as parts:
        server = Postgres(folder / part)
        stop_first = parts.enter_context(ExitStack())
        stop_first.callback(server.stop)
        home = server.server.folder
        server.create("disk")
        stop_first.close()
        disk = parts.enter_context(small_disk(home / "data" / part, SIZES[part]))
        server.mend()
        parts.callback(server.stop)
        redis = Redis(folder / f"{part}-redis")
        parts.callback(redis.stop)
        stack = Stack(server, redis, "disk", folder / f"{part}-stack")
        parts.callback(stack.stop)
        yield FullDisk(Platform.loaded(stack, SEED), disk)


@pytest.mark.parametrize("full_disk", ["base"], indirect=True)
def test_row_18_on_a_full_disk_writes_wait_and_reads_go_on(full_disk: FullDisk) -> None:
    running = full_disk.running
    for _ in range(100):
        assert running.caller.send().acknowledged
    full_disk.fill()
    wait_until(lambda: not running.caller.send().acknowledged, "a write that finds no room")
    refused = [running.caller.send() for _ in range(20)]
    assert {done.status for done in refused} <= {503, 202}
    assert get(running.stack.port, "/agent/query")[0] == 200
    assert get(running.stack.port, "/readyz")[0] == 200
    assert running.caller.acknowledged() <= running.stored()
    full_disk.free()
    running.caller.send_until_acknowledged(5)
    running.check()


@pytest.mark.parametrize("full_disk", ["pg_wal"], indirect=True)
def test_row_19_without_room_for_its_log_the_server_stays_down_until_there_is_some(full_disk: FullDisk) -> None:
    running, stack = full_disk.running, full_disk.running.stack
    for _ in range(100):
        assert running.caller.send().acknowledged
    full_disk.fill()
    message = "SELECT pg_logical_emit_message(false, 'x', repeat('x', 1000000))"

    def down() -> bool:
        try:
            running.value(message)
        except Exception:  # However it says so.
            return get(stack.port, "/readyz")[0] == 503
        return False

    wait_until(down, "the end of the server")
    assert {running.caller.send().status for _ in range(3)} == {503}
    log = (stack.postgres.server.folder / "log").read_text()
    assert "No space left on device" in log
    full_disk.free()
    stack.mend()
    running.caller.send_until_acknowledged()
    running.check()
