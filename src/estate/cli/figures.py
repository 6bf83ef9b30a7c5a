"""Pictures of the market: areas by heat, and forecasts with their intervals."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from estate.market.schemas import AreaHeat, AreaOut, ForecastOut

__all__ = ["forecast_figure", "heat_figure"]

BAND_COLOURS = {
    "very hot": "#b2182b",
    "hot": "#ef8a62",
    "balanced": "#bdbdbd",
    "cool": "#67a9cf",
    "cold": "#2166ac",
}
INK, FAINT, LINE = "#222222", "#767676", "#1f5fa8"
UNCERTAIN = 0.35  # Opacity of a bar whose score rests on nothing; a sure one is opaque.
COLUMNS = 3


def heat_figure(areas: Sequence[AreaHeat], total: int) -> Figure:
    """Draw areas by heat with the change in a year; the fainter a bar, the less it rests on."""
    figure = Figure(figsize=(9, 1.9 + 0.34 * len(areas)), layout="constrained")
    axes = figure.subplots()
    for place, area in enumerate(areas):
        opacity = UNCERTAIN + (1 - UNCERTAIN) * area.confidence
        axes.barh(place, area.heat_score, color=BAND_COLOURS[area.heat_band], alpha=opacity, height=0.72)
        axes.text(area.heat_score + 1, place, f"{area.heat_score:.0f}", va="center", color=INK, fontsize=9)
        axes.text(1.02, place, _facts(area), va="center", color=FAINT, fontsize=8.5, transform=_beside(axes))
    axes.set_yticks(range(len(areas)), [area.area_name for area in areas])
    axes.set_xlim(0, 106)
    axes.set_ylim(len(areas) - 0.4, -0.6)
    axes.axvline(50, color=FAINT, linewidth=0.8, linestyle=":")
    axes.set_xlabel("heat: demand and scarcity against the other areas, 0 to 100 (fainter: less evidence)")
    newest = max((area.as_of for area in areas if area.as_of), default=None)
    shown = f"{len(areas)} of {total} areas" if total > len(areas) else f"{total} areas"
    _title(figure, "Market heat", f"{shown}; newest snapshot {newest or 'none'}")
    handles = [Patch(color=colour, label=name) for name, colour in BAND_COLOURS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9)
    _plain(axes)
    return figure


def _facts(area: AreaHeat) -> str:
    trend = "trend unknown" if area.heat_trend is None else f"{round(area.heat_trend):+d} in a year"
    supply = "" if area.months_of_supply is None else f", {area.months_of_supply:.1f} months of supply"
    return f"{trend}{supply}, n = {area.n}"


def forecast_figure(forecasts: Sequence[tuple[AreaOut, Sequence[tuple[dt.date, float]], ForecastOut]]) -> Figure:
    """Draw past prices and the forecast of each area, with its 80 and 95 % intervals."""
    columns = min(COLUMNS, len(forecasts))
    rows = -(-len(forecasts) // columns)
    figure = Figure(figsize=(max(7.0, 4.2 * columns), 1.3 + 2.8 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(forecasts) :]:
        axes.set_visible(False)
    for axes, (area, past, ahead) in zip(grid.flat, forecasts, strict=False):
        _forecast(axes, area, past, ahead)
    _title(figure, "Price forecast", "line: mean price a month; bands: 80 and 95 % intervals; dots: naive forecast")
    return figure


def _forecast(axes: Axes, area: AreaOut, past: Sequence[tuple[dt.date, float]], ahead: ForecastOut) -> None:
    axes.plot([_number(day) for day, _ in past], [price for _, price in past], color=INK, linewidth=1.2)
    if ahead.months:
        start = [(_number(day), price) for day, price in past[-1:]]
        x = [day for day, _ in start] + [_number(m.month) for m in ahead.months]
        at = [price for _, price in start]
        for low, high, opacity in (("lower_95", "upper_95", 0.15), ("lower", "upper", 0.28)):
            bottom, top = (at + [getattr(m, name) for m in ahead.months] for name in (low, high))
            axes.fill_between(x, bottom, top, color=LINE, alpha=opacity, linewidth=0)
        axes.plot(x, at + [m.price for m in ahead.months], color=LINE, linewidth=1.6)
        axes.plot(x, at + [m.naive for m in ahead.months], color=FAINT, linewidth=1, linestyle=":")
    else:
        axes.text(0.5, 0.9, "insufficient data", ha="center", transform=axes.transAxes, color=FAINT)
    axes.set_title(f"{area.area_name} (n = {ahead.n} months, {ahead.currency})", fontsize=10, loc="left", color=INK)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda month, _: f"{int(month // 12)}"))
    years = sorted({int(_number(day) // 12) for day, _ in past} | {m.month.year for m in ahead.months})
    axes.set_xticks([12 * year for year in years][1:])
    axes.yaxis.set_major_formatter(FuncFormatter(_short))
    _plain(axes)


def _number(day: dt.date) -> int:
    return day.year * 12 + day.month - 1


def _short(amount: float, _: Any) -> str:
    for size, name in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if abs(amount) >= size:
            return f"{amount / size:.3g}{name}"
    return f"{amount:.3g}"


def _title(figure: Figure, title: str, subtitle: str) -> None:
    figure.suptitle(f"{title}\n", x=0.01, ha="left", fontsize=14, color=INK, weight="bold")
    figure.text(0.01, 1 - 0.52 / figure.get_figheight(), subtitle, ha="left", fontsize=9.5, color=FAINT)


def _beside(axes: Axes) -> Any:
    """Return coordinates that count the width of the axes, and the data's height."""
    return axes.get_yaxis_transform()


def _plain(axes: Axes) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.tick_params(length=0, labelsize=9, colors=INK)
