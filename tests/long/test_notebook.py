"""The demo notebook runs from the first cell to the last on a sample world, and shows what it promises."""

import json
import re
from typing import Any

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from scripts.notebook import NOTEBOOK, executed, load_sample
from sqlalchemy import Engine
from tests.live import new_database

pytestmark = pytest.mark.long

SHOWN = {
    "heat-map": "image/png",
    "client-card": "text/markdown",
    "units": "text/html",
    "chance": "text/markdown",
    "triggers": "image/png",
}
MAX_BYTES = 400_000


@pytest.fixture(scope="module")
def fresh(engine: Engine) -> NotebookNode:
    """The notebook as it comes out of a run on a database of its own."""
    url = new_database(engine, "estate_notebook")
    load_sample(url)
    return executed(url)


@pytest.fixture
def committed() -> NotebookNode:
    notebook: NotebookNode = nbformat.read(NOTEBOOK, as_version=4)
    return notebook


def shown(notebook: NotebookNode) -> dict[str, dict[str, Any]]:
    """Return what each cell shows, by cell; errors and printed lines are no showing."""
    outputs = {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    assert {output.output_type for all_of in outputs.values() for output in all_of} == {"execute_result"}
    return {name: all_of[0].data for name, all_of in outputs.items() if all_of}


def kinds(notebook: NotebookNode) -> dict[str, str]:
    """Return the richest kind of what each cell shows."""
    return {name: next(kind for kind in data if kind != "text/plain") for name, data in shown(notebook).items()}


def test_every_cell_runs_and_shows_what_it_promises(fresh: NotebookNode) -> None:
    assert kinds(fresh) == SHOWN
    table = shown(fresh)["units"]["text/html"]
    assert table.count("<tr>") == 1 + 5
    assert "Trade-offs" in table
    assert "<li>" in table


def test_committed_outputs_are_those_of_a_whole_run(committed: NotebookNode, fresh: NotebookNode) -> None:
    assert kinds(committed) == SHOWN
    assert [cell.source for cell in committed.cells] == [cell.source for cell in fresh.cells]
    runs = [cell.execution_count for cell in committed.cells if cell.cell_type == "code"]
    assert runs == list(range(1, len(runs) + 1))


def test_committed_notebook_is_small_and_names_no_machine() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert len(text.encode()) < MAX_BYTES
    words = json.dumps(json.loads(text)["cells"])
    assert not re.search(r'(?<![\w./<])/(?:home|root|tmp|var|work|Users)/|"iopub\.', words)


def test_a_cell_that_fails_is_an_error(engine: Engine) -> None:
    with pytest.raises(CellExecutionError):
        executed(new_database(engine, "estate_notebook_empty"))
