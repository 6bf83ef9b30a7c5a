"""The learning hook: what the ranking makes of what people thought of replies."""

from statistics import fmean

import numpy as np
from sqlalchemy.orm import Session

from estate.realestate_gpt import crud, policies
from estate.realestate_gpt.counterfactual import Judged, propose, seen
from estate.realestate_gpt.policies import Version

__all__ = ["LEARN", "improve", "judged_by"]

LEARN = "realestate_gpt.learn"
WORTH = {"won": 1.0, "went_on": 0.5, "lost": 0.0}
UNKNOWN = "unknown"


def improve(session: Session, *, most: int, seed: int) -> Version | None:
    """Learn from what people thought of replies; return the new version, or None when nothing is beyond doubt.

    Parameters
    ----------
    most : int
        Opinions, the newest, that are looked at; none older than the last roll-back.
    seed : int
        Parts accounts and draws the bootstrap.
    """
    judged = [judged_by(opinion) for opinion in crud.opinions(session, crud.last_roll_back(session), most)]
    present = policies.in_force(session)
    proposal = propose(judged, present.weights, np.random.default_rng(seed))
    if proposal is None or not proposal.is_better:
        return None
    return policies.promote(session, proposal)


def judged_by(opinion: crud.Opinion) -> Judged:
    """Read an opinion on a reply as judgements on its claims, in the order in which they stood.

    Notes
    -----
    A claim's worth is the mean of what is known of it: 1 for a helpful reply and 0 for another; 1 when the text that
    was sent in the end still holds it, else 0; 1, 1/2 or 0 for a client who was won, went on or was lost. Verdict and
    outcome are of the whole reply, so they count for a claim as far as it was likely to be read. Claims stand in the
    order of the reply's sections and have no scores of their own: what is learned of their layers orders what the
    search finds, not the reply.
    """
    cited = [(claim["claim"], claim["cites"][0]["layer"]) for claim in opinion.reasoning if claim["cites"]]
    whole = [float(opinion.verdict == "helpful")]
    if opinion.outcome is not None:
        whole.append(WORTH[opinion.outcome])
    helped = []
    for (text, _), looked in zip(cited, seen(len(cited)), strict=True):
        known = [*whole, float(text in opinion.edited_text)] if opinion.edited_text is not None else whole
        helped.append(float(looked) * fmean(known))
    layers = tuple(layer for _, layer in cited)
    return Judged(opinion.account or UNKNOWN, opinion.intent, layers, (1.0,) * len(layers), tuple(helped))
