"""Imports of dirty files through the API, held against the truth; called by `estate bench console`.

Ten files whose every row is known by construction are brought, taken, brought again, and taken back. A mismatch is a
row that became something else than it should, a record that differs from the truth in any field, a record that a
second import changed, or counts that do not add up; of the undo, a row of any table that is not as it was before.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from benchmarks.dirty_files import DirtyFile, corpus
from benchmarks.harness.stack import API_KEY, passing_postgres
from estate import registry
from estate.api.app import create_app
from estate.core.db import Database, unit_of_work, use_database
from estate.core.migrate import upgrade
from estate.core.queue import drain_all
from estate.core.security import Actor
from estate.core.settings import get_settings

__all__ = ["Trial", "measure"]

SEED = 7
ROWS, QUICK_ROWS = 200, 24
DATABASE = "console_imports"
RECORDS = (
    "client_profiles",
    "properties",
    "projects",
    "agent_activity",
    "teams",
    "market_snapshots",
    "market_insights",
)
MOVING: Mapping[str, tuple[str, ...]] = {
    "market_insights": ("updated_at",),  # Whoever keeps answers about the market has to see that it changed.
    "properties": ("recount_at",),  # A day or so after the count.
}
HEADERS = {"X-API-Key": API_KEY}
SETTINGS = {
    "ESTATE_ENVIRONMENT": "test",
    "ESTATE_BOOTSTRAP_API_KEY": API_KEY,
    "ESTATE_KEY_PEPPER": "estate-bench-pepper",
    "ESTATE_RATE_LIMIT_ENABLED": "false",
}


def measure(data: Path | None = None, *, quick: bool = False) -> dict[str, Any]:
    """Bring the ten files, and those of a folder.

    Parameters
    ----------
    data : Path or None
        A folder of CSV files of other origin, of which only the counting law, the second import and the undo are
        checked.
    quick : bool
        Fewer rows a file.

    Returns
    -------
    dict
        ``import_mismatches``, ``undo_mismatches``, ``files`` and ``rows``.
    """
    with _served() as caller:
        trial = Trial(caller, drain_all)
        for file in corpus(Random(SEED), QUICK_ROWS if quick else ROWS):  # noqa: S311  (no secret)
            trial.run(file)
        for path in sorted(data.glob("*.csv")) if data else ():
            trial.run_unknown(path)
        return trial.metrics()


@contextmanager
def _served() -> Iterator[TestClient]:
    """Call the API in this process, on an empty database that is gone afterwards; its work is done by `drain_all`."""
    os.environ |= SETTINGS
    os.environ.pop("ESTATE_REDIS_URL", None)
    get_settings.cache_clear()
    registry.register()
    with passing_postgres() as postgres:
        postgres.create(DATABASE)
        url = postgres.url(DATABASE).render_as_string(hide_password=False)
        upgrade(url)
        with use_database(Database.connect(url, "worker")), TestClient(create_app(), headers=HEADERS) as client:
            yield client


class Trial:
    """Brings files and counts what is not as it should be.

    Parameters
    ----------
    caller : TestClient
        Of an administrator.
    drain : callable
        Does all work that waits.
    """

    def __init__(self, caller: TestClient, drain: Callable[[], int]) -> None:
        self.caller = caller
        self.drain = drain
        self.rows = 0
        self.files = 0
        self.import_mismatches: list[str] = []
        self.undo_mismatches: list[str] = []

    def metrics(self) -> dict[str, Any]:
        """Return the figures; the first mismatches stand beside them in words."""
        return {
            "import_mismatches": len(self.import_mismatches),
            "undo_mismatches": len(self.undo_mismatches),
            "files": self.files,
            "rows": self.rows,
            "mismatches": (self.import_mismatches + self.undo_mismatches)[:20],
        }

    def run(self, file: DirtyFile) -> None:
        """Bring a file whose truth is known, and check all of it."""
        self.drain()
        before = snapshot()
        taken = self.take(file.name, file.content, file.kind, file.said)
        self._same(file.name, "counts", _counts(taken), {**dict.fromkeys(_counts(taken), 0), **file.counts})
        self._same(file.name, "rejected lines", self._lines(taken, "rejected"), file.rejected)
        for field, shown, truth in self._differences(file):
            self.import_mismatches.append(f"{file.name}: {field} is {shown!r}, the truth {truth!r}")
        self._again_and_back(file.name, file.content, file.kind, file.said, taken, before)

    def run_unknown(self, path: Path) -> None:
        """Bring a file of which only the laws are known."""
        self.drain()
        before, content = snapshot(), path.read_bytes()
        taken = self.take(path.name, content, None, {})
        self._again_and_back(path.name, content, None, {}, taken, before)

    def take(self, name: str, content: bytes, kind: str | None, said: Mapping[str, Any]) -> dict[str, Any]:
        """Bring a file, say what is to be said and answer what is open, and take it."""
        self.files += 1
        query = {"filename": name} | ({"kind": kind} if kind else {})
        headers = {"Content-Type": "application/octet-stream"}
        brought = _ok(self.caller.post("/imports", params=query, content=content, headers=headers))
        place = f"/imports/{brought['import_id']}"
        self.rows += brought["counts"]["read"]
        if said:
            brought = _ok(self.caller.post(f"{place}/mapping", json=dict(said)))
        if brought["questions"]:
            brought = _ok(self.caller.post(f"{place}/mapping", json=_answers(brought)))
        _ok(self.caller.post(f"{place}/commit", json={}))
        self.drain()
        found: dict[str, Any] = _ok(self.caller.get(place))
        if not found["adds_up"] or found["state"] != "committed" or found["counts"]["waiting"]:
            self.import_mismatches.append(f"{name}: {found['counts']} after the commit")
        return found

    def _again_and_back(
        self,
        name: str,
        content: bytes,
        kind: str | None,
        said: Mapping[str, Any],
        taken: Mapping[str, Any],
        before: Any,
    ) -> None:
        after = snapshot()
        again = self.take(name, content, kind, said)
        if (n := again["counts"]["created"] + again["counts"]["updated"]) or snapshot() != after:
            self.import_mismatches.append(f"{name}: {n} rows changed something when they came again")
        for imported in (again, taken):
            self._undo(name, imported)
        for table, rows in (before - snapshot()).items():
            self.undo_mismatches.append(f"{name}: {rows} rows of {table} are not as they were")
        for table, rows in (snapshot() - before).items():
            self.undo_mismatches.append(f"{name}: {rows} rows of {table} are left")

    def _undo(self, name: str, imported: Mapping[str, Any]) -> None:
        place = f"/imports/{imported['import_id']}"
        _ok(self.caller.post(f"{place}/undo", json={}))
        self.drain()
        found = _ok(self.caller.get(place))
        if found["state"] != "undone" or found["undo"]["kept"] or found["undo"]["waiting"]:
            self.undo_mismatches.append(f"{name}: {found['state']}, {found['undo']}")

    def _same(self, name: str, what: str, found: Any, truth: Any) -> None:
        if found != truth:
            self.import_mismatches.append(f"{name}: {what} are {found}, the truth {truth}")

    def _lines(self, taken: Mapping[str, Any], status: str) -> frozenset[int]:
        rows = self._pages(f"/imports/{taken['import_id']}/rows", {"status": status})
        return frozenset(row["line"] for row in rows)

    def _pages(self, path: str, query: Mapping[str, Any]) -> Iterator[Any]:
        cursor: dict[str, str] = {}
        while True:
            page = _ok(self.caller.get(path, params={**query, "limit": "200", **cursor}))
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    def _differences(self, file: DirtyFile) -> Iterator[tuple[str, object, object]]:
        """Yield every field in which the records differ from the truth; a record too many or too few is one."""
        shown = {record[file.by]: record for record in self._records(file.kind)}
        truth = {record[file.by]: record for record in file.records}
        for name in shown.keys() ^ truth.keys():
            yield str(name), name in shown, name in truth
        for name in shown.keys() & truth.keys():
            for field, value in truth[name].items():
                if shown[name][field] != value:
                    yield f"{name} {field}", shown[name][field], value

    def _records(self, kind: str) -> list[dict[str, Any]]:
        if kind == "market":
            with unit_of_work(Actor.system(), read_only=True) as session:
                return [dict(row) for row in session.execute(SNAPSHOTS).mappings()]
        layer = {"clients": "client", "units": "property", "agents": "agent"}[kind]
        return list(self._pages(f"/{layer}/query", {}))


SNAPSHOTS = text("""
SELECT m.area_name || ' ' || s.observed_on AS key, s.observed_on::text, s.price_avg::text, s.sales_volume, s.currency
FROM market_snapshots s JOIN market_insights m USING (area_id)
""")


def _ok(answer: Any) -> Any:
    if answer.status_code >= 300:
        raise RuntimeError(f"{answer.request.url} answered {answer.status_code}: {answer.text[:500]}")
    return answer.json()


def _counts(imported: Mapping[str, Any]) -> dict[str, int]:
    return {name: n for name, n in imported["counts"].items() if name != "read"}


def _answers(imported: Mapping[str, Any]) -> dict[str, Any]:
    """Answer every question with its first option, as somebody may who knows no better: the laws hold all the same."""
    columns: dict[int, dict[str, Any]] = {}
    said: dict[str, Any] = {}
    for question in imported["questions"]:
        answer = question["options"][0]["value"] if question["options"] else "2026-01-01"
        if question["column"] is None:
            said[question["question"]] = answer
        else:
            columns.setdefault(question["column"], {"column": question["column"], "target": question["target"]})
            columns[question["column"]][question["question"]] = answer
    return said | {"columns": list(columns.values())}


def snapshot() -> Counter[str]:
    """Return a hash of every row of every table of records."""
    found: Counter[str] = Counter()
    with unit_of_work(Actor.system(), read_only=True) as session:
        for table in RECORDS:
            for row in _rows(session, table):
                found[f"{table} {hashlib.sha256(row.encode()).hexdigest()}"] += 1
    return found


def _rows(session: Session, table: str) -> Iterator[str]:
    statement = text(ROW.replace("/*table*/", table))
    yield from session.scalars(statement, {"moving": list(MOVING.get(table, ()))})


ROW = "SELECT CAST(to_jsonb(t) - CAST(:moving AS text[]) AS text) FROM /*table*/ t"
