"""Market: areas by heat, and one area with its prices, its forecast and what they rest on."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from htpy import Node, a, h3, li, ol, p, span

from estate.console import text
from estate.console.charts import Bar, Fan, bars, drawn, line
from estate.console.page import Sheet, View, page
from estate.console.parts import Column, badge, card, facts, listing, note, stat, stats
from estate.sdk import Estate
from estate.sdk.models.market import Area, AreaHeat, Driver, Forecast, ForecastMonth, Snapshot, TrackedHorizon

__all__ = ["market", "market_area", "monthly"]

MISSING = "not enough data"
SMALL_CHANGE = 0.5


@page("/market")
def market(estate: Estate, view: View) -> Sheet:
    """Rank areas by heat, and tell how published forecasts did."""
    areas = estate.market.heatmap().items
    record = estate.market.track_record()
    return Sheet(
        "Market",
        [
            _heat(areas),
            card(
                "How published forecasts did",
                _record_sentence(record.items),
                listing("How published forecasts did", _RECORD, record.items, empty=record.why),
                note(record.why, f" As of {text.day(record.as_of)}.") if record.items else None,
            ),
        ],
    )


@page("/market/{area_id}")
def market_area(estate: Estate, view: View) -> Sheet:
    """Show one area: price history and forecast, what makes it hot, supply and sales, and the snapshots."""
    area_id = view.params["area_id"]
    forecast = estate.market.predict(area_id=area_id)
    area = estate.market.query(area_id=area_id).first()[0]
    heat = next((one for one in estate.market.heatmap() if one.area_id == area.area_id), None)
    units = a(".button", href=f"/properties?area_id={area.area_id}")["Units in this area"]
    return Sheet(
        area.area_name,
        [
            _figures(area, heat),
            card("Price", _price(area, forecast), aside=units),
            card("Heat", _drivers(heat)),
            card("Supply and sales", _supply(area)),
            card(
                "Snapshots",
                listing("Snapshots", _SNAPSHOTS, area.history, empty="No snapshot of this area came yet."),
                note("The newest ones; what is older is in the forecast but not listed.") if area.history else None,
            ),
        ],
    )


def monthly(area: Area) -> list[tuple[dt.date, float]]:
    """Return (first day of the month, mean price weighted by sales) of an area's newest snapshots, oldest first.

    The list of snapshots may break off within its oldest month: one with fewer of them than the next is left out.
    """
    months: dict[dt.date, list[tuple[float, int]]] = {}
    for one in area.history:
        if one.price_avg and one.currency == area.currency:
            months.setdefault(one.observed_on.replace(day=1), []).append(
                (float(one.price_avg), max(one.sales_volume or 1, 1))
            )
    ordered = sorted(months.items())
    if len(ordered) > 1 and len(ordered[0][1]) < len(ordered[1][1]):
        del ordered[0]
    return [(month, sum(price * n for price, n in seen) / sum(n for _, n in seen)) for month, seen in ordered]


def _is_known(one: AreaHeat) -> bool:
    return one.confidence > 0


def _heat(areas: Sequence[AreaHeat]) -> Node:
    if not areas:
        return card("No area yet", note("Areas come with market snapshots or units: bring in a file under Imports."))
    known = [one for one in areas if _is_known(one)]
    unknown = [one for one in areas if not _is_known(one)]
    tiles = [_tile(one) for one in known] + [_bare_tile(one) for one in unknown]
    return [
        card(
            "Areas by heat",
            p[_heat_sentence(known, len(unknown))],
            ol(".tiles")[tiles],
            note("Heat tells demand and scarcity of an area next to the other areas: 50 of 100 is the middle."),
        ),
        drawn(
            "Heat of areas",
            _ends(known),
            bars([_heat_bar(one) for one in known], _ends(known)),
            (
                "Area",
                "Heat",
                "Band",
                "Change in a year",
                "Rank of demand",
                "Rank of scarcity",
                "Months",
                "Confidence",
                "As of",
            ),
            [_heat_row(one) for one in areas],
            "market-heat",
        )
        if known
        else None,
    ]


def _heat_sentence(known: Sequence[AreaHeat], unknown: int) -> str:
    missing = f" Not enough data: {unknown}." if unknown else ""
    if not known:
        return f"No area has enough data to be compared.{missing}"
    counted = ", ".join(f"{n} {name}" for name, n in Counter(one.heat_band for one in known).items())
    return f"Areas compared: {counted}.{missing}"


def _ends(known: Sequence[AreaHeat]) -> str:
    first, last = known[0], known[-1]
    hottest = f"Hottest is {text.isolated(first.area_name)} ({first.heat_score:.0f} of 100, {first.heat_band})"
    coldest = f", coldest {text.isolated(last.area_name)} ({last.heat_score:.0f}, {last.heat_band})"
    return f"{hottest}{coldest if len(known) > 1 else ''}."


def _tile(one: AreaHeat) -> Node:
    return li(class_=f"tile {_slug(one.heat_band)}")[
        h3[_area_link(one)],
        p(".tile-figure")[span(".stat-value")[f"{one.heat_score:.0f}"], " of 100 ", badge(one.heat_band)],
        p[_trend(one)],
        p[_moved_by(one.drivers)],
        note(f"n = {one.n} months, confidence {text.percent(one.confidence)}, as of {text.day(one.as_of)}"),
    ]


def _bare_tile(one: AreaHeat) -> Node:
    return li(".tile")[h3[_area_link(one)], p[badge(MISSING, "warn")], note(one.why)]


def _area_link(one: AreaHeat) -> Node:
    return a(href=f"/market/{one.area_id}", dir="auto")[one.area_name]


def _slug(band: str) -> str:
    return f"heat-{band.replace(' ', '-')}"


def _trend(one: AreaHeat) -> str:
    if one.heat_trend is None:
        return "Trend not known: too little was told a year before, or since."
    if abs(one.heat_trend) < SMALL_CHANGE:
        return "Unchanged in a year."
    return f"{'Up' if one.heat_trend > 0 else 'Down'} {_points(abs(one.heat_trend))} in a year."


def _points(value: float) -> str:
    return "1 point" if f"{value:.0f}" == "1" else f"{value:.0f} points"


def _driver_name(one: Driver) -> str:
    return f"{one.name} ({one.signal.replace('_', ' ')})" if one.signal else one.name


def _moved_by(drivers: Sequence[Driver]) -> str:
    up = [f"{_driver_name(one)} {one.points:+.0f}" for one in drivers if one.points >= SMALL_CHANGE]
    down = [f"{_driver_name(one)} −{-one.points:.0f}" for one in drivers if one.points <= -SMALL_CHANGE]
    said = [f"Raised by {', '.join(up)}." if up else "", f"Lowered by {', '.join(down)}." if down else ""]
    return " ".join(filter(None, said)) or "Nothing moves it from the middle."


def _heat_bar(one: AreaHeat) -> Bar:
    written = f"{one.heat_score:.0f} {one.heat_band}"
    return Bar(one.area_name, one.heat_score, written, _slug(one.heat_band), f"/market/{one.area_id}")


def _heat_row(one: AreaHeat) -> Sequence[str]:
    if not _is_known(one):
        return (one.area_name, text.DASH, MISSING, *[text.DASH] * 3, str(one.n), text.DASH, text.day(one.as_of))
    trend = text.DASH if one.heat_trend is None else f"{one.heat_trend:+.1f}"
    scores = (f"{one.demand_score:.0f}", f"{one.scarcity_score:.0f}")
    rest = (str(one.n), text.percent(one.confidence), text.day(one.as_of))
    return (one.area_name, f"{one.heat_score:.0f}", one.heat_band, trend, *scores, *rest)


def _measured(one: TrackedHorizon, value: float | None) -> Node:
    return text.percent(value, 1) if one.status == "ok" else badge(MISSING, "warn")


def _held(one: TrackedHorizon, value: float | None, lower: float | None, upper: float | None) -> Node:
    if one.status != "ok":
        return badge(MISSING, "warn")
    return f"{text.percent(value, 1)} ({text.percent_span(lower, upper)})"


_RECORD = [
    Column[TrackedHorizon]("Months ahead", lambda one: str(one.months_ahead), numeric=True),
    Column[TrackedHorizon]("n", lambda one: text.number(one.n), numeric=True),
    Column[TrackedHorizon]("Areas", lambda one: text.number(one.areas), numeric=True),
    Column[TrackedHorizon]("Months published in", lambda one: text.number(one.origins), numeric=True),
    Column[TrackedHorizon]("Error", lambda one: _measured(one, one.error), numeric=True),
    Column[TrackedHorizon]("Error of the last price", lambda one: _measured(one, one.naive_error), numeric=True),
    Column[TrackedHorizon](
        "Within 80 % (should be 80 %)",
        lambda one: _held(one, one.coverage_80, one.coverage_80_lower, one.coverage_80_upper),
        numeric=True,
    ),
    Column[TrackedHorizon](
        "Within 95 % (should be 95 %)",
        lambda one: _held(one, one.coverage_95, one.coverage_95_lower, one.coverage_95_upper),
        numeric=True,
    ),
]


def _record_sentence(items: Sequence[TrackedHorizon]) -> Node:
    first = next((one for one in items if one.status == "ok"), None)
    if first is None or first.error is None or first.naive_error is None:
        return None
    return p[
        f"{_months(first.months_ahead)} ahead, forecasts missed the price by {text.percent(first.error, 1)} on "
        f"average, the last price by {text.percent(first.naive_error, 1)}: {_judged(first)} assuming no change "
        f"(n = {first.n}, published in {_months(first.origins)})."
    ]


def _judged(one: TrackedHorizon) -> str:
    if one.skill_lower is None or one.skill_upper is None or one.skill_lower <= 0 <= one.skill_upper:
        return "not surely better or worse than"
    return "better than" if one.skill_lower > 0 else "worse than"


def _months(n: int) -> str:
    return "1 month" if n == 1 else f"{n} months"


def _figures(area: Area, heat: AreaHeat | None) -> Node:
    known = heat if heat and _is_known(heat) else None
    score = f"{known.heat_score:.0f}" if known else text.DASH
    compared = f"{known.heat_band}, n = {_months(known.n)}" if known else heat.why if heat else ""
    return stats(
        stat("Heat, of 100", score, compared),
        stat(
            "Mean price",
            text.money(area.price_avg, area.currency),
            f"of {_span(area)}",
        ),
        stat(
            "Months of supply",
            text.number(heat.months_of_supply if heat else None, 1),
            "homes for sale per sale a month",
        ),
        stat(
            "Sales a month",
            text.number(heat.sales_per_month if heat else None, 1),
            "mean of months that are over, six at most",
        ),
        stat("Days on market", text.number(heat.days_on_market if heat else None), "at the newest month"),
    )


def _price(area: Area, forecast: Forecast) -> Node:
    past = monthly(area)
    ahead = forecast.months if forecast.status == "ok" else ()
    missing = None if ahead else p[badge("no forecast", "warn"), f" {forecast.why}"]
    if not past and not ahead:
        return [missing, note("No price of this area came yet.")]
    points = [Fan(text.month(month), price) for month, price in past]
    points += [
        Fan(text.month(one.month), one.price, (one.lower, one.upper), (one.lower_95, one.upper_95)) for one in ahead
    ]
    said = _price_sentence(past, ahead, forecast)
    return [
        missing,
        drawn(
            "Price history and forecast" if ahead else "Price history",
            said,
            line(points, said),
            ("Month", f"Price, {forecast.currency}", "80 % interval", "95 % interval", "Last price (naive forecast)"),
            [_past_row(*one) for one in past] + [_ahead_row(one) for one in ahead],
            f"price-{area.area_id}",
        ),
        note("Dark band: 80 %, light band: 95 %. ", forecast.why, f" n = {forecast.n} months.") if ahead else None,
    ]


def _price_sentence(past: Sequence[tuple[dt.date, float]], ahead: Sequence[ForecastMonth], forecast: Forecast) -> str:
    said = []
    if past:
        month, price = past[-1]
        said.append(f"In {text.month(month)} alone the mean price was {text.money(price, forecast.currency)}.")
    if ahead:
        last = ahead[-1]
        ends = text.number_span(last.lower, last.upper)
        said.append(
            f"For {text.month(last.month)} the forecast is {text.money(last.price, forecast.currency)} (80 %: {ends})."
        )
        said.append(_verdict(last))
    return " ".join(said)


def _verdict(last: ForecastMonth) -> str:
    if last.lower <= last.naive <= last.upper:
        return "The last price lies within that interval: it may as well stay."
    return f"The last price lies {'below' if last.naive < last.lower else 'above'} that interval."


def _past_row(month: dt.date, price: float) -> Sequence[str]:
    return (text.month(month), text.number(price), *[text.DASH] * 3)


def _ahead_row(one: ForecastMonth) -> Sequence[str]:
    inner = text.number_span(one.lower, one.upper)
    outer = text.number_span(one.lower_95, one.upper_95)
    return (text.month(one.month), text.number(one.price), inner, outer, text.number(one.naive))


def _drivers(heat: AreaHeat | None) -> Node:
    if heat is None or not _is_known(heat):
        return [p[badge(MISSING, "warn")], note(heat.why if heat else "This area is not in the comparison yet.")]
    said = f"{heat.heat_score:.0f} of 100, {heat.heat_band}. {_moved_by(heat.drivers)} {_trend(heat)}"
    return [
        drawn(
            "What moves the heat from 50",
            said,
            bars([Bar(_driver_name(one), one.points, f"{one.points:+.1f}") for one in heat.drivers], said),
            ("Driver", "Read from", "Points", "Share"),
            [_driver_row(one) for one in heat.drivers],
            f"heat-{heat.area_id}",
        ),
        note(heat.why, f" Confidence {text.percent(heat.confidence)}."),
    ]


def _driver_row(one: Driver) -> Sequence[str]:
    read = text.words(one.signal) if one.signal else text.DASH
    return (text.words(one.name), read, f"{one.points:+.1f}", text.percent(one.share))


def _supply(area: Area) -> Node:
    columns = [
        Column[tuple[str, Mapping[str, Any]]]("Segment", lambda one: text.words(one[0])),
        Column[tuple[str, Mapping[str, Any]]]("Mean", lambda one: _amount(area, one[1], "price_avg"), numeric=True),
        Column[tuple[str, Mapping[str, Any]]](
            "Median", lambda one: _amount(area, one[1], "price_median"), numeric=True
        ),
        Column[tuple[str, Mapping[str, Any]]]("n", lambda one: text.number(one[1].get("n")), numeric=True),
        Column[tuple[str, Mapping[str, Any]]]("As of", lambda one: _day(one[1].get("as_of"))),
    ]
    return [
        note(f"Of {_span(area)}."),
        facts(
            {
                "Demand, as sources put it": text.number(area.demand_score, 1),
                "Supply, as sources put it": text.number(area.supply_score, 1),
                "Sales at the newest observation": text.number(area.sales_volume),
                "Median price": text.money(area.price_median, area.currency),
                "Agents per 100 sales a year": text.number(area.agent_density, 1),
                "New projects": _new_projects(area.new_projects),
                "Other names": [span(dir="auto")[name, " "] for name in area.aliases] or None,
            }
        ),
        listing("Price by segment", columns, list(area.segments.items()), empty="No price by segment yet."),
    ]


def _span(area: Area) -> str:
    """Name the snapshots that the figures of an area are of, with their days where all of them are listed."""
    days = sorted((one.observed_on for one in area.history), reverse=True)[: area.snapshot_count]
    first = f"{text.day(days[-1])} to " if days and len(days) == area.snapshot_count else "up to "
    if area.snapshot_count == 1:
        return f"1 snapshot, {text.day(area.as_of)}"
    return f"{area.snapshot_count} snapshots, {first}{text.day(area.as_of)}"


def _day(told: Any) -> str:
    return text.day(dt.date.fromisoformat(str(told))) if told else text.DASH


def _amount(area: Area, segment: Mapping[str, Any], name: str) -> str:
    value = segment.get(name)
    return text.money(None if value is None else Decimal(str(value)), area.currency)


def _new_projects(told: Any) -> str | None:
    if not isinstance(told, Mapping) or "count" not in told:
        return None
    return f"{told['count']} in {told['window_days']} days" if told.get("window_days") else str(told["count"])


_SNAPSHOTS = [
    Column[Snapshot]("Observed", lambda one: text.day(one.observed_on)),
    Column[Snapshot]("Source", lambda one: one.source),
    Column[Snapshot]("Segment", lambda one: text.words(one.segment)),
    Column[Snapshot]("Mean price", lambda one: text.money(one.price_avg, one.currency), numeric=True),
    Column[Snapshot]("Sales", lambda one: text.number(one.sales_volume), numeric=True),
    Column[Snapshot]("Demand", lambda one: text.number(one.demand_score, 1), numeric=True),
    Column[Snapshot]("Supply", lambda one: text.number(one.supply_score, 1), numeric=True),
]
