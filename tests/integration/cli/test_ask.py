"""`estate gpt replay` shows the same text until a record changes."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, create_engine, text
from tests.live import new_database
from typer.testing import CliRunner, Result

from estate.cli.app import app
from estate.cli.attach import attached
from estate.core.settings import get_settings
from estate.realestate_gpt import respond
from estate.realestate_gpt.errors import ResponseNotFound

AGENT = "10000000-0000-4000-8000-000000000002"
ROWS = (
    f"INSERT INTO agent_activity (agent_id, name, deals_closed, currency) VALUES ('{AGENT}', 'Omar Saleh', 24, 'AED')"
)
Run = Callable[..., Result]


@pytest.fixture
def own(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The database that commands use, with one agent."""
    url = new_database(engine, "estate_ask")
    monkeypatch.setenv("ESTATE_DATABASE_URL", url)
    get_settings.cache_clear()
    own = create_engine(url)
    with own.begin() as connection:
        connection.execute(text("SET LOCAL ROLE estate_system"))
        connection.execute(text(ROWS))
    yield own
    own.dispose()
    monkeypatch.undo()
    get_settings.cache_clear()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE estate_ask WITH (FORCE)"))


@pytest.fixture
def run(own: Engine) -> Run:
    """Run a command."""
    return lambda *words: CliRunner().invoke(app, ["gpt", *words])


def test_reply_is_made_again_until_its_record_changes(run: Run, own: Engine) -> None:
    with attached():
        reply = respond("How many deals have I closed?", {"agent_id": AGENT})
    assert "Omar Saleh has brought 24 deals to a sale, as reported." in reply.text
    same = run("replay", str(reply.response_id))
    assert same.exit_code == 0, same.output
    assert reply.text in same.stdout
    with own.begin() as connection:
        connection.execute(text("SET LOCAL ROLE estate_system"))
        connection.execute(text("UPDATE agent_activity SET deals_closed = 25"))
    changed = run("replay", str(reply.response_id))
    assert changed.exit_code == 1
    assert reply.text in changed.stdout
    assert f"agent {AGENT} has changed since: deals_closed" in changed.stderr.replace("\n", " ")


def test_unknown_reply_is_not_found(run: Run) -> None:
    assert isinstance(run("replay", str(uuid.uuid4())).exception, ResponseNotFound)
