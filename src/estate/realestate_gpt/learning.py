"""The learning hook: how often replies helped, by topic and layer; reported, not yet changing any rank."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy.orm import Session

from estate.core.stats import Proportion, shrunk_proportion
from estate.realestate_gpt import crud

__all__ = ["Preference", "preference"]

PRIOR_SHARE = 0.5
PRIOR_N = 2.0  # Beta(1, 1): before the first verdict every share is as likely.


@dataclass(frozen=True, slots=True)
class Preference:
    """How replies on one topic that cite one layer were judged.

    Parameters
    ----------
    intent, layer : str
        Topic of the question; layer that the reply cites.
    helpful : Proportion
        Posterior share of helpful replies, with its 90 % interval and the number of judged replies.
    """

    intent: str
    layer: str
    helpful: Proportion


def preference(session: Session) -> list[Preference]:
    """Return the posterior of every topic and layer that was judged, sorted.

    Notes
    -----
    Beta(1 + helpful, 1 + others) over judged replies; of several verdicts on a reply the newest counts.
    """
    judged: Counter[tuple[str, str]] = Counter()
    helped: Counter[tuple[str, str]] = Counter()
    for intent, used_records, verdict in crud.verdicts(session):
        for used in used_records:
            judged[intent, used["layer"]] += 1
            helped[intent, used["layer"]] += verdict == "helpful"
    return [
        Preference(*key, shrunk_proportion(helped[key], n, prior_share=PRIOR_SHARE, prior_n=PRIOR_N))
        for key, n in sorted(judged.items())
    ]
