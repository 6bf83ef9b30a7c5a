r"""Projects and units of the sample world.

With t the years from `now` to the listing (negative):

* log price = level_area + growth_area · t + premium_segment + 0.9 · log(size) + 0.1 · log(100 m²)
  + 0.06 · view + 0.004 · floor + N(0, 0.08²), rounded to a thousand
* half of the projects are ready; the others are handed over in three months to three years and built at a
  steady pace over `BUILD_DAYS`; an off-plan unit is listed after its project is launched
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import numpy as np

from estate.sample import names, phrases
from estate.sample.draws import DAY, Bools, Ints, Row, date_at, hundredths, moment, uuids
from estate.sample.market import CURRENCY, SEGMENT_PREMIUM, SEGMENTS, TYPICAL_SQM, Market
from estate.sample.plans import OFF_PLAN_STYLES, READY_STYLE, payment_plan

__all__ = [
    "AMENITIES",
    "BEDROOM_SHARES",
    "PRICE_WEIGHTS",
    "SIZES",
    "UNITS_PER_PROJECT",
    "WINDOW_DAYS",
    "Homes",
    "Standing",
    "draw_homes",
    "launches",
    "project_rows",
    "unit_rows",
    "unit_type",
]

PROJECTS = 12
UNITS_PER_PROJECT = 20
BUILD_DAYS = 1100
# Deals are opened within this many days before `now`; a part of the units is listed before the first deal.
WINDOW_DAYS = 720
BEDROOM_SHARES = np.array([0.12, 0.33, 0.32, 0.17, 0.06])
SIZES = np.array([42.0, 72.0, 112.0, 160.0, 240.0])
PRICE_WEIGHTS = {"log_size": 0.9, "view": 0.06, "floor": 0.004}
PRICE_NOISE = 0.08

AMENITIES: tuple[Mapping[str, str], ...] = tuple(
    {"code": code, "label": label, "scope": scope, "vocabulary": vocabulary}
    for code, label, scope, vocabulary in (
        ("FitnessCenter", "Fitness Center", "building", "reso:AssociationAmenities"),
        ("Playground", "Playground", "building", "reso:AssociationAmenities"),
        ("Clubhouse", "Clubhouse", "community", "reso:AssociationAmenities"),
        ("Pool", "Pool", "community", "reso:CommunityFeatures"),
        ("24HourSecurity", "24 Hour Security", "building", "reso:SecurityFeatures"),
        ("x_maids_room", "Maid's room", "unit", "local"),
        ("x_smart_home", "Smart home", "unit", "local"),
        ("x_private_garden", "Private garden", "unit", "local"),
    )
)
COMPLAINTS = (
    ("noise", "The road outside is loud in the morning."),
    ("delay", "The last phase was handed over months late."),
    ("parking", "Guests never find a place to park."),
    ("upkeep", "The lift is out of order too often."),
)
PRAISED_TERMS = tuple(term.text for term in phrases.TERMS if term.speaker == "agent" and term.log_odds >= 0)


@dataclass(frozen=True, eq=False, slots=True)
class Homes:
    """Projects and units as drawn; times are Unix seconds, prices whole units of the currency.

    The first block has one value a project, the second one a unit; units of a project stand together.
    """

    project_ids: list[UUID]
    project_names: list[str]
    developer: Ints
    project_area: Ints
    off_plan: Bools
    launched: Ints
    handover: Ints
    percent: Ints

    unit_ids: list[UUID]
    project: Ints
    bedrooms: Ints
    centiares: Ints
    """Size in hundredths of a square metre."""
    floor: Ints
    view: Bools
    price: Ints
    listed_at: Ints
    discount: Ints
    style: Ints
    amenity: Bools
    complaint: Ints
    """Index into `COMPLAINTS`, −1 for none."""
    praise: Ints
    """Index into `PRAISED_TERMS`, −1 for none."""

    @property
    def area(self) -> Ints:
        """Area index of each unit."""
        return self.project_area[self.project]

    def kind(self, unit: int) -> str:
        """Return a unit in words, e.g. ``"2-bedroom apartment"``."""
        bedrooms = int(self.bedrooms[unit])
        return "studio" if bedrooms == 0 else f"{bedrooms}-bedroom {unit_type(bedrooms)}"


@dataclass(frozen=True, eq=False, slots=True)
class Standing:
    """What became of the units: status by name, and time of sale (0 when not sold)."""

    status: Sequence[str]
    sold_at: Ints


def draw_homes(scale: int, rng: np.random.Generator, market: Market, now: int) -> Homes:
    """Draw projects and units, listed at least ten days before `now`."""
    count = PROJECTS * scale
    off_plan = rng.permutation(count) % 2 == 1
    handover_days = np.where(off_plan, rng.integers(95, 1080, count), -rng.integers(800, 3000, count))
    launch_age = BUILD_DAYS - handover_days + 10
    units = count * UNITS_PER_PROJECT
    project = np.repeat(np.arange(count), UNITS_PER_PROJECT)
    project_area = rng.permutation(count) % len(market.area_ids)
    bedrooms = rng.choice(len(SIZES), units, p=BEDROOM_SHARES)
    centiares = np.rint(100 * SIZES[bedrooms] * np.exp(rng.normal(0, 0.1, units))).astype(np.int64)
    floor = np.where(bedrooms == 4, 0, rng.integers(1, 31, units))
    view = rng.random(units) < 0.35
    age = np.where(rng.random(units) < 0.4, rng.uniform(725, 760, units), rng.uniform(10, 725, units))
    age = np.minimum(age, np.maximum(10, launch_age[project] * rng.uniform(0.5, 1, units)))
    log_price = (
        market.level[project_area[project]]
        - market.growth[project_area[project]] * age / 365.25
        + SEGMENT_PREMIUM[off_plan[project].astype(np.int64)]
        + PRICE_WEIGHTS["log_size"] * np.log(centiares / 100)
        + (1 - PRICE_WEIGHTS["log_size"]) * np.log(TYPICAL_SQM)
        + PRICE_WEIGHTS["view"] * view
        + PRICE_WEIGHTS["floor"] * floor
        + rng.normal(0, PRICE_NOISE, units)
    )
    return Homes(
        project_ids=uuids(rng, count),
        project_names=_project_names(count),
        developer=rng.integers(0, len(names.DEVELOPERS), count),
        project_area=project_area,
        off_plan=off_plan,
        launched=now - launch_age * DAY,
        handover=now + handover_days * DAY,
        percent=np.where(off_plan, np.rint(100 * (1 - handover_days / BUILD_DAYS)), 100).astype(np.int64),
        unit_ids=uuids(rng, units),
        project=project,
        bedrooms=bedrooms,
        centiares=centiares,
        floor=floor,
        view=view,
        price=(1000 * np.rint(np.exp(log_price) / 1000)).astype(np.int64),
        listed_at=(now - age * DAY).astype(np.int64),
        discount=rng.choice([0, 3, 5, 8], units) * off_plan[project],
        style=rng.integers(0, len(OFF_PLAN_STYLES), units),
        amenity=_amenities(rng, count, units),
        complaint=_some(rng, 0.15, len(COMPLAINTS), units),
        praise=_some(rng, 0.3, len(PRAISED_TERMS), units),
    )


def project_rows(homes: Homes, market: Market, updated_at: dt.datetime) -> Iterator[Row]:
    """Yield the rows of `projects`."""
    for index, project_id in enumerate(homes.project_ids):
        percent = int(homes.percent[index])
        yield {
            "project_id": project_id,
            "name": homes.project_names[index],
            "developer": names.DEVELOPERS[homes.developer[index]],
            "area_id": market.area_ids[homes.project_area[index]],
            "status": "completed" if not homes.off_plan[index] else "presale" if percent < 10 else "selling",
            "handover_on": date_at(int(homes.handover[index])),
            "percent_complete": Decimal(percent),
            "updated_at": updated_at,
        }


def unit_rows(homes: Homes, market: Market, standing: Standing, now: int) -> Iterator[Row]:
    """Yield the rows of `properties`; demand and sales are left to be counted, as is what nobody praised or blamed."""
    today = date_at(now)
    for index, unit_id in enumerate(homes.unit_ids):
        project = int(homes.project[index])
        sold_at, listed_at = int(standing.sold_at[index]), int(homes.listed_at[index])
        yield {
            "project_id": homes.project_ids[project],
            "unit_id": unit_id,
            "title": _title(homes, index),
            "price": hundredths(100 * int(homes.price[index])),
            "payment_plan": _plan(homes, index, today),
            "cash_ratio": hundredths(100 - int(homes.discount[index])),
            "delivery_date": date_at(int(homes.handover[project])),
            "amenities": [dict(a) for a, has in zip(AMENITIES, homes.amenity[index], strict=True) if has],
            "negative_reviews": _complaints(int(homes.complaint[index])),
            "positive_triggers": None if homes.praise[index] < 0 else [PRAISED_TERMS[homes.praise[index]]],
            "updated_at": moment(sold_at or listed_at),
            "currency": CURRENCY,
            "area_id": market.area_ids[homes.project_area[project]],
            "unit_type": unit_type(int(homes.bedrooms[index])),
            "segment": SEGMENTS[int(homes.off_plan[project])],
            "bedrooms": int(homes.bedrooms[index]),
            "bathrooms": max(1, int(homes.bedrooms[index])),
            "area_sqm": hundredths(int(homes.centiares[index])),
            "status": standing.status[index],
            "listed_at": moment(listed_at),
            "sold_at": moment(sold_at) if sold_at else None,
        }


def unit_type(bedrooms: int) -> str:
    """Return the type that goes with a number of bedrooms."""
    return ("studio", "apartment", "apartment", "townhouse", "villa")[bedrooms]


def launches(homes: Homes, market: Market) -> dict[tuple[int, dt.date], Row]:
    """Return `new_projects` by area index and month end: the projects launched in the 90 days up to it."""
    found: dict[tuple[int, dt.date], list[Row]] = {}
    for index, launched in enumerate(homes.launched.tolist()):
        day = date_at(launched)
        for month_end in market.month_ends:
            if 0 <= (month_end - day).days < 90:
                area = int(homes.project_area[index])
                found.setdefault((area, month_end), []).append(_launch(homes, index, day))
    return {
        key: {
            "count": len(items),
            "window_days": 90,
            "units_total": UNITS_PER_PROJECT * len(items),
            "items": items,
        }
        for key, items in found.items()
    }


def _launch(homes: Homes, index: int, day: dt.date) -> Row:
    units = slice(index * UNITS_PER_PROJECT, (index + 1) * UNITS_PER_PROJECT)
    return {
        "project_id": str(homes.project_ids[index]),
        "name": homes.project_names[index],
        "developer": {"name": names.DEVELOPERS[homes.developer[index]]},
        "sales_status": "presale",
        "launch_date": day.isoformat(),
        "handover_date": date_at(int(homes.handover[index])).isoformat(),
        "units_total": UNITS_PER_PROJECT,
        "price_from": f"{int(homes.price[units].min())}.00",
        "currency": CURRENCY,
    }


def _project_names(count: int) -> list[str]:
    """Return distinct names: every pair of stem and tail once, then again with a number."""
    stems, tails = len(names.PROJECT_STEMS), len(names.PROJECT_TAILS)
    found = []
    for index in range(count):
        lap, rest = divmod(index, stems * tails)
        stem, tail = names.PROJECT_STEMS[rest % stems], names.PROJECT_TAILS[rest // stems]
        found.append(f"{stem} {tail}" + (f" {lap + 1}" if lap else ""))
    return found


def _title(homes: Homes, index: int) -> str:
    project = homes.project_names[homes.project[index]]
    floor = f", floor {homes.floor[index]}" if homes.floor[index] else ""
    return f"{homes.kind(index).capitalize()} in {project}{floor}" + (", sea view" if homes.view[index] else "")


def _plan(homes: Homes, index: int, today: dt.date) -> Row:
    project = int(homes.project[index])
    return payment_plan(
        OFF_PLAN_STYLES[homes.style[index]] if homes.off_plan[project] else READY_STYLE,
        int(homes.price[index]),
        int(homes.discount[index]),
        int(homes.percent[project]),
        today,
        date_at(int(homes.handover[project])),
    )


def _complaints(index: int) -> list[Row] | None:
    if index < 0:
        return None
    topic, text = COMPLAINTS[index]
    return [{"topic": topic, "text": text, "stars": 2}]


def _amenities(rng: np.random.Generator, projects: int, units: int) -> Bools:
    """Draw [units, amenities]: those of a building or community are shared by its units."""
    shared = np.repeat(rng.random((projects, len(AMENITIES))) < 0.6, UNITS_PER_PROJECT, axis=0)
    own = rng.random((units, len(AMENITIES))) < 0.25
    return np.where([amenity["scope"] == "unit" for amenity in AMENITIES], own, shared)


def _some(rng: np.random.Generator, share: float, options: int, count: int) -> Ints:
    """Draw an option for `share` of the cases and −1 for the others."""
    return np.where(rng.random(count) < share, rng.integers(0, options, count), -1)
