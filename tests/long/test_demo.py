"""The commands of docs/DEMO.md and the tour of README.md, run as they stand against a platform of `make run`."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.long.terminal import make_run

from estate.cli.processes import free_port

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "docs" / "DEMO.md"
README = ROOT / "README.md"
START = "make run\n"
END = "--- end of block ---"
DEADLINE_S = 300
BLOCK = re.compile(r"^```bash\n(?P<commands>.*?)^```\n(?:\n```text\n(?P<expected>.*?)^```\n)?", re.M | re.S)


def blocks() -> list[tuple[str, str | None]]:
    """Commands of each block, and what they print according to the page."""
    return [(found["commands"], found["expected"]) for found in BLOCK.finditer(DEMO.read_text())]


@pytest.fixture(scope="module")
def running() -> Iterator[Path]:
    """A folder that was empty before `make run` put its data there."""
    with tempfile.TemporaryDirectory(prefix="estate-demo-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ESTATE_")}
        environment |= {
            "ESTATE_DATA_DIR": str(folder / ".estate"),
            "ESTATE_API_PORT": str(free_port()),
            "ESTATE_CONSOLE_PORT": str(free_port()),
        }
        with make_run(ROOT, folder / "log", environment):
            yield folder


def test_the_first_command_starts_the_platform() -> None:
    assert blocks()[0] == (START, None)


def test_each_block_prints_what_the_page_says(running: Path) -> None:
    rest = blocks()[1:]
    script = f"echo '{END}'\n".join(commands for commands, _ in rest)
    printed = run(script, running).split(f"{END}\n")
    assert len(printed) == len(rest)
    for (commands, expected), output in zip(rest, printed, strict=True):
        assert as_pattern(expected or "").fullmatch(output), f"{commands}\nprinted\n{output}"


def test_the_tour_of_the_readme_gets_no_error(running: Path) -> None:
    _, _, tour = README.read_text().partition("## A first tour")
    section, _, _ = tour.partition("\n## ")
    output = run("".join(found["commands"] for found in BLOCK.finditer(section)), running)

    assert "urn:estate:problem" not in output
    assert '"used_records"' in output
    assert '"created":1' in output


def run(script: str, folder: Path) -> str:
    """Run commands in a shell that stops at the first failure; return what they print."""
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def as_pattern(expected: str) -> re.Pattern[str]:
    """Read the ellipsis as anything, over lines too."""
    return re.compile(".*".join(re.escape(part) for part in expected.split("…")), re.S)
