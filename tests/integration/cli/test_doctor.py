"""`estate doctor` names each fault that was planted, where it is and a mend; where it can, the mend is carried out."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from tests.live import new_database
from typer.testing import CliRunner

from estate.cli.app import app
from estate.cli.checkup import CHECKS, DATABASE_CHECKS
from estate.cli.servers import start_redis
from estate.core.migrate import downgrade, upgrade
from estate.core.settings import get_settings

ALL = {"configuration", "database", *CHECKS, *DATABASE_CHECKS}
ALIVE = "INSERT INTO heartbeats VALUES ('sweep', now()) ON CONFLICT (name) DO UPDATE SET beat_at = now()"

AGENT, CLIENT = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000c"

Examine = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def url(engine: Engine) -> str:
    """A database of its own, that is mended after each fault."""
    return new_database(engine, "estate_doctor")


@pytest.fixture
def patient(url: str) -> Iterator[Callable[..., None]]:
    """Execute statements in the database; a worker has just swept."""
    own = create_engine(url, isolation_level="AUTOCOMMIT")

    def run(*statements: str) -> None:
        with own.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    run(ALIVE)
    yield run
    own.dispose()


@pytest.fixture
def examine(
    url: str, redis_url: str, patient: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Examine]:
    """Run the doctor with some settings, and return what it prints."""

    def run(**settings: str) -> dict[str, Any]:
        with monkeypatch.context() as patch:
            defaults = {"DATABASE_URL": url, "REDIS_URL": redis_url, "DATA_DIR": str(tmp_path)}
            for name, value in (defaults | settings).items():
                patch.setenv(f"ESTATE_{name}", value)
            get_settings.cache_clear()
            done = CliRunner().invoke(app, ["doctor", "--json"])
            report: dict[str, Any] = json.loads(done.stdout)
            healthy = report["healthy"]
            assert done.exit_code == (0 if healthy else 1)
            assert healthy == (not report["findings"] and not report["not_checked"])
            assert {*report["checked"], *report["not_checked"]} == ALL
            return report

    yield run
    get_settings.cache_clear()


def only(report: dict[str, Any]) -> dict[str, str]:
    (finding,) = report["findings"]
    assert finding["what"]
    assert finding["where"]
    return dict(finding)


def test_a_healthy_platform_has_no_finding(examine: Examine) -> None:
    assert examine() == {"healthy": True, "checked": [*_in_order()], "not_checked": {}, "findings": []}


def _in_order() -> list[str]:
    return ["configuration", *CHECKS, "database", *DATABASE_CHECKS]


def test_a_dropped_index_is_named_and_its_mend_makes_it_again(examine: Examine, patient: Callable[..., None]) -> None:
    patient("DROP INDEX ix_outbox_topic_due")
    finding = only(examine())
    assert (finding["check"], finding["where"]) == ("schema", "table outbox")
    assert "ix_outbox_topic_due" in finding["what"]
    words = shlex.split(finding["mend"])
    patient(*[words[i + 1] for i, word in enumerate(words) if word == "-c"])
    assert examine()["healthy"]


def test_every_index_can_be_made_again_by_its_mend(examine: Examine, patient: Callable[..., None], url: str) -> None:
    own = create_engine(url)
    with own.connect() as connection:
        found = connection.execute(
            text("""
            SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            LEFT JOIN pg_constraint k ON k.conindid = c.oid
            WHERE c.relnamespace = 'public'::regnamespace AND k.oid IS NULL AND c.relname NOT LIKE '%embedding%'
            """)
        )
        before = {row.relname for row in found}
    own.dispose()
    patient(*(f"DROP INDEX {name}" for name in before))
    findings = examine()["findings"]
    assert len(findings) == len(before)
    for finding in findings:
        words = shlex.split(finding["mend"])
        patient(*[words[i + 1] for i, word in enumerate(words) if word == "-c"])
    assert examine()["healthy"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("DROP POLICY members_see ON deals", "policy members_see on deals is missing"),
        ("ALTER TABLE utterances NO FORCE ROW LEVEL SECURITY", "row security of utterances is not forced"),
        ("ALTER TABLE documents DISABLE ROW LEVEL SECURITY", "row security of documents is not forced"),
    ],
)
def test_rows_that_are_not_guarded_are_named_and_guarded_again(
    examine: Examine, patient: Callable[..., None], url: str, fault: str, said: str
) -> None:
    patient(fault)
    finding = only(examine())
    assert (finding["check"], finding["what"], finding["mend"]) == ("rights", said, "estate migrate")
    upgrade(url)
    assert examine()["healthy"]


def test_an_old_schema_is_named(examine: Examine, url: str) -> None:
    downgrade(url, "0007")
    report = examine()
    upgrade(url)
    schema = next(f for f in report["findings"] if f["check"] == "schema")
    assert schema["what"].startswith("the schema is at revision 0007, this release needs 0")
    assert schema["mend"] == "estate migrate"
    assert "worker" in report["not_checked"], "a check that could not be made passed"


def test_a_database_without_a_schema_is_named(examine: Examine, engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE IF EXISTS estate_bare"))
        connection.execute(text("CREATE DATABASE estate_bare"))
    bare = engine.url.set(database="estate_bare").render_as_string(hide_password=False)
    findings = examine(DATABASE_URL=bare)["findings"]
    assert any("revision none" in f["what"] and f["mend"] == "estate migrate" for f in findings)


def test_work_that_was_given_up_is_named_and_its_mend_tries_again(
    examine: Examine, patient: Callable[..., None], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    patient(
        "INSERT INTO outbox (topic, key, dead, attempts, last_error) VALUES ('agent.fold', 'x', true, 5, 'ValueError')"
    )
    finding = only(examine())
    assert finding["what"] == "1 rows were given up (ValueError)"
    assert (finding["where"], finding["mend"]) == ("table outbox, topic agent.fold", "estate work --revive")
    patient("UPDATE outbox SET key = '00000000-0000-0000-0000-000000000000'")  # What was wrong with it is mended.
    monkeypatch.setenv("ESTATE_DATABASE_URL", url)
    get_settings.cache_clear()
    done = CliRunner().invoke(app, shlex.split(finding["mend"])[1:])
    assert (done.exit_code, done.stdout) == (0, "1 pieces of work done.\n")
    assert examine()["healthy"]


def test_work_that_waits_too_long_is_named(examine: Examine, patient: Callable[..., None]) -> None:
    patient("INSERT INTO outbox (topic, key, created_at) VALUES ('agent.fold', 'x', now() - interval '1 hour')")
    finding = only(examine())
    patient("DELETE FROM outbox")
    assert "1 rows wait, the oldest for 3,60" in finding["what"]
    assert finding["mend"] == "estate work"


def test_what_could_not_be_looked_at_is_not_healthy(examine: Examine, url: str) -> None:
    own = create_engine(url)
    with own.connect() as blocker:
        blocker.execute(text("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE"))
        report = examine()
    own.dispose()
    assert report["findings"] == []
    assert report["not_checked"] == {"outbox": "LockNotAvailable 55P03"}


def test_work_that_is_not_due_yet_is_no_finding(examine: Examine, patient: Callable[..., None]) -> None:
    patient(
        "INSERT INTO outbox (topic, key, created_at, available_at)"
        " VALUES ('agent.fold', 'x', now() - interval '1 hour', now() + interval '1 hour')"
    )
    report = examine()
    patient("DELETE FROM outbox")
    assert report["healthy"]


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ("DELETE FROM heartbeats", "no worker has ever swept"),
        ("UPDATE heartbeats SET beat_at = now() - interval '10 minutes'", "no worker has swept for 600 s"),
    ],
)
def test_a_missing_worker_is_named(examine: Examine, patient: Callable[..., None], fault: str, what: str) -> None:
    patient(fault)
    finding = only(examine())
    assert finding["what"] == what
    assert "worker" in finding["mend"]


def test_a_stopped_and_a_stalled_redis_are_told_apart(examine: Examine, tmp_path: Path) -> None:
    with start_redis(tmp_path / "own") as server:
        assert examine(REDIS_URL=server.url)["healthy"]
        os.kill(server.pid, signal.SIGSTOP)
        stalled = only(examine(REDIS_URL=server.url))
        os.kill(server.pid, signal.SIGCONT)
    stopped = only(examine(REDIS_URL=server.url))
    assert "did not answer within 100 ms" in stalled["what"]
    assert stalled["mend"] == "docker compose restart redis"
    assert stopped["what"] == "Redis cannot be reached"
    assert server.url not in json.dumps([stalled, stopped]), "the password is shown"


def test_a_database_that_does_not_answer_is_named(examine: Examine) -> None:
    with socket.socket() as silent:  # It takes the connection and says nothing.
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        stalled = examine(DATABASE_URL=f"postgresql+psycopg://estate:canary-password@127.0.0.1:{port}/estate")
    refused = examine(DATABASE_URL=f"postgresql+psycopg://estate:canary-password@127.0.0.1:{port}/estate")
    for report in (stalled, refused):
        assert only(report)["what"].startswith("the database does not answer")
        assert report["not_checked"] == dict.fromkeys(DATABASE_CHECKS, "the database does not answer")
        assert "canary-password" not in json.dumps(report)


@pytest.mark.parametrize(("by", "says"), [("+ interval '1 hour'", "ahead of"), ("- interval '1 hour'", "behind")])
def test_clocks_that_differ_are_named(examine: Examine, url: str, by: str, says: str) -> None:
    # The clock of the machine is not ours to turn; this turns the one that sessions of the database are told.
    own = create_engine(url, isolation_level="AUTOCOMMIT")
    with own.connect() as connection:
        connection.execute(text("CREATE SCHEMA skewed"))
        connection.execute(text("GRANT USAGE ON SCHEMA skewed TO PUBLIC"))
        connection.execute(
            text(
                "CREATE FUNCTION skewed.clock_timestamp() RETURNS timestamptz LANGUAGE sql"
                f" AS $$SELECT pg_catalog.clock_timestamp() {by}$$"
            )
        )
        connection.execute(text("ALTER DATABASE estate_doctor SET search_path = skewed, pg_catalog, public"))
    findings = examine()["findings"]
    with own.connect() as connection:
        connection.execute(text("ALTER DATABASE estate_doctor RESET search_path"))
        connection.execute(text("DROP SCHEMA skewed CASCADE"))
    own.dispose()
    clock = next(f for f in findings if f["check"] == "clock")
    assert f"s {says} ours" in clock["what"]
    assert "3,600" in clock["what"] or "3,599" in clock["what"]


def test_a_full_disk_is_named(examine: Examine, tmp_path: Path) -> None:
    finding = only(examine(DOCTOR_DISK_MIN_FREE_BYTES=str(2**60)))
    assert finding["where"] == str(tmp_path)
    assert finding["what"].endswith(f"fewer than {2**60:,}")


def test_a_model_that_lags_behind_is_named(examine: Examine, patient: Callable[..., None]) -> None:
    patient(
        "SET ROLE estate_system",
        f"INSERT INTO agent_activity (agent_id, name, currency) VALUES ('{AGENT}', 'A', 'AED')",
        f"INSERT INTO client_profiles (client_id, name, currency) VALUES ('{CLIENT}', 'C', 'AED')",
        f"""
        INSERT INTO deals (deal_id, agent_id, client_id, stage, outcome, currency, opened_at, closed_at)
        SELECT gen_random_uuid(), '{AGENT}', '{CLIENT}', 'lost', 'lost', 'AED', now() - interval '9 days',
            now() - interval '2 days' FROM generate_series(1, 30)
        """,
    )
    findings = examine()["findings"]
    patient("DELETE FROM deals", "DELETE FROM client_profiles", "DELETE FROM agent_activity", "DELETE FROM outbox")
    assert [f["what"] for f in findings] == [
        f"no trained {kind} model can be used, although 30 deals have closed" for kind in ("qualification", "closing")
    ]
    assert {f["mend"] for f in findings} == {"estate models train"}


def test_vector_search_without_its_extension_is_named(examine: Examine, engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE IF EXISTS estate_wordy"))
        connection.execute(text("CREATE DATABASE estate_wordy TEMPLATE template0"))
    wordy = engine.url.set(database="estate_wordy").render_as_string(hide_password=False)
    upgrade(wordy)
    assert [f["check"] for f in examine(DATABASE_URL=wordy)["findings"]] == ["worker"]
    findings = examine(DATABASE_URL=wordy, EMBEDDER="hashing")["findings"]
    assert [f["check"] for f in findings] == ["worker", "embeddings"]
    assert "embeddings" not in [f["check"] for f in examine(EMBEDDER="hashing")["findings"]]


def test_a_refused_configuration_is_named_without_its_values(examine: Examine) -> None:
    report = examine(ENVIRONMENT="production", BOOTSTRAP_API_KEY="canary-key", DB_POOL_SIZE="canary-size")
    assert {f["where"] for f in report["findings"]} >= {"ESTATE_DB_POOL_SIZE"}
    assert "canary" not in json.dumps(report)
    report = examine(ENVIRONMENT="production", BOOTSTRAP_API_KEY="canary-key")
    assert "needs at least 20 characters" in only(report)["what"]
    assert "canary" not in json.dumps(report)


def test_secrets_that_can_be_guessed_are_named_in_production(examine: Examine, url: str) -> None:
    weak = {"BOOTSTRAP_API_KEY": "a" * 40, "REDIS_URL": "redis://:password1@127.0.0.1:1/0"}
    report = examine(ENVIRONMENT="production", **weak)
    named = {f["where"] for f in report["findings"] if f["check"] == "secrets"}
    assert named == {"ESTATE_BOOTSTRAP_API_KEY", "ESTATE_REDIS_URL"}
    assert not [f for f in examine(BOOTSTRAP_API_KEY="a" * 40)["findings"] if f["check"] == "secrets"]


@pytest.mark.parametrize(
    ("password", "pepper", "named"),
    [
        ("postgres", "a" * 40, {"PGPASSWORD", "ESTATE_KEY_PEPPER"}),
        ("c4nA-ry_Wq9uLz2e", "estate-test-pepper-of-32-characters", set()),
    ],
)
def test_secrets_are_named_as_the_containers_hand_them_over(
    examine: Examine, url: str, monkeypatch: pytest.MonkeyPatch, password: str, pepper: str, named: set[str]
) -> None:
    monkeypatch.setenv("PGPASSWORD", password)
    bare = url.replace(f":{make_url(url).password}@", "@")
    settings = {"DATABASE_URL": bare, "KEY_PEPPER": pepper, "BOOTSTRAP_API_KEY": "c4nA-ry_Wq9uLz2ec4nA-ry"}
    report = examine(ENVIRONMENT="production", **settings)
    assert {f["where"] for f in report["findings"] if f["check"] == "secrets"} == named


def test_no_transaction_idles_while_modules_are_imported(url: str, redis_url: str, tmp_path: Path) -> None:
    program = """
import sys
from sqlalchemy import Engine, event
from estate.cli.doctor import examine
under_way, late = [], []
event.listen(Engine, "begin", under_way.append)
event.listen(Engine, "commit", lambda _: under_way.clear())
event.listen(Engine, "rollback", lambda _: under_way.clear())
sys.addaudithook(lambda name, of: late.append(of[0]) if name == "import" and under_way else None)
report = examine()
sys.exit(" ".join([*report.not_checked, *(name for name in late if name.startswith("estate"))]))
"""
    here = {"ESTATE_DATABASE_URL": url, "ESTATE_REDIS_URL": redis_url, "ESTATE_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=os.environ | here, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.strip() == ""


def test_the_command_exits_by_what_it_found(examine: Examine, url: str, redis_url: str, tmp_path: Path) -> None:
    environment = os.environ | {
        "ESTATE_DATABASE_URL": url,
        "ESTATE_REDIS_URL": redis_url,
        "ESTATE_DATA_DIR": str(tmp_path),
    }

    def run(**settings: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "estate", "doctor"]
        return subprocess.run(
            command, env=environment | settings, capture_output=True, text=True, timeout=60, check=False
        )

    healthy, sick = run(), run(ESTATE_DOCTOR_DISK_MIN_FREE_BYTES=str(2**60))
    assert (healthy.returncode, healthy.stderr) == (0, "")
    assert "✗" not in healthy.stdout
    assert sick.returncode == 1
    assert "mend   du -xh" in sick.stdout
