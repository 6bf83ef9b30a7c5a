"""Whether the records support an answer, what is missing if they do not, and how sure the reply may be."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from estate.realestate_gpt.evidence import Evidence
from estate.realestate_gpt.intent import Intent
from estate.realestate_gpt.records import LAYERS, Key, Record
from estate.realestate_gpt.verifier import Verified

__all__ = ["Judgement", "confidence", "judge"]

NOTHING = "The records hold nothing that answers this question."
UNKNOWN_PLACE = "The records hold nothing about the place that the question names."
NOT_MET = "No available unit on record meets what was asked; those offered suit the client's profile."
MISSING = {
    Intent.MARKET: "There is no market record that answers this.",
    Intent.UNIT: "No available unit on record fits the question.",
    Intent.PRICE: "No unit on record has a price that answers this.",
    Intent.OBJECTION: "There is neither a unit nor a finding on record to answer this doubt with.",
    Intent.CALL: "No client on record is waiting for a call from you.",
    Intent.NEXT_STEP: "There is no client or deal on record to advise on.",
    Intent.GENERAL: "There is nobody on record to report on.",
}
PLACE_INTENTS = frozenset({Intent.MARKET, Intent.UNIT, Intent.PRICE})

WEIGHT_ANSWERED = 0.5
WEIGHT_BREADTH = 0.2
WEIGHT_SURENESS = 0.2
CEILING = 0.95  # Nothing that was estimated is certain.
INTERVALS = (("qualification_lower", "qualification_upper"), ("closing_lower", "closing_upper"))


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether to answer.

    Parameters
    ----------
    abstained : bool
        No topic of the question is supported by a record.
    missing : tuple of str
        What the records do not hold, in plain sentences.
    answered_share : float
        Share of the topics that are supported.
    """

    abstained: bool
    missing: tuple[str, ...]
    answered_share: float


def judge(intents: Sequence[Intent], evidence: Evidence, verified: Verified) -> Judgement:
    """Decide which topics the verified sentences answer.

    A topic is answered when a kept sentence cites a record that bears on it; a question about a place that
    no record knows is not answered by records of other places.
    """
    if not intents:
        return Judgement(not evidence.named, () if evidence.named else (NOTHING,), float(bool(evidence.named)))
    cited = {cite.key for sentence in verified.kept for cite in sentence.cites}
    answered = [intent for intent in intents if cited & _bearing(intent, evidence)]
    if evidence.unknown_place and PLACE_INTENTS.intersection(intents):
        answered = [intent for intent in answered if intent not in PLACE_INTENTS]
        missing: tuple[str, ...] = (UNKNOWN_PLACE,)
    else:
        missing = tuple(MISSING[intent] for intent in intents if intent not in answered)
        if Intent.UNIT in answered and not evidence.fits:
            missing = (NOT_MET, *missing)
    return Judgement(not answered, missing, len(answered) / len(intents))


def _bearing(intent: Intent, e: Evidence) -> set[Key]:
    """Return the records that could answer a topic."""
    homes = (e.unit, *e.units, *(record for record in e.named if record.layer == "property"))
    bearing: dict[Intent, Sequence[Record | None]] = {
        Intent.MARKET: e.areas,
        Intent.UNIT: homes,
        Intent.PRICE: (*homes, *e.areas),
        Intent.OBJECTION: (*homes, *e.triggers),
        Intent.CALL: e.calls,
        Intent.NEXT_STEP: (e.client, *e.deals),
        Intent.GENERAL: (e.client, e.agent, *e.named),
    }
    return {record.key for record in bearing[intent] if record is not None}


def confidence(judgement: Judgement, evidence: Evidence, verified: Verified) -> float:
    """Estimate the chance that the reply is right and cites the record it needs.

    Notes
    -----
    verified share * (0.1 + 0.5 * answered topics + 0.2 * layers cited / 5 + 0.2 * sureness), at most 0.95,
    with sureness = 1 - mean width of the intervals of the scores shown, 0.5 when none is. The weights are
    stated, not fitted; an abstained reply claims nothing and has 0.
    """
    if judgement.abstained or not verified.kept:
        return 0.0
    share = len(verified.kept) / (len(verified.kept) + len(verified.dropped))
    layers = {cite.layer for sentence in verified.kept for cite in sentence.cites}
    raw = (
        1
        - WEIGHT_ANSWERED * (1 - judgement.answered_share)
        - WEIGHT_BREADTH * (1 - len(layers) / len(LAYERS))
        - WEIGHT_SURENESS * (1 - _sureness(evidence))
    )
    return round(min(CEILING, share * raw), 4)


def _sureness(evidence: Evidence) -> float:
    fields = evidence.client.fields if evidence.client is not None else {}
    widths = [
        float(fields[upper] or 0) - float(fields[lower] or 0)
        for lower, upper in INTERVALS
        if fields.get(lower) is not None and fields.get(upper) is not None
    ]
    return 1 - fmean(widths) if widths else 0.5
