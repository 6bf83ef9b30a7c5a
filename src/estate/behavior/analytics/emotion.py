"""Names the feeling that a turn of a conversation shows, by a small list of phrases."""

import re
from collections.abc import Mapping

from estate.behavior.analytics.terms import words_of

__all__ = ["EMOTIONS", "detect"]

_PHRASES = {
    "excited": """
        love · amazing · wonderful · perfect · excited · cannot wait · can't wait · great news ·
        رائع · ممتاز · متحمس""",
    "interested": """
        interested · tell me more · sounds good · i like · how much · send me · مهتم · اعجبني · اخبرني المزيد""",
    "hesitant": """
        not sure · maybe · think about it · just looking · need time · let me think · ask my family ·
        ربما · لست متاكد · سافكر · احتاج وقت""",
    "worried": """
        worried · afraid · risk · risky · concerned · scam · delay · delayed · خائف · قلق · مخاطرة · تاخير""",
    "frustrated": """
        angry · annoyed · too expensive · waste of time · stop calling · disappointed · ridiculous · unacceptable ·
        غالي جدا · مزعج · غاضب · محبط""",
    "grateful": """
        thank you · thanks · appreciate · شكرا · ممتن""",
}
_NEGATIONS = "not|never|no|don't|isn't|غير|لا|ليس|لست"


def _pattern(phrases: str) -> re.Pattern[str]:
    spelled = "|".join(re.escape(" ".join(words_of(phrase))) for phrase in phrases.split("·"))
    return re.compile(rf"(?<!\S)(?:({_NEGATIONS}) )?(?:{spelled})(?!\S)")


EMOTIONS: Mapping[str, re.Pattern[str]] = {emotion: _pattern(phrases) for emotion, phrases in _PHRASES.items()}
"""Emotion to what shows it, with a negation in front as the group; an earlier emotion wins a tie."""


def detect(text: str) -> str | None:
    """Return the emotion most of whose phrases occur in a text, or None when none occurs.

    A phrase right behind a negation does not count: "not interested" shows no interest.

    Parameters
    ----------
    text : str
        One turn of a conversation.

    Examples
    --------
    >>> detect("I love the view, it is perfect.")
    'excited'
    >>> detect("We are not interested.") is None
    True
    """
    said = " ".join(words_of(text))
    hits = {emotion: pattern.findall(said).count("") for emotion, pattern in EMOTIONS.items()}
    best = max(hits, key=lambda emotion: hits[emotion])
    return best if hits[best] else None
