"""The work that counts the figures of units again, which every layer may cause."""

from collections.abc import Iterable

from estate.core.identifiers import UnitRef
from estate.core.outbox import Job

__all__ = ["FIGURES_TOPIC", "figure_jobs"]

FIGURES_TOPIC = "intelligence.figures"
UNITS_PER_JOB = 500


def figure_jobs(refs: Iterable[UnitRef]) -> list[Job]:
    """Return the work that counts the figures of some units, and of their projects, from what is stored."""
    keys = sorted({str(ref) for ref in refs})
    parts = (keys[start : start + UNITS_PER_JOB] for start in range(0, len(keys), UNITS_PER_JOB))
    return [Job(FIGURES_TOPIC, part[0], items=part) for part in parts]
