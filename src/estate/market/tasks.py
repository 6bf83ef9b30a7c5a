"""Background work of the market layer: forecasts are published when the market has news."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from estate.core.outbox import Claim
from estate.market.forecasting import publish

__all__ = ["publish_forecasts"]


def publish_forecasts(session: Session, claims: Sequence[Claim]) -> None:
    """Publish once for any number of claims; doing it twice changes nothing."""
    publish(session)
