"""The embedded servers: they start, keep, stop, recover, and never outlive their owner."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError
from redis.retry import Retry

from estate.cli.leash import leashed
from estate.cli.servers import start_postgres, start_redis
from estate.core.errors import Conflict

DEADLINE_S = 20.0

OWNER = """
import sys, time
from pathlib import Path
from estate.cli.servers import start_postgres, start_redis
folder = Path(sys.argv[1])
print(start_postgres(folder / "postgresql").pid, start_redis(folder / "redis").pid, flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that every account can reach; the tests of this module share its database."""
    with tempfile.TemporaryDirectory(prefix="estate-test-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def at_work_in(folder: Path) -> list[str]:
    return [p.info["name"] for p in psutil.process_iter(["name", "cwd"]) if p.info["cwd"] == str(folder)]


def start_as_owner_of(data: Path, command: list[str]) -> subprocess.Popen[bytes]:
    """Start a program beside the server, as the account that the server runs as."""
    owner = data.stat()
    change = os.geteuid() == 0
    return subprocess.Popen(
        command,
        stderr=subprocess.DEVNULL,
        user=owner.st_uid if change else None,
        group=owner.st_gid if change else None,
        extra_groups=[] if change else None,
    )


def test_database_is_ready_and_its_role_is_no_superuser(folder: Path) -> None:
    with start_postgres(folder / "postgresql") as server:
        facts = ask(
            server.url,
            "SELECT current_user, usesuper, current_setting('TimeZone'), current_setting('data_checksums'),"
            " current_setting('fsync'), current_setting('listen_addresses'), '[1,2]'::vector::text"
            " FROM pg_user WHERE usename = current_user",
        )

    assert facts == [("estate", False, "UTC", "on", "on", "127.0.0.1", "[1,2]")]
    assert at_work_in(server.folder / "data") == []


def test_restart_keeps_data_password_and_port(folder: Path) -> None:
    with start_postgres(folder / "postgresql") as first:
        ask(first.url, "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 42 AS answer")
    with start_postgres(folder / "postgresql") as second:
        assert ask(second.url, "SELECT answer FROM kept") == [(42,)]

    assert second.url == first.url


def test_wrong_password_is_refused(folder: Path) -> None:
    with start_postgres(folder / "postgresql") as server, pytest.raises(psycopg.OperationalError, match="password"):
        ask(server.url.replace("estate:", "estate:x", 1), "SELECT 1")


def test_starts_at_once_after_the_server_was_killed(folder: Path) -> None:
    server = start_postgres(folder / "postgresql")
    ask(server.url, "DROP TABLE IF EXISTS survivor; CREATE TABLE survivor AS SELECT 7 AS answer")
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    assert (server.folder / "data" / "postmaster.pid").exists()

    with start_postgres(folder / "postgresql") as again:
        assert ask(again.url, "SELECT answer FROM survivor") == [(7,)]


def test_stale_number_of_a_stranger_neither_stops_the_start_nor_hurts_the_stranger(folder: Path) -> None:
    start_postgres(folder / "postgresql").stop()
    with start_as_owner_of(folder / "postgresql" / "data", ["sleep", "60"]) as stranger:
        (folder / "postgresql" / "data" / "postmaster.pid").write_text(f"{stranger.pid}\n")
        with start_postgres(folder / "postgresql") as server:
            assert ask(server.url, "SELECT 1") == [(1,)]
        assert stranger.poll() is None
        stranger.kill()


def test_server_that_a_killed_run_left_behind_is_replaced(folder: Path) -> None:
    with start_postgres(folder / "postgresql") as server:
        command = psutil.Process(server.pid).cmdline()
    left = start_as_owner_of(server.folder / "data", command)
    wait_for(lambda: len(at_work_in(server.folder / "data")) > 3)

    with start_postgres(folder / "postgresql") as again:
        assert again.pid != left.pid
        assert left.wait(DEADLINE_S) is not None
        assert ask(again.url, "SELECT 1") == [(1,)]


def test_second_owner_is_refused_until_the_first_stops(folder: Path) -> None:
    with start_postgres(folder / "postgresql") as first:
        with pytest.raises(Conflict, match="in use"):
            start_postgres(folder / "postgresql")
        assert ask(first.url, "SELECT 1") == [(1,)]
    start_postgres(folder / "postgresql").stop()


def test_interrupted_creation_is_made_anew_and_a_server_for_tests_leaves_nothing(folder: Path) -> None:
    throwaway = folder / "throwaway"
    (throwaway / "data.new" / "base").mkdir(parents=True)
    with start_postgres(throwaway, for_tests=True) as server:
        assert ask(server.url, "SELECT current_setting('fsync')") == [("off",)]

    assert not throwaway.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes the account")
def test_root_with_an_unreachable_folder_gets_a_stand_in(folder: Path) -> None:
    private = folder / "private"
    private.mkdir(mode=0o700)
    with start_postgres(private / "postgresql", for_tests=True) as server:
        assert ask(server.url, "SELECT 1") == [(1,)]
        assert str(server.folder) in server.note

    assert not server.folder.is_relative_to(private)
    assert not server.folder.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_servers_end_with_an_owner_that_was_killed(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        numbers = [int(word) for word in owner.stdout.readline().split()]
        assert all(map(psutil.pid_exists, numbers))
        owner.kill()
    wait_for(lambda: not any(map(psutil.pid_exists, numbers)))

    with start_postgres(folder / "postgresql") as server:
        assert ask(server.url, "SELECT 1") == [(1,)]


def test_leash_gives_up_when_its_holder_is_gone() -> None:
    command = leashed(["true"], signal.SIGKILL)
    command[command.index(str(os.getpid()))] = "1"
    assert subprocess.run(command, check=False, capture_output=True).returncode == 1


def test_redis_answers_needs_its_password_and_keeps_nothing(folder: Path) -> None:
    with start_redis(folder / "redis") as server, Redis.from_url(server.url) as client:
        client.set("key", "value")
        assert client.config_get("maxmemory") == {"maxmemory": str(256 * 1024 * 1024)}
        port = client.connection_pool.connection_kwargs["port"]
        with Redis(port=port, retry=Retry(NoBackoff(), retries=0)) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()
        with pytest.raises(Conflict):
            start_redis(folder / "redis")
    with start_redis(folder / "redis") as again, Redis.from_url(again.url) as client:
        assert client.get("key") is None

    assert at_work_in(folder / "redis") == []
