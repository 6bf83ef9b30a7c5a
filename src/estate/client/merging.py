"""Finds clients that are one person, and makes one client of two."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy.orm import Session

from estate.client import crud
from estate.client.errors import ClientNotFound, MergeConflict
from estate.client.schemas import ClientOut, Match, MergeIn, MergeOut
from estate.core.documents import document_jobs
from estate.core.errors import Invalid
from estate.core.outbox import Job, enqueue
from estate.core.paging import Page

__all__ = ["SCORE_TOPIC", "Merging", "absorb", "begin_merge", "finish_merge", "matches"]

SCORE_TOPIC = "intelligence.score"
FILLED = (
    "name",
    "interest",
    "location_targets",
    "objections",
    "decision_speed",
    "emotional_type",
    "stated_score",
    "owner_agent_id",
    "phone",
    "email",
    "country",
)
COMPUTED = ("name_key",)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Merging:
    """A merge that was begun: both profiles are locked.

    Parameters
    ----------
    keep, merge : mapping
        Columns of the profile that stays, and of the one that goes.
    """

    keep: Row
    merge: Row

    @property
    def keep_id(self) -> uuid.UUID:
        """Who stays."""
        return cast(uuid.UUID, self.keep["client_id"])

    @property
    def merge_id(self) -> uuid.UUID:
        """Who goes."""
        return cast(uuid.UUID, self.merge["client_id"])


def matches(session: Session, *, limit: int, cursor: str | None) -> Page[Match]:
    """Return a page of pairs of clients that share a phone, an e-mail, or a name and a second fact.

    Of more than two that share one, each is paired with the first. An e-mail is compared without case, a name
    without case, accents, vowel marks, punctuation and variants of Arabic letters.
    """
    page = crud.page_matches(session, cursor=cursor, limit=limit)
    agreed = crud.agreements(session, page.items)
    stored = crud.clients(session, {client_id for first, second, _ in agreed for client_id in (first, second)})
    found = {client.client_id: ClientOut.model_validate(client) for client in stored}
    pairs = [Match(found[a], found[b], agree) for a, b, agree in agreed if a in found and b in found]
    return Page(pairs, page.next_cursor)


def begin_merge(session: Session, wanted: MergeIn) -> Merging | MergeOut:
    """Lock two clients to make one of them; nothing new can refer to the one that goes until the transaction ends.

    A client that was merged before stands, as `keep`, for the one that holds its history.

    Returns
    -------
    Merging or MergeOut
        What to hand over and finish; the record when it was done before.

    Raises
    ------
    ClientNotFound
        When one of the two does not exist.
    Invalid
        When they are the same.
    MergeConflict
        When `merge` was merged into somebody else, or `keep` into `merge`.
    """
    crud.one_merge_at_a_time(session)
    kept = crud.kept_ids(session, [wanted.keep, wanted.merge])
    keep_id = kept.get(wanted.keep, wanted.keep)
    if wanted.keep == wanted.merge:
        raise Invalid("A client cannot be merged into itself.")
    if keep_id == wanted.merge:
        raise MergeConflict("`keep` was merged into `merge` before: they are one client already.")
    holder = kept.get(wanted.merge)
    if holder is not None and holder != keep_id:
        raise MergeConflict(f"`merge` was merged into {holder} before; merge that client instead.")
    if holder is not None:
        return MergeOut.model_validate(crud.merge_of(session, wanted.merge))
    return _locked(session, keep_id, wanted.merge)


def _locked(session: Session, keep_id: uuid.UUID, merge_id: uuid.UUID) -> Merging:
    """Lock both in the order of their ids, as ingestion does."""
    rows: dict[uuid.UUID, dict[str, Any]] = {}
    for client_id in sorted((keep_id, merge_id)):
        rows |= crud.lock_clients(session, [client_id], to_delete=client_id == merge_id)
    for name, client_id in (("keep", keep_id), ("merge", merge_id)):
        if client_id not in rows:
            raise ClientNotFound(f"`{name}`: no client has this id.")
    return Merging(rows[keep_id], rows[merge_id])


def finish_merge(session: Session, merging: Merging, moved: Mapping[str, int], *, by: str) -> MergeOut:
    """Complete the profile that stays, delete the one that goes, and write down what was done.

    Parameters
    ----------
    moved : mapping
        Table to the rows of it that were handed over; none may refer to the merged client any more.
    by : str
        Who asked for it.
    """
    changes = absorb(merging.keep, merging.merge)
    crud.change_client(session, merging.keep_id, changes)
    moved = {**moved, "client_scores": crud.move_scores(session, merging.merge_id, merging.keep_id)}
    crud.take_client(session, merging.merge_id, merging.keep_id)
    record = {
        "merged_id": merging.merge_id,
        "merged_into": merging.keep_id,
        "kept_id": merging.keep_id,
        "merged_by": by,
        "moved": moved,
        "filled": sorted(changes),
        "profile": {name: _plain(value) for name, value in merging.merge.items() if name not in COMPUTED},
    }
    crud.add_merge(session, record)
    both = [str(merging.keep_id), str(merging.merge_id)]
    enqueue(session, [*document_jobs("client", both), Job(SCORE_TOPIC, both[0])])
    return MergeOut.model_validate(crud.merge_of(session, merging.merge_id))


def absorb(keep: Row, merge: Row) -> dict[str, Any]:
    """Return what changes in a profile when another of the same person becomes part of it.

    What it lacks is filled; earlier contacts of both are kept; a refusal to be contacted survives, whoever's it is.
    The profile is then as new as the newer of the two, so that a model may use it no earlier.

    Parameters
    ----------
    keep, merge : mapping
        Columns of the profiles; `merge` may lack some.
    """
    filled = {name: merge[name] for name in FILLED if _is_empty(keep[name]) and not _is_empty(merge.get(name))}
    if keep["budget"] is None and merge.get("budget") is not None:
        filled |= {"budget": merge["budget"], "currency": merge.get("currency") or keep["currency"]}
    filled |= {
        "response_history": _joined(keep["response_history"], merge.get("response_history")),
        "do_not_contact": keep["do_not_contact"] or bool(merge.get("do_not_contact")),
        "contact_consent": _stricter(keep["contact_consent"], merge.get("contact_consent")),
    }
    changes = {name: value for name, value in filled.items() if value != keep[name]}
    if changes and merge["updated_at"] > keep["updated_at"]:
        changes["updated_at"] = merge["updated_at"]
    return changes


def _is_empty(value: object) -> bool:
    return value is None or value in ([], {})


def _joined(keep: Any, merge: Any) -> Any:
    """Return the contacts of both, each once; what is no list stays as it is."""
    if _is_empty(keep):
        return keep if _is_empty(merge) else merge
    if isinstance(keep, list) and isinstance(merge, list):
        return keep + [contact for contact in merge if contact not in keep]
    return keep


def _stricter(keep: bool | None, merge: bool | None) -> bool | None:
    """Return a refusal if there is one, else what is known."""
    if keep is False or merge is False:
        return False
    return merge if keep is None else keep


def _plain(value: Any) -> Any:
    """Return a column as JSON, with the exact value."""
    if value is None or isinstance(value, bool | str | list | dict):
        return value
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)
