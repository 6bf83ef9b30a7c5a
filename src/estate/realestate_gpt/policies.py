"""Versions of the ranking weights: which one is in force, the next one, and the way back."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from estate.realestate_gpt import crud
from estate.realestate_gpt.models import RankingPolicy
from estate.realestate_gpt.retrieval.weights import DEFAULT, Weights

__all__ = ["BUILT_IN", "Version", "in_force"]

BUILT_IN = 0


@dataclass(frozen=True, slots=True)
class Version:
    """Weights with their number; 0 are those that the program brings along."""

    number: int
    weights: Weights


def in_force(session: Session) -> Version:
    """Return the version that ranks now."""
    row = crud.newest_policy(session)
    return Version(BUILT_IN, DEFAULT) if row is None else _version(row)


def _version(row: RankingPolicy) -> Version:
    return Version(row.version, Weights(**row.weights))
