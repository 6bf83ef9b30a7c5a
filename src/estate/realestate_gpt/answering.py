"""From evidence to what is shown: composed, checked, judged; the same evidence gives the same text, now or later."""

from estate.realestate_gpt import composer
from estate.realestate_gpt.confidence import Judgement, judge
from estate.realestate_gpt.evidence import Evidence
from estate.realestate_gpt.intent import Intent
from estate.realestate_gpt.verifier import Verified, verify

__all__ = ["answer"]


def answer(evidence: Evidence) -> tuple[Judgement, Verified]:
    """Return the composer's reply; where the records do not answer, nothing that looks like an answer.

    Returns
    -------
    Judgement
        Whether the records answer, and what is missing.
    Verified
        The sentences that stand up to the records, and those that do not.
    """
    records = evidence.records()
    verified = verify(composer.compose(evidence.intents, evidence, for_client=True), records)
    judgement = judge(evidence.intents, evidence, verified)
    if evidence.foreign and evidence.client is None and not evidence.named:
        verified = Verified((), verified.dropped)
    elif judgement.abstained and Intent.FACT not in evidence.intents:  # The brief stays.
        verified = verify(composer.compose((), evidence, for_client=False), records)
    return judgement, verified
