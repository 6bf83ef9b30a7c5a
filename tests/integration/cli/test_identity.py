"""`estate keys` and `estate users`: what is made opens, and what is ended does not."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from sqlalchemy import Engine, create_engine, text
from tests.live import new_database
from typer.testing import CliRunner, Result

from estate.cli.app import app
from estate.core.db import Database, unit_of_work, use_database
from estate.core.errors import Conflict, EstateError, Invalid, NotFound
from estate.core.keys import ApiKey
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.core.users import log_in

EMAIL, PASSWORD = "layla@example.com", "a long enough password"
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def url(engine: Engine) -> Iterator[str]:
    yield new_database(engine, "estate_identity")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE estate_identity WITH (FORCE)"))


@pytest.fixture
def run(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command on a database of its own."""
    monkeypatch.setenv("ESTATE_DATABASE_URL", url)
    get_settings.cache_clear()
    own = create_engine(url)
    with own.begin() as connection:
        connection.execute(text("DELETE FROM sessions; DELETE FROM api_keys; DELETE FROM users"))

    def ran(*words: str, stdin: str = "", error: type[EstateError] | None = None) -> Result:
        result = CliRunner().invoke(app, words, input=stdin)
        if error is None:
            assert result.exit_code == 0, result.output
        else:
            assert isinstance(result.exception, error), result.output
        return result

    yield ran
    own.dispose()
    monkeypatch.undo()
    get_settings.cache_clear()


def made(result: Result) -> ApiKey:
    key = ApiKey.parse(result.stdout.strip())
    assert key is not None
    return key


def test_a_key_is_shown_once_and_then_known_by_its_id(run: Run) -> None:
    key = made(run("keys", "create", "loader [red]", "--role", "ingest", "--days", "7"))
    listed = run("keys", "list").output
    assert key.key_id in listed
    assert key.secret not in listed
    assert "loader [red]" in " ".join(listed.split())


def test_a_key_is_replaced_and_revoked(run: Run) -> None:
    old = made(run("keys", "create", "loader", "--role", "ingest"))
    new = made(run("keys", "rotate", old.key_id))
    assert new.key_id != old.key_id
    run("keys", "rotate", old.key_id, error=Conflict)
    assert f"{new.key_id} is revoked." in run("keys", "revoke", new.key_id).output
    assert "revoked" in run("keys", "list").output
    run("keys", "revoke", "00000000", error=NotFound)


def test_a_role_is_complete_or_refused(run: Run) -> None:
    run("keys", "create", "x", "--role", "agent", error=Invalid)
    run("users", "create", EMAIL, "--role", "manager", stdin=PASSWORD, error=Invalid)
    assert CliRunner().invoke(app, ["keys", "create", "x", "--role", "owner"]).exit_code == 2


@pytest.mark.parametrize(("role", "option"), [("agent", "--agent"), ("manager", "--team")])
def test_whom_a_key_or_user_stands_for_must_be_there(run: Run, role: str, option: str) -> None:
    nobody = ("--role", role, option, "00000000-0000-4000-8000-000000000009")
    for command in (("keys", "create", "x"), ("users", "create", EMAIL)):
        result = run(*command, *nobody, stdin=PASSWORD, error=NotFound)
        assert str(result.exception) == f"No {option[2:]} has this id."


@pytest.mark.parametrize(
    "words",
    [("create", "x", "--role", "admin", "--days", "9999999"), ("rotate", "00000000", "--overlap-hours", "99999999999")],
)
def test_a_time_that_no_calendar_has_is_refused(words: tuple[str, ...]) -> None:
    assert CliRunner().invoke(app, ["keys", *words]).exit_code == 2


def logs_in(url: str, password: str) -> bool:
    with (
        closing(Database.connect(url, "api")) as database,
        use_database(database),
        unit_of_work(Actor.system()) as session,
    ):
        return log_in(session, EMAIL.upper(), password) is not None


def test_a_user_logs_in_with_the_password_from_standard_input(run: Run, url: str) -> None:
    run("users", "create", EMAIL, "--role", "admin", "--name", "Layla", stdin=PASSWORD + "\n")
    assert logs_in(url, PASSWORD)
    assert EMAIL in run("users", "list").output
    run("users", "create", EMAIL.upper(), "--role", "admin", stdin=PASSWORD, error=Conflict)
    run("users", "password", EMAIL, stdin="another long password\n")
    assert (logs_in(url, PASSWORD), logs_in(url, "another long password")) == (False, True)
    run("users", "disable", EMAIL)
    assert not logs_in(url, "another long password")
    assert "disabled" in run("users", "list").output


def test_a_disabled_user_gets_no_key_and_comes_back(run: Run, url: str) -> None:
    run("users", "create", EMAIL, "--role", "admin", stdin=PASSWORD)
    key = made(run("keys", "create", "laptop", "--role", "admin", "--user", EMAIL))
    run("users", "disable", EMAIL)
    run("keys", "create", "phone", "--role", "admin", "--user", EMAIL, error=Conflict)
    run("keys", "rotate", key.key_id, error=Conflict)
    again = run("users", "create", EMAIL, "--role", "admin", stdin=PASSWORD, error=Conflict)
    assert str(again.exception) == "There is a user with this e-mail address, who is disabled."
    changed = run("users", "password", EMAIL, stdin="another long password\n").output
    assert changed == f"{EMAIL} has another password and stays disabled.\n"
    assert not logs_in(url, "another long password")
    assert run("users", "enable", EMAIL).output == f"{EMAIL} is enabled.\n"
    assert logs_in(url, "another long password")
    assert "active" in run("keys", "list").output
    made(run("keys", "rotate", key.key_id))


@pytest.mark.parametrize("password", ["", "short", "x" * 257])
def test_a_password_is_long_enough(run: Run, password: str) -> None:
    run("users", "create", EMAIL, "--role", "admin", stdin=password, error=Invalid)


def test_an_address_is_an_address(run: Run) -> None:
    run("users", "create", "layla", "--role", "admin", stdin=PASSWORD, error=Invalid)
    run("users", "password", "nobody@example.com", stdin=PASSWORD, error=NotFound)


def test_no_command_takes_a_password_as_an_argument(run: Run) -> None:
    for command in ("create", "password"):
        assert "--password" not in run("users", command, "--help").output
