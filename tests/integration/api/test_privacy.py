"""A client is given out whole and erased whole: nothing is left of it, and nothing else has changed."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, Engine, RowMapping, inspect, text
from sqlalchemy.orm import Session
from starlette.testclient import TestClient
from tests.integration.api.identity import AGENT, TEAM, client_of, new_key, new_owners
from tests.live import committing
from typer.testing import CliRunner

from estate import registry
from estate.api.privacy import erase_client, export_client
from estate.cli.app import app as command_line
from estate.core.db import Database, unit_of_work, use_database
from estate.core.erasure import FREE_TEXTS, ledger
from estate.core.queue import drain_all
from estate.core.retention import forget_old
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.core.traces import client_hash, pseudonym
from estate.registry import metadata

ID = "20000000-0000-4000-8000-00000000"
PERSON, MERGED, OTHER, SECOND, OTHER_AGENT = (f"{ID}{n:04}" for n in range(1, 6))
PROJECT, UNIT = f"{ID}0101", f"{ID}0102"
NAME, PHONE, EMAIL = "Zéphyrine Quill", "+971509000001", "zephyrine@canary.example"
KNOWN_AS = (PERSON, MERGED, NAME, PHONE, PHONE[1:], EMAIL)

NOT_FREE = {
    "agent_activity": {"name", "currency"},
    "behavior_events": {"pattern_group", "folded_outcome"},
    "call_skips": {"reason"},
    "client_merges": {"merged_by", "moved", "filled"},
    "client_profiles": {
        "name",
        "decision_speed",
        "emotional_type",
        "currency",
        "phone",
        "email",
        "name_key",
        "country",
    },
    "client_scores": {"kind", "stated_by"},
    "audit_log": {"role", "caller", "action", "subject_table", "request_id"},
    "contacts": {"channel", "outcome", "phone"},
    "deals": {"stage", "outcome", "currency"},
    "gpt_feedback": {"verdict", "account", "outcome"},
    "gpt_responses": {"intent", "composer_version", "basis"},
    "import_changes": {"subject_table", "record_id", "key", "after_hash", "outcome", "reason"},
    "imports": {"caller", "role", "sha256", "state", "kind", "fingerprint", "content"},
    "ingest_batches": {"layer", "counts"},
    "properties": {"payment_plan", "amenities", "currency", "unit_type", "segment", "status"},
    "utterances": {"speaker"},
}
"""Columns of texts in which nobody writes of a client; those of the client's own rows go with them."""
TREATED_OTHERWISE = {
    "conversations": "deleted",
    "deal_stages": "deleted",
    "documents": "deleted, or written anew",
    "idempotency_keys": "answers are blanked",
    "outbox": "work is withdrawn",
    "rejected_rows": "deleted",
    "import_rows": "blanked",
    "erasures": "the ledger",
    "trained_models": "retired and trained anew",
    "analysis_runs": "published anew",
    "trigger_stats": "recounted",
    "trigger_findings": "published anew",
    "pattern_groups": "published anew",
    "outbox_claims": "ids of work",
}
WITHOUT_CLIENTS = {
    "api_keys",
    "area_aliases",
    "exchange_rates",
    "heartbeats",
    "market_forecasts",
    "market_insights",
    "market_snapshots",
    "projects",
    "ranking_policies",
    "sessions",
    "teams",
    "users",
}


def deal(number: int, client_id: str, **fields: Any) -> dict[str, Any]:
    row = {"deal_id": f"{ID}1{number:03}", "agent_id": str(AGENT), "client_id": client_id}
    return row | {"opened_at": "2026-02-01T00:00:00Z"} | fields


def event(number: int, client_id: str | None, **fields: Any) -> dict[str, Any]:
    row = {"event_id": f"{ID}2{number:03}", "agent_id": str(AGENT), "client_id": client_id}
    return row | {"time_of_event": f"2026-03-{number % 28 + 1:02}T12:00:00Z", "trigger_word": "discount"} | fields


def talk(number: int, client_id: str, said: str) -> dict[str, Any]:
    row = {"conversation_id": f"{ID}3{number:03}", "agent_id": str(AGENT), "client_id": client_id}
    return row | {"started_at": "2026-03-05T10:00:00Z", "turns": [{"speaker": "client", "text": said}]}


class House:
    """A brokerage with a person who shall be erased, and somebody who stays."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def call(self, method: str, path: str, body: Any = None, status: int = 200, key: str | None = None) -> Any:
        headers = {"Idempotency-Key": key} if key else None
        answer = self.client.request(method, path, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(self, path: str, body: Any, status: int = 200, key: str | None = None) -> Any:
        return self.call("POST", path, body, status, key)

    def erase(self, client_id: str = PERSON, status: int = 200) -> Any:
        return self.call("DELETE", f"/client/{client_id}", status=status)

    def export(self, client_id: str = PERSON, status: int = 200) -> Any:
        return self.call("GET", f"/client/{client_id}/export", status=status)

    def posted_while_erasing(self, path: str, body: Any, *, held_s: float) -> int:
        """Post something while the erasure of the person is under way: it waits, and is answered after it."""
        answers: list[int] = []
        with unit_of_work(Actor.system()) as session:
            erase_client(session, uuid.UUID(PERSON), Actor.system())
            sender = threading.Thread(target=lambda: answers.append(self.client.post(path, json=body).status_code))
            sender.start()
            time.sleep(held_s)
            assert answers == []
        sender.join(timeout=20)
        [status] = answers
        return status

    def people(self) -> None:
        self.post(
            "/client/ingest",
            [
                {"client_id": PERSON, "name": NAME, "phone": PHONE, "owner_agent_id": str(AGENT), "budget": "900000"},
                {"client_id": MERGED, "name": f"{NAME}", "email": EMAIL, "owner_agent_id": str(AGENT)},
            ],
        )
        self.post("/client/merge", {"keep": PERSON, "merge": MERGED})

    def stay(self) -> None:
        """What there is without the person."""
        self.post("/agent/ingest", {"agent_id": str(AGENT), "name": "Layla"})
        self.post("/property/ingest", {"project_id": PROJECT, "unit_id": UNIT, "title": "Pearl 1", "price": "1000000"})
        self.post("/client/ingest", {"client_id": OTHER, "name": "Omar Nasser", "owner_agent_id": str(AGENT)})
        closed = {"stage": "won", "closed_at": "2026-04-01T00:00:00Z", "updated_at": "2026-04-01T00:00:00Z"}
        self.post("/behavior/deal", [deal(1, OTHER, **closed)])
        unit = {"property_project_id": PROJECT, "property_unit_id": UNIT}
        self.post("/behavior/ingest", [event(1, OTHER, response_speed=30), event(2, OTHER, **unit)])

    def history(self) -> None:
        """What hangs on the person."""
        unit = {"property_project_id": PROJECT, "property_unit_id": UNIT}
        closed = {"stage": "lost", "closed_at": "2026-04-02T00:00:00Z", "updated_at": "2026-04-02T00:00:00Z"}
        self.post("/behavior/deal", [deal(11, PERSON, **closed, lost_reason=f"{NAME} moved.")])
        self.post("/behavior/conversation", talk(11, PERSON, f"I am {NAME}. Is there a discount?"))
        rows = [event(20 + n, PERSON, response_speed=10 + n, **(unit if n % 2 else {})) for n in range(6)]
        nobody = event(27, None, deal_id=deal(11, PERSON)["deal_id"], trigger_word="only here")
        self.post("/behavior/ingest", [*rows, nobody])
        spoken = {"agent_id": str(AGENT), "channel": "call", "outcome": "refused", "note": f"{NAME} is cross"}
        self.post(f"/client/{PERSON}/contact", spoken, key="contact")
        self.post(f"/client/{PERSON}/skip", {"agent_id": str(AGENT), "reason": "not_ready", "note": NAME}, key="skip")


class Settings:
    """Lets a test change settings."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def set(self, name: str, value: object) -> None:
        self._monkeypatch.setenv(f"ESTATE_{name}", str(value))
        get_settings.cache_clear()


@pytest.fixture
def at_once() -> Iterator[Settings]:
    """Settings by which no work waits for its time."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        settings = Settings(monkeypatch)
        settings.set("TRAINING_DELAY_S", 0)
        settings.set("ANALYSIS_INTERVAL_S", 0)
        yield settings
    get_settings.cache_clear()


@pytest.fixture
def house(api: TestClient, at_once: Settings) -> House:
    new_owners()
    return House(api)


MOVING = {"updated_at", "folded_at", "trained_at", "as_of", "run_id", "model_id", "scored_at", "document_id", "version"}
MOVING |= {"received_at", "created_at", "parameters", "signature"}


def snapshot(connection: Connection, *, without: Collection[str] = ()) -> dict[str, list[str]]:
    """Return every row of every table but for moments and drawn ids."""
    tables = set(inspect(connection).get_table_names()) - {"alembic_version", "audit_log", "erasures", *without}
    return {
        table: sorted(repr(still(table, row)) for row in connection.execute(text(f"SELECT * FROM {table}")).mappings())
        for table in sorted(tables)
    }


def still(table: str, row: RowMapping) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name not in MOVING}
    if table == "client_profiles":
        kept["updated_at"] = row["updated_at"]
    if table == "properties":  # When it was counted, and when it will be again.
        kept |= {
            "recount_at": None,
            "computed": {name: {**one, "as_of": None} for name, one in row["computed"].items()},
        }
    if table == "documents" and row["record_id"].startswith("trigger:"):  # Dated by the analysis.
        kept |= {"fields": {**row["fields"], "as_of": None}, "content_hash": None}
    return kept


def found(connection: Connection) -> list[tuple[str, str]]:
    """Return what the person is known by and still found, with the table."""
    return [
        (known, table)
        for table in sorted(set(inspect(connection).get_table_names()) - {"alembic_version"})
        for rows in [connection.execute(text(f"SELECT * FROM {table}")).all()]
        for known in KNOWN_AS
        if any(known.lower() in shown(value).lower() for row in rows for value in row)
    ]


def shown(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


# Erasure


CALLS = {"ingest_batches", "idempotency_keys", "gpt_responses", "gpt_feedback"}


@pytest.mark.parametrize("worked", [True, False], ids=["work was done", "work still waits"])
def test_erased_is_as_if_never_there(
    house: House, connection: Connection, drain: Callable[[], int], worked: bool
) -> None:
    house.stay()
    drain()
    before = snapshot(connection, without=CALLS)
    house.people()
    house.history()
    if worked:
        drain()
        assert {known for known, _ in found(connection)} == set(KNOWN_AS)
    house.erase()
    drain()
    assert found(connection) == []
    after = snapshot(connection, without=CALLS)
    assert after == before


def test_the_counters_before_the_erasure_did_count_the_person(house: House, drain: Callable[[], int]) -> None:
    house.stay()
    house.people()
    house.history()
    drain()
    counted = house.call("GET", f"/agent/query?agent_id={AGENT}")["items"][0]
    house.erase()
    left = house.call("GET", f"/agent/query?agent_id={AGENT}")["items"][0]
    assert counted["event_count"] > left["event_count"] == 2
    assert left["last_event_at"].startswith("2026-03-03")


def test_what_is_said_elsewhere_is_cleared(house: House, connection: Connection, drain: Callable[[], int]) -> None:
    house.stay()
    house.people()
    house.history()
    said = f"{NAME.upper()} ({PHONE[:4]} 50 900-0001, {EMAIL}) sent me. Not Zéphyrine Kwill."
    house.post("/behavior/conversation", talk(1, OTHER, said))
    house.post("/client/ingest", {"client_id": OTHER, "objections": [f"{NAME} said no"], "interest": {"ref": PERSON}})
    refused = {"event_id": "none", "client_id": PERSON, "metadata": {"name": "Z\u00e9phyrine Quill"}}
    house.post("/behavior/event", refused, 422)
    drain()
    for asked in (f"What suits {NAME}?", "Whom should I call next?"):
        reply = house.post("/gpt/respond", {"client_input": asked, "agent_id": str(AGENT)})
        house.post("/gpt/feedback", {"response_id": reply["response_id"], "verdict": "helpful", "note": NAME})
    house.post("/client/override", {"client_id": PERSON, "score": 0.5, "reason": "x"}, key="k1")
    assert found(connection)
    erased = house.erase()
    assert found(connection) == [], "at once, before any work is done"
    drain()
    assert found(connection) == []
    assert erased["erased"]["client_profiles"] == 1
    left = connection.scalar(text("SELECT text FROM utterances WHERE conversation_id = :id"), {"id": f"{ID}3001"})
    assert left == "[erased] ([erased], [erased]) sent me. Not Zéphyrine Kwill."
    document = connection.scalar(text("SELECT text FROM documents WHERE record_id = :id"), {"id": f"{ID}3001"})
    assert document is not None
    assert "kwill" in document


def test_what_is_said_of_a_file_is_cleared(house: House, connection: Connection, drain: Callable[[], int]) -> None:
    house.stay()
    house.people()
    drain()
    file = f"Name,Mobile,{NAME}\nSara Haddad,+971501119999,1\n"
    query = {"filename": f"{NAME}.csv"}
    made = house.client.post("/imports", params=query, content=file.encode(), headers={"content-type": "text/csv"})
    path = f"/imports/{made.json()['import_id']}"
    house.post(f"{path}/mapping", {"kind": "clients", "source": NAME})
    house.post(f"{path}/commit", {}, 202)
    drain()
    house.erase()
    drain()
    assert found(connection) == []


def test_a_word_that_names_the_person_is_counted_as_cleared(
    house: House, connection: Connection, drain: Callable[[], int]
) -> None:
    house.stay()
    house.people()
    named = {"trigger_word": f"Referred by {NAME}", "emotion_detected": f"cross with {NAME}"}
    house.post("/behavior/ingest", [event(3, OTHER, **named), event(4, PERSON, **named)])
    drain()
    terms = text("SELECT term, n_won, n_lost, n_open FROM trigger_stats WHERE term LIKE '%referred%'")
    before = [tuple(row)[1:] for row in connection.execute(terms)]
    house.erase()
    drain()
    assert found(connection) == []
    after = [tuple(row) for row in connection.execute(terms)]
    assert (len(before), [row[0] for row in after]) == (1, ["referred by erased"])
    assert sum(before[0]) == 2
    assert sum(after[0][1:]) == 1
    assert connection.scalar(text("SELECT count(*) FROM behavior_events WHERE folded_outcome IS NULL")) == 0


def test_an_answer_that_named_the_person_is_remembered_as_gone(house: House) -> None:
    house.people()
    stated = {"client_id": PERSON, "score": 0.5, "reason": "sure"}
    house.post("/client/override", stated, key="k1")
    house.erase()

    assert house.post("/client/override", stated, 410, key="k1")["type"] == "urn:estate:problem:gone"


def test_a_second_erasure_finds_nothing_and_a_merged_id_names_the_holder(house: House) -> None:
    house.people()
    assert PERSON in house.erase(MERGED, 410)["detail"]
    house.erase()
    house.erase(status=404)
    house.erase(MERGED, 404)
    house.export(status=404)


def test_what_comes_late_is_refused_and_not_kept(house: House, connection: Connection) -> None:
    house.people()
    house.erase()
    again = house.post("/client/ingest", [{"client_id": PERSON, "name": NAME}, {"client_id": OTHER, "name": "Omar"}])
    assert [item["status"] for item in again["items"]] == ["rejected", "created"]
    assert again["items"][0]["problem"] == "client_id: this client was erased"
    house.post("/behavior/event", event(1, PERSON), 422)
    house.post("/behavior/deal", deal(1, MERGED), 422)
    house.post("/behavior/conversation", talk(1, PERSON, "Hello"), 422)
    assert found(connection) == []
    assert connection.scalar(text("SELECT count(*) FROM rejected_rows")) == 0


def test_the_audit_log_tells_it_under_a_pseudonym(house: House, connection: Connection) -> None:
    house.people()
    house.export()
    house.erase()
    lines = connection.execute(
        text("SELECT action, subject_id FROM audit_log WHERE subject_table = 'client_profiles' ORDER BY audit_id")
    )
    assert [tuple(line) for line in lines] == [
        ("client.merge", pseudonym(PERSON)),
        ("client.export", pseudonym(PERSON)),
        ("client.erase", pseudonym(PERSON)),
    ]
    hashes = set(map(bytes, connection.scalars(text("SELECT client_hash FROM erasures"))))
    assert hashes == {client_hash(PERSON), client_hash(MERGED)}


@pytest.mark.parametrize("name", [NAME, " ".join(reversed(NAME.split()))])
def test_a_name_that_somebody_else_has_stays(house: House, connection: Connection, name: str) -> None:
    house.people()
    house.post("/client/ingest", {"client_id": OTHER, "name": name, "objections": [f"I am {name}"]})
    house.erase()
    left = connection.execute(text("SELECT name, objections FROM client_profiles")).all()
    assert [tuple(row) for row in left] == [(name, [f"I am {name}"])]


def test_another_clients_rows_lose_the_pointer_and_stay(
    house: House, connection: Connection, drain: Callable[[], int]
) -> None:
    house.stay()
    house.people()
    house.history()
    pointing = deal(11, PERSON)["deal_id"]
    house.post("/behavior/ingest", [event(3, OTHER, deal_id=pointing)])
    house.post("/behavior/conversation", talk(2, OTHER, "We decide together.") | {"deal_id": pointing})
    drain()
    house.erase()
    drain()
    row = connection.execute(
        text("SELECT deal_id, folded_deal_id FROM behavior_events WHERE event_id = :id"),
        {"id": event(3, OTHER)["event_id"]},
    ).one()
    assert tuple(row) == (None, uuid.UUID(deal(1, OTHER)["deal_id"]))
    assert connection.scalar(text("SELECT count(*) FROM conversations")) == 1


def test_models_that_knew_the_person_are_retired_at_once_and_again_when_trained(
    house: House, connection: Connection, drain: Callable[[], int]
) -> None:
    house.stay()
    house.people()
    house.history()
    drain()
    known = connection.execute(text("SELECT kind, n FROM trained_models WHERE active ORDER BY kind")).all()
    assert [tuple(row) for row in known] == [("closing", 2), ("qualification", 2)]
    house.erase()
    assert connection.scalar(text("SELECT count(*) FROM trained_models")) == 0
    # One that a training under way comes with.
    connection.execute(
        text("""
        INSERT INTO trained_models (model_id, kind, trained_at, window_from, window_to, n, metrics, recipe, active,
            verdict, parameters, signature)
        VALUES (gen_random_uuid(), 'closing', now(), now(), now(), 2, '{}', 'late', true, '', '', '')
        """)
    )
    drain()
    trained = connection.execute(text("SELECT kind, n, active FROM trained_models ORDER BY kind")).all()
    assert [tuple(row) for row in trained] == [("closing", 1, True), ("qualification", 1, True)]


def test_every_text_column_is_treated() -> None:
    kinds = {"TEXT", "JSONB", "BYTEA"}
    for table in metadata.tables.values():
        texts = {c.name for c in table.columns if str(c.type) in kinds or "JSON" in str(c.type)}
        if table.name in FREE_TEXTS:
            assert texts - {"content_hash"} == {*FREE_TEXTS[table.name], *NOT_FREE[table.name]}, table.name
        else:
            assert table.name in TREATED_OTHERWISE or table.name in WITHOUT_CLIENTS, table.name


# All or nothing


def test_a_failing_statement_leaves_everything(
    house: House, owner: Connection, connection: Connection, drain: Callable[[], int]
) -> None:
    house.stay()
    house.people()
    house.history()
    drain()
    before = snapshot(connection)
    connection.execute(text("RESET ROLE"))
    connection.execute(text("CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$"))
    connection.execute(text("CREATE TRIGGER fail BEFORE INSERT ON erasures FOR EACH ROW EXECUTE FUNCTION fail()"))
    connection.execute(text("SET LOCAL ROLE estate_system"))
    house.erase(status=500)
    assert snapshot(connection) == before


KILLED = """
import os, sys
from estate.api.privacy import erase_client
from estate.core.db import unit_of_work
from estate.core.security import Actor
import uuid
for line in sys.stdin:
    child = os.fork()
    if not child:
        with unit_of_work(Actor.system()) as session:
            erase_client(session, uuid.UUID(line.strip()), Actor.system())
        os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""
KILLS = 20


@pytest.fixture
def committed(engine: Engine) -> Iterator[Database]:
    registry.register()
    with committing(engine, "estate_privacy") as database, use_database(database):
        yield database


@pytest.fixture
def open_house(committed: Database, app: FastAPI) -> Iterator[House]:
    new_owners()
    with unit_of_work(Actor.system()):
        pass
    client = client_of(app, {"X-API-Key": new_key("admin")})
    yield House(client)
    client.close()


def test_killed_at_any_moment_it_is_done_or_not_begun(open_house: House, engine: Engine) -> None:
    url = engine.url.set(database="estate_privacy").render_as_string(hide_password=False)
    people = [f"{ID}9{n:03}" for n in range(KILLS + 1)]
    rows = [
        {"client_id": one, "name": f"Person {n} Canary", "owner_agent_id": str(AGENT)} for n, one in enumerate(people)
    ]
    open_house.post("/client/ingest", rows)
    open_house.post("/behavior/deal", [deal(100 + n, one) for n, one in enumerate(people)])
    open_house.post("/behavior/ingest", [event(100 + n, one) for n, one in enumerate(people)])
    drain_all()
    rng = random.Random(7)
    whole = 0.0
    with subprocess.Popen(
        [sys.executable, "-c", KILLED],
        env=os.environ | {"ESTATE_DATABASE_URL": url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for number, person in enumerate(people):
            child.stdin.write(f"{person}\n")
            child.stdin.flush()
            pid = int(child.stdout.readline())
            started = time.monotonic()
            if number:  # The first one shows how long it takes.
                time.sleep(rng.uniform(0, whole))
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            child.stdout.readline()
            whole = whole or time.monotonic() - started
    gone = 0
    with unit_of_work(Actor.system()) as session:
        wait = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'")
        deadline = time.monotonic() + 20
        while session.scalar(wait) > 1 and time.monotonic() < deadline:
            time.sleep(0.05)
    for number, person in enumerate(people):
        with unit_of_work(Actor.system()) as session:
            parts = {
                name: session.scalar(text(statement), {"id": person, "hash": client_hash(person)})
                for name, statement in {
                    "profile": "SELECT count(*) FROM client_profiles WHERE client_id = :id",
                    "deals": "SELECT count(*) FROM deals WHERE client_id = :id",
                    "events": "SELECT count(*) FROM behavior_events WHERE client_id = :id",
                    "kept": "SELECT 1 - count(*) FROM erasures WHERE client_hash = :hash",
                }.items()
            }
        assert len(set(parts.values())) == 1, (number, parts)
        gone += not parts["profile"]
    assert 1 <= gone < len(people), "kills came neither all too late nor all too early"
    agent = open_house.call("GET", f"/agent/query?agent_id={AGENT}")["items"][0]
    assert agent["event_count"] == len(people) - gone


def test_an_event_that_comes_meanwhile_is_refused(open_house: House) -> None:
    open_house.people()
    assert open_house.posted_while_erasing("/behavior/event", event(1, PERSON), held_s=0.3) == 422
    open_house.erase(status=404)


@pytest.mark.parametrize(("of_talk", "status"), [(True, 404), (False, 200)])
def test_no_reply_is_kept_about_a_client_who_is_erased_meanwhile(open_house: House, of_talk: bool, status: int) -> None:
    open_house.people()
    drain_all()
    question = {"client_input": f"What is the budget of {NAME}?", "agent_id": str(AGENT)}
    about = {"client_id": PERSON} if of_talk else {}
    assert open_house.posted_while_erasing("/gpt/respond", question | about, held_s=1) == status
    with unit_of_work(Actor.system()) as session:
        held = text("SELECT count(*) FROM gpt_responses WHERE records::text LIKE '%' || :id || '%'")
        assert session.scalar(held, {"id": PERSON}) == 0


def test_a_worker_that_is_at_the_client_is_waited_for_and_not_held_up(open_house: House) -> None:
    open_house.people()  # The work of scoring it waits now.
    answers: list[int] = []

    def erase() -> None:
        answers.append(open_house.client.delete(f"/client/{PERSON}").status_code)

    with unit_of_work(Actor.system()) as session:
        claimed = text("SELECT outbox_id FROM outbox WHERE key = :id FOR UPDATE SKIP LOCKED")
        assert session.scalars(claimed, {"id": PERSON}).all()
        eraser = threading.Thread(target=erase)
        eraser.start()
        time.sleep(0.5)
        scored = text("UPDATE client_profiles SET qualification_score = 0.5 WHERE client_id = :id")
        session.execute(text("SET LOCAL lock_timeout = '100ms'"))
        session.execute(scored, {"id": PERSON})
        assert answers == []
    eraser.join(timeout=20)
    assert answers == [200]


# Ledger


def test_a_restored_backup_is_brought_up_to_date_from_the_ledger(
    open_house: House, engine: Engine, tmp_path: Path
) -> None:
    open_house.people()
    open_house.erase()
    with unit_of_work(Actor.system()) as session:
        lines = [str(line) for line in ledger(session)]
        session.execute(text("DELETE FROM erasures"))  # As an older backup has it.
    assert len(lines) == 2
    (tmp_path / "ledger").write_text("\n".join(lines))
    open_house.people()
    url = engine.url.set(database="estate_privacy").render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, "-m", "estate", "clients", "erase", "--from-ledger", str(tmp_path / "ledger")],
        env=os.environ | {"ESTATE_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    open_house.erase(status=404)
    assert open_house.post("/client/ingest", {"client_id": MERGED, "name": NAME}, 422)


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("nothing of the kind\n")
    answer = CliRunner().invoke(command_line, ["clients", "erase", "--from-ledger", str(tmp_path / "ledger")])
    assert answer.exit_code != 0
    assert "no ledger" in str(answer.exception)


# Export


def test_an_export_holds_all_and_is_the_same_again(house: House, drain: Callable[[], int]) -> None:
    house.stay()
    house.people()
    house.history()
    house.post("/behavior/event", {"event_id": "none", "client_id": PERSON}, 422)
    drain()
    reply = house.post("/gpt/respond", {"client_input": "What next?", "agent_id": str(AGENT), "client_id": PERSON})
    house.post("/gpt/feedback", {"response_id": reply["response_id"], "verdict": "helpful", "note": "good"})
    given = house.export()
    assert house.export() == given
    counts = {table: len(rows) for table, rows in given["tables"].items()}
    assert counts.pop("documents") == 3
    assert counts == {
        "client_profiles": 1,
        "client_merges": 1,
        "client_scores": counts["client_scores"],
        "deals": 1,
        "deal_stages": 1,
        "conversations": 1,
        "utterances": 1,
        "behavior_events": 8,
        "contacts": 1,
        "call_skips": 1,
        "gpt_responses": 1,
        "gpt_feedback": 1,
        "import_rows": 0,
        "import_changes": 0,
        "rejected_rows": 1,
    }
    assert given["tables"]["client_profiles"][0]["budget"] == "900000.00"
    assert given["tables"]["client_merges"][0]["profile"]["email"] == EMAIL
    assert given["tables"]["gpt_responses"][0]["records"]


def test_an_export_holds_what_an_erasure_counts_as_the_client_s(house: House) -> None:
    house.stay()
    house.people()
    house.history()
    given = house.export()["tables"]
    erased = house.erase()["erased"]
    for table in ("behavior_events", "deals", "conversations", "utterances", "contacts", "call_skips"):
        assert (table, len(given[table])) == (table, erased[table])


def test_an_export_may_search_longer_than_other_calls(house: House, session: Session) -> None:
    house.people()
    bad = [{"event_id": f"none {i}", "metadata": {"x": "y" * 2_000}} for i in range(400)]
    house.post("/behavior/ingest", bad, 422)
    session.execute(text("SET LOCAL statement_timeout = 5"))
    given = export_client(session, uuid.UUID(PERSON), Actor("admin"))
    assert given.tables["client_profiles"]


def test_an_export_that_is_too_large_says_so(house: House, at_once: Settings) -> None:
    house.people()
    house.history()
    at_once.set("EXPORT_MAX_ROWS", 3)
    assert "ESTATE_EXPORT_MAX_ROWS" in house.export(status=413)["detail"]


# Rights


def test_who_may(house: House, app: FastAPI) -> None:
    house.people()
    house.post("/behavior/event", {"event_id": "none", "client_id": PERSON}, 422)
    stranger = {"agent_id": OTHER_AGENT, "name": "Bilal"}
    house.post("/agent/ingest", stranger)
    house.post("/client/ingest", {"client_id": SECOND, "name": "Of somebody else", "owner_agent_id": OTHER_AGENT})
    agent, manager = (House(client_of(app, {"X-API-Key": new_key(role)})) for role in ("agent", "manager"))
    assert agent.export()["tables"].keys().isdisjoint({"rejected_rows"})
    agent.export(SECOND, 404)
    manager.export(SECOND, 404)
    agent.erase(status=403)
    manager.erase(SECOND, 404)
    manager.erase(PERSON)
    house.erase(status=404)
    assert house.export(SECOND)
    assert str(TEAM) not in house.erase(SECOND)


def test_an_eraser_may_not_read_keys_nor_change_who_did_what(connection: Connection) -> None:
    may = {
        (table, right): connection.scalar(
            text("SELECT has_table_privilege('estate_eraser', :table, :right)"), {"table": table, "right": right}
        )
        for table in ("api_keys", "users", "sessions", "audit_log", "erasures")
        for right in ("SELECT", "UPDATE", "DELETE")
    }
    assert {key for key, allowed in may.items() if allowed} == {("audit_log", "SELECT"), ("erasures", "SELECT")}
    changes = "SELECT has_column_privilege('estate_eraser', 'audit_log', :column, 'UPDATE')"
    columns = [column["name"] for column in inspect(connection).get_columns("audit_log")]
    assert {c for c in columns if connection.scalar(text(changes), {"column": c})} == {"subject_id", "detail"}


# Retention


def shift(connection: Connection, table: str, column: str, days: int) -> None:
    connection.execute(text(f"UPDATE {table} SET {column} = now() - make_interval(days => {days})"))


@pytest.mark.parametrize(
    ("table", "column", "setting"),
    [
        ("rejected_rows", "received_at", "REJECTED"),
        ("gpt_responses", "created_at", "REPLIES"),
        ("utterances", "started_at", "UTTERANCES"),
    ],
)
def test_what_is_past_its_retention_goes_and_nothing_else(
    house: House,
    connection: Connection,
    drain: Callable[[], int],
    at_once: Settings,
    table: str,
    column: str,
    setting: str,
) -> None:
    house.stay()
    house.people()
    house.history()
    house.post("/behavior/event", {"event_id": "none", "client_id": PERSON}, 422)
    reply = house.post("/gpt/respond", {"client_input": "What next?", "agent_id": str(AGENT)})
    house.post("/gpt/feedback", {"response_id": reply["response_id"], "verdict": "helpful"})
    drain()
    counted = connection.execute(text("SELECT * FROM trigger_stats ORDER BY term")).all()
    dated = {"utterances": "conversations"}.get(table, table)
    at_once.set(f"RETENTION_{setting}_DAYS", 30)
    shift(connection, dated, column, 29)
    assert forget_old() == {}
    shift(connection, dated, column, 31)
    assert forget_old() == {table: 1}
    drain()
    assert connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0
    assert connection.execute(text("SELECT * FROM trigger_stats ORDER BY term")).all() == counted
    if table == "utterances":
        said = connection.scalar(text("SELECT text FROM documents WHERE record_id = :id"), {"id": f"{ID}3011"})
        assert said is not None
        assert "quill" not in said


def test_a_batch_goes_once_none_of_its_refused_rows_is_kept(
    house: House, connection: Connection, at_once: Settings
) -> None:
    house.stay()
    house.people()
    house.post("/behavior/event", {"event_id": "none", "client_id": PERSON}, 422)
    at_once.set("RETENTION_REJECTED_DAYS", 30)
    n = connection.scalar(text("SELECT count(*) FROM ingest_batches"))
    shift(connection, "ingest_batches", "received_at", 29)
    assert forget_old() == {}
    shift(connection, "ingest_batches", "received_at", 31)
    assert forget_old() == {"ingest_batches": n - 1}
    shift(connection, "rejected_rows", "received_at", 31)
    assert forget_old() == {"rejected_rows": 1, "ingest_batches": 1}


def test_of_scores_the_newest_stays_and_old_sessions_go(
    house: House, connection: Connection, at_once: Settings
) -> None:
    house.people()
    for score in (0.4, 0.5):
        house.post("/client/override", {"client_id": PERSON, "score": score, "reason": "sure"})
    connection.execute(text("UPDATE client_scores SET scored_at = scored_at - interval '800 days'"))
    at_once.set("RETENTION_SCORES_DAYS", 730)
    assert forget_old() == {"client_scores": 1}
    assert float(connection.scalar(text("SELECT score FROM client_scores WHERE kind = 'stated'"))) == 0.5
    assert forget_old() == {}
