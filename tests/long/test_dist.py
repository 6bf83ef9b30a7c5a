"""The zip of `make dist`, unpacked in an empty folder: the two commands of README.md work there."""

import os
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.long.terminal import STOP_S, make_run

from estate.cli.processes import free_port

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
BARE = {name: os.environ[name] for name in ("PATH", "HOME")}
INSTALL_AND_TEST_S = 900


@pytest.fixture(scope="module")
def unpacked() -> Iterator[Path]:
    """The only folder of the zip, with nothing beside it."""
    if not (ROOT / ".git").exists():
        pytest.skip("the zip is made from a git repository")
    made = subprocess.run(
        ["make", "--silent", "dist"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    with tempfile.TemporaryDirectory(prefix="estate-dist-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        unpack(ROOT / made.stdout.splitlines()[-1], Path(name))
        (folder,) = Path(name).iterdir()
        yield folder


def unpack(archive: Path, folder: Path) -> None:
    """Do what `unzip` does, which not every machine has."""
    with zipfile.ZipFile(archive) as content:
        for entry in content.infolist():
            path = Path(content.extract(entry, folder))
            if mode := entry.external_attr >> 16 & 0o777:
                path.chmod(mode)


def test_the_zip_holds_what_is_committed_and_nothing_else(unpacked: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-tree", "-r", "--name-only", "-z", "HEAD"], cwd=ROOT, capture_output=True, check=True
    )
    committed = set(listed.stdout.decode().strip("\0").split("\0"))
    assert {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()} >= committed
    assert not {".git", ".venv", ".estate", "dist"} & {path.name for path in (ROOT / path for path in committed)}


def test_make_run_gets_ready_and_ctrl_c_leaves_nothing(unpacked: Path) -> None:
    log = unpacked.with_suffix(".log")
    with make_run(
        unpacked, log, BARE | {"ESTATE_API_PORT": str(free_port()), "ESTATE_CONSOLE_PORT": str(free_port())}
    ) as terminal:
        parts = terminal.parts()
        terminal.ctrl_c()

        assert len(parts) >= 4
        assert psutil.wait_procs(parts, timeout=STOP_S)[1] == []
        assert "Stopped." in terminal.output


def test_make_test_passes(unpacked: Path) -> None:
    command = ["make", "test", "T=tests/unit/core"]
    done = subprocess.run(
        command, cwd=unpacked, env=BARE, capture_output=True, text=True, timeout=INSTALL_AND_TEST_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
