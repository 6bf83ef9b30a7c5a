"""What a writer knows of each event it sent: acknowledged, refused, or unknown."""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from benchmarks.harness.world import Event, Malformed

__all__ = ["Journal", "Kind", "Sent", "State"]

Kind = Literal["event", "malformed", "conflict"]
State = Literal["ok", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Sent:
    """One row of a request: what it is meant to be, and what goes over the wire."""

    kind: Kind
    content: Event
    malformed: Malformed | None = None

    @property
    def event_id(self) -> str:
        """Id of the event."""
        return str(self.content["event_id"])


@dataclass(slots=True)
class Journal:
    """The journal of one writer, or of all together.

    Parameters
    ----------
    events : dict
        Id to content of every good event that was sent.
    states : dict
        Id to what the sender knows. Once acknowledged, always acknowledged; once unknown, only an
        acknowledgement ends the doubt.
    malformed, conflicts : list
        Rows that were answered as what they are.
    wrong : Counter
        Answers that contradict what was sent, by a name for the contradiction.
    acks : list of (float, float)
        When an acknowledged request was sent and answered, in seconds of `time.time`.
    """

    events: dict[str, Event] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    malformed: list[Malformed] = field(default_factory=list)
    conflicts: list[Event] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    acks: list[tuple[float, float]] = field(default_factory=list)
    acknowledged: int = 0
    resent: int = 0

    def settle(self, rows: Sequence[Sent], statuses: Sequence[str] | None, *, refused: bool = False) -> None:
        """Write down what a request came to.

        Parameters
        ----------
        rows : sequence of Sent
            What was sent.
        statuses : sequence of str or None
            The answer for each row; None when there was none that can be trusted.
        refused : bool
            The whole request was refused before anything was done.
        """
        if statuses is None:
            for row in rows:
                self._without_answer(row, "failed" if refused else "unknown")
            return
        for row, status in zip(rows, statuses, strict=True):
            self._answered(row, status)

    def _without_answer(self, row: Sent, state: State) -> None:
        if row.kind != "event":
            return
        self.events.setdefault(row.event_id, row.content)
        if self.states.get(row.event_id) in (None, "failed"):
            self.states[row.event_id] = state

    def _answered(self, row: Sent, status: str) -> None:
        if row.kind == "malformed":
            self._expect(row, status, "rejected")
            if row.malformed is not None:
                self.malformed.append(row.malformed)
        elif row.kind == "conflict":
            self._expect(row, status, "conflict")
            self.conflicts.append(row.content)
        else:
            self._event_answered(row, status)

    def _event_answered(self, row: Sent, status: str) -> None:
        self.events.setdefault(row.event_id, row.content)
        before = self.states.get(row.event_id)
        if status not in ("created", "duplicate"):
            self.wrong[f"good event answered {status}"] += 1
            self._without_answer(row, "failed")
            return
        if before == "ok" and status == "created":
            self.wrong["created twice"] += 1
        if before is None and status == "duplicate":
            self.wrong["duplicate at first sight"] += 1
        if before != "ok":
            self.acknowledged += 1
        self.states[row.event_id] = "ok"

    def _expect(self, row: Sent, status: str, wanted: str) -> None:
        if status != wanted:
            self.wrong[f"{row.kind} answered {status}"] += 1

    def known(self, state: State) -> set[str]:
        """Return the ids in a state."""
        return {event_id for event_id, known in self.states.items() if known == state}

    @classmethod
    def merged(cls, journals: Sequence["Journal"]) -> "Journal":
        """Put the journals of writers, who share no ids, together."""
        whole = cls()
        for journal in journals:
            whole.events |= journal.events
            whole.states |= journal.states
            whole.malformed += journal.malformed
            whole.conflicts += journal.conflicts
            whole.wrong += journal.wrong
            whole.answers += journal.answers
            whole.acks += journal.acks
            whole.acknowledged += journal.acknowledged
            whole.resent += journal.resent
        whole.acks.sort()
        return whole


@dataclass(slots=True)
class Sample:
    """Ids that were just acknowledged, for whoever looks them up from outside."""

    _ids: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, event_id: str) -> None:
        """Add an id."""
        with self._lock:
            self._ids.append(event_id)

    def take(self) -> list[str]:
        """Return and forget the ids."""
        with self._lock:
            taken, self._ids = self._ids, []
        return taken
