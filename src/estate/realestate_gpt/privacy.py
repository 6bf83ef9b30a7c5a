"""Gives out, and erases, what the assistant holds about a client, and what it told others of that client."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from estate.core.canonical import content_hash
from estate.core.db import whole_house
from estate.core.documents import document_jobs
from estate.core.outbox import enqueue
from estate.core.traces import ERASED, pseudonym
from estate.realestate_gpt import crud
from estate.realestate_gpt.models import GptResponse
from estate.realestate_gpt.records import Key

__all__ = ["erase_client", "export_client", "hidden_records", "make_anew"]


def hidden_records(session: Session, records: Iterable[Mapping[str, Any]]) -> set[Key]:
    """Return the records of replies that are still there and that the actor of the session may not see."""
    keys = {(record["layer"], record["id"]) for record in records}
    seen = crud.documented(session, keys)
    with whole_house(session):
        return crud.documented(session, keys) - seen


def export_client(session: Session, client_id: uuid.UUID) -> dict[str, list[dict[str, Any]]]:
    """Return the rows about a client, whole, by table.

    A reply that stands on records which the actor may not see is left out: somebody else had asked, who may see more,
    and whose question may name them.

    Raises
    ------
    TooLarge
        See `estate.core.export.held`.
    """
    rows = crud.rows_about(session, client_id)
    hidden = hidden_records(session, (record for reply in rows["gpt_responses"] for record in reply["records"]))
    kept = {
        reply["response_id"]
        for reply in rows["gpt_responses"]
        if not any((record["layer"], record["id"]) in hidden for record in reply["records"])
    }
    for table in ("gpt_responses", "gpt_feedback"):
        rows[table] = [row for row in rows[table] if row["response_id"] in kept]
    return rows


def erase_client(session: Session, client_id: uuid.UUID, record_ids: Collection[str]) -> dict[str, int]:
    """Erase replies about a client and the documents of its records; return how many rows of each table.

    Replies about others that were made with one of the records lose the record and what was said of it.

    Parameters
    ----------
    record_ids : collection of str
        Of the client, its deals, conversations and events.
    """
    counts = crud.delete_responses(session, client_id)
    counts["documents"] = crud.delete_documents_of(session, record_ids)
    for reply in crud.responses_keeping(session, record_ids):
        _forget(reply, frozenset(record_ids))
    session.flush()
    return counts


def make_anew(session: Session, keys: Iterable[Key]) -> None:
    """Delete documents whose records have changed, to be written again."""
    wanted = set(keys)
    crud.delete_documents(session, wanted)
    enqueue(session, [job for layer, record_id in sorted(wanted) for job in document_jobs(layer, [record_id])])


def _forget(reply: GptResponse, gone: frozenset[str]) -> None:
    said = [claim["claim"] for claim in reply.reasoning if any(cite["id"] in gone for cite in claim["cites"])]
    for sentence in sorted(said, key=len, reverse=True):
        reply.text = reply.text.replace(sentence, ERASED)
    reply.reasoning = [
        {
            "claim": ERASED if claim["claim"] in said else claim["claim"],
            "cites": [cite | {"id": _other(cite["id"], gone)} for cite in claim["cites"]],
        }
        for claim in reply.reasoning
    ]
    reply.used_records = [used | {"ids": [_other(one, gone) for one in used["ids"]]} for used in reply.used_records]
    reply.records = [_emptied(record) if record["id"] in gone else record for record in reply.records]
    reply.basis = _renamed(reply.basis, gone)


def _renamed(value: Any, gone: frozenset[str]) -> Any:
    """Return JSON in which the ids of erased records are other ones."""
    if isinstance(value, dict):
        return {key: _renamed(inner, gone) for key, inner in value.items()}
    if isinstance(value, list):
        return [_renamed(inner, gone) for inner in value]
    return _other(value, gone) if isinstance(value, str) else value


def _other(record_id: str, gone: frozenset[str]) -> str:
    return pseudonym(record_id) if record_id in gone else record_id


def _emptied(record: Mapping[str, Any]) -> dict[str, Any]:
    nothing: dict[str, Any] = {}
    return {**record, "id": pseudonym(record["id"]), "content_hash": content_hash(nothing).hex(), "fields": nothing}
