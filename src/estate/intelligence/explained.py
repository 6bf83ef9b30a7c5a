"""Turns the explanation of a score into the words and fields of an answer."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from estate.intelligence.cards import Value
from estate.intelligence.outcome_model import LEVEL, Explanation
from estate.intelligence.schemas import Contribution, MissingField
from estate.intelligence.scorer import Scorer

__all__ = ["MIN_OUTCOMES", "clock", "score_fields", "status_of"]

MIN_OUTCOMES = 30
"""Below 30 closed deals learned scores are no better than the base rate in public data: the answer says so."""
NOTHING = 1e-12


def clock(now: dt.datetime | None) -> dt.datetime:
    """Return the moment asked for, or the present."""
    return now or dt.datetime.now(dt.UTC)


def status_of(n: int) -> str:
    """Say whether enough deals have closed to speak of a learned score."""
    return "ok" if n >= MIN_OUTCOMES else "insufficient_data"


def score_fields(scorer: Scorer, rows: Sequence[Sequence[Value]], now: dt.datetime) -> list[dict[str, Any]]:
    """Return for each row of features the fields that every explained score has."""
    explained = scorer.explain(rows)
    return [_fields(scorer, values, one, now) for values, one in zip(rows, explained, strict=True)]


def _fields(scorer: Scorer, values: Sequence[Value], explained: Explanation, now: dt.datetime) -> dict[str, Any]:
    """Return the fields of one row; the strongest contribution comes first."""
    said = dict(zip(scorer.card.names, values, strict=True))
    contributions = [
        Contribution(feature=name, value=said[name].scaled, logit=part, why=said[name].said)
        for name, part in explained.contributions.items()
        if said[name].scaled is not None or abs(part) > NOTHING
    ]
    asks = {feature.name: feature.ask for feature in scorer.card.features}
    missing = [
        MissingField(feature=m.column, lower=m.lower, upper=m.upper, why=asks[m.column]) for m in explained.missing
    ]
    return {
        "score": explained.score,
        "lower": explained.lower,
        "upper": explained.upper,
        "level": LEVEL,
        "status": status_of(explained.n),
        "n": explained.n,
        "base_logit": explained.base_logit,
        "contributions": sorted(contributions, key=lambda c: (-abs(c.logit), c.feature)),
        "missing": missing,
        "like_cases": explained.like_cases,
        "like_won": explained.like_won,
        "as_of": now,
        "why": _why(explained.n, sum(v.scaled is not None for v in values), explained.like_won, explained.like_cases),
    }


def _why(n: int, known: int, like_won: int, like_cases: int) -> str:
    source = f"A documented score card moved by {n} closed deals"
    short = "" if n >= MIN_OUTCOMES else f" (at least {MIN_OUTCOMES} are needed to trust it)"
    if not n:
        source, short = "The documented score card: no trained model answers yet", ""
    like = f" Of {like_cases} like cases {like_won} were won." if like_cases else ""
    return f"{source}{short}; {known} features are known.{like}"
