"""House rules that no linter knows, each with the reason in its message."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "estate"
MODULES = sorted(SOURCE.rglob("*.py"))
LAYERS = {"market", "agent", "client", "property", "behavior", "intelligence", "realestate_gpt", "importers"}
SQL_FILES = {"crud.py", "models.py"}
SQL_VERBS = {"select", "insert", "update", "delete", "text", "func"}


def name(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text()))


def calls_of(tree_nodes: Iterator[ast.AST], method: str) -> list[int]:
    return [
        node.lineno
        for node in tree_nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method
    ]


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_commit_exists_only_in_the_unit_of_work(path: Path) -> None:
    if name(path) == "core/db.py":
        assert len(calls_of(nodes(path), "commit")) == 1
    else:
        assert calls_of(nodes(path), "commit") == [], "one unit of work is one transaction: use core.db.unit_of_work"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_the_environment_is_read_by_the_settings_only(path: Path) -> None:
    # The supervisor and the servers hand an environment on to their children; they decide nothing by it.
    allowed = {"core/settings.py", "cli/up.py", "cli/processes.py"}
    reads = [
        node.lineno for node in nodes(path) if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    ]
    assert name(path) in allowed or reads == [], "read estate.core.settings instead"


@pytest.mark.parametrize("path", [p for p in MODULES if p.relative_to(SOURCE).parts[0] in LAYERS], ids=name)
def test_sql_stands_in_crud_only(path: Path) -> None:
    imported = {
        alias.name
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
        for alias in node.names
    }
    assert path.name in SQL_FILES or path.parent.name == "crud" or not imported & SQL_VERBS, (
        "move the statement to crud.py"
    )


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_sql_is_never_built_from_strings(path: Path) -> None:
    built = [
        node.lineno
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "text"
        and node.args
        and isinstance(node.args[0], ast.JoinedStr | ast.BinOp)
    ]
    assert built == [], "values go into a statement as parameters"


@pytest.mark.parametrize("path", [p for p in MODULES if p.parent.name == "analytics"], ids=name)
def test_analytics_takes_time_and_chance_as_arguments(path: Path) -> None:
    clocks = {"now", "today", "utcnow", "default_rng"}
    found = [
        node.lineno
        for node in nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in clocks
    ]
    assert found == [], "take `now` or `rng` as an argument"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_opens_with_one_sentence_on_its_job(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), "say what the module is for"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_http_errors_are_raised_as_typed_errors(path: Path) -> None:
    raised = [
        node.lineno
        for node in nodes(path)
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and isinstance(node.exc.func, ast.Name)
        and node.exc.func.id == "HTTPException"
    ]
    assert raised == [], "raise a subclass of EstateError"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_module_outgrows_its_reader(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 500, "split it by concern"
