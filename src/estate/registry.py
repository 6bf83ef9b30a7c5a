"""Knows every layer's tables and tasks, for Alembic and Celery."""

from sqlalchemy import MetaData

from estate.agent import models as agent_models
from estate.behavior import models as behavior_models
from estate.client import models as client_models
from estate.core import gauges, queue
from estate.core import models as core_models
from estate.core.figures import FIGURES_TOPIC
from estate.core.orm import Base
from estate.intake import models as intake_models
from estate.intelligence import models as intelligence_models
from estate.market import models as market_models
from estate.property import models as property_models
from estate.realestate_gpt import models as gpt_models

__all__ = ["MODEL_MODULES", "metadata", "register"]

MODEL_MODULES = (
    core_models,
    market_models,
    agent_models,
    client_models,
    property_models,
    behavior_models,
    intelligence_models,
    gpt_models,
    intake_models,
)

metadata: MetaData = Base.metadata


def register() -> None:
    """Tell the queue who does the work of which topic, and the metrics whom to ask."""
    # Here and not above: a migration needs the tables only, not the numerical libraries behind the tasks.
    from estate.agent import tasks as agent
    from estate.behavior import tasks as behavior
    from estate.intake import tasks as intake
    from estate.intelligence import tasks as intelligence
    from estate.intelligence.freshness import enqueue_training, model_gauges
    from estate.market import tasks as market
    from estate.market.service import PUBLISH
    from estate.property import tasks as homes
    from estate.property.figures import enqueue_due
    from estate.realestate_gpt import tasks as gpt

    queue.TOPICS.update(
        {
            behavior.FOLD: behavior.fold,
            behavior.ANALYSE: behavior.analyse,
            agent.FOLD: agent.fold,
            homes.FOLD: homes.fold,
            intelligence.TRAIN: intelligence.train,
            intelligence.SCORE: intelligence.score,
            FIGURES_TOPIC: intelligence.count_figures,
            gpt.DOCUMENT: gpt.document,
            gpt.LEARN: gpt.learn,
            PUBLISH: market.publish_forecasts,
            intake.COMMIT: intake.commit,
            intake.UNDO: intake.undo,
        }
    )
    gauges.SOURCES["models"] = model_gauges
    queue.DUE.update({FIGURES_TOPIC: enqueue_due, intelligence.TRAIN: enqueue_training})
