"""The forgotten filter: bare statements without any condition, as somebody would see who wrote a query too wide.

Reads list every key. Writes are blind (no condition and nothing returned, so that only their own policy holds them),
and run in a transaction that is rolled back.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.orm import Session

from benchmarks.rights.draw import Complaint
from benchmarks.rights.oracle import COLUMNS, MEMBERS, Key, Oracle
from benchmarks.rights.world import Caller
from estate.core.db import unit_of_work, use_database
from estate.core.security import Actor

__all__ = ["Probe", "Probes"]

CONSTANTS = {
    "agent_activity": "calls_per_day = 1",
    "client_profiles": "decision_speed = 'slow'",
    "client_scores": "reason = 'none'",
    "client_merges": "merged_by = 'nobody'",
    "deals": "lost_reason = 'none'",
    "deal_stages": "reached_at = '2020-01-01Z'",
    "conversations": "channel = 'chat'",
    "utterances": "text = 'none'",
    "contacts": "note = 'none'",
    "call_skips": "note = 'none'",
    "behavior_events": "emotion_detected = 'none'",
    "gpt_responses": "intent = 'none'",
    "gpt_feedback": "note = 'none'",
    "documents": "title = 'none'",
    "document_embeddings": "embedder = 'none'",
    "rejected_rows": "reason = 'none'",
    "imports": "fingerprint = 'none'",
    "import_rows": "reason = 'none'",
    "import_changes": "reason = 'none'",
    "idempotency_keys": "status = 500",
}
"""Table to an assignment that reads no column."""

GIVEN_AWAY = {
    "agent_activity": ("agent_id", "agent_activity"),
    "client_profiles": ("owner_agent_id", "agent_activity"),
    "client_scores": ("client_id", "client_profiles"),
    "client_merges": ("kept_id", "client_profiles"),
    "deals": ("client_id", "client_profiles"),
    "deal_stages": ("deal_id", "deals"),
    "conversations": ("client_id", "client_profiles"),
    "utterances": ("conversation_id", "conversations"),
    "contacts": ("client_id", "client_profiles"),
    "call_skips": ("client_id", "client_profiles"),
    "behavior_events": ("client_id", "client_profiles"),
    "gpt_responses": ("client_id", "client_profiles"),
    "gpt_feedback": ("response_id", "gpt_responses"),
    "documents": ("client_id", "client_profiles"),
    "document_embeddings": ("document_id", "documents"),
    "imports": ("caller", "imports"),
    "import_rows": ("import_id", "imports"),
    "import_changes": ("import_id", "imports"),
    "idempotency_keys": ("caller", "idempotency_keys"),
}
"""Table to the column that says whose a row is, and the table that it names."""

WORDS = ("payment", "villa", "call", "deal", "budget")
LAYERS = ["market", "agent", "client", "property", "behavior"]
CAP = 1_000_000
MATCHING = text("SELECT layer, record_id FROM documents_matching(:query, :layers, :cap, :cap)")
CONTAINING = text("SELECT n FROM documents_containing(ARRAY[:word], :layers, :cap)")
SAMPLED = text("SELECT size FROM documents_sampled(ARRAY[:word], :layers, :cap)")
SPELT = text("SELECT name FROM documents_spelt(ARRAY[:name], :layers, :cap)")
A_NAME = text("SELECT unnest(names) FROM documents WHERE layer IN ('agent', 'client') ORDER BY 1")
BEARING = text("SELECT document_id::text, unnest(names) FROM documents WHERE ARRAY[:name] <@ spellings")
HOLDING = text("SELECT document_id::text FROM documents WHERE search @@ to_tsquery('simple', :word)")
WRITABLE = text("""
SELECT attname FROM pg_attribute WHERE attrelid = CAST(:table AS regclass) AND attnum > 0 AND NOT attisdropped
    AND attgenerated = '' AND attidentity = '' ORDER BY attnum
""")
REFUSED, STOPPED = "refused", "stopped"
"""By a policy; by a key or a check, after the policies had let it pass."""


class _RollBack(Exception):
    """Ends a transaction that shall leave nothing behind."""


class Probe(NamedTuple):
    """One statement of one actor on one table."""

    kind: str
    table: str
    actor: Actor


@dataclass
class Probes:
    """Every bare statement of every kind of actor.

    Parameters
    ----------
    oracle : Oracle
        Who sees what.
    callers : sequence of Caller
        Whose eyes are tried.
    rng : Random
        Draws the rows that are written.
    """

    oracle: Oracle
    callers: Sequence[Caller]
    rng: Random

    @cached_property
    def names(self) -> Sequence[str]:
        """Names of agents and clients, read before anything is broken: a broken policy may hide them from everybody."""
        with self.oracle.place.whole() as connection:
            return connection.scalars(A_NAME).all()

    def all(self) -> list[Probe]:
        """Return every probe."""
        actors = [caller.actor for caller in self.callers]
        kinds = [(kind, table) for table in COLUMNS for kind in _KINDS if self.oracle.rows[table]]
        probes = [
            Probe(kind, table, actor) for kind, table in kinds for actor in actors if _concerns(kind, table, actor)
        ]
        probes += [Probe("search", "documents", actor) for actor in actors]
        probes += [Probe("select", table, Actor.system()) for table in COLUMNS]
        probes += [Probe("select", table, NOBODY) for table in COLUMNS if table != "idempotency_keys"]
        return probes + [Probe("owner", table, Actor.system()) for table in COLUMNS]

    def one(self, probe: Probe) -> list[Complaint]:
        """Do one probe and say what is wrong."""
        if probe.kind == "owner":
            found = list(self._owner(probe))
        elif probe.actor.role == "system":
            with use_database(self.oracle.place.system):
                found = list(self._select(probe))
        else:
            found = list(_ALL_KINDS[probe.kind](self, probe))
        return [(kind, f"{probe.actor.role}: {probe.kind} {probe.table}: {what}") for kind, what in found]

    def _owner(self, probe: Probe) -> Iterator[Complaint]:
        """Look as the owner of the tables, whom the policies hold too before a role is taken on."""
        with self.oracle.place.owner.connect() as connection:
            if n := connection.exec_driver_sql(f"SELECT count(*) FROM {probe.table}").scalar_one():  # noqa: S608
                yield "leak", f"the owner of the table sees {n} rows"

    def _select(self, probe: Probe) -> Iterator[Complaint]:
        keys = ", ".join(f"CAST({column} AS text)" for column in COLUMNS[probe.table][0])
        try:
            with unit_of_work(probe.actor, read_only=True) as session:
                found = {tuple(row) for row in session.execute(text(f"SELECT {keys} FROM {probe.table}"))}  # noqa: S608
        except ProgrammingError:  # The role has no right to the table at all.
            found = set()
        yield from _compared(found, self.oracle.seen(probe.actor, probe.table))

    def _update(self, probe: Probe) -> Iterator[Complaint]:
        return self._counted(probe, f"UPDATE {probe.table} SET {CONSTANTS[probe.table]}")  # noqa: S608

    def _delete(self, probe: Probe) -> Iterator[Complaint]:
        return self._counted(probe, f"DELETE FROM {probe.table}")  # noqa: S608

    def _counted(self, probe: Probe, statement: str) -> Iterator[Complaint]:
        """Compare how many rows a blind statement reaches with how many it may."""
        if probe.table == "rejected_rows" and probe.actor.role not in MEMBERS:
            return
        tried = self._tried(probe.actor, statement, {})
        done = 0 if tried in (REFUSED, STOPPED) else int(tried)
        may = len(self.oracle.seen(probe.actor, probe.table))
        if done < may:
            yield "refusal", f"{done} of {may} own rows"
        elif done > may:
            yield "leak", f"{done} rows, of which {may} are the actor's own"

    def _give(self, probe: Probe) -> Iterator[Complaint]:
        """Make own rows another's: no row may leave the reach of who writes it."""
        column, named = GIVEN_AWAY[probe.table]
        hidden = self.oracle.hidden(probe.actor, named)
        if not hidden or not self.oracle.seen(probe.actor, probe.table):
            return
        value = self.rng.choice(hidden)[0]
        if probe.table == "agent_activity" and probe.actor.role == "manager":
            return  # An agent of the team stays one of the team under any id.
        if probe.table == "documents" and self._only_shared(probe.actor):
            return
        done = self._tried(probe.actor, f"UPDATE {probe.table} SET {column} = :value", {"value": value})  # noqa: S608
        if done not in (REFUSED, "0"):
            yield "leak", f"{column} could be set to what the actor does not see"

    def _only_shared(self, actor: Actor) -> bool:
        """Tell whether every document that an actor sees is one that everybody sees, whatever client it names."""
        rows = self.oracle.rows["documents"]
        return all(rows[key]["layer"] in ("market", "property") for key in self.oracle.seen(actor, "documents"))

    def _insert(self, probe: Probe) -> Iterator[Complaint]:
        """Write rows that are there already: the policy speaks before the key does."""
        rows = self.oracle.rows[probe.table]
        may = {key for key, row in rows.items() if self.oracle.may_add(probe.actor, probe.table, row)}
        seen = self.oracle.seen(probe.actor, probe.table)
        for group, expected in ((may, True), (seen - may, False), (rows.keys() - seen - may, False)):
            if group:
                key = self.rng.choice(sorted(group))
                if (self._copied(probe, key) != REFUSED) is not expected:
                    yield ("refusal", "an own row") if expected else ("leak", "a row that is not the actor's")

    def _copied(self, probe: Probe, key: Key) -> str:
        where = " AND ".join(f"CAST({column} AS text) = :k{n}" for n, column in enumerate(COLUMNS[probe.table][0]))
        with self.oracle.place.whole() as connection:
            names = ", ".join(connection.scalars(WRITABLE, {"table": probe.table}))
            query = text(f"SELECT to_jsonb(t) FROM {probe.table} t WHERE {where}")  # noqa: S608
            row = connection.scalar(query, {f"k{n}": part for n, part in enumerate(key)})
        source = f"jsonb_populate_record(CAST(NULL AS {probe.table}), CAST(:row AS jsonb))"
        insert = f"INSERT INTO {probe.table} ({names}) SELECT {names} FROM {source}"  # noqa: S608
        return self._tried(probe.actor, insert, {"row": json.dumps(row)})

    def _search(self, probe: Probe) -> Iterator[Complaint]:
        """Ask the functions that see all documents: they must say no more than the actor sees."""
        word = self.rng.choice(WORDS)
        documents = self.oracle.rows["documents"]
        name = self.rng.choice(self.names)
        with self.oracle.place.whole() as connection:
            holding = {(key,) for key in connection.scalars(HOLDING, {"word": word})}
            bearing = connection.execute(BEARING, {"name": name}).all()
        seen = self.oracle.seen(probe.actor, "documents")
        expected = holding & seen
        asked = {"query": word, "word": word, "layers": LAYERS, "cap": CAP, "name": name}
        with unit_of_work(probe.actor, read_only=True) as session:
            found = {tuple(row) for row in session.execute(MATCHING, asked)}
            names = {(one,) for one in session.scalars(SPELT, asked)}
            counts = ((session.scalar(CONTAINING, asked), len(expected)), (session.scalar(SAMPLED, asked), len(seen)))
        yield from _compared(found, {(documents[k]["layer"], documents[k]["record_id"]) for k in expected})
        yield from _compared(names, {(of_it,) for key, of_it in bearing if (key,) in seen})
        for n, there in counts:
            if n != there:
                yield ("leak" if n > there else "refusal"), f"{n} documents are counted, {there} are seen"

    def _tried(self, actor: Actor, statement: str, values: dict[str, Any]) -> str:
        """Run a statement and take it back; return how many rows it reached, or what refused it."""
        done = REFUSED
        try:
            with unit_of_work(actor) as session:
                session.execute(text("SET CONSTRAINTS ALL DEFERRED"))
                done = _reached(session, statement, values)
                raise _RollBack
        except _RollBack:
            return done


def _reached(session: Session, statement: str, values: dict[str, Any]) -> str:
    try:
        return str(session.execute(text(statement), values).rowcount)  # type: ignore[attr-defined]
    except DBAPIError as error:
        return REFUSED if getattr(error.orig, "sqlstate", None) == "42501" else STOPPED


def _compared(found: set[Any], may: set[Any] | frozenset[Any]) -> Iterator[Complaint]:
    if more := found - may:
        yield "leak", f"{len(more)} rows of others: {sorted(more)[:2]}"
    if fewer := may - found:
        yield "refusal", f"{len(fewer)} own rows are missing: {sorted(fewer)[:2]}"


def _concerns(kind: str, table: str, actor: Actor) -> bool:
    """Tell whether an actor has the right to do such a thing at all: writing is for members, and reading for all."""
    if kind == "give" and table not in GIVEN_AWAY:
        return False
    if table == "idempotency_keys":
        return kind != "give" or actor.role != "system"
    return kind == "select" or actor.role in MEMBERS


NOBODY = Actor("agent", caller="nobody")
"""An agent without an id: a transaction that was not told whom it serves."""

_KINDS: dict[str, Callable[[Probes, Probe], Iterator[Complaint]]] = {
    "select": Probes._select,
    "update": Probes._update,
    "delete": Probes._delete,
    "give": Probes._give,
    "insert": Probes._insert,
}
_ALL_KINDS = _KINDS | {"search": Probes._search}
