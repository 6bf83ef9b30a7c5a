"""Runs the demo notebook on a sample world of its own and keeps what it shows."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from estate.cli.servers import start_postgres
from estate.core.migrate import upgrade

__all__ = ["NOTEBOOK", "executed", "load_sample", "main"]

NOTEBOOK = Path(__file__).resolve().parent.parent / "notebooks" / "demo.ipynb"
SCALE = 4
SEED_DEADLINE_S = 120
CELL_DEADLINE_S = 120


def load_sample(database_url: str) -> None:
    """Load a mid-size sample brokerage into an empty, migrated database and do all work that follows from it."""
    command = [sys.executable, "-m", "estate", "seed", "--scale", str(SCALE)]
    subprocess.run(command, env=_environment(database_url), timeout=SEED_DEADLINE_S, check=True)


def executed(database_url: str) -> NotebookNode:
    """Return the notebook with what it shows on a database.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        When a cell fails.
    """
    notebook: NotebookNode = nbformat.read(NOTEBOOK, as_version=4)
    where = {"metadata": {"path": str(NOTEBOOK.parent)}}
    client = NotebookClient(notebook, timeout=CELL_DEADLINE_S, record_timing=False, resources=where)
    client.execute(env=_environment(database_url))
    notebook.metadata.language_info.pop("version", None)
    return notebook


def _environment(database_url: str) -> dict[str, str]:
    return os.environ | {"ESTATE_DATABASE_URL": database_url}


def main() -> None:
    """Run the notebook and write it with its outputs."""
    with tempfile.TemporaryDirectory() as folder, start_postgres(Path(folder) / "postgresql", for_tests=True) as server:
        upgrade(server.url)
        load_sample(server.url)
        nbformat.write(executed(server.url), NOTEBOOK)
    print(NOTEBOOK.relative_to(NOTEBOOK.parent.parent))


if __name__ == "__main__":
    main()
