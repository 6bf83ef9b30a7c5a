"""The fault table and the security checklist: no row is missing, and every test that they name exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAULTS, SECURITY = ROOT / "docs" / "faults.md", ROOT / "docs" / "security.md"

LAST_FAULT = 30
ASVS = [
    "1.2.1",
    "1.2.2",
    "1.2.4",
    "1.2.10",
    "1.3.6",
    "1.4.2",
    "1.5.2",
    "2.2.1",
    "2.3.3",
    "2.3.4",
    "2.4.1",
    "3.2.2",
    "3.3.1",
    "3.4.1",
    "3.5.1",
    "4.1.1",
    "4.1.3",
    "4.1.4",
    "4.2.1",
    "4.4.2",
    "6.3.1",
    "6.3.2",
    "6.5.2",
    "7.2.2",
    "7.2.4",
    "7.3.1",
    "7.4.1",
    "7.4.2",
    "8.2.1",
    "8.2.2",
    "8.2.3",
    "8.3.2",
    "8.4.1",
    "11.2.4",
    "11.4.1",
    "11.5.1",
    "12.3.1",
    "13.2.2",
    "13.2.3",
    "13.2.4",
    "13.3.1",
    "13.4.1",
    "13.4.2",
    "13.4.4",
    "13.4.5",
    "14.2.1",
    "14.2.7",
    "14.3.2",
    "15.1.1",
    "15.1.2",
    "15.2.1",
    "15.2.2",
    "15.3.1",
    "15.3.2",
    "15.3.3",
    "15.3.4",
    "15.3.5",
    "15.3.7",
    "16.2.1",
    "16.2.2",
    "16.2.5",
    "16.3.1",
    "16.4.1",
    "16.5.1",
]
ROW = re.compile(r"^\| (\d[^|]*?) \| ([^|]*) \| ([^|]*)(?:\| ([^|]*))?\|$", re.M)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
WITHOUT = ("does not apply yet", "comes with", "of [the fault table]")


def rows(page: Path) -> list[tuple[str, str]]:
    """Return the number of each row and the rest of it."""
    return [(row[0], " | ".join(row[1:])) for row in ROW.findall(page.read_text())]


def named_tests(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("page", [FAULTS, SECURITY], ids=lambda page: page.name)
def test_every_test_that_is_named_exists(page: Path) -> None:
    named = TEST.findall(page.read_text())
    assert len(named) > len(rows(page)) / 2
    missing = [
        f"{path}::{name}" for path, name in named if not (ROOT / path).is_file() or name not in named_tests(ROOT / path)
    ]
    assert missing == []


@pytest.mark.parametrize("page", [FAULTS, SECURITY], ids=lambda page: page.name)
def test_every_row_names_a_test_or_says_why_not(page: Path) -> None:
    empty = [number for number, rest in rows(page) if not TEST.search(rest) and not any(w in rest for w in WITHOUT)]
    assert empty == []


def test_no_fault_is_missing() -> None:
    assert [int(number) for number, _ in rows(FAULTS)] == list(range(1, LAST_FAULT + 1))


def test_no_row_of_the_checklist_is_missing() -> None:
    told = {found for number, _ in rows(SECURITY) for found in re.findall(r"\d+\.\d+\.\d+", number)}
    assert set(ASVS) - told == set()


def test_every_test_of_a_fault_is_in_the_table() -> None:
    named = {name for _, name in TEST.findall(FAULTS.read_text())}
    written = {
        name
        for path in (ROOT / "tests/long").glob("test_faults_*.py")
        for name in named_tests(path)
        if name[:5] == "test_"
    }
    assert written
    assert written - named == set()
