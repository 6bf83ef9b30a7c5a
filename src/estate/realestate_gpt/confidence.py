"""Whether the records support an answer, what is missing if they do not, and how sure the reply may be."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from estate.realestate_gpt.evidence import Evidence, days_old
from estate.realestate_gpt.facts import UNTOLD
from estate.realestate_gpt.intent import Intent
from estate.realestate_gpt.records import Key, Record
from estate.realestate_gpt.verifier import Verified

__all__ = ["CALIBRATION", "Calibration", "Judgement", "confidence", "days_at_risk", "features", "judge"]

NOTHING = "Nothing was found on record that answers this question."
NO_FORECAST = "The prices on record are too few to forecast from."
UNKNOWN_PLACE = "The records hold nothing about the place that the question names."
NONE_MEETS = "No available unit on record meets what was asked"
NONE_SURE = "No unit was found that can be said to meet what was asked, as the sum was not compared with every price"
MISSING = {
    Intent.MARKET: "There is no market record that answers this.",
    Intent.UNIT: "No unit was found that could be offered here.",
    Intent.PRICE: "No unit on record has a price that answers this.",
    Intent.OBJECTION: "There is neither a unit nor a finding on record to answer this doubt with.",
    Intent.CALL: "No client on record is waiting for a call from you.",
    Intent.NEXT_STEP: "The question names no client to advise on.",
    Intent.GENERAL: "There is nobody on record to report on.",
    Intent.FACT: "This is not on record.",
}
CANNOT_TELL = "The assistant cannot tell this from the records."
NOBODY = "No record bears the name that the question asks about."
WHICH_HOME = "Please say what home is wanted, where or at what price."
WHICH_UNIT = "Please say which unit you mean."
UNASKED = {Intent.UNIT: WHICH_HOME, Intent.PRICE: WHICH_UNIT}
PARTLY = "The records hold only a part of what is asked."
OTHER_PLACE = "The records hold nothing about another place that the question names."
SEVERAL = "Several records bear this name; please say which of them you mean."
PLACE_INTENTS = frozenset({Intent.MARKET, Intent.UNIT, Intent.PRICE})

CLOSE = 0.3
MOST_ODD = 3


@dataclass(frozen=True, slots=True)
class Calibration:
    """The fitted parameters of `confidence`.

    Parameters
    ----------
    version : str
        Names the fit; kept with each reply.
    intercept : float
        b, a logit.
    weights : mapping
        w by feature, logits.
    decay_per_day : float
        r, at least 0.
    n : int
        Replies that they were fitted on.
    """

    version: str
    intercept: float
    weights: Mapping[str, float]
    decay_per_day: float
    n: int


CALIBRATION = Calibration(**json.loads(files(__package__).joinpath("calibration.json").read_text()))


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
    no record knows is not answered by records of other places, nor one about prices to come by those of today.
    """
    if evidence.intents and Intent.FACT in intents:
        return _judge_fact(evidence, verified)
    if evidence.foreign:
        return Judgement(True, (NOTHING,), 0.0)
    if not intents:
        return Judgement(not evidence.named, () if evidence.named else (NOTHING,), float(bool(evidence.named)))
    cited = {cite.key for sentence in verified.kept for cite in sentence.cites}
    answered = [intent for intent in intents if cited & _bearing(intent, evidence)]
    if evidence.unknown_place and PLACE_INTENTS.intersection(intents):
        answered = [intent for intent in answered if intent not in PLACE_INTENTS]
        missing: tuple[str, ...] = (UNKNOWN_PLACE,)
    elif evidence.areas and all("forecast_why" in area.fields for area in evidence.areas):
        answered = [intent for intent in answered if intent not in PLACE_INTENTS]
        missing = (NO_FORECAST,)
    else:
        missing = tuple(_lack(intent, evidence) for intent in intents if intent not in answered)
        if Intent.MARKET in answered and any(r.layer == "market" and r.key not in cited for r in evidence.named):
            missing = (*missing, PARTLY)
        if Intent.UNIT in answered and not evidence.fits:
            missing = (f"{_none_meets(evidence)}; those offered suit the client's profile.", *missing)
    return Judgement(not answered, missing, len(answered) / len(intents))


def _lack(intent: Intent, evidence: Evidence) -> str:
    """Say what a topic lacks: of all units only what was looked for among all, else what was found."""
    if intent is Intent.UNIT and not evidence.fits:
        return f"{_none_meets(evidence)}."
    is_unasked = evidence.fits and evidence.client is None and not evidence.named  # Nothing was looked for.
    return UNASKED[intent] if is_unasked and intent in UNASKED else MISSING[intent]


def _none_meets(evidence: Evidence) -> str:
    if evidence.fits is None:
        return NONE_SURE
    return f"{NONE_MEETS} within the budget" if evidence.budgeted else NONE_MEETS


def _judge_fact(evidence: Evidence, verified: Verified) -> Judgement:
    """Judge a fact: it is answered when one record of a name is asked and a kept sentence cites the field."""
    if not evidence.asked:
        is_unnamed = evidence.fact is not None and evidence.fact.subject == "property" and not evidence.odd
        return Judgement(True, (WHICH_UNIT if is_unnamed else NOBODY,), 0.0)
    if len(evidence.asked) > 1:
        return Judgement(True, (SEVERAL,), 0.0)
    cited = {(cite.key, cite.field) for sentence in verified.kept for cite in sentence.cites}
    told = [(record.key, fact.field) in cited for record, fact in evidence.wanted()]
    if not any(told):
        return Judgement(True, (CANNOT_TELL if evidence.fact in UNTOLD.values() else MISSING[Intent.FACT],), 0.0)
    missing = (() if all(told) else (PARTLY,)) + ((OTHER_PLACE,) if evidence.unknown_place else ())
    return Judgement(False, missing, sum(told) / (len(told) + evidence.unknown_place))


def _bearing(intent: Intent, e: Evidence) -> set[Key]:
    """Return the records that could answer a topic."""
    named = {record.key for record in e.named}
    is_of_areas = e.client is not None or Intent.MARKET in e.intents
    homes = (e.unit, *e.units, *(record for record in e.named if record.layer == "property"))
    bearing: dict[Intent, Sequence[Record | None]] = {
        Intent.MARKET: e.areas,
        Intent.UNIT: homes,
        Intent.PRICE: (*homes, *(area for area in e.areas if is_of_areas or area.key in named)),
        Intent.OBJECTION: (*homes, *e.triggers),
        Intent.CALL: (*e.calls, *e.later, *_held(e)),
        Intent.NEXT_STEP: (e.client, *e.deals),
        Intent.GENERAL: (e.client, e.agent, *e.named),
        Intent.FACT: e.asked,
    }
    return {record.key for record in bearing[intent] if record is not None}


def _held(e: Evidence) -> tuple[Record, ...]:
    """Return the records that say why there is nobody to call."""
    agent = (e.agent,) if e.agent.fields.get("calls_held") else ()
    return agent if e.client is None or not e.client.fields.get("call_held") else (*agent, e.client)


def confidence(judgement: Judgement, evidence: Evidence, verified: Verified) -> float:
    """Estimate the chance that the reply is right and cites the record it needs.

    Notes
    -----
    P(right) = s * sigmoid(b + w x) * exp(-r d): the chance that the record meant is the one that was found, with the
    features x of `features`, times the chance that what it says still holds, d days after it was last confirmed, times
    the share s of the facts asked for that it tells: half an answer is right for half of the question.
    b, w and r are maximum-likelihood estimates of `scripts/calibrate_gpt.py`, on generated worlds and sentences that
    no benchmark uses, or on the feedback of an installation; `calibration.json` holds them with their version.
    An abstained reply claims nothing and has 0.
    """
    if judgement.abstained or not verified.kept:
        return 0.0
    found = features(judgement, evidence, verified)
    logit = CALIBRATION.intercept + sum(CALIBRATION.weights[name] * value for name, value in found.items())
    told = judgement.answered_share if evidence.fact is not None else 1.0
    return round(told * math.exp(-CALIBRATION.decay_per_day * days_at_risk(evidence)) / (1 + math.exp(-logit)), 4)


def features(judgement: Judgement, evidence: Evidence, verified: Verified) -> dict[str, float]:
    """Return what speaks against a reply; each is 0 when nothing does.

    Returns
    -------
    dict
        ``misspelt``: 1 where the name in the question is not spelt as on record: by one letter it may be the name of
        somebody else; ``unlike``: how far it is from that on record; ``part``: the share of the name that was
        not said; ``close``: how near another name comes, above `CLOSE`; ``odd``: words that mean nothing here, up to
        three; ``unanswered``: share of the topics; ``dropped``: share of the sentences that did not stand up.
    """
    match = evidence.match
    said = len(verified.kept) + len(verified.dropped)
    return {
        "misspelt": float(match.likeness < 1),
        "unlike": 1 - match.likeness,
        "part": 1 - match.coverage,
        "close": max(0.0, CLOSE - match.margin) if match.likeness < 1 or match.coverage < 1 else 0.0,
        "odd": float(min(evidence.odd, MOST_ODD)),
        "unanswered": 1 - judgement.answered_share,
        "dropped": len(verified.dropped) / said if said else 0.0,
    }


def days_at_risk(evidence: Evidence) -> int:
    """Return the days since the record that was asked about was confirmed; 0 when what it says lasts."""
    aged = [record for record, fact in evidence.wanted() if not fact.lasts]
    return max((days_old(record, evidence.today) for record in aged), default=0)
