"""Who sees what: computed in plain Python from rows that were read once, and sharing nothing with the policies.

An agent sees their own row and clients, and what hangs on these; a manager sees that of every agent of the team;
of unassigned clients both see nothing. Events and replies without a client go with their agent.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from benchmarks.rights.world import Place
from estate.core.security import Actor

__all__ = ["COLUMNS", "MEMBERS", "Key", "Oracle", "Row", "key_of"]

Key = tuple[str, ...]
Row = Mapping[str, Any]

MEMBERS = ("agent", "manager")

COLUMNS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "agent_activity": (("agent_id",), ("team_id", "name")),
    "client_profiles": (("client_id",), ("owner_agent_id", "name", "phone", "email", "budget", "currency")),
    "client_scores": (("client_id", "kind", "scored_at"), ()),
    "client_merges": (("merged_id",), ("kept_id",)),
    "deals": (("deal_id",), ("agent_id", "client_id", "stage")),
    "deal_stages": (("deal_id", "stage"), ()),
    "conversations": (("conversation_id",), ("agent_id", "client_id", "deal_id")),
    "utterances": (("conversation_id", "turn"), ()),
    "contacts": (("contact_id",), ("agent_id", "client_id")),
    "call_skips": (("skip_id",), ("agent_id", "client_id")),
    "behavior_events": (
        ("event_id",),
        ("agent_id", "client_id", "deal_id", "conversation_id", "trigger_word", "time_of_event"),
    ),
    "gpt_responses": (("response_id",), ("agent_id", "client_id", "client_input", "records")),
    "gpt_feedback": (("feedback_id",), ("response_id",)),
    "documents": (("document_id",), ("layer", "record_id", "client_id")),
    "document_embeddings": (("document_id",), ()),
    "rejected_rows": (("rejected_id",), ("layer",)),
    "imports": (("import_id",), ("caller", "state")),
    "import_rows": (("import_id", "line"), ()),
    "import_changes": (("import_id", "subject_table", "record_id"), ()),
    "idempotency_keys": (("caller", "route", "key"), ()),
}
"""Table to the columns of its key and those that the rules, or a filter, ask for."""

NAMED = (
    "agent_activity",
    "client_profiles",
    "client_merges",
    "deals",
    "conversations",
    "contacts",
    "call_skips",
    "behavior_events",
    "gpt_responses",
    "gpt_feedback",
    "imports",
)
"""Tables whose ids and names are secret; only the ids of agents are not, which stand in the rankings."""

IMPORTED = ("imports", "import_rows", "import_changes")
"""Tables of which a program sees only what it brought."""

AREAS = text("SELECT area_id::text FROM market_insights ORDER BY area_id")
UNITS = text("SELECT project_id || ':' || unit_id FROM properties ORDER BY project_id, unit_id")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
MARK = re.compile(r"\b[AaQq]\d{5}[Zz]\b|\+9715\d{7}")


def key_of(table: str, row: Row) -> Key:
    """Return the key of a row as text."""
    return tuple(str(row[column]) for column in COLUMNS[table][0])


@dataclass(slots=True)
class Oracle:
    """The rows of a place, and what each actor may see of them."""

    place: Place
    rows: dict[str, dict[Key, Row]] = field(default_factory=dict)
    areas: list[str] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    _seen: dict[tuple[Actor, str], frozenset[Key]] = field(default_factory=dict)
    _ids: dict[tuple[Actor, str], set[str]] = field(default_factory=dict)
    _words: dict[str, dict[Key, list[str]]] = field(default_factory=dict)
    _secrets: dict[Actor, frozenset[str]] = field(default_factory=dict)

    def read(self, tables: Iterable[str] = COLUMNS) -> None:
        """Read tables anew."""
        with self.place.whole() as connection:
            if not self.units:
                self.areas = list(connection.scalars(AREAS))
                self.units = list(connection.scalars(UNITS))
            for table in tables:
                keys, further = COLUMNS[table]
                if connection.scalar(text("SELECT to_regclass(:table)"), {"table": table}) is None:
                    self.rows[table] = {}
                    continue
                columns = ", ".join((*(f"CAST({key} AS text)" for key in keys), *further))
                found = connection.exec_driver_sql(f"SELECT {columns} FROM {table}")  # noqa: S608
                rows = [_plain(row) for row in found.mappings()]
                self.rows[table] = {key_of(table, row): row for row in rows}
                if table in NAMED:
                    self._words[table] = {key: [*_secrets_of(table, key, row)] for key, row in self.rows[table].items()}
        self._seen.clear()
        self._ids.clear()
        self._secrets.clear()

    def seen(self, actor: Actor, table: str) -> frozenset[Key]:
        """Return the keys of the rows that an actor may see."""
        found = self._seen.get((actor, table))
        if found is None:
            found = self._seen[actor, table] = frozenset(self._visible(actor, table))
        return found

    def hidden(self, actor: Actor, table: str) -> list[Key]:
        """Return the keys of the others, in order."""
        return sorted(self.rows[table].keys() - self.seen(actor, table))

    def ids(self, actor: Actor, table: str) -> set[str]:
        """Return the first part of the keys that an actor may see."""
        found = self._ids.get((actor, table))
        if found is None:
            found = self._ids[actor, table] = {key[0] for key in self.seen(actor, table)}
        return found

    def may_add(self, actor: Actor, table: str, row: Row) -> bool:
        """Tell whether an actor could have written a row: nobody names whom they do not see."""
        if actor.role not in MEMBERS or table == "idempotency_keys":
            return key_of(table, row) in self.seen(actor, table)
        if table == "rejected_rows":
            return True
        named = {
            "behavior_events": ("agent_id", "deal_id", "conversation_id"),
            "deals": ("agent_id",),
            "contacts": ("agent_id",),
            "call_skips": ("agent_id",),
            "conversations": ("agent_id", "deal_id"),
            "gpt_responses": ("agent_id",),
        }.get(table, ())
        parents = {"agent_id": "agent_activity", "deal_id": "deals", "conversation_id": "conversations"}
        known = (row[name] is None or row[name] in self.ids(actor, parents[name]) for name in named)
        return key_of(table, row) in self.seen(actor, table) and all(known)

    def hidden_records(self, actor: Actor, response_id: str) -> bool:
        """Tell whether a reply stands on a record that an actor may not see: somebody else had asked."""
        documents = self.rows["documents"]
        seen = self.seen(actor, "documents")
        hidden = {(row["layer"], row["record_id"]) for key, row in documents.items() if key not in seen}
        return any((r["layer"], r["id"]) in hidden for r in self.rows["gpt_responses"][response_id,]["records"])

    def told(self, actor: Actor, answer: str, sent: Collection[str]) -> set[str]:
        """Return the ids, names, phone numbers and addresses in an answer that its reader may not know.

        Parameters
        ----------
        sent : collection of str
            What the request itself named.
        """
        found = {*UUID.findall(answer), *(mark.upper() for mark in MARK.findall(answer))}
        return (found & self._secret(actor)) - {*sent, *(word.upper() for word in sent)}

    def _secret(self, actor: Actor) -> frozenset[str]:
        """Return every secret that only records have which the actor may not see."""
        found = self._secrets.get(actor)
        if found is None:
            known, every = set[str](), set[str]()
            for table, words in self._words.items():
                every.update(*words.values())
                known.update(*(words[key] for key in self.seen(actor, table)))
            found = self._secrets[actor] = frozenset(every - known)
        return found

    def _visible(self, actor: Actor, table: str) -> Iterator[Key]:
        rows = self.rows[table]
        if table == "idempotency_keys":
            return (key for key in rows if actor.role == "system" or key[0] == actor.caller)
        if table == "rejected_rows":
            return iter(rows if actor.role in ("admin", "ingest", "system") else ())
        if actor.role not in ((*MEMBERS, "ingest") if table in IMPORTED else MEMBERS):
            return iter(rows)
        is_seen = self._rule(actor, table)
        return (key for key, row in rows.items() if is_seen(row))

    def _rule(self, actor: Actor, table: str) -> Callable[[Row], bool]:
        """Return what tells whether a member may see a row."""
        if table == "agent_activity":
            team, agent = str(actor.team_id) if actor.role == "manager" else "none", str(actor.agent_id)
            return lambda row: row["team_id"] == team or row["agent_id"] == agent
        if table == "imports":
            return lambda row: row["caller"] == actor.caller
        agents = self.ids(actor, "agent_activity")
        if table == "client_profiles":
            return lambda row: row["owner_agent_id"] in agents
        if table in PARENTS:
            parent, column = PARENTS[table]
            parents = self.ids(actor, parent)
            return lambda row: row[column] in parents
        clients = self.ids(actor, "client_profiles")
        if table == "documents":
            return lambda row: (
                row["client_id"] in clients
                if row["client_id"]
                else row["layer"] != "agent" or row["record_id"] in agents
            )
        return lambda row: row["client_id"] in clients if row["client_id"] else row["agent_id"] in agents


PARENTS = {
    "client_scores": ("client_profiles", "client_id"),
    "client_merges": ("client_profiles", "kept_id"),
    "deals": ("client_profiles", "client_id"),
    "deal_stages": ("deals", "deal_id"),
    "conversations": ("client_profiles", "client_id"),
    "contacts": ("client_profiles", "client_id"),
    "call_skips": ("client_profiles", "client_id"),
    "utterances": ("conversations", "conversation_id"),
    "gpt_feedback": ("gpt_responses", "response_id"),
    "document_embeddings": ("documents", "document_id"),
    "import_rows": ("imports", "import_id"),
    "import_changes": ("imports", "import_id"),
}


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a row with its ids as text."""
    return {name: str(v) if v is not None and name.endswith("_id") else v for name, v in row.items()}


def _secrets_of(table: str, key: Key, row: Row) -> Iterator[str]:
    if table != "agent_activity":
        yield key[0]
    for name in ("name", "phone", "email"):
        for mark in MARK.findall(row.get(name) or ""):
            yield mark.upper()
