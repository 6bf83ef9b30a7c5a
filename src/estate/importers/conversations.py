"""Imports two-person persuasion dialogues: agents, clients, one deal and one conversation a dialogue.

A dialogue whose participants cannot be read makes no deal; their rows are refused, and so is what was said.

The persuader is the agent, the persuadee the client; the deal is won when the persuadee gave anything.
Amounts are a few dollars and no price, so deals carry no value.
"""

import datetime as dt
import math
import re
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path

from estate.agent import service as agents
from estate.behavior import service as behavior
from estate.client import service as clients
from estate.core.errors import Invalid
from estate.core.ingest import SourceRow
from estate.importers.batches import Progress, Report, derived_id, send
from estate.importers.files import CsvRow, read_csv

__all__ = ["import_dialogues"]

SOURCE = "persuasion"
INFO_FILE = "full_info.csv"
TURN_COLUMNS = ("Unit", "Turn", "B4", "B2")
INFO_COLUMNS = ("B2", "B3", "B4", "B6")
SPEAKERS = {"0": "agent", "1": "client"}
STAMP = re.compile(r"\d{8}-\d{6}")
TURN_LASTS = dt.timedelta(seconds=30)  # The file has no clock; half a minute keeps the turns in order.


@dataclass(frozen=True, slots=True)
class _Dialogue:
    """Who spoke in a dialogue, and what came of it."""

    key: str
    agent: str
    client: str
    started_at: dt.datetime
    gave: float

    @property
    def agent_id(self) -> uuid.UUID:
        return derived_id(SOURCE, "agent", self.agent)

    @property
    def client_id(self) -> uuid.UUID:
        return derived_id(SOURCE, "client", self.client)

    @property
    def deal_id(self) -> uuid.UUID:
        return derived_id(SOURCE, "deal", self.key)


def import_dialogues(path: Path, progress: Progress) -> Report:
    """Import a file of dialogues; importing it again changes nothing.

    Parameters
    ----------
    path : Path
        ``full_dialog.csv``; ``full_info.csv`` must stand beside it.
    progress : callable
        Called with the number of dialogues done.

    Raises
    ------
    Invalid
        When the file of participants is missing.
    """
    info = path.with_name(INFO_FILE)
    if not info.is_file():
        raise Invalid(f"{INFO_FILE} must stand beside {path.name}: it tells who spoke and what came of it.")
    report = Report()
    dialogues, refused = _dialogues(info)
    send(report, "agents", agents.ingest, _people(dialogues, "agent"), info.name, _quiet)
    send(report, "clients", clients.ingest, _people(dialogues, "client"), info.name, _quiet)
    send(report, "deals", behavior.ingest_deals, chain(_deals(dialogues), refused), info.name, _quiet)
    send(report, "conversations", behavior.ingest_conversations, _talks(path, dialogues), path.name, progress)
    return report


def _quiet(rows: int) -> None:
    """Report no progress: people and deals take less than a second."""


def _dialogues(info: Path) -> tuple[dict[str, _Dialogue], list[SourceRow]]:
    """Return the dialogues by their key, and the rows that tell of none."""
    speakers: dict[str, dict[str, CsvRow]] = defaultdict(dict)
    dialogues: dict[str, _Dialogue] = {}
    refused: list[SourceRow] = []
    for row in read_csv(info, INFO_COLUMNS):
        if row.refusal is not None:
            refused.append(SourceRow(row.number, {}, row.raw, row.refusal))
        else:
            speakers[row.fields["B2"]][row.fields["B4"]] = row
    for key, rows in sorted(speakers.items()):
        try:
            dialogues[key] = _dialogue(key, rows)
        except ValueError as error:
            refused += [SourceRow(row.number, {}, row.raw, str(error)) for row in rows.values()]
    return dialogues, refused


def _dialogue(key: str, rows: Mapping[str, CsvRow]) -> _Dialogue:
    if not rows.keys() >= SPEAKERS.keys():
        raise ValueError("B4: the dialogue needs a row for 0, the persuader, and one for 1, the persuadee")
    agent, client = (rows[code].fields for code in SPEAKERS)
    return _Dialogue(key, agent["B3"], client["B3"], _started_at(key), _given(client["B6"]))


def _started_at(key: str) -> dt.datetime:
    """Return when a dialogue took place, as its name tells."""
    try:
        return dt.datetime.strptime(STAMP.findall(key)[0], "%Y%m%d-%H%M%S").replace(tzinfo=dt.UTC)
    except (IndexError, ValueError):
        raise ValueError("B2: must hold a time such as 20180904-045349") from None


def _given(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = math.nan
    if not math.isfinite(amount):
        raise ValueError("B6 of the persuadee: must be a number")
    return amount


def _people(dialogues: dict[str, _Dialogue], role: str) -> Iterator[SourceRow]:
    first_seen: dict[str, _Dialogue] = {}
    for dialogue in dialogues.values():
        first_seen.setdefault(getattr(dialogue, role), dialogue)
    for number, (name, dialogue) in enumerate(first_seen.items()):
        content = {
            f"{role}_id": str(getattr(dialogue, f"{role}_id")),
            "name": f"{role.capitalize()} {name}",
            "updated_at": dialogue.started_at.isoformat(),
        }
        if role == "client":
            content["owner_agent_id"] = str(dialogue.agent_id)
        yield SourceRow(number, content)


def _deals(dialogues: dict[str, _Dialogue]) -> Iterator[SourceRow]:
    for number, dialogue in enumerate(dialogues.values()):
        closed_at = (dialogue.started_at + dt.timedelta(hours=1)).isoformat()
        content = {
            "deal_id": str(dialogue.deal_id),
            "agent_id": str(dialogue.agent_id),
            "client_id": str(dialogue.client_id),
            "stage": "won" if dialogue.gave > 0 else "lost",
            "outcome": "won" if dialogue.gave > 0 else "lost",
            "opened_at": dialogue.started_at.isoformat(),
            "closed_at": closed_at,
            "updated_at": closed_at,
        }
        yield SourceRow(number, content)


def _talks(path: Path, dialogues: dict[str, _Dialogue]) -> Iterator[SourceRow]:
    for key, group in groupby(read_csv(path, TURN_COLUMNS), lambda row: row.fields.get("B2", "")):
        rows = list(group)
        raw = b"".join(row.raw for row in rows)
        refusal = next((row.refusal for row in rows if row.refusal), None)
        if refusal is None and key not in dialogues:
            refusal = "B2: the file of participants tells of no such dialogue that can be read"
        content = {} if refusal else _talk(dialogues[key], rows)
        yield SourceRow(rows[0].number, content, raw, refusal)


def _talk(dialogue: _Dialogue, rows: list[CsvRow]) -> dict[str, object]:
    turns = [
        {
            "speaker": SPEAKERS.get(row.fields["B4"], row.fields["B4"]),
            "text": row.fields["Unit"],
            "said_at": (dialogue.started_at + i * TURN_LASTS).isoformat(),
        }
        for i, row in enumerate(rows)
    ]
    return {
        "conversation_id": str(derived_id(SOURCE, "conversation", dialogue.key)),
        "agent_id": str(dialogue.agent_id),
        "client_id": str(dialogue.client_id),
        "deal_id": str(dialogue.deal_id),
        "channel": "chat",
        "started_at": dialogue.started_at.isoformat(),
        "turns": turns,
    }
