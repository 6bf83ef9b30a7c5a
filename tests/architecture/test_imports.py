"""The import contracts hold, and each of them catches a deliberate violation."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Contract, the module that breaks it, and the line that does.
VIOLATIONS = {
    "A floor imports only floors below it": ("core/paging.py", "import estate.market.schemas"),
    "Analytics is pure": ("market/analytics/heat.py", "import sqlalchemy"),
    "Nothing below the API knows HTTP": ("client/service.py", "import fastapi"),
    "Tables and SQL of market are private": ("intelligence/areas.py", "import estate.market.crud"),
    "Tables and SQL of agent are private": ("api/deps.py", "import estate.agent.models"),
    "Tables and SQL of client are private": ("intelligence/calls.py", "import estate.client.crud"),
    "Tables and SQL of property are private": ("importers/dld.py", "import estate.property.models"),
    "Tables and SQL of behavior are private": ("intelligence/actions.py", "import estate.behavior.crud"),
    "Tables and SQL of intelligence are private": ("api/deps.py", "import estate.intelligence.crud"),
    "Tables and SQL of realestate_gpt are private": ("cli/ask.py", "import estate.realestate_gpt.models"),
    "Tables and SQL of intake are private": ("api/deps.py", "import estate.intake.models"),
    "The sample world imports the kernel only": ("sample/world.py", "import estate.market.schemas"),
    "The client library imports nothing of ours": ("sdk/pages.py", "import estate.core.paging"),
    "The console reaches records through the client library only": ("console/page.py", "import estate.client.service"),
    "What serves the API does not call it": ("api/deps.py", "import estate.sdk"),
}
SIBLING = ("agent/service.py", "import estate.client.schemas")


def lint_imports(source: Path) -> dict[str, bool]:
    """Run the contracts on a source tree; return whether each was kept."""
    done = subprocess.run(
        [
            Path(sys.executable).with_name("lint-imports"),
            "--no-cache",
            "--no-logo",
            "--config",
            ROOT / "pyproject.toml",
        ],
        env=os.environ | {"PYTHONPATH": str(source)},
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    return {name: state == "KEPT" for name, state in re.findall(r"^(.+?) (KEPT|BROKEN)", done.stdout, re.MULTILINE)}


@pytest.fixture
def broken_tree(tmp_path: Path) -> Path:
    """A copy of the package in which every contract is violated once."""
    shutil.copytree(ROOT / "src" / "estate", tmp_path / "estate", ignore=shutil.ignore_patterns("__pycache__"))
    for file, line in (*VIOLATIONS.values(), SIBLING):
        path = tmp_path / "estate" / file
        path.write_text(f"{path.read_text()}\n{line}\n")
    return tmp_path


def test_every_contract_is_kept() -> None:
    found = lint_imports(ROOT / "src")
    assert found.keys() == VIOLATIONS.keys()
    assert [name for name, kept in found.items() if not kept] == []


def test_every_contract_catches_its_violation(broken_tree: Path) -> None:
    found = lint_imports(broken_tree)
    assert [name for name in VIOLATIONS if found[name]] == []


def test_an_undeclared_package_is_caught(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src" / "estate", tmp_path / "estate", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "estate" / "shortcut.py").write_text('"""A floor that nobody planned."""\n')
    assert "A floor imports only floors below it" not in [k for k, kept in lint_imports(tmp_path).items() if kept]


def test_a_layer_that_imports_its_sibling_is_caught(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src" / "estate", tmp_path / "estate", ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / "estate" / SIBLING[0]
    path.write_text(f"{path.read_text()}\n{SIBLING[1]}\n")
    found = lint_imports(tmp_path)
    assert [name for name, kept in found.items() if not kept] == ["A floor imports only floors below it"]
