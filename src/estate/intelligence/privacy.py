"""Retires what was learned from a client who is erased."""

import datetime as dt

from sqlalchemy.orm import Session

from estate.client import service as client_service
from estate.core.outbox import Job, enqueue
from estate.core.settings import get_settings
from estate.intelligence import crud
from estate.intelligence.cards import QUALIFICATION
from estate.intelligence.training import TRAIN, rescore, train_all

__all__ = ["erase_learned", "train_afresh"]

AFRESH = "afresh"


def erase_learned(session: Session, since: dt.datetime) -> int:
    """Retire the models that may have learned from a client, and have new ones trained; return how many went.

    Until then requests are answered from the documented cards.

    Parameters
    ----------
    since : datetime
        When the first deal of the client was opened.
    """
    enqueue(session, [Job(TRAIN, AFRESH, {"since": since})])
    return _retire(session, since)


def train_afresh(session: Session, since: dt.datetime, now: dt.datetime) -> None:
    """Retire once more, for a training may have been under way, and train; every client is scored anew."""
    crud.one_training_at_a_time(session, get_settings().training_timeout_s)
    _retire(session, since)
    trained = train_all(session, now)
    if not any(one.promoted for one in trained if one.kind == QUALIFICATION.kind):
        rescore(session)


def _retire(session: Session, since: dt.datetime) -> int:
    models = crud.delete_models(session, since)
    client_service.forget_scores(session, models)
    return len(models)
