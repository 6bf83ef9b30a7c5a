"""How scores are shown: with interval, n and reason, and not as a number where the data do not bear one."""

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Protocol

from htpy import Element, Node, span, strong

from estate.console import text
from estate.console.charts import Bar, drawn, steps
from estate.console.parts import Column, badge, listing, note
from estate.sdk.models.base import Contribution, MissingField
from estate.sdk.models.client import Explained

__all__ = [
    "NOT_ENOUGH",
    "Scored",
    "band_badge",
    "chance",
    "is_vague",
    "not_enough",
    "questions",
    "share",
    "waterfall",
    "written",
]

NOT_ENOUGH = "Not enough data"
WIDE = 0.6
BANDS = {"hot": "good", "warm": "warn", "cold": ""}


class Scored(Protocol):
    """An estimated share with its interval."""

    @property
    def lower(self) -> float:
        """Lower end."""

    @property
    def upper(self) -> float:
        """Upper end."""

    @property
    def score(self) -> float:
        """The share."""

    @property
    def n(self) -> int:
        """Cases behind it."""

    @property
    def status(self) -> str:
        """`ok`, or that there is not enough data."""


def written(middle: float | None, lower: float | None, upper: float | None) -> str:
    """Write a share with its interval."""
    ends = text.percent_span(lower, upper)
    return f"{text.percent(middle)} ({ends})"


def is_vague(lower: float, upper: float) -> bool:
    """Tell whether an interval is so wide that its middle says little."""
    return upper - lower > WIDE


def chance(one: Scored) -> Node:
    """Show a chance with its interval and n; where the interval says little, say so."""
    if one.status != "ok":
        return badge(NOT_ENOUGH, "warn")
    vague = " Too uncertain to rely on." if is_vague(one.lower, one.upper) else ""
    ends = text.percent_span(one.lower, one.upper)
    return [strong[text.percent(one.score)], span(".note")[f" {ends}, n = {one.n}.{vague}"]]


def not_enough(why: str) -> Element:
    """Say that the data bear no figure, and what is needed."""
    return note(badge(NOT_ENOUGH, "warn"), " ", why)


def band_badge(band: str) -> Element:
    """Name the band of a score."""
    return badge(text.words(band), BANDS.get(band, ""))


def share(logit: float) -> float:
    """Return the share that stands at a place on the log-odds line."""
    return 1 / (1 + math.exp(-logit))


def waterfall(scored: Explained, title: str = "What the score is made of") -> Element:
    """Draw how the contributions lead from where everybody starts to the score."""
    held = scored.contributions
    places = list(accumulate((one.logit for one in held), initial=scored.base_logit))
    moved = [f"{text.percent(share(before))} → {text.percent(share(after))}" for before, after in pairwise(places)]
    items = [Bar(_named(one), one.logit, how) for one, how in zip(held, moved, strict=True)]
    start = Bar("Everybody starts at", places[0], text.percent(share(places[0])))
    end = Bar("This score", places[-1], text.percent(scored.score))
    sentence = _sentence(held, start.written, end.written)
    rows = [
        (start.label, "Usual chance of a deal.", f"{places[0]:+.2f}", start.written),
        *(
            (item.label, text.spaced(one.why), f"{one.logit:+.2f}", item.written)
            for item, one in zip(items, held, strict=True)
        ),
        (end.label, scored.why, f"{places[-1]:+.2f}", end.written),
    ]
    heads = ("What", "Why", "Log-odds", "Chance")
    return drawn(title, sentence, steps(start, items, end, sentence), heads, rows, "score")


def questions(missing: Sequence[MissingField], score: float) -> Node:
    """List what is not known yet, what moves the score most first."""
    columns = [
        Column[MissingField]("What to find out", lambda one: one.why),
        Column[MissingField]("Score now", lambda _: text.percent(score), numeric=True),
        Column[MissingField]("It could become", lambda one: text.percent_span(one.lower, one.upper), numeric=True),
    ]
    by_reach = sorted(missing, key=lambda one: one.lower - one.upper)
    return listing("What to ask next", columns, by_reach, empty="All that the score looks at is known.")


def _named(one: Contribution) -> str:
    known = text.words(one.feature)
    return known if one.value is not None else f"{known} (not known)"


def _sentence(held: Iterable[Contribution], start: str, end: str) -> str:
    """Say where it starts and ends, and which of what is known moves it most each way."""
    known = [one for one in held if one.value is not None]
    ups = [one for one in known if one.logit > 0]
    downs = [one for one in known if one.logit < 0]
    most = [
        f"most {way}: {_named(max(found, key=lambda one: abs(one.logit))).lower()}"
        for way, found in (("up", ups), ("down", downs))
        if found
    ]
    return f"From {start} for everybody to {end}; {', '.join(most) or 'nothing that is known moves it'}."
