"""The public verbs of the client layer."""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from estate.client import crud
from estate.client.crud import client_ids, forget_scores, merged_ids, scores_at
from estate.client.errors import ClientMerged, ClientNotFound
from estate.client.merging import SCORE_TOPIC, Merging, absorb, begin_merge, finish_merge, matches
from estate.client.models import ClientProfile, ClientScore
from estate.client.privacy import erase_profile, export_client, known_as, lock_client
from estate.client.schemas import ClientFilter, ClientIn, ClientOut, ClientsWanted, OverrideIn, ScoreMade
from estate.core.db import whole_house
from estate.core.documents import DocumentText, document_jobs
from estate.core.erasure import erased_ids
from estate.core.ingest import IngestResult, SourceRow, Stored, receipt_time
from estate.core.ingest import ingest as ingest_rows
from estate.core.json_text import json_text
from estate.core.outbox import Job, enqueue
from estate.core.paging import Page
from estate.core.settings import get_settings

__all__ = [
    "Merging",
    "begin_merge",
    "client_ids",
    "clients_of",
    "count_clients",
    "documents",
    "erase_profile",
    "export_client",
    "finish_merge",
    "forget_scores",
    "get_client",
    "ingest",
    "keep_clients",
    "known_as",
    "list_clients",
    "lock_client",
    "matches",
    "merged_ids",
    "override",
    "reached_by",
    "score_history",
    "score_jobs",
    "scores_at",
    "some_clients",
    "store_scores",
    "withdraw_consent",
]

NO_AGENT = "owner_agent_id: no such agent"
ERASED = "client_id: this client was erased"
MERGED = "client_id: this client was merged into one that is not yours"
RENAMED = {"qualification_score": "stated_score"}
FREE = ("interest", "location_targets", "objections")


def ingest(session: Session, rows: Iterable[SourceRow], *, source: str = "api") -> IngestResult:
    """Upsert clients in one transaction: absent keeps, null clears, a row older than the stored one is stale.

    A row of a client that was merged adds what the kept profile lacks, and a refusal to be contacted; the result
    names the kept client.
    """
    return ingest_rows(session, layer="client", model=ClientIn, rows=rows, store=_store, source=source)


def _store(session: Session, clients: Sequence[ClientIn]) -> list[Stored]:
    owners = crud.known_agents(session, {c.owner_agent_id for c in clients if c.owner_agent_id is not None})
    good = [i for i, c in enumerate(clients) if c.owner_agent_id is None or c.owner_agent_id in owners]
    kept = _hold(session, {clients[i].client_id for i in good})
    erased = erased_ids(session, {c.client_id for c in clients})  # After the lock: an erasure was waited for.
    out_of_reach = kept.keys() - _within_reach(session, kept)
    refused = dict.fromkeys(erased, ERASED) | dict.fromkeys(out_of_reach, MERGED)
    results = [Stored(str(c.client_id), "rejected", refused.get(c.client_id, NO_AGENT)) for c in clients]
    good = [i for i in good if clients[i].client_id not in refused]
    own = [i for i in good if clients[i].client_id not in kept]
    on_insert, now = {"currency": get_settings().default_currency}, receipt_time(session)
    statuses = crud.write_clients(session, [_row(clients[i], now) for i in own], on_insert)
    for i, status in zip(own, statuses, strict=True):
        results[i] = Stored(str(clients[i].client_id), status)
    for i in good:
        if (kept_id := kept.get(clients[i].client_id)) is not None:
            results[i] = _absorbed(session, kept_id, _row(clients[i], now))
    changed = sorted({stored.id for stored in results if stored.status in ("created", "updated")})
    enqueue(session, document_jobs("client", changed))
    enqueue(session, score_jobs(changed))
    return results


def _hold(session: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Lock clients against being merged; return who holds, locked as well, the history of those that were."""
    held: dict[uuid.UUID, uuid.UUID] | None = None
    while (kept := _kept(session, ids)) != held:
        crud.hold_clients(session, {*ids, *kept.values()})
        held = kept
    return kept


def _kept(session: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Return who holds the history of merged clients, also where the actor may not see it: none comes back to life."""
    with whole_house(session):
        return crud.kept_ids(session, ids)


def _within_reach(session: Session, kept: Mapping[uuid.UUID, uuid.UUID]) -> set[uuid.UUID]:
    """Return those merged clients whose history is with a client that the actor sees."""
    seen = crud.lock_clients(session, set(kept.values())) if kept else {}
    return {merged_id for merged_id, kept_id in kept.items() if kept_id in seen}


def _absorbed(session: Session, kept_id: uuid.UUID, row: Mapping[str, Any]) -> Stored:
    """Let a client take from the row of another that was merged into it."""
    changes = absorb(crud.lock_clients(session, [kept_id])[kept_id], row)
    crud.change_client(session, kept_id, changes)
    return Stored(str(kept_id), "updated" if changes else "stale")


def _row(client: ClientIn, now: dt.datetime) -> dict[str, Any]:
    """Return the columns that were given; where a column has no null, clearing restores its default."""
    row = {RENAMED.get(name, name): getattr(client, name) for name in client.model_fields_set}
    if "currency" in row:
        row["currency"] = client.currency or get_settings().default_currency
    if "do_not_contact" in row:
        row["do_not_contact"] = bool(client.do_not_contact)
    return row | {"updated_at": client.updated_at or now}


def list_clients(session: Session, wanted: ClientFilter) -> Page[ClientOut]:
    """Return a page of clients in the order of their ids.

    Raises
    ------
    ClientMerged
        When one client is asked for, by its id, that was merged into another; among several it is left out.
    """
    page = crud.page_clients(session, wanted, _compared_in(session, wanted))
    return Page(_out(page.items), page.next_cursor)


def count_clients(session: Session, wanted: ClientsWanted) -> int:
    """Return how many clients `list_clients` lists on all its pages.

    Raises
    ------
    ClientMerged
        See `list_clients`.
    """
    return crud.count_clients(session, wanted, _compared_in(session, wanted))


def _compared_in(session: Session, wanted: ClientsWanted) -> str | None:
    """Return the one currency in which budgets are compared, None where none are; refuse a client that was merged."""
    if len(wanted.client_id) == 1:
        _refuse_merged(session, *wanted.client_id)
    ranged = wanted.budget_min is not None or wanted.budget_max is not None
    return wanted.currency or (get_settings().default_currency if ranged else None)


def get_client(session: Session, client_id: uuid.UUID) -> ClientOut:
    """Return one client.

    Raises
    ------
    ClientNotFound
        When no client has this id.
    ClientMerged
        When it was merged into another, which the error names.
    """
    client = crud.get_client(session, client_id)
    if client is None:
        _refuse_merged(session, client_id)
        raise ClientNotFound("No client has this id.")
    return ClientOut.model_validate(client)


def keep_clients(session: Session, client_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Keep clients from being erased or merged until the transaction ends, and return those that are there by now."""
    return crud.keep_clients(session, client_ids)


def _refuse_merged(session: Session, client_id: uuid.UUID) -> None:
    if kept := crud.kept_ids(session, [client_id]):
        raise ClientMerged(kept[client_id])


def clients_of(session: Session, agent_id: uuid.UUID) -> list[ClientOut]:
    """Return the clients of one agent."""
    return _out(crud.clients_of(session, agent_id))


def some_clients(session: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, ClientOut]:
    """Return the clients of some ids in the order of their ids; one that is not known is absent."""
    return {client.client_id: client for client in _out(crud.clients(session, ids))}


def reached_by(session: Session, phones: Collection[str], emails: Collection[str]) -> list[ClientOut]:
    """Return the clients with one of some telephone numbers, or of some e-mail addresses in small letters."""
    return _out(crud.reached_by(session, phones, emails))


def score_jobs(client_ids: Iterable[str]) -> list[Job]:
    """Return the work that scores some clients."""
    return [Job(SCORE_TOPIC, client_id) for client_id in client_ids]


def _out(clients: Iterable[ClientProfile]) -> list[ClientOut]:
    return [ClientOut.model_validate(client) for client in clients]


def store_scores(session: Session, scores: Mapping[uuid.UUID, ScoreMade], now: dt.datetime) -> None:
    """Write the computed qualification scores and refresh the documents of those that changed.

    Parameters
    ----------
    scores : mapping
        Client to score; clients that are gone are left out.
    """
    changed = crud.store_scores(session, scores, now)
    enqueue(session, document_jobs("client", sorted(map(str, changed))))


def override(session: Session, stated: OverrideIn, stated_by: str, now: dt.datetime) -> ClientOut:
    """Keep what a person states of a client's chance beside the model's score.

    Raises
    ------
    ClientNotFound
        When no client has this id.
    """
    get_client(session, stated.client_id)
    crud.state_score(session, {**stated.model_dump(), "scored_at": now, "stated_by": stated_by})
    enqueue(session, document_jobs("client", [str(stated.client_id)]))
    session.flush()
    return get_client(session, stated.client_id)


def withdraw_consent(session: Session, client_id: uuid.UUID) -> bool:
    """Note that a client refused to be contacted; tell whether that was not on record yet.

    The profile is not newer by it: what the CRM reports of the rest is not stale.
    """
    stored = crud.lock_clients(session, [client_id])
    if client_id not in stored or stored[client_id]["contact_consent"] is False:
        return False
    crud.change_client(session, client_id, {"contact_consent": False})
    enqueue(session, document_jobs("client", [str(client_id)]))
    return True


def score_history(session: Session, client_id: uuid.UUID, most: int) -> Sequence[ClientScore]:
    """Return the stored and the stated scores of a client, the newest first."""
    return crud.score_history(session, client_id, most)


def documents(session: Session, record_ids: Collection[str]) -> list[DocumentText]:
    """Describe clients for search, without phone number and e-mail."""
    return [_document(client) for client in crud.clients(session, [uuid.UUID(record_id) for record_id in record_ids])]


def _document(client: ClientProfile) -> DocumentText:
    free = {name: json_text(getattr(client, name)) for name in FREE}
    score, stated = client.qualification_score, client.stated_score
    fields = {
        "name": client.name,
        "budget": None if client.budget is None else str(client.budget),
        "currency": client.currency,
        "decision_speed": client.decision_speed,
        "emotional_type": client.emotional_type,
        "qualification_score": None if score is None else float(score),
        "stated_score": None if stated is None else float(stated),
        "contact_consent": client.contact_consent,
        "do_not_contact": client.do_not_contact,
        "updated_at": client.updated_at.isoformat(),
        **{name: said or None for name, said in free.items()},
    }
    title = client.name or f"Client {client.client_id}"
    said = [f"{name.replace('_', ' ')}: {words}" for name, words in free.items() if words]
    text = f"Client {title}. " + ". ".join(said)
    own = client.client_id
    return DocumentText("client", str(own), title, text, fields, own, names=(client.name or "",))
