"""Keeps what a reply was made from, and makes it again: the same text, or which record is no longer the same."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from estate.core.canonical import content_hash
from estate.realestate_gpt import composer, crud
from estate.realestate_gpt.answering import answer
from estate.realestate_gpt.confidence import CALIBRATION, days_at_risk, features
from estate.realestate_gpt.errors import ResponseNotFound
from estate.realestate_gpt.evidence import FLAGS, MANY, ONE, Evidence
from estate.realestate_gpt.facts import FACTS, UNTOLD
from estate.realestate_gpt.intent import Intent
from estate.realestate_gpt.layers import documents_of
from estate.realestate_gpt.models import GptResponse
from estate.realestate_gpt.naming import Match
from estate.realestate_gpt.records import Key, Record

__all__ = ["ChangedRecord", "Replay", "basis_of", "doubts", "judged", "replayed", "snapshots"]

SCORED = frozenset({"qualification_score"})  # Shown as computed for the reply; the stored one is of another moment.


@dataclass(frozen=True, slots=True)
class ChangedRecord:
    """A record that the reply cites and that is not now what it was then.

    Parameters
    ----------
    layer, id : str
        Where it is.
    fields : tuple of str
        What differs; empty when the record is gone.
    kept_whole : bool
        False when what was kept of it does not have the hash that it was kept with.
    """

    layer: str
    id: str
    fields: tuple[str, ...] = ()
    kept_whole: bool = True


@dataclass(frozen=True, slots=True)
class Replay:
    """A reply made again.

    Parameters
    ----------
    response_id : uuid.UUID
        The reply.
    text : str
        As composed now from the records that were kept.
    same : bool
        Whether it is the stored text, byte for byte.
    composer_version : str
        Of the composer that wrote the reply; with another one, or where a model wrote, the text may differ.
    changed : tuple of ChangedRecord
        Cited records that have changed since.
    """

    response_id: uuid.UUID
    text: str
    same: bool
    composer_version: str
    changed: tuple[ChangedRecord, ...]


def basis_of(evidence: Evidence, note: Sequence[str] = ()) -> dict[str, Any]:
    """Return what a reply was composed from, but for the records themselves, as JSON; `note` is said beside it."""
    roles: dict[str, Any] = {role: [list(record.key) for record in getattr(evidence, role)] for role in MANY}
    roles |= {role: list(record.key) for role in ONE if (record := getattr(evidence, role)) is not None}
    match = evidence.match
    return {
        "intents": [intent.value for intent in evidence.intents],
        "fact": evidence.fact.key if evidence.fact else None,
        "second": evidence.second.key if evidence.second else None,
        "match": {"likeness": match.likeness, "coverage": match.coverage, "margin": match.margin},
        **{name: getattr(evidence, name) for name in FLAGS},
        "today": evidence.today.isoformat(),
        "note": list(note),
        "roles": roles,
        "versions": {"composer": composer.VERSION, "confidence": CALIBRATION.version},
    }


def snapshots(session: Session, records: Iterable[Record]) -> list[dict[str, Any]]:
    """Return records as JSON, each with the version of its document and the hash of its fields."""
    kept = list(records)
    versions = crud.versions(session, [record.key for record in kept])
    return [
        {
            "layer": record.layer,
            "id": record.id,
            "version": versions.get(record.key),
            "content_hash": content_hash(dict(record.fields)).hex(),
            "fields": dict(record.fields),
        }
        for record in kept
    ]


def doubts(session: Session, response_id: uuid.UUID) -> tuple[dict[str, float], int]:
    """Return what spoke against a stored reply, see `confidence.features`, and the days since its record was confirmed.

    Raises
    ------
    ResponseNotFound
        When there is no such reply.
    """
    row = crud.get_response(session, response_id)
    if row is None:
        raise ResponseNotFound("No reply has this id.")
    return _doubts(row)


def judged(session: Session) -> list[tuple[dict[str, float], int, bool]]:
    """Return the doubts of every answered reply that a person judged by now, and whether it was not called wrong."""
    return [(*_doubts(row), verdict != "wrong") for row, verdict in crud.judged(session)]


def _doubts(row: GptResponse) -> tuple[dict[str, float], int]:
    evidence = _evidence(row.basis, _kept(row))
    judgement, verified = answer(evidence)
    return features(judgement, evidence, verified), days_at_risk(evidence)


def _kept(row: GptResponse) -> dict[Key, Any]:
    return {(record["layer"], record["id"]): record for record in row.records}


def replayed(session: Session, row: GptResponse) -> Replay:
    """Compose a stored reply again from what was kept, and compare its records with those of now."""
    kept = _kept(row)
    judgement, verified = answer(_evidence(row.basis, kept))
    text = composer.render(verified.kept, (*judgement.missing, *row.basis["note"]))
    cited: list[Key] = [(used["layer"], record_id) for used in row.used_records for record_id in used["ids"]]
    live = documents_of(session, cited)
    changed = [_compared(key, kept[key], live[key].fields if key in live else None) for key in cited]
    return Replay(
        row.response_id, text, text == row.text, row.composer_version, tuple(one for one in changed if one is not None)
    )


def _compared(key: Key, kept: Mapping[str, Any], live: Mapping[str, Any] | None) -> ChangedRecord | None:
    whole = content_hash(dict(kept["fields"])).hex() == kept["content_hash"]
    if live is None:
        return ChangedRecord(*key, (), whole)
    differing = tuple(sorted(n for n in live if n not in SCORED and live[n] != kept["fields"].get(n)))
    return ChangedRecord(*key, differing, whole) if differing or not whole else None


def _evidence(basis: Mapping[str, Any], kept: Mapping[Key, Mapping[str, Any]]) -> Evidence:
    def record(key: list[str]) -> Record:
        layer, record_id = key
        return Record(layer, record_id, 1.0, kept[layer, record_id]["fields"])

    roles: dict[str, Any] = {
        role: record(keys) if role in ONE else tuple(map(record, keys)) for role, keys in basis["roles"].items()
    }
    return Evidence(
        **roles,
        intents=tuple(map(Intent, basis["intents"])),
        fact={**FACTS, **UNTOLD}.get(basis["fact"] or ""),
        second={**FACTS, **UNTOLD}.get(basis.get("second") or ""),
        match=Match(**basis["match"]),
        **{name: basis[name] for name in FLAGS if name in basis},
        today=dt.date.fromisoformat(basis["today"]),
    )
