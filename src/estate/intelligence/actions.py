"""What to do with a client next, as far as evidence supports it."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence

from sqlalchemy.orm import Session

from estate.behavior import service as behavior
from estate.behavior.schemas import TriggerLift
from estate.intelligence.explained import clock
from estate.intelligence.qualification import explain_qualification
from estate.intelligence.schemas import NextAction, Qualification, Reason

__all__ = ["best_trigger", "recommend_action", "trigger_for"]

TRIGGERS_SEEN = 50


def recommend_action(session: Session, client_id: uuid.UUID, now: dt.datetime | None = None) -> NextAction:
    """Recommend the best-supported trigger that was not yet said to the client.

    A proven one goes before a candidate, which is only shown with that label; with neither, or when all have come up
    with the client, the advice is to learn the missing field that could move the qualification score the most.

    Raises
    ------
    ClientNotFound
        When no client has this id.
    """
    at = clock(now)
    scored = explain_qualification(session, client_id, at)
    trigger = trigger_for(session, client_id)
    if trigger is not None:
        return _say(client_id, trigger, at)
    return _ask(scored, at, all_said=trigger_for(session, None) is not None)


def trigger_for(session: Session, client_id: uuid.UUID | None) -> TriggerLift | None:
    """Return the `best_trigger` of the newest analysis; for a client, one that has not come up with them."""
    triggers = behavior.triggers(session, TRIGGERS_SEEN).items
    if client_id is None:
        return best_trigger(triggers, ())
    return best_trigger(triggers, behavior.terms_said(session, client_id, {t.term for t in triggers}))


def best_trigger(triggers: Sequence[TriggerLift], said: Collection[str]) -> TriggerLift | None:
    """Return the proven trigger, else the candidate, that an agent may say: of those not said the surest above 1."""
    fresh = [t for t in triggers if t.term not in said and t.lift > 1 and t.speaker != "client"]
    proven = [t for t in fresh if t.evidence == "proven"]
    return max(proven or fresh, key=lambda t: (t.lower, t.term), default=None)


def _say(client_id: uuid.UUID, trigger: TriggerLift, now: dt.datetime) -> NextAction:
    won = (
        f"Among deals that are otherwise alike, about {trigger.win_rate_with:.0%} would be won where it is said and "
        f"{trigger.win_rate_without:.0%} elsewhere: an estimate from {trigger.n_with} deals with it, of "
        f"{trigger.n_agents} agents, and {trigger.n_without} without."
    )
    return NextAction(
        client_id=client_id,
        action=f"Bring up “{trigger.term}”.",
        term=trigger.term,
        evidence=trigger.evidence,
        lift=trigger.lift,
        lower=trigger.lower,
        upper=trigger.upper,
        n=trigger.n_with + trigger.n_without,
        status="ok" if trigger.evidence == "proven" else "insufficient_data",
        reasons=[
            Reason(field="trigger_findings.win_rate_with", text=won, value=round(trigger.win_rate_with, 4)),
            Reason(
                field="behavior_events.trigger_word",
                text="It has not come up with this client yet.",
                value=trigger.term,
            ),
        ],
        as_of=now,
    )


def _ask(scored: Qualification, now: dt.datetime, *, all_said: bool) -> NextAction:
    """Advise to learn what is missing, or to keep in touch, and say why no word is advised."""
    why = "The closed deals support no trigger that an agent could bring up."
    action = "Keep in touch: no word or step is supported by evidence yet."
    if all_said:
        why = "The triggers that the closed deals support best have all come up with this client."
        action = "Keep in touch: the words that evidence supports best have all come up."
    reasons = [Reason(field="trigger_findings", text=why, value=None)]
    if scored.missing:
        best = scored.missing[0]
        action = best.why
        text = f"Knowing {best.feature} could move the score between {best.lower:.0%} and {best.upper:.0%}."
        reasons.append(Reason(field=best.feature, text=text, value=round(best.upper - best.lower, 4)))
    return NextAction(
        client_id=scored.client_id,
        action=action,
        term=None,
        evidence="none",
        lift=None,
        lower=None,
        upper=None,
        n=scored.n,
        status="insufficient_data",
        reasons=reasons,
        as_of=now,
    )
