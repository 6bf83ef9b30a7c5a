"""What needs several layers at once: scores, closing probability, matching and routing.

The six functions have the specification's names. Each opens its own read-only unit of work unless it is given a
session; an id may be a UUID or its text.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from estate.behavior import service as behavior_service
from estate.behavior.schemas import TriggerLift
from estate.core.db import unit_of_work
from estate.core.errors import Invalid
from estate.core.security import Actor
from estate.core.types import UnitRef
from estate.intelligence.closing import explain_closing
from estate.intelligence.matching import recommend
from estate.intelligence.qualification import explain_qualification
from estate.intelligence.ranking import rank_agents
from estate.intelligence.schemas import AgentRankOut, Recommendation
from estate.market import service as market_service
from estate.market.schemas import AreaHeat
from estate.property import service as property_service

__all__ = [
    "agent_skill_ranking",
    "behavior_trigger_analysis",
    "client_qualification_score",
    "closing_probability",
    "market_heatmap",
    "recommend_properties",
]

Id = uuid.UUID | str
PropertyId = UnitRef | tuple[Id, Id] | str


def client_qualification_score(client_id: Id, *, session: Session | None = None) -> float:
    """Return the chance in [0, 1] that a deal with a client is won.

    Raises
    ------
    ClientNotFound
        When no client has this id.
    """
    with _reading(session) as reader:
        return explain_qualification(reader, _uuid(client_id)).score


def market_heatmap(*, session: Session | None = None) -> list[AreaHeat]:
    """Return every area with its heat score, hottest first."""
    with _reading(session) as reader:
        return market_service.heatmap(reader)


def behavior_trigger_analysis(top_n: int = 20, *, session: Session | None = None) -> list[TriggerLift]:
    """Return the top trigger words with their lift, proven ones first."""
    with _reading(session) as reader:
        return behavior_service.triggers(reader, top_n).items


def closing_probability(
    agent_id: Id, client_id: Id, property_id: PropertyId, *, session: Session | None = None
) -> float:
    """Return the chance in [0, 1] that an agent sells a unit to a client.

    Parameters
    ----------
    property_id : tuple, UnitRef or str
        ``(project_id, unit_id)``, ``"project_id:unit_id"``, or a unit id alone where it is unique.

    Raises
    ------
    AgentNotFound, ClientNotFound, UnitNotFound
        When one of the three does not exist.
    """
    with _reading(session) as reader:
        unit = _unit(reader, property_id)
        return explain_closing(reader, _uuid(agent_id), _uuid(client_id), unit).score


def recommend_properties(client_id: Id, *, session: Session | None = None) -> list[Recommendation]:
    """Return units for a client, best first, with reasons and trade-offs.

    Raises
    ------
    ClientNotFound
        When no client has this id.
    """
    with _reading(session) as reader:
        return recommend(reader, _uuid(client_id))


def agent_skill_ranking(*, session: Session | None = None) -> list[AgentRankOut]:
    """Return the leaderboard of agents, every agent once."""
    with _reading(session) as reader:
        return rank_agents(reader)


@contextmanager
def _reading(session: Session | None) -> Iterator[Session]:
    """Use the given session, or a read-only unit of work of the system."""
    if session is not None:
        yield session
    else:
        with unit_of_work(Actor.system(), read_only=True) as own:
            yield own


def _uuid(value: Id) -> uuid.UUID:
    try:
        return value if isinstance(value, uuid.UUID) else uuid.UUID(value)
    except ValueError as error:
        raise Invalid("An id must be a UUID.") from error


def _unit(session: Session, value: PropertyId) -> UnitRef:
    if isinstance(value, UnitRef):
        return value
    if isinstance(value, tuple):
        return UnitRef(*map(_uuid, value))
    return property_service.resolve(session, value)
