"""What README and docs name exists: the drawing, links, paths, make targets, commands and settings."""

import re
import subprocess
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import pytest
import typer.main
from scripts import erd

from estate import registry
from estate.api.app import create_app
from estate.cli.app import app
from estate.core.queue import TOPICS
from estate.core.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SETTINGS_PAGE = ROOT / "docs" / "settings.md"

LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
MAKE = re.compile(r"\bmake ([a-z][a-z-]*)")
COMMAND = re.compile(r"(?:\.venv/bin/|`|^)estate ((?:[a-z]+ ?)+)", re.M)
VARIABLE = re.compile(r"\b(?:ESTATE|POSTGRES)_[A-Z][A-Z_]*[A-Z]\b")
SETTING_ROW = re.compile(r"^\| `ESTATE_(\w+)` \| (?:`(.*?)`)? ?\|", re.M)
TOP_FILE = re.compile(r"[\w.-]+\.(?:md|toml|yml|sh|ini|json|svg)")
ENDPOINT = re.compile(r"`(GET|POST) (/[\w/{}-]+)(?=[?`])")
TOPIC_ROW = re.compile(r"^\| (`[a-z_]+\.[a-z]+`(?:, `[a-z_]+\.[a-z]+`)*) \|", re.M)
MODULE = re.compile(r"-m (scripts\.\w+)")

MADE = (".estate", ".venv", "dist", "build_report.json", ".env")
"""What a command makes: git ignores it, so a fresh copy lacks it."""
FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir()} | {".estate", ".venv", "dist"}
ELSEWHERE = {"ESTATE_DATABASE_PASSWORD"}


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return FENCE.sub("", page.read_text())


def shell(page: Path) -> str:
    """Return the commands of a page."""
    return "\n".join(body for language, body in FENCE.findall(page.read_text()) if language in {"bash", "sh"})


def said(page: Path) -> str:
    """Return what a page says in code: commands, and words between backticks."""
    return "\n".join([shell(page), *(f"`{code}`" for code in CODE.findall(prose(page)))])


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.M))


def commands(group: object, before: str = "") -> Iterator[str]:
    """Yield every sub-command with the words that lead to it."""
    for word, command in getattr(group, "commands", {}).items():
        yield f"{before}{word}"
        yield from commands(command, f"{before}{word} ")


def paths(page: Path) -> Iterator[str]:
    """Yield what looks like a path of the repository: in a known folder, or a file at the top; of a test, its file."""
    words = [code.split()[0] for code in CODE.findall(prose(page))] + re.split(r"[\s\"'=]+", shell(page))
    for word in words:
        if ("/" in word and word.split("/")[0] in FOLDERS) or TOP_FILE.fullmatch(word):
            yield word.partition("::")[0].rstrip("/")


def endpoints(page: Path) -> Iterator[str]:
    """Yield the calls that a page names, but for those with a placeholder for the layer."""
    for method, path in ENDPOINT.findall(said(page)):
        yield f"{method} {path}"


def shown(value: object) -> str:
    """Return a default as an environment variable says it."""
    if value is None:
        return ""
    if isinstance(value, Enum):
        return str(value.value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def known_variables() -> set[str]:
    """Return what the settings read, what the compose files hand to the containers, and what the proxy is told."""
    ours = {f"ESTATE_{field.upper()}" for field in Settings.model_fields}
    files = [*ROOT.glob("docker-compose*.yml"), ROOT / "deploy" / "Caddyfile"]
    composed = "\n".join(path.read_text() for path in files)
    return ours | set(VARIABLE.findall(composed)) | ELSEWHERE


def test_the_drawing_shows_the_models() -> None:
    assert erd.DRAWING.read_text() == erd.draw(), "run .venv/bin/python -m scripts.erd"


def test_the_drawing_is_checked_from_the_command_line() -> None:
    done = subprocess.run([sys.executable, "-m", "scripts.erd", "--check"], cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 0


def test_every_setting_is_documented_with_its_default() -> None:
    documented = dict(SETTING_ROW.findall(SETTINGS_PAGE.read_text()))
    expected = {field.upper(): shown(info.default) for field, info in Settings.model_fields.items()}
    assert documented == expected, "bring the table of docs/settings.md up to date"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.M)
            assert anchor in {slug(heading) for heading in headings}, f"{link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_path_exists(page: Path) -> None:
    missing = [
        path
        for path in paths(page)
        if path.split("/")[0] not in MADE and not list(ROOT.glob(path)) and not (page.parent / path).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_make_target_exists(page: Path) -> None:
    assert set(MAKE.findall(said(page))) <= targets()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_of_ours_exists(page: Path) -> None:
    known = set(commands(typer.main.get_command(app)))
    words = [found.strip() for found in COMMAND.findall(said(page))]
    unknown = [word for word in words if not any(word == k or word.startswith(f"{k} ") for k in known)]
    assert unknown == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_script_exists(page: Path) -> None:
    modules = {module.replace(".", "/") + ".py" for module in MODULE.findall(page.read_text())}
    assert [module for module in modules if not (ROOT / module).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_variable_is_read_by_somebody(page: Path) -> None:
    assert set(VARIABLE.findall(page.read_text())) <= known_variables()


@pytest.fixture(scope="module")
def operations() -> set[str]:
    """Method and path of every operation in OpenAPI."""
    described = create_app().openapi()["paths"]
    return {f"{method.upper()} {path}" for path, calls in described.items() for method in calls}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_endpoint_is_in_openapi(page: Path, operations: set[str]) -> None:
    assert set(endpoints(page)) <= operations


def test_every_topic_of_the_queue_stands_in_the_architecture() -> None:
    registry.register()
    rows = TOPIC_ROW.findall((ROOT / "docs" / "architecture.md").read_text())
    assert sorted(topic for row in rows for topic in CODE.findall(row)) == sorted(TOPICS)


def test_decisions_are_listed_in_order() -> None:
    listed = re.findall(r"^\| \[\d+\]\((.*?)\)", (ROOT / "docs" / "decisions" / "README.md").read_text(), re.M)
    assert listed == sorted(page.name for page in (ROOT / "docs" / "decisions").glob("[0-9]*.md"))
