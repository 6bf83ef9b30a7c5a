"""The documented score cards, and how stored facts become their features.

Points are log-odds that a feature adds at 1 (and takes away at -1). They are a prior from sales practice, not a
finding: closed deals move them (see `estate.intelligence.outcome_model`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from estate.intelligence.outcome_model import ScoreCard
from estate.intelligence.wishes import Wishes

__all__ = [
    "BAND_CUTS",
    "CLIENT_FEATURES",
    "CLOSING",
    "PAIR_FEATURES",
    "QUALIFICATION",
    "UNKNOWN",
    "Card",
    "Feature",
    "Value",
    "agent_skill",
    "area_fit",
    "band_of",
    "contact",
    "decision_speed",
    "mood",
    "objections",
    "over_budget",
    "reply_speed",
    "rooms_fit",
    "stage",
    "wishes_stated",
]

BASE_RATE = 0.2
"""One opened deal in five is won when nothing else is known: a guess, which the first closed deals correct."""
CARD_WEIGHT = 20.0
"""The card is worth 20 outcomes: with 20 closed deals, data and card count alike."""
SKILL_PRIOR_DEALS = 15.0
"""In public dialogues an agent's own record is worth as much as the common rate after about 15 outcomes."""
BAND_CUTS: Mapping[str, float] = {"hot": 0.4, "warm": 0.15, "cold": 0.0}
"""Fixed cuts: twice and three quarters of `BASE_RATE`, so that a band means the same every month."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One line of a card.

    Parameters
    ----------
    name : str
        Key of the feature.
    points : float
        Prior log-odds for one unit of the feature.
    ask : str
        What to find out when it is unknown.
    """

    name: str
    points: float
    ask: str


@dataclass(frozen=True, slots=True)
class Card:
    """A documented score card: what holds before a deal has closed.

    Parameters
    ----------
    kind : str
        What is scored.
    features : tuple of Feature
        Its lines.
    decreasing : tuple of str
        Features that never raise the score, whatever the deals say.
    """

    kind: str
    features: tuple[Feature, ...]
    decreasing: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Names of the features, in order."""
        return [feature.name for feature in self.features]

    @property
    def prior(self) -> ScoreCard:
        """The card as the model takes it."""
        return ScoreCard(BASE_RATE, {feature.name: feature.points for feature in self.features}, CARD_WEIGHT)


CLIENT_FEATURES = (
    Feature("decision_speed", 0.6, "Ask when the client wants to decide."),
    Feature("objections", 0.6, "Ask what still stands in the way."),
    Feature("wishes_stated", 0.4, "Ask for budget, area and kind of home."),
    Feature("mood", 0.7, "Note how the client felt in the next talk."),
    Feature("contact", 0.5, "Log calls, chats and visits of the client."),
    Feature("reply_speed", 0.3, "Log how fast messages are answered."),
    Feature("stage", 1.0, "Open a deal and keep its stage."),
)
PAIR_FEATURES = (
    Feature("agent_skill", 1.0, "Record the agent's closed deals."),
    Feature("over_budget", -2.0, "Ask for the budget, and state price and rate."),
    Feature("area_fit", 0.6, "Ask which areas the client wants."),
    Feature("rooms_fit", 0.6, "Ask how many bedrooms the client wants."),
)
QUALIFICATION = Card("qualification", CLIENT_FEATURES)
CLOSING = Card("closing", CLIENT_FEATURES + PAIR_FEATURES, decreasing=("over_budget",))

SPEEDS = {
    1.0: ("fast", "quick", "immediate", "immediately", "urgent", "now", "high", "سريع", "فوري"),
    0.0: ("medium", "normal", "average", "moderate", "متوسط"),
    -1.0: ("slow", "long", "low", "undecided", "بطيء", "بطيئ"),
}
MOODS = {
    "excited": 1.0,
    "happy": 1.0,
    "positive": 1.0,
    "interested": 0.7,
    "grateful": 0.5,
    "curious": 0.5,
    "neutral": 0.0,
    "hesitant": -0.4,
    "confused": -0.4,
    "worried": -0.6,
    "negative": -1.0,
    "frustrated": -1.0,
    "angry": -1.0,
}
STAGES = {"new": -1.0, "qualified": -0.5, "viewing": 0.0, "negotiation": 0.5, "reserved": 1.0}
USUAL_CONTACTS = 3
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Value:
    """A feature of one case.

    Parameters
    ----------
    scaled : float or None
        On the scale of the feature; None when unknown.
    said : str
        The stored fact in words.
    """

    scaled: float | None
    said: str


UNKNOWN = Value(None, "Not known.")


def decision_speed(text: str | None) -> Value:
    """Fast 1, medium 0, slow -1; unknown for another word."""
    word = (text or "").strip().casefold()
    for scaled, words in SPEEDS.items():
        if word in words:
            return Value(scaled, f"Decision speed is {word}.")
    return UNKNOWN


def objections(stated: object) -> Value:
    """(1 - n) / 3 with n stated objections, at least -1: none 0.33, one 0, four -1."""
    if not isinstance(stated, list | dict):
        return UNKNOWN
    n = len(stated)
    return Value(max(-1.0, (1 - n) / 3), f"{_count(n, 'objection')} on record.")


def wishes_stated(wishes: Wishes, budget: Decimal | None) -> Value:
    """2k/3 - 1 with k of the three wishes stated: budget, area, kind of home."""
    stated = {"budget": budget is not None, "area": wishes.has_area, "kind of home": wishes.has_home}
    names = [name for name, known in stated.items() if known]
    return Value(2 * len(names) / 3 - 1, f"Stated: {', '.join(names) or 'nothing'}.")


def mood(emotions: Mapping[str, int], days: int) -> Value:
    """Mean of `MOODS` over the noted emotions that it knows, of the last days."""
    known = {name: n for name, n in emotions.items() if name in MOODS and n > 0}
    total = sum(known.values())
    if not total:
        return UNKNOWN
    common = max(sorted(known), key=lambda name: known[name])
    mean = sum(MOODS[name] * n for name, n in known.items()) / total
    return Value(mean, f"{_count(total, 'emotion')} noted in {days} days, mostly {common}.")


def contact(n: int, ever: bool, days: int) -> Value:
    """log2((n + 1) / 4) / 2 within -1 and 1: no event -1, three 0, fifteen 1; unknown if never seen."""
    if not ever:
        return UNKNOWN
    return Value(_clip(math.log2((n + 1) / (USUAL_CONTACTS + 1)) / 2), f"{_count(n, 'event')} in {days} days.")


def reply_speed(mean_s: float | None) -> Value:
    """-log10(mean / 1 h) within -1 and 1: six minutes 1, an hour 0, ten hours -1."""
    if mean_s is None:
        return UNKNOWN
    if mean_s < 1:
        return Value(1.0, "Replies at once.")
    return Value(_clip(-math.log10(mean_s / HOUR_S)), f"Mean reply after {mean_s / 60:,.0f} minutes.")


def stage(name: str | None) -> Value:
    """Return -1 (new) to 1 (reserved) of the open deal."""
    if name not in STAGES:
        return UNKNOWN
    return Value(STAGES[name], f"The open deal is at the stage “{name}”.")


def agent_skill(won: float, n: float, rate: float) -> Value:
    """log((won / rate + k) / (n + k)) within -1 and 1, k = 15: shrunk, 0 for an average or a new agent."""
    if n <= 0:
        return UNKNOWN
    k = SKILL_PRIOR_DEALS
    said = f"The agent won {won:g} of {n:g} closed deals; {n * rate:.1f} are usual."
    return Value(_clip(math.log((won / rate + k) / (n + k))), said)


def over_budget(price: Decimal | None, budget: Decimal | None) -> Value:
    """(price / budget - 1) within 0 and 1, both in one currency; 0 at or below the budget."""
    if price is None or not budget:
        return UNKNOWN
    over = float(price / budget) - 1
    said = f"The price is {over:.0%} above the budget." if over > 0 else "The price is within the budget."
    return Value(min(1.0, max(0.0, over)), said)


def area_fit(wanted: bool | None) -> Value:
    """0.5 in a wanted area, -0.5 outside; unknown without a wish."""
    if wanted is None:
        return UNKNOWN
    return Value(0.5, "In a wanted area.") if wanted else Value(-0.5, "Outside the wanted areas.")


def rooms_fit(gap: int | None) -> Value:
    """Minus half the number of bedrooms that it is off, at least -1."""
    if gap is None:
        return UNKNOWN
    return Value(-min(gap, 2) / 2, f"{_count(gap, 'bedroom')} away from the wish." if gap else "Bedrooms as wished.")


def band_of(score: float) -> str:
    """Return the band whose cut a score reaches."""
    return next(band for band, cut in BAND_CUTS.items() if score >= cut)


def _clip(value: float) -> float:
    return max(-1.0, min(1.0, value))


def _count(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"
