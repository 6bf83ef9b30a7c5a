"""What reports of a deal tell of the stages that it reached; what is dated counts by itself, whatever is stored."""

import datetime as dt
from collections.abc import Iterable, Mapping

from estate.behavior.schemas import CLOSED, DealIn, Stage

__all__ = ["earliest", "told"]


def earliest(histories: Iterable[Mapping[Stage, dt.datetime]]) -> dict[Stage, dt.datetime]:
    """Return the earliest moment of each stage in any of the histories.

    Examples
    --------
    >>> first, second = dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 2)
    >>> earliest([{"new": second}, {"new": first}]) == {"new": first}
    True
    """
    merged: dict[Stage, dt.datetime] = {}
    for history in histories:
        for stage, reached_at in history.items():
            merged[stage] = min(reached_at, merged.get(stage, reached_at))
    return merged


def told(report: DealIn, received_at: dt.datetime, before: Stage | None) -> dict[Stage, dt.datetime]:
    """Return when the deal reached stages by one report; one that names no stage tells of none.

    A stage is reached at the report's ``updated_at``, an outcome at its ``closed_at``. Without these it was reached
    when the report was received if the deal was at another one `before`; a deal that is first heard of past ``new``
    (None) may have been at its stage for long.
    """
    stage = report.stage or report.outcome
    moved = stage == "new" if before is None else stage != before
    at = report.updated_at or (received_at if moved else None)
    if stage in CLOSED:
        at = report.closed_at or at
    return earliest([{stage: at} if stage and at else {}, report.stages_reached or {}])
