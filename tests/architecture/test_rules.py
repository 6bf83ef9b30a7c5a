"""House rules that no linter knows, each with the reason in its message."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "estate"
MODULES = sorted(SOURCE.rglob("*.py"))
LAYERS = {"market", "agent", "client", "property", "behavior", "intelligence", "realestate_gpt", "importers", "intake"}
SQL_FILES = {"crud.py", "models.py"}
SECRET = re.compile(r"secret(_hash)?|token|password|signature|pepper|mac")
"""Names whose value somebody may try to guess; a hash of content is none, and PostgreSQL looks up those of tokens."""
CALLERS_OUT = {
    "cli/processes.py",  # Whether our own servers answer.
    "cli/up.py",
    "realestate_gpt/generators/openai_compatible.py",  # The model of the settings, at a checked address.
    "realestate_gpt/generators/outbound.py",
    "realestate_gpt/retrieval/dense.py",  # The embedder that the settings name.
    "sdk/transport.py",  # The API that the caller names.
}
NETWORK = {"http.client", "urllib.request", "httpx", "httpx2", "requests", "socket", "urllib3", "aiohttp", "smtplib"}
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


# These reach no database; what they commit is an import, through the API.
OVER_HTTP = ("console/", "cli/bringing.py")


@pytest.mark.parametrize("path", [path for path in MODULES if not name(path).startswith(OVER_HTTP)], ids=name)
def test_commit_exists_only_in_the_unit_of_work(path: Path) -> None:
    if name(path) == "core/db.py":
        assert len(calls_of(nodes(path), "commit")) == 1
    else:
        assert calls_of(nodes(path), "commit") == [], "one unit of work is one transaction: use core.db.unit_of_work"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_the_environment_is_read_by_the_settings_only(path: Path) -> None:
    # The supervisor and the servers hand an environment on to their children; they decide nothing by it. The command
    # line gives the libraries of numbers, which read nothing else, a default.
    allowed = {"core/settings.py", "cli/__init__.py", "cli/up.py", "cli/processes.py"}
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


def compared(node: ast.Compare) -> set[str]:
    """Return the last names of what is compared for being equal."""
    sides = [node.left, *node.comparators]
    equal = any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
    return {getattr(side, "attr", getattr(side, "id", "")) for side in sides if equal}


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_secrets_are_compared_in_constant_time(path: Path) -> None:
    found = [
        node.lineno
        for node in nodes(path)
        if isinstance(node, ast.Compare) and any(SECRET.fullmatch(word) for word in compared(node))
    ]
    assert found == [], "use hmac.compare_digest"


def imported(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_nobody_fetches_an_address(path: Path) -> None:
    found = {module for module in imported(path) if {module, module.split(".")[0]} & NETWORK}
    assert name(path) in CALLERS_OUT or found == set(), "no address that comes in is ever called"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_there_is_one_style_of_session(path: Path) -> None:
    found = [module for module in imported(path) if module.startswith(("sqlalchemy.ext.asyncio", "asyncpg"))]
    assert found == [], "every session is synchronous: see decision 0002"


def test_the_linter_looks_for_weak_hashes_pickles_and_yaml() -> None:
    project = tomllib.loads((SOURCE.parents[1] / "pyproject.toml").read_text())
    lint = project["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    assert not [rule for rule in lint["ignore"] if rule.startswith("S")]
    told = [
        line for path in MODULES for line in path.read_text().splitlines() if re.search(r"noqa:.*S(301|324|506)", line)
    ]
    assert len(told) == 1, "one pickle is read: a trained model, after its signature was checked"
