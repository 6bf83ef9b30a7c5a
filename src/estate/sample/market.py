r"""Areas of the sample world and their monthly history, ready and off-plan apart.

With t in years from `now` (negative), w(t) the season (1 in January, −1 in July), a the area and s the segment:

* log price = level_a + log(100 m²) + premium_s + growth_a · t + 0.02 · w(t) + AR(1) noise
* demand d = mean_a + 0.35 · w(t) + AR(1) noise;  demand_score = 100 / (1 + exp(−1.6 d))
* sales ~ Poisson(exp(3.2 + 0.5 d + share_s)),  inventory ~ Poisson(exp(5 + stock_a − 0.3 d + share_s))
* supply_score = 100 · m / (m + 6) with m = inventory / sales, months of supply; six months count as balanced
* days_on_market = 60 · exp(−0.4 d),  views_per_listing = 25 · exp(0.5 d), both with noise
* agent_density = active agents per 100 sales in 12 months
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from estate.sample import names
from estate.sample.draws import Floats, Ints, Row, hundredths, logistic, uuids, winter

__all__ = [
    "CURRENCY",
    "DEMAND_SEASON",
    "MONTHS",
    "PRICE_SEASON",
    "SEGMENTS",
    "Market",
    "draw_market",
    "insight_rows",
    "snapshot_rows",
]

CURRENCY = "AED"
MONTHS = 36
SEGMENTS = ("ready", "off_plan")
PRICE_SEASON = 0.02
DEMAND_SEASON = 0.35
SEGMENT_PREMIUM = np.array([0.0, 0.06])
SEGMENT_SHARE = np.array([0.0, -0.4])
TYPICAL_SQM = 100


@dataclass(frozen=True, eq=False, slots=True)
class Market:
    """The areas and what was observed of them.

    `level` is the log price of a square metre now, `growth` its drift a year, `demand` the mean latent demand,
    each float64[areas]; the observed arrays are [areas, segments, months], the oldest month first.
    """

    area_ids: list[UUID]
    area_names: tuple[str, ...]
    level: Floats
    growth: Floats
    demand: Floats
    month_ends: list[dt.date]
    prices: Ints
    demand_scores: Floats
    sales: Ints
    inventory: Ints
    agents: Ints
    days_on_market: Floats
    views: Floats


def draw_market(scale: int, rng: np.random.Generator, now: dt.datetime) -> Market:
    """Draw the areas and `MONTHS` full months of history before `now`; areas grow with log2 of the scale."""
    count = min(len(names.AREAS), 8 + 2 * (scale.bit_length() - 1))
    level, growth = rng.normal(9.55, 0.3, count), rng.normal(0.05, 0.05, count)
    demand = rng.normal(0.0, 0.7, count)
    month_ends = _month_ends(now.date())
    stamps = np.array(month_ends, dtype="datetime64[s]").astype(np.int64)
    season, years = winter(stamps), (stamps - int(now.timestamp())) / (365.25 * 86_400)
    latent = demand[:, None, None] + DEMAND_SEASON * season + _autoregression(rng, count, 0.8, 0.2)
    log_price = (
        level[:, None, None]
        + np.log(TYPICAL_SQM)
        + SEGMENT_PREMIUM[:, None]
        + growth[:, None, None] * years
        + PRICE_SEASON * season
        + _autoregression(rng, count, 0.7, 0.012)
    )
    stock = rng.normal(0.0, 0.3, (count, 1, 1))
    share = SEGMENT_SHARE[:, None]
    return Market(
        area_ids=uuids(rng, count),
        area_names=names.AREAS[:count],
        level=level,
        growth=growth,
        demand=demand,
        month_ends=month_ends,
        prices=np.rint(np.exp(log_price)).astype(np.int64),
        demand_scores=100 * logistic(1.6 * latent),
        sales=1 + rng.poisson(np.exp(3.2 + 0.5 * latent + share)),
        inventory=rng.poisson(np.exp(5 + stock - 0.3 * latent + share)),
        agents=rng.integers(20, 90, count),
        days_on_market=60 * np.exp(-0.4 * latent + rng.normal(0, 0.05, latent.shape)),
        views=25 * np.exp(0.5 * latent + rng.normal(0, 0.08, latent.shape)),
    )


def insight_rows(market: Market, updated_at: dt.datetime) -> Iterator[Row]:
    """Yield the areas; their aggregates are recomputed from the snapshots by who loads them."""
    for area_id, name in zip(market.area_ids, market.area_names, strict=True):
        yield {"area_id": area_id, "area_name": name, "currency": CURRENCY, "updated_at": updated_at}


def snapshot_rows(market: Market, launches: Mapping[tuple[int, dt.date], Row]) -> Iterator[Row]:
    """Yield one row an area, segment and month; `launches` holds `new_projects` by area index and month end."""
    none: Row = {"count": 0, "window_days": 90, "items": []}
    for area, segment, month in np.ndindex(market.prices.shape):
        observed_on = market.month_ends[month]
        at = (area, segment, month)
        sales, inventory = int(market.sales[at]), int(market.inventory[at])
        supply = inventory / sales
        off_plan = SEGMENTS[segment] == "off_plan"
        yield {
            "area_id": market.area_ids[area],
            "segment": SEGMENTS[segment],
            "observed_on": observed_on,
            "source": "sample",
            "stated": True,
            "price_avg": hundredths(100 * int(market.prices[at])),
            "currency": CURRENCY,
            "demand_score": hundredths(round(100 * float(market.demand_scores[at]))),
            "supply_score": hundredths(round(10_000 * supply / (supply + 6))),
            "sales_volume": sales,
            "new_projects": launches.get((area, observed_on), none) if off_plan else none,
            "agent_density": hundredths(round(10_000 * int(market.agents[area]) / (12 * sales))),
            "days_on_market": hundredths(round(100 * float(market.days_on_market[at]))),
            "inventory": inventory,
            "views_per_listing": hundredths(round(100 * float(market.views[at]))),
        }


def _month_ends(today: dt.date) -> list[dt.date]:
    """Return the last days of the `MONTHS` full months before `today`, oldest first."""
    first = np.datetime64(today, "M")
    starts = first - np.arange(MONTHS - 1, -1, -1)
    return [(start.astype("datetime64[D]") - 1).item() for start in starts]


def _autoregression(rng: np.random.Generator, areas: int, memory: float, spread: float) -> Floats:
    """Draw stationary AR(1) noise [areas, segments, months] with standard deviation `spread`."""
    shocks = rng.normal(0.0, spread, (areas, len(SEGMENTS), MONTHS))
    noise = shocks.copy()
    for month in range(1, MONTHS):
        noise[..., month] = memory * noise[..., month - 1] + np.sqrt(1 - memory**2) * shocks[..., month]
    return noise
