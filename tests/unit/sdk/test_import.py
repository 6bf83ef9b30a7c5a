"""The client library is light: it needs httpx and pydantic, and no command waits for the numerical libraries."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SDK = Path(__file__).parents[3] / "src" / "estate" / "sdk"
THIRD_PARTY = {"httpx2", "pydantic", "pydantic_core"}
HEAVY = {"pandas", "numpy", "sklearn", "scipy", "matplotlib"}
SERVER = {"sqlalchemy", "fastapi", "celery", "redis", "alembic"}


def test_it_needs_httpx_and_pydantic_only() -> None:
    imported = {
        name.split(".")[0]
        for path in SDK.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }
    assert imported - sys.stdlib_module_names == THIRD_PARTY | {"estate"}


@pytest.mark.parametrize(("module", "unwanted"), [("estate.sdk", HEAVY | SERVER), ("estate.cli.app", HEAVY)])
def test_importing_it_loads_nothing_heavy(module: str, unwanted: set[str]) -> None:
    told = f"import {module}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, timeout=60, check=True)
    assert set(done.stdout.split()) & unwanted == set()
