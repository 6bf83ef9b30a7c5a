"""How the result of an ingest call is told: per row for a batch, by status for a single object."""

import uuid
from dataclasses import replace

from pydantic import BaseModel, Field

from estate.api.body import JsonBody
from estate.api.deps import Answer, Subject
from estate.api.errors import PROBLEM_JSON, current_request_id, problem_of
from estate.core.errors import Conflict, EstateError, Invalid
from estate.core.ingest import IngestResult, Item

__all__ = ["IngestAnswer", "ItemAnswer", "ingest_answer", "refusal"]


class ItemAnswer(BaseModel):
    """What became of one row."""

    index: int
    id: str | None
    status: str
    problem: str | None = None


class IngestAnswer(BaseModel):
    """What became of a batch; refused rows are kept and can be replayed."""

    batch_id: uuid.UUID
    created: int
    updated: int
    duplicate: int
    conflict: int
    stale: int
    rejected: int = Field(description="Rows refused; see GET /ingest/rejected.")
    items: list[ItemAnswer]


def ingest_answer(result: IngestResult, body: JsonBody) -> Answer:
    """Answer 200 with one item a row, or 422 when there is nothing but refused rows; the batch is audited."""
    subject = Subject("ingest_batches", result.batch_id, result.counts)
    return replace(_told(result, body), subject=subject)


def _told(result: IngestResult, body: JsonBody) -> Answer:
    if result.items and result.counts["rejected"] == len(result.items):
        return refusal(result)
    if not body.is_batch and result.counts["conflict"]:
        return refusal(result)
    items = [_item(item) for item in result.items]
    return Answer(200, IngestAnswer(batch_id=result.batch_id, items=items, **result.counts))


def _item(item: Item) -> ItemAnswer:
    if not item.problems:
        return ItemAnswer(index=item.index, id=item.id, status=item.status)
    problem = "; ".join(f"{p.field}: {p.message}" if p.field else p.message for p in item.problems[:3])
    return ItemAnswer(index=item.index, id=item.id, status=item.status, problem=problem)


def refusal(result: IngestResult) -> Answer:
    """Answer with problem details; the refused rows are stored all the same."""
    problems = tuple(p for item in result.items for p in item.problems)
    error: EstateError = Invalid("Every row was refused.", problems=problems)
    if result.counts["conflict"]:
        error = Conflict("The id exists with other content.", problems=problems)
    return Answer(error.status, problem_of(error, current_request_id()), PROBLEM_JSON)
