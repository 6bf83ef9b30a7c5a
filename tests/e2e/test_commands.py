"""Commands that ask a running API: data on standard output, all else on standard error, exit codes as promised."""

import gzip
import json
import os
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.brokerage import AGENT, AREA, CLIENT, NOBODY, PROJECT, UNIT, Brokerage
from tests.conftest import API_KEY
from typer.testing import CliRunner, Result

from estate.cli.app import app
from estate.core.settings import get_settings

Run = Callable[..., Result]
WORKDAY = "2030-01-08T10:00:00+04:00"
NOWHERE = "http://127.0.0.1:1"


def words_of(value: object) -> str:
    return " ".join(value) if isinstance(value, tuple) else ""


@pytest.fixture
def run(brokerage: Brokerage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command as a terminal of somebody who has an address and a key."""
    for name, value in brokerage.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ESTATE_API_URL", brokerage.url)
    monkeypatch.setenv("ESTATE_API_KEY", API_KEY)
    monkeypatch.setenv("COLUMNS", "200")
    get_settings.cache_clear()
    yield lambda *words, **more: CliRunner().invoke(app, list(words), **more)
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("heat",), "Qamar Quay"),
        (("today", "--agent", AGENT, "--at", WORKDAY), "Omar"),
        (("clients", "list", "--search", "Omar"), "2,500,000.50 AED"),
        (("clients", "get", CLIENT), "+971501234567"),
        (("clients", "why", CLIENT), "Log-odds"),
        (("units", "list", "--bedrooms", "2"), f"{PROJECT}:{UNIT}"),
        (("units", "list", "--price-max", "2000000", "--currency", "AED"), "1,850,000.00 AED"),
        (("gpt", "How is the market in Qamar Quay?", "--agent", AGENT), "Qamar Quay"),
        (("gpt", "--agent", AGENT, "How many deals have I closed?"), "24 deals"),
        (("api", "GET", "/market/heatmap"), "Qamar Quay"),
        (("api", "get", "/client/query?limit=1"), "next_cursor"),
        (("api", "GET", "/metrics"), "estate_"),
    ],
    ids=words_of,
)
def test_a_command_shows_what_the_api_knows(run: Run, words: tuple[str, ...], shown: str) -> None:
    done = run(*words)
    assert done.exit_code == 0, done.output
    assert shown in done.stdout


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (("heat",), "/market/heatmap"),
        (("clients", "list"), "/client/query?limit=20"),
        (("clients", "get", CLIENT), f"/client/query?client_id={CLIENT}"),
        (("units", "list"), "/property/query?limit=20"),
    ],
    ids=words_of,
)
def test_json_is_the_answer_of_the_api_and_nothing_else(run: Run, words: tuple[str, ...], path: str) -> None:
    done, asked = run(*words, "--json"), run("api", "GET", path)
    answer = json.loads(asked.stdout)
    assert json.loads(done.stdout) == (answer["items"][0] if "get" in words else answer)
    assert done.stderr == ""


def test_an_answer_in_arabic_arrives_as_it_is(run: Run) -> None:
    name = "ليلى حدّاد"
    row = json.dumps({"client_id": str(uuid.uuid4()), "name": name})
    assert json.loads(run("api", "POST", "/client/ingest", "--data", row).stdout)["created"] == 1
    assert run("api", "POST", "/client/ingest", "-d", "-", input=row).exit_code == 0
    assert name in run("clients", "list", "--search", "ليلى", "--json").stdout


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("clients", "why", NOBODY), 4, "Check the id"),
        (("clients", "get", NOBODY), 4, "Check the id"),
        (("clients", "why", "layla"), 2, "client_id"),
        (("today",), 2, "--agent"),
        (("today", "--agent", AGENT, "--at", "tomorrow"), 2, "at: "),
        (("units", "list", "--status", "haunted"), 2, "status"),
        (("units", "list", "--price-max", "many"), 2, "price_max"),
        (("heat", "--url", NOWHERE), 7, "estate up"),
        (("api", "GET", "market/heatmap"), 2, "one slash"),
        (("load", "rows", "event", "nowhere.ndjson"), 2, "no file"),
        (("load", "rows", "ghost", "-"), 2, "ghost"),
        (("import", "file", "nowhere.csv"), 2, "nowhere.csv"),
        (("import", "take", NOBODY), 4, "Check the id"),
        (("heat", "--url", "127.0.0.1:8000"), 2, "like http://127.0.0.1:8000"),
        (("api", "GET", "/nothing/here"), 4, "Not Found"),
        (("api", "POST", "/client/ingest", "--data", "{"), 2, "no JSON"),
        (("api", "POST", "/client/ingest", "--data", "{}"), 2, "client_id"),
        (("heat", "--limit", "0"), 2, "--limit"),
    ],
    ids=words_of,
)
def test_an_error_is_a_sentence_what_to_do_and_a_code(run: Run, words: tuple[str, ...], code: int, told: str) -> None:
    done = run(*words)
    assert done.exit_code == code, done.output
    assert told in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_an_agent_need_not_say_who_calls(run: Run, brokerage: Brokerage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTATE_API_KEY", brokerage.agent_key)
    get_settings.cache_clear()
    done = run("today", "-n", "1", "--at", WORKDAY)
    assert done.exit_code == 0, done.output
    assert "estate clients why" in done.stderr
    assert json.loads(run("today", "--json", "--at", WORKDAY).stdout)["items"]
    at_night = run("today", "--at", "2030-01-08T03:00:00+04:00")
    assert "not now (outside_hours)" in at_night.stderr


def test_a_wrong_key_is_3_and_another_story_is_5(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    event = {"event_id": str(uuid.uuid4()), "agent_id": AGENT, "client_id": CLIENT, "trigger_word": "pool"}
    assert run("api", "POST", "/behavior/event", "-d", json.dumps(event)).exit_code == 0
    other = run("api", "POST", "/behavior/event", "-d", json.dumps(event | {"trigger_word": "garden"}))
    assert other.exit_code == 5
    monkeypatch.setenv("ESTATE_API_KEY", "wrong")
    get_settings.cache_clear()
    stranger = run("heat")
    assert stranger.exit_code == 3
    assert "ESTATE_API_KEY" in stranger.stderr


def test_a_traceback_is_shown_on_demand(run: Run) -> None:
    assert "Traceback" in run("heat", "--url", NOWHERE, "--debug").stderr


def test_a_first_key_is_not_sent_to_an_address_that_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ESTATE_API_KEY")
    get_settings.cache_clear()
    assert run("heat").exit_code == 3
    monkeypatch.delenv("ESTATE_API_URL")
    get_settings.cache_clear()
    assert run("heat").exit_code == 0


def test_rows_are_loaded_and_refused_ones_told_by_line(run: Run, tmp_path: Path) -> None:
    good = [json.dumps({"area_id": AREA, "area_name": "Qamar Quay", "observed_on": "2026-01-01", "source": "me"})]
    file = tmp_path / "rows.ndjson"
    file.write_text("\n".join([*good, "", "{broken", '{"area_id": 1}', *good]))
    done = run("load", "rows", "market", str(file))
    assert done.exit_code == 1, done.output
    assert "line 3: rejected" in done.stderr
    assert "line 4: rejected: area_id" in done.stderr
    again = run("load", "rows", "market", "-", "--json", input="\n".join(good))
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout) == {
        "rows": 1,
        "created": 0,
        "updated": 1,
        "duplicate": 0,
        "conflict": 0,
        "stale": 0,
        "rejected": 0,
        "refused": [],
    }


@contextmanager
def working() -> Iterator[None]:
    """Do what waits, again and again, as a worker would."""
    done, codes = threading.Event(), set()

    def work() -> None:
        while not done.is_set():
            command = [sys.executable, "-m", "estate", "work"]
            codes.add(subprocess.run(command, capture_output=True, timeout=60, check=False).returncode)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        yield
    finally:
        done.set()
        worker.join()
    assert codes == {0}


def test_a_file_is_brought_then_taken_then_taken_back(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text("Name,Mobile\nHuda Salem,+971501230001\nKarim Adel,unknown to us\nSami Nour,+971501230002\n")
    brought = run("import", "file", str(file), "--kind", "clients")
    assert brought.exit_code == 1, brought.output
    assert "Mobile" in brought.stdout
    assert "line 3" in brought.stderr
    assert run("clients", "list", "--search", "Huda", "--json").stdout.count("Huda") == 0
    import_id = re.findall(r"estate import take ([0-9a-f-]{36})", brought.stderr)[0]
    with working():
        taken = run("import", "take", import_id, "--json")
        assert taken.exit_code == 1, taken.output
        counts = json.loads(taken.stdout)["counts"]
        assert (counts["created"], counts["rejected"], counts["waiting"]) == (2, 1, 0)
        assert "Huda Salem" in run("clients", "list", "--search", "Huda", "--json").stdout
        undone = run("import", "undo", import_id)
        assert undone.exit_code == 0, undone.output
        assert "removed" in undone.stdout
    assert run("clients", "list", "--search", "Huda", "--json").stdout.count("Huda") == 0


def test_a_file_is_taken_at_once_unless_it_leaves_something_open(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text("Name,Mobile,Budget\nHala Aziz,+971501230003,1.234\n")
    asked = run("import", "file", str(file), "--kind", "clients", "--take")
    assert asked.exit_code == 1, asked.output
    assert "To be answered: Budget (decimal): 1.234 is 1.234, or 1.234 is 1234" in asked.stderr
    path, answer = re.findall(r"estate api POST (\S+) --data '(.+)'; an", asked.stderr)[0]
    assert json.loads(run("api", "POST", path, "--data", answer).stdout)["questions"] == []
    file.write_text("Hue,Mood\nred,good\n")
    unknown = run("import", "file", str(file))
    assert unknown.exit_code == 1, unknown.output
    assert "bringing it again with --kind clients|units|agents|market" in unknown.stderr
    file.write_text("Name,Mobile\nHala Aziz\n")
    none = run("import", "file", str(file), "--kind", "clients", "--take")
    assert none.exit_code == 1, none.output
    assert "line 2: has 1 cells, the header 2" in none.stderr
    assert "Nothing is taken yet" in none.stderr
    file.write_text("Name,Mobile\nHala Aziz,+971501230003\n")
    with working():
        taken = run("import", "file", str(file), "--kind", "clients", "--take")
    assert taken.exit_code == 0, taken.output
    assert "estate import undo" in taken.stderr


def test_a_load_that_breaks_off_says_how_far_it_came(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rows.ndjson.gz"
    file.write_bytes(b"\x1f\x8b no gzip")
    done = run("load", "rows", "event", str(file))
    assert (done.exit_code, "not whole gzip" in done.stderr) == (2, True)
    file.write_bytes(gzip.compress(b'{"event_id": 1}\n' * 600)[:-8])
    cut = run("load", "rows", "event", str(file), "--json")
    assert (cut.exit_code, "it was loaded as far as it could be read" in cut.stderr) == (2, True)
    assert json.loads(cut.stdout)["rejected"] == 600
    file = tmp_path / "rows.ndjson"
    file.write_text('{"event_id": 1}')
    lost = run("load", "rows", "event", str(file), "--json", "--url", NOWHERE)
    assert lost.exit_code == 7
    assert json.loads(lost.stdout)["rows"] == 0
    assert "0 rows were loaded, then" in lost.stderr


def test_a_script_sees_the_code_and_pipes_the_data(run: Run) -> None:
    """What is true of a command in this process is true of the program."""

    def estate(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "estate", *words]
        return subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, timeout=60, check=False)

    heat = estate("heat", "--json")
    assert (heat.returncode, heat.stderr) == (0, "")
    assert json.loads(heat.stdout)["items"]
    lost = estate("api", "GET", "/nothing/here")
    assert lost.returncode == 4
    assert "Traceback" not in lost.stderr
