"""Draws what a request names: records that its caller may see, records of others, and ids that nobody has."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from benchmarks.rights.oracle import MARK, Oracle, Row
from estate.core.security import Actor

__all__ = ["OPERATIONS", "Call", "Complaint", "Draw", "Listed", "Operation", "operation"]

Hope = Literal["good", "hidden", "unknown"]
Complaint = tuple[Literal["leak", "refusal"], str]

SPOILED = 0.45
UNKNOWN = 0.3
NOBODY = "Q99999Z"


@dataclass(slots=True)
class Draw:
    """Draws the ids of one request; drawn again as a twin, what the caller may not see becomes what nobody has.

    Parameters
    ----------
    oracle : Oracle
        Who sees what.
    actor : Actor
        Who calls.
    seed : int
        The same seed draws the same.
    twin : bool
        Whether this is the repetition.
    """

    oracle: Oracle
    actor: Actor
    seed: int
    twin: bool = False
    hope: Hope = "good"
    sent: list[str] = field(default_factory=list)
    rng: Random = field(init=False)
    _ids: Random = field(init=False)
    _plan: Hope = field(init=False)

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)  # noqa: S311 (no secret)
        self._ids = Random(self.seed + (1 << 40) * (1 + self.twin))  # noqa: S311
        spoiled = self.rng.random() < SPOILED
        self._plan = "good" if not spoiled else "unknown" if self.rng.random() < UNKNOWN else "hidden"

    def new(self) -> str:
        """Return an id that nobody has."""
        made = str(uuid.UUID(int=self._ids.getrandbits(128), version=4))
        self.sent.append(made)
        return made

    def one(self, table: str, *, among: Callable[[Row], bool] | None = None) -> str:
        """Return the id of a record: most of the time of one that the caller may see."""
        spoil = self._plan if self.hope == "good" and self.rng.random() < 0.6 else "good"
        return self._found(table, spoil, among)

    def mine(self, table: str, *, among: Callable[[Row], bool] | None = None) -> str:
        """Return the id of a record that the caller may see; without one, an id that nobody has."""
        return self._found(table, "good", among)

    def taken(self, table: str) -> str:
        """Return the id of a record, often of one that the caller may not see."""
        theirs = self.rng.random() < 0.6 and bool(self.oracle.hidden(self.actor, table))
        return self._found(table, "hidden" if theirs else "good", None)

    def row(self, table: str, record_id: str) -> Row | None:
        """Return a record that the caller may see."""
        return self.oracle.rows[table][record_id,] if (record_id,) in self.oracle.seen(self.actor, table) else None

    def word(self, table: str) -> str:
        """Return what stands in the name of a record and nowhere else, whoever may see it."""
        _, row = self.rng.choice(sorted(self.oracle.rows[table].items()))
        marks = MARK.findall(row["name"] or "")
        word = marks[0] if marks else NOBODY
        self.sent.append(word)
        return word

    def _found(self, table: str, wanted: Hope, among: Callable[[Row], bool] | None) -> str:
        rows = self.oracle.rows[table]
        ids: Iterable[Any] = self.oracle.hidden(self.actor, table) if wanted == "hidden" else ()
        if wanted == "good":
            ids = sorted(self.oracle.seen(self.actor, table))
        fitting = [key[0] for key in ids if among is None or wanted == "hidden" or among(rows[key])]
        place = self.rng.random()  # The twin draws as often, so that all else stays the same.
        if not fitting:
            self.hope = "unknown" if self.hope == "good" else self.hope
            return self.new()
        if wanted == "hidden":
            self.hope = "hidden"
            if self.twin:
                return self.new()
        found: str = fitting[int(place * len(fitting))]
        self.sent.append(found)
        return found


@dataclass(frozen=True, slots=True)
class Listed:
    """A list that must be complete: the field of its items that names them, and what it should name."""

    name: str
    expected: frozenset[str]


@dataclass(frozen=True, slots=True)
class Call:
    """A request, and what its answer should be.

    Parameters
    ----------
    path : str
        With the ids of the path.
    params : mapping
        Of the query.
    body : object or None
        Sent as JSON by a POST.
    file : bytes or None
        Sent instead, as it is.
    listed : Listed or None
        What all pages together should hold.
    check : callable or None
        Says what is wrong with a good answer.
    statuses : tuple of int
        Of a good answer.
    refused : bool or None
        Whether it is refused although, or taken although not, all that it names can be seen; None: as the draw says.
    has_twin : bool
        Whether what is hidden must be answered as what nobody has.
    """

    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    file: bytes | None = None
    listed: Listed | None = None
    check: Callable[[Any], Iterable[Complaint]] | None = None
    statuses: tuple[int, ...] = (200,)
    refused: bool | None = None
    has_twin: bool = True


@dataclass(frozen=True, slots=True)
class Operation:
    """What can be called, who may call it, and how often it is."""

    name: str
    roles: frozenset[str]
    draw: Callable[[Draw], Call]
    weight: float

    @property
    def method(self) -> str:
        """HTTP method."""
        return self.name.split()[0]


OPERATIONS: list[Operation] = []


def operation(
    name: str, roles: Sequence[str], weight: float = 1.0
) -> Callable[[Callable[[Draw], Call]], Callable[[Draw], Call]]:
    """Register how an operation of the API is called."""

    def add(draw: Callable[[Draw], Call]) -> Callable[[Draw], Call]:
        OPERATIONS.append(Operation(name, frozenset(roles), draw, weight))
        return draw

    return add
