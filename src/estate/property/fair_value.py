"""Fits valuation models on stored sales: a light one for each question, or a learned one that is kept a while."""

import datetime as dt
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sqlalchemy.orm import Session

from estate.core.db import take_time
from estate.core.identifiers import UnitRef
from estate.core.settings import get_settings
from estate.property.analytics.valuation import MIN_BOOSTED, ValuationModel
from estate.property.crud import units as crud
from estate.property.models import Unit

__all__ = ["KEEP", "Fitted", "SaleRow", "fitted_for", "forget"]

MAX_SALES = 3_000
"""Newest sales that a model learns from: older ones add little, and a fit must end within the patience of a request."""
KEEP = dt.timedelta(hours=1)
"""How long a learned model answers although sales have changed: a fit takes seconds, and sales come all day long."""

SaleRow = crud.SaleRow


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A model with the sales that it was fitted to, in their order."""

    model: ValuationModel
    sales: Sequence[SaleRow]
    version: object = None
    fitted_at: dt.datetime | None = None

    @property
    def learned(self) -> bool:
        """Whether learners value, and not the mean of comparables."""
        return self.model.learned

    def frame(self, unit: Unit) -> pd.DataFrame:
        """Return a unit as the model reads it."""
        return _frame([unit])


_kept: dict[tuple[str, str], Fitted] = {}
_lock = threading.Lock()


def forget() -> None:
    """Drop the kept models."""
    _kept.clear()


def fitted_for(session: Session, unit: Unit, now: dt.datetime) -> Fitted:
    """Return the model to value a unit with.

    Notes
    -----
    Under `MIN_BOOSTED` sales in the unit's currency it is fitted to all of them but the unit's own; that takes
    milliseconds. From there on a learned model of the newest sales is kept for the process, by the number of sales
    and their newest change, and refitted at most once in `KEEP`. One request waits for the fit; others that come
    meanwhile get the model before, or the comparables of the area. It has seen the price of every sale, so that a
    sold unit is valued by the other sales of its area.
    """
    if unit.status == "sold":
        return _light(session, unit, now, in_area=True)
    version = crud.sales_version(session, unit.currency, now)
    if version[0] < MIN_BOOSTED:
        return _light(session, unit, now, in_area=False)
    key = (str(session.get_bind().engine.url), unit.currency)
    if not _usable(_kept.get(key), version, now) and _lock.acquire(blocking=False):
        try:
            # On a busy machine the fit outlasts the limits of a request.
            take_time(session, get_settings().db_worker_statement_timeout_ms)
            sales = crud.sales(session, unit.currency, now, limit=MAX_SALES)
            _kept[key] = Fitted(_fit(sales), sales, version, now)
        finally:
            _lock.release()
    return _kept.get(key) or _light(session, unit, now, in_area=True)


def _usable(kept: Fitted | None, version: object, now: dt.datetime) -> bool:
    if kept is None or kept.fitted_at is None:
        return False
    return kept.version == version or abs(now - kept.fitted_at) < KEEP


def _light(session: Session, unit: Unit, now: dt.datetime, *, in_area: bool) -> Fitted:
    area = unit.area_id if in_area else None
    if in_area and area is None:
        return Fitted(_fit([]), [])
    found = crud.sales(session, unit.currency, now, area_id=area, limit=MIN_BOOSTED)
    own = UnitRef(unit.project_id, unit.unit_id)
    sales = [sale for sale in found if UnitRef(sale.project_id, sale.unit_id) != own][: MIN_BOOSTED - 1]
    return Fitted(_fit(sales), sales)


def _fit(sales: Sequence[SaleRow]) -> ValuationModel:
    prices, days = [float(sale.price) for sale in sales], [np.datetime64(sale.sold_at.date()) for sale in sales]
    return ValuationModel(area="area", size="size").fit(_frame(sales), prices, np.array(days, "datetime64[D]"))


def _frame(homes: Sequence[SaleRow] | Sequence[Unit]) -> pd.DataFrame:
    rows = [
        (
            None if home.area_id is None else str(home.area_id),
            float(home.area_sqm or "nan"),
            home.segment,
            home.bedrooms,
            home.bathrooms,
            home.unit_type,
            str(home.project_id),
        )
        for home in homes
    ]
    columns = ["area", "size", "segment", "bedrooms", "bathrooms", "unit_type", "project"]
    frame = pd.DataFrame(rows, columns=columns)
    numbers = dict.fromkeys(("size", "bedrooms", "bathrooms"), "float64")
    return frame.astype({name: numbers.get(name, "object") for name in columns})
