"""Breaks each policy in turn, and everything else that keeps rows apart, to see that the checks notice."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from benchmarks.rights.draw import Complaint
from benchmarks.rights.oracle import COLUMNS
from benchmarks.rights.probes import Probes
from benchmarks.rights.trial import Trial
from benchmarks.rights.world import Place
from estate.core import db
from estate.core.security import Actor

__all__ = ["Mutant", "caught", "other_mutants", "policy_mutants", "state"]

ROUNDS = 2
PROBES_A_REQUEST = 12

POLICIES = text("""
SELECT tablename, policyname, cmd, array_to_string(roles, ', ') AS roles, qual, with_check FROM pg_policies
WHERE schemaname = 'public' ORDER BY tablename, policyname
""")
FUNCTIONS = text("""
SELECT p.proname, pg_get_functiondef(p.oid), p.proowner::regrole::text, p.prosrc FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef ORDER BY p.proname
""")
FORCED = text("SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = ANY(:tables)")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One thing that is broken, and how it is mended again.

    Parameters
    ----------
    name : str
        What is broken.
    statements, mended : tuple of str
        What the owner of the tables does, and undoes.
    replaced : callable or None
        Takes the place of `estate.core.db.act_as`.
    may_leak : bool
        Whether showing too much is a way to be caught; without it that is what must not happen.
    """

    name: str
    statements: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()
    replaced: Callable[[Session, Actor], None] | None = None
    may_leak: bool = True

    @contextmanager
    def planted(self, place: Place) -> Iterator[None]:
        """Break it within the block."""
        before = state(place)
        _do(place, self.statements)
        try:
            with patch.object(db, "act_as", self.replaced) if self.replaced else nullcontext():
                yield
        finally:
            _do(place, self.mended)
        if state(place) != before:
            raise AssertionError(f"{self.name} was not mended")


def state(place: Place) -> list[Any]:
    """Return the policies, the functions and what is switched on."""
    with place.owner.connect() as connection:
        forced = connection.execute(FORCED, {"tables": list(COLUMNS)}).all()
        return [
            sorted(map(tuple, rows)) for rows in (connection.execute(POLICIES), connection.execute(FUNCTIONS), forced)
        ]


def caught(mutant: Mutant, trial: Trial, probes: Probes) -> bool:
    """Try requests and probes in random order until something is wrong; tell whether it ever was.

    A mutant under which nobody may see more is caught by what is refused, and lives when anything leaks.
    """
    with mutant.planted(trial.oracle.place):
        for complaint in _complaints(trial, probes):
            if mutant.may_leak:
                return True
            if complaint[0] == "leak":
                return False
            return not any(kind == "leak" for kind, _ in _leaks(trial, probes))
    return False


def _complaints(trial: Trial, probes: Probes) -> Iterator[Complaint]:
    for _ in range(ROUNDS):
        listed = probes.all()
        trial.rng.shuffle(listed)
        for place, probe in enumerate(listed):
            yield from probes.one(probe)
            if place % PROBES_A_REQUEST == 0:
                yield from trial.step()


def _leaks(trial: Trial, probes: Probes) -> Iterator[Complaint]:
    """Yield what every probe of one round says."""
    for probe in probes.all():
        yield from probes.one(probe)


def policy_mutants(place: Place) -> list[Mutant]:
    """Return every policy left out, loosened, and loosened only for what is written."""
    with place.owner.connect() as connection:
        policies = connection.execute(POLICIES).all()
    mutants = []
    for p in policies:
        name, whole = f"{p.tablename}.{p.policyname}", _create(p, p.qual, p.with_check)
        drop = f"DROP POLICY {p.policyname} ON {p.tablename}"
        mutants.append(Mutant(f"{name} dropped", (drop,), (whole,)))
        if p.policyname == "all_rows":
            continue
        loose = _create(p, p.qual and "true", p.with_check and "true")
        if loose != whole:
            mutants.append(Mutant(f"{name} loosened", (drop, loose), (drop, whole)))
        if p.qual and p.with_check:
            mutants.append(Mutant(f"{name} unchecked", (drop, _create(p, p.qual, "true")), (drop, whole)))
    return mutants


def _create(policy: Any, qual: str | None, with_check: str | None) -> str:
    parts = [f"CREATE POLICY {policy.policyname} ON {policy.tablename} FOR {policy.cmd} TO {policy.roles}"]
    parts += [f"USING ({qual})"] if qual else []
    parts += [f"WITH CHECK ({with_check})"] if with_check else []
    return " ".join(parts)


def other_mutants(place: Place) -> list[Mutant]:
    """Return what is broken besides the policies."""
    mutants = []
    for table in COLUMNS:
        alter = f"ALTER TABLE {table}"
        mutants.append(
            Mutant(
                f"{table} not forced", (f"{alter} NO FORCE ROW LEVEL SECURITY",), (f"{alter} FORCE ROW LEVEL SECURITY",)
            )
        )
        mutants.append(
            Mutant(
                f"{table} disabled", (f"{alter} DISABLE ROW LEVEL SECURITY",), (f"{alter} ENABLE ROW LEVEL SECURITY",)
            )
        )
    with place.owner.connect() as connection:
        functions = connection.execute(FUNCTIONS).all()
    for name, definition, owner, _ in functions:
        start = definition.index("(\n    (SELECT current_setting('estate.actor_role'")
        open_to_all = definition[:start] + "true" + definition[_closing(definition, start) + 1 :]
        mutants.append(Mutant(f"{name} without its filter", _as(owner, open_to_all), _as(owner, definition)))
    return [*mutants, Mutant("act_as states no agent", replaced=_act_as_nobody, may_leak=False)]


def _closing(definition: str, start: int) -> int:
    """Return where the bracket closes that opens at a place."""
    depth = 0
    for place in range(start, len(definition)):
        depth += {"(": 1, ")": -1}.get(definition[place], 0)
        if depth == 0:
            return place
    raise ValueError("the filter of a search function has changed its form")


def _as(role: str, definition: str) -> tuple[str, ...]:
    """Replace a function as the role that owns it."""
    granted = f"GRANT CREATE ON SCHEMA public TO {role}", f"REVOKE CREATE ON SCHEMA public FROM {role}"
    return granted[0], f"SET LOCAL ROLE {role}", definition, "RESET ROLE", granted[1]


def _act_as_nobody(session: Session, actor: Actor) -> None:
    """Take on the role, and forget to say on whose behalf."""
    _ACT_AS(session, Actor(actor.role, caller=actor.caller))


_ACT_AS = db.act_as


def _do(place: Place, statements: Sequence[str]) -> None:
    with place.owner.begin() as connection:
        for statement in statements:
            _run(connection, statement)


def _run(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement.replace("%", "%%"))
