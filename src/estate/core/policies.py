"""Who may read and write which rows, stated once a table and brought into the database after each migration.

A member (an agent or a manager) sees the agents that its transaction names, the clients of those agents, and what
hangs on those clients. Everybody else sees all rows of the tables that the role may touch. The platform is meant to
ask for no more than it shows; these policies are the net under a filter that was forgotten.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from estate.core.roles import ADMIN, BACKUP, ERASER, GATE, GROUPS, INGEST, MEMBER, READER, SEARCH, SYSTEM

__all__ = ["IDENTITY", "PROTECTED", "QUEUE", "SHARED", "Rows", "apply_policies", "policy_faults", "withdraw_policies"]

SEES_AGENT = "ARRAY(SELECT agent_id FROM agent_activity)"
SEES_AGENT_TEXT = "ARRAY(SELECT CAST(agent_id AS text) FROM agent_activity)"
SEES_CLIENT = "(SELECT client_id FROM client_profiles)"
ACTOR_AGENT = "(SELECT nullif(current_setting('estate.actor_agent_id', true), '')::uuid)"
ACTOR_TEAM = "(SELECT nullif(current_setting('estate.actor_team_id', true), '')::uuid)"
ACTOR_CALLER = "(SELECT nullif(current_setting('estate.actor_caller', true), ''))"
"""Sub-selects without a reference to the row: they are computed once a statement, and equality of UUIDs may use an
index below a policy. Agents are few, so an array serves; clients may be thousands, and are looked up in a hash."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Which rows of a table a member sees and may change (None: no row), and which it may add where that differs."""

    seen: str | None
    added: str | None = None


def _sees(table: str, parent: str, key: str) -> str:
    return f"EXISTS (SELECT FROM {parent} WHERE {parent}.{key} = {table}.{key})"


def _refers(table: str, parent: str, key: str) -> str:
    return f"({key} IS NULL OR {_sees(table, parent, key)})"


_OF_CLIENT = f"client_id IN {SEES_CLIENT}"
_OF_CLIENT_OR_AGENT = f"{_OF_CLIENT} OR (client_id IS NULL AND agent_id = ANY ({SEES_AGENT}))"
_BY_AGENT = f"agent_id = ANY ({SEES_AGENT})"

REFUSED = "rejected_rows"
"""Rows as they came, whose client or agent may not even exist: read by those who load and mend."""

PROTECTED: Mapping[str, Rows] = {
    "agent_activity": Rows(f"agent_id = {ACTOR_AGENT} OR team_id = {ACTOR_TEAM}"),
    "client_profiles": Rows(f"owner_agent_id = ANY ({SEES_AGENT})"),
    "client_scores": Rows(_OF_CLIENT),
    "client_merges": Rows(f"kept_id IN {SEES_CLIENT}"),
    "behavior_events": Rows(
        _OF_CLIENT_OR_AGENT,
        f"({_OF_CLIENT_OR_AGENT}) AND (agent_id IS NULL OR {_BY_AGENT})"
        f" AND {_refers('behavior_events', 'deals', 'deal_id')}"
        f" AND {_refers('behavior_events', 'conversations', 'conversation_id')}",
    ),
    "deals": Rows(_OF_CLIENT, f"{_OF_CLIENT} AND {_BY_AGENT}"),
    "deal_stages": Rows(_sees("deal_stages", "deals", "deal_id")),
    "conversations": Rows(
        _OF_CLIENT, f"{_OF_CLIENT} AND {_BY_AGENT} AND {_refers('conversations', 'deals', 'deal_id')}"
    ),
    "utterances": Rows(_sees("utterances", "conversations", "conversation_id")),
    "contacts": Rows(_OF_CLIENT, f"{_OF_CLIENT} AND {_BY_AGENT}"),
    "call_skips": Rows(_OF_CLIENT, f"{_OF_CLIENT} AND {_BY_AGENT}"),
    "gpt_responses": Rows(_OF_CLIENT_OR_AGENT, f"({_OF_CLIENT_OR_AGENT}) AND {_BY_AGENT}"),
    "gpt_feedback": Rows(_sees("gpt_feedback", "gpt_responses", "response_id")),
    "documents": Rows(
        f"layer IN ('market', 'property') OR (layer = 'behavior' AND client_id IS NULL) OR {_OF_CLIENT}"
        f" OR (layer = 'agent' AND record_id = ANY ({SEES_AGENT_TEXT}))"
    ),
    "document_embeddings": Rows(_sees("document_embeddings", "documents", "document_id")),
    REFUSED: Rows(None, "true"),
    "imports": Rows(f"caller = {ACTOR_CALLER}"),
    "import_rows": Rows(_sees("import_rows", "imports", "import_id")),
    "import_changes": Rows(_sees("import_changes", "imports", "import_id")),
}
"""Tables with data of clients or agents."""

IMPORTED = ("imports", "import_rows", "import_changes")
"""Tables of which a program, too, sees only what it brought: what agents bring is not for it."""

SHARED = (
    "analysis_runs",
    "area_aliases",
    "exchange_rates",
    "market_forecasts",
    "market_insights",
    "market_snapshots",
    "pattern_groups",
    "projects",
    "properties",
    "ranking_policies",
    "teams",
    "trained_models",
    "trigger_findings",
    "trigger_stats",
)
"""Market, property and what was found over all clients together."""

QUEUE = ("outbox", "outbox_claims", "ingest_batches", "heartbeats")
IDENTITY = ("users", "api_keys", "sessions", "audit_log")

KEYED = "idempotency_keys"
"""Answers that are kept for a caller: nobody reads another's."""

LEDGER = "erasures"
"""Which clients were erased, as keyed hashes: whoever takes rows refuses what comes later."""

ERASED_FROM: Mapping[str, str] = {
    **dict.fromkeys(PROTECTED, "SELECT, UPDATE, DELETE"),
    **dict.fromkeys(("trigger_stats", "trigger_findings", "outbox"), "SELECT, INSERT, UPDATE, DELETE"),
    **dict.fromkeys(("properties", "ingest_batches", KEYED), "SELECT, UPDATE"),
    "trained_models": "SELECT, DELETE",
    "analysis_runs": "SELECT",
    "audit_log": "SELECT, INSERT, UPDATE (subject_id, detail)",
    LEDGER: "SELECT, INSERT",
}
"""What the erasure of a client may do, whoever asked for it."""

SEARCHED = ("agent_activity", "client_profiles", "documents")
EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"
CALLERS = (ADMIN, READER, MEMBER, INGEST)
UNLIMITED = (ADMIN, READER, INGEST, SYSTEM, BACKUP, ERASER)
GUARDED = (*PROTECTED, KEYED)

Grant = tuple[str, tuple[str, ...]]
OWN_GRANTS: Mapping[str, tuple[Grant, ...]] = {
    KEYED: ((EVERYTHING, CALLERS),),
    LEDGER: (("SELECT", CALLERS),),
    REFUSED: ((EVERYTHING, (ADMIN,)), ("SELECT, INSERT, UPDATE", (INGEST,)), ("INSERT", (MEMBER,))),
    # Work that waits already is not written twice; what it says stays unread.
    "outbox": (
        ("SELECT", (ADMIN, READER)),
        ("INSERT", (ADMIN, INGEST, MEMBER)),
        ("SELECT (outbox_id, topic, key, dead), UPDATE (dead)", (ADMIN, INGEST, MEMBER)),
    ),
    "ingest_batches": (("SELECT", (ADMIN, READER)), ("INSERT", (ADMIN, INGEST, MEMBER))),
    "outbox_claims": (("SELECT", (READER,)),),
    "heartbeats": (("SELECT", (READER,)),),
    # Whoever may bring a file may have it read in another way, which writes its rows anew.
    "import_rows": (("DELETE", (INGEST,)),),
    "import_changes": (("DELETE", (INGEST,)),),
    # Versions are only added; the API lets leaders do so, and nobody changes one.
    "ranking_policies": (("INSERT", (MEMBER,)),),
    "audit_log": (("INSERT", (*CALLERS, GATE, SYSTEM)), ("SELECT", (ADMIN, SYSTEM))),
    "sessions": ((EVERYTHING, (GATE,)),),
    "users": (("SELECT, UPDATE", (GATE,)),),
    "api_keys": (("SELECT, UPDATE", (GATE,)),),
}

_TABLES = text("""
SELECT c.relname, c.oid FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'alembic_version'
ORDER BY c.relname
""")
_POLICIES = text("SELECT tablename, policyname FROM pg_policies WHERE schemaname = 'public'")
_SWITCHES = text("""
SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relname = ANY(:tables) ORDER BY relname
""")
_NOTE = text("SELECT obj_description('alembic_version'::regclass, 'pg_class')")


def apply_policies(connection: Connection) -> None:
    """Bring grants and policies into the database, unless they are there already and whole.

    Raises
    ------
    LookupError
        When a table is not named here: nobody may forget to say whose its rows are.
    """
    tables = {row.relname: row.oid for row in connection.execute(_TABLES)}
    named = {*PROTECTED, *SHARED, *QUEUE, *IDENTITY, KEYED, LEDGER}
    if unnamed := tables.keys() - named:
        raise LookupError(f"core/policies.py does not say who may do what with {', '.join(sorted(unnamed))}")
    statements = list(_statements(tables))
    note = hashlib.sha256(repr((statements, sorted(tables.items()))).encode()).hexdigest()
    if connection.scalar(_NOTE) == note and not policy_faults(connection):
        return
    for statement in statements:
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS '{note}'")


def policy_faults(connection: Connection) -> list[str]:
    """Say in words which guarded tables are not guarded: by policies that are missing, or by a switch that is off."""
    there = {(row.tablename, row.policyname) for row in connection.execute(_POLICIES)}
    faults = []
    for table, on in connection.execute(_SWITCHES, {"tables": list(GUARDED)}):
        wanted = {words[2] for words in map(str.split, _policies(table)) if words[0] == "CREATE"}
        missing = sorted(name for name in wanted if (table, name) not in there)
        faults += [f"row security of {table} is not forced"] * (not on)
        faults += [f"policy {name} on {table} is missing" for name in missing]
    return faults


def withdraw_policies(connection: Connection) -> None:
    """Drop every policy and search function, so that tables can change; nobody but the owner then sees a row."""
    for table, policy in connection.execute(text("SELECT tablename, policyname FROM pg_policies")).all():
        connection.exec_driver_sql(f"DROP POLICY {policy} ON {table}")
    for name in _FUNCTIONS:
        connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {name}")
    connection.exec_driver_sql("COMMENT ON TABLE alembic_version IS NULL")


def _statements(tables: Collection[str]) -> Iterator[str]:
    yield f"GRANT SELECT ON alembic_version TO {', '.join((READER, SYSTEM, BACKUP))}"
    for table in sorted(tables):
        yield f"REVOKE ALL ON {table} FROM {', '.join(GROUPS)}"
        if table in ERASED_FROM:
            yield f"GRANT {ERASED_FROM[table]} ON {table} TO {ERASER}"
        for privileges, roles in _grants(table):
            yield f"GRANT {privileges} ON {table} TO {', '.join(roles)}"
        if table in GUARDED:
            yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
            yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
            yield from _policies(table)
    yield f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {BACKUP}"
    if "documents" in tables:
        yield from _searches()


def _grants(table: str) -> Iterator[Grant]:
    """Yield privileges on a table with the roles that get them; nobody may TRUNCATE, refer to it or add triggers."""
    yield "SELECT", (BACKUP,)
    if table != "audit_log":  # Nobody changes what was written there.
        yield EVERYTHING, (SYSTEM,)
    if table in SHARED:
        yield from ((EVERYTHING, (ADMIN,)), ("SELECT", (READER, MEMBER)), ("SELECT, INSERT, UPDATE", (INGEST,)))
    if table in PROTECTED and table != REFUSED:
        yield from ((EVERYTHING, (ADMIN, MEMBER)), ("SELECT", (READER,)), ("SELECT, INSERT, UPDATE", (INGEST,)))
    if table in SEARCHED:
        yield "SELECT", (SEARCH,)
    yield from OWN_GRANTS.get(table, ())


def _policies(table: str) -> Iterator[str]:
    """Yield the policies of a table, those that it had before removed first."""
    for name in ("own_answers", "all_rows", "members_see", "members_add", "members_change", "members_remove"):
        yield f"DROP POLICY IF EXISTS {name} ON {table}"
    if table == KEYED:
        own = f"caller = {ACTOR_CALLER}"
        yield f"CREATE POLICY own_answers ON {table} TO {', '.join(CALLERS)} USING ({own}) WITH CHECK ({own})"
        yield f"CREATE POLICY all_rows ON {table} TO {SYSTEM}, {BACKUP}, {ERASER} USING (true) WITH CHECK (true)"
        return
    members = f"{MEMBER}, {INGEST}" if table in IMPORTED else MEMBER
    unlimited: tuple[str, ...] = (*UNLIMITED, SEARCH) if table == "documents" else UNLIMITED
    if table in IMPORTED:
        unlimited = tuple(role for role in unlimited if role != INGEST)
    seeing = f"{members}, {SEARCH}" if table in SEARCHED and table != "documents" else members
    rows = PROTECTED[table]
    yield f"CREATE POLICY all_rows ON {table} TO {', '.join(unlimited)} USING (true) WITH CHECK (true)"
    yield f"CREATE POLICY members_add ON {table} FOR INSERT TO {members} WITH CHECK ({rows.added or rows.seen})"
    if rows.seen is None:
        return
    yield f"CREATE POLICY members_see ON {table} FOR SELECT TO {seeing} USING ({rows.seen})"
    both = f"USING ({rows.seen}) WITH CHECK ({rows.seen})"
    yield f"CREATE POLICY members_change ON {table} FOR UPDATE TO {members} {both}"
    yield f"CREATE POLICY members_remove ON {table} FOR DELETE TO {members} USING ({rows.seen})"


# Matching words is no leak-proof function, so below a policy it may not use its index. These functions may:
# their owner sees all documents, and they ask themselves which of them the actor sees.

_SEEN = f"""(
    (SELECT current_setting('estate.actor_role', true)) IN ('admin', 'read_only', 'house', 'ingest', 'system')
    OR {PROTECTED["documents"].seen}
)"""
_FUNCTIONS = {
    "documents_containing": """
(tokens text[], wanted text[], cap integer) RETURNS TABLE (token text, n bigint) AS $$
SELECT t.token, (
    SELECT count(*) FROM (
        SELECT 1 FROM documents
        WHERE layer = ANY (wanted) AND search @@ plainto_tsquery('simple', t.token) AND /*seen*/ LIMIT cap
    ) found
)
FROM unnest(tokens) AS t (token)
$$""",
    # A sample of whole pages, the same until the table changes; all of them where they are few.
    "documents_sampled": """
(tokens text[], wanted text[], pages integer) RETURNS TABLE (size double precision, containing double precision[])
AS $$
WITH scale AS (SELECT greatest(1.0, pg_relation_size('documents') / 8192.0 / pages) AS times), sample AS MATERIALIZED (
    SELECT string_to_array(text, ' ') AS words FROM documents
    TABLESAMPLE SYSTEM (100.0 / greatest(1.0, pg_relation_size('documents') / 8192.0 / pages)) REPEATABLE (1)
    WHERE layer = ANY (wanted) AND /*seen*/
)
SELECT times * (SELECT count(*) FROM sample), ARRAY(
    SELECT times * (SELECT count(*) FROM sample WHERE t.token = ANY (words))
    FROM unnest(tokens) WITH ORDINALITY AS t (token, place) ORDER BY place
)
FROM scale
$$""",
    "documents_matching": """
(query text, wanted text[], per_layer integer, most integer)
RETURNS TABLE (layer text, record_id text, words text, names text[])
AS $$
SELECT d.layer, d.record_id, d.text, d.names FROM (
    SELECT m.*, row_number() OVER (
        PARTITION BY m.layer ORDER BY ts_rank(m.search, to_tsquery('simple', query)) DESC, m.record_id
    ) AS place
    FROM (
        SELECT documents.layer, documents.record_id, documents.text, documents.names, documents.search FROM documents
        WHERE documents.layer = ANY (wanted) AND search @@ to_tsquery('simple', query) AND /*seen*/
        LIMIT most
    ) m
) d
WHERE d.place <= per_layer
$$""",
    "documents_spelt": """
(near text[], wanted text[], most integer) RETURNS TABLE (name text) AS $$
SELECT DISTINCT n.name FROM (
    SELECT names FROM documents WHERE layer = ANY (wanted) AND spellings && near AND /*seen*/ LIMIT most
) d
CROSS JOIN unnest(d.names) AS n (name)
$$""",
}

_AS_OWNER = "LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public"


def _searches() -> Iterator[str]:
    yield f"GRANT CREATE ON SCHEMA public TO {SEARCH}"  # To own a function; taken back below.
    for name, definition in _FUNCTIONS.items():
        yield f"DROP FUNCTION IF EXISTS {name}"
        yield f"CREATE FUNCTION {name}{definition.replace('/*seen*/', _SEEN)} {_AS_OWNER}"
        yield f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC"
        yield f"GRANT EXECUTE ON FUNCTION {name} TO {', '.join((*CALLERS, SYSTEM))}"
        yield f"ALTER FUNCTION {name} OWNER TO {SEARCH}"
    yield f"REVOKE CREATE ON SCHEMA public FROM {SEARCH}"
