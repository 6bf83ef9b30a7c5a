"""Versions of the ranking weights: which one is in force, the next one, and the way back."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from estate.core.errors import Conflict
from estate.realestate_gpt import crud
from estate.realestate_gpt.counterfactual import Proposal
from estate.realestate_gpt.models import RankingPolicy
from estate.realestate_gpt.retrieval.weights import DEFAULT, Weights

__all__ = ["BUILT_IN", "Version", "in_force", "promote", "roll_back"]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the weights.

    Parameters
    ----------
    number : int
        0 for what the program brings along.
    weights : Weights
        What it ranks by.
    before : int or None
        The version that a roll-back returns to; None when there is none.
    why : str
        ``built_in``, ``learned`` or ``rolled_back``.
    gain, gain_lower : float or None
        What it was promoted for.
    n : int
        Judged replies that it was learned from.
    """

    number: int
    weights: Weights
    before: int | None
    why: str
    gain: float | None = None
    gain_lower: float | None = None
    n: int = 0


BUILT_IN = Version(0, DEFAULT, None, "built_in")


def in_force(session: Session) -> Version:
    """Return the version that ranks now: the newest."""
    row = crud.newest_policy(session)
    return BUILT_IN if row is None else _version(row)


def _version(row: RankingPolicy) -> Version:
    return Version(row.version, Weights(**row.weights), row.before, row.why, row.gain, row.gain_lower, row.n)


def promote(session: Session, proposal: Proposal) -> Version:
    """Let what was learned rank from now on."""
    present = in_force(session)
    values = {"weights": proposal.weights.as_json(), "before": present.number, "why": "learned", "n": proposal.n}
    measured = {"gain": proposal.gain, "gain_lower": proposal.lower, "made_by": "system"}
    crud.add_policy(session, values | measured)
    return in_force(session)


def roll_back(session: Session, version: int, made_by: str) -> Version:
    """Leave a version and rank again by the one before it; rows are only added, so this can be read later.

    Raises
    ------
    Conflict
        When another version is in force, or there is none before it.
    """
    present = in_force(session)
    if present.number != version:
        raise Conflict(f"Version {present.number} is in force.")
    if present.before is None:
        raise Conflict("The ranking has no version before this one.")
    row = crud.get_policy(session, present.before)
    target = BUILT_IN if row is None else _version(row)
    values = {"weights": target.weights.as_json(), "before": target.before, "why": "rolled_back", "n": target.n}
    crud.add_policy(session, values | {"made_by": made_by})
    return in_force(session)
