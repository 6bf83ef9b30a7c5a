"""The value of a unit and its time to sell, in which a won deal is a sale as it is for the pace of the project."""

import datetime as dt

from sqlalchemy.orm import Session

from estate.behavior import service as behavior
from estate.core.db import whole_house
from estate.core.identifiers import UnitRef
from estate.property import figures
from estate.property import service as homes
from estate.property.schemas import ValueOut

__all__ = ["predict"]


def predict(session: Session, ref: UnitRef) -> ValueOut:
    """Estimate the fair value of a unit, and how long units like it take to sell.

    Raises
    ------
    UnitNotFound
        When there is no such unit.
    """
    now = dt.datetime.now(dt.UTC)
    with whole_house(session):
        wins = behavior.newest_wins(session, figures.projects_beside(session, ref), now)
    return homes.predict(session, ref, wins, now)
