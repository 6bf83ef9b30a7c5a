"""Draws what the demo notebook shows; every number comes from the platform."""

import datetime as dt
from collections.abc import Sequence
from html import escape

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML, Markdown
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from estate.behavior.schemas import TriggerLift
from estate.client.schemas import ClientOut
from estate.intelligence.schemas import ClosingOut, NextCall, Recommendation
from estate.market.schemas import AreaHeat

__all__ = ["chance_card", "client_card", "heat_map", "recommendation_table", "trigger_chart"]

INK, MUTED, GRID = "#1f2933", "#7b8794", "#e4e7eb"
HELPS, HURTS = "#0b7a75", "#c2410c"
HEAT = LinearSegmentedColormap.from_list("heat", ["#eef4fb", "#fde9c9", "#f6a04d", "#c8401f"])
PALE_TEXT_FROM = 82
COLUMNS = ("Heat", "Demand", "Scarcity")
LIFT_TICKS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 2.0)


def heat_map(areas: Sequence[AreaHeat]) -> Figure:
    """Draw one row an area, hottest first: heat, demand and scarcity from 0 to 100, and how far to trust them."""
    figure, (cells, trust) = plt.subplots(
        1, 2, figsize=(9, 0.4 * len(areas) + 1.1), width_ratios=(3, 2), layout="constrained", sharey=True
    )
    values = np.array([[area.heat_score, area.demand_score, area.scarcity_score] for area in areas])
    cells.imshow(values, cmap=HEAT, vmin=0, vmax=100, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        color = "white" if value >= PALE_TEXT_FROM else INK
        weight = "bold" if column == 0 else "normal"
        cells.text(column, row, f"{value:.0f}", ha="center", va="center_baseline", color=color, weight=weight)
    cells.set_xticks(range(len(COLUMNS)), COLUMNS)
    cells.set_yticks(range(len(areas)), [area.area_name for area in areas])
    cells.set_xticks(np.arange(0.5, len(COLUMNS) - 1), minor=True)
    cells.set_yticks(np.arange(0.5, len(areas) - 1), minor=True)
    cells.grid(which="minor", color="white", linewidth=3)
    cells.tick_params(which="both", length=0)
    cells.xaxis.tick_top()
    _confidence(trust, areas)
    _plain(cells, trust)
    figure.suptitle("Where the market is hot", x=0.01, ha="left", weight="bold", color=INK, fontsize=13)
    plt.close(figure)
    return figure


def _confidence(axes: Axes, areas: Sequence[AreaHeat]) -> None:
    rows = range(len(areas))
    axes.barh(rows, [1.0] * len(areas), height=0.34, color=GRID)
    axes.barh(rows, [area.confidence for area in areas], height=0.34, color="#52606d")
    for row, area in enumerate(areas):
        axes.text(1.06, row, f"{area.confidence:.0%}, n = {area.n}", va="center", color=MUTED, fontsize=9)
        axes.text(2.4, row, _change(area), va="center", ha="center", color=INK, fontsize=9)
    axes.set_xlim(0, 2.65)
    axes.set_xticks([0.5, 2.4], ["Confidence", "Change"])
    axes.tick_params(which="both", length=0, labelleft=False)
    axes.xaxis.tick_top()


def _change(area: AreaHeat) -> str:
    if area.heat_trend is None:
        return "not known"
    points = round(area.heat_trend)
    return "same" if points == 0 else f"{'▲' if points > 0 else '▼'} {abs(points)}"


def trigger_chart(triggers: Sequence[TriggerLift]) -> Figure:
    """Draw one row a word: how many times as likely a sale is where it was said, with its 90 % interval."""
    ordered = sorted(triggers, key=lambda item: item.lift)
    figure, axes = plt.subplots(figsize=(9, 0.33 * len(ordered) + 1.9), layout="constrained")
    for row, trigger in enumerate(ordered):
        proven = trigger.evidence == "proven"
        color = _color(trigger)
        axes.plot([trigger.lower, trigger.upper], [row, row], color=color, linewidth=2.6 if proven else 1.2, zorder=2)
        axes.plot(
            trigger.lift, row, "o" if proven else "D", markersize=8 if proven else 6, zorder=3,
            markeredgecolor=color, markerfacecolor=color if proven else "white",
        )  # fmt: skip
    axes.set_yticks(range(len(ordered)), [_said(trigger) for trigger in ordered])
    for label, trigger in zip(axes.get_yticklabels(), ordered, strict=True):
        label.set_color(INK if trigger.evidence == "proven" else MUTED)
    _lift_axis(axes, ordered)
    _plain(axes)
    figure.suptitle("Words that go with sales", x=0.01, ha="left", weight="bold", color=INK, fontsize=13)
    plt.close(figure)
    return figure


def _color(trigger: TriggerLift) -> str:
    if trigger.evidence == "candidate":
        return MUTED
    return HELPS if trigger.lift > 1 else HURTS


def _said(trigger: TriggerLift) -> str:
    return f"{trigger.term}  ({trigger.n_with:,} deals)"


def _lift_axis(axes: Axes, triggers: Sequence[TriggerLift]) -> None:
    axes.axvline(1, color=INK, linewidth=1, zorder=1)
    for side, text in (("right", "← fewer sales   "), ("left", "   more sales →")):
        axes.annotate(text, (1, 1), xycoords=("data", "axes fraction"), ha=side, va="bottom", color=INK)
    axes.set_xscale("log")
    axes.set_xlim(min(item.lower for item in triggers) * 0.96, max(item.upper for item in triggers) * 1.04)
    axes.set_ylim(-0.8, len(triggers) - 0.3)
    low, high = axes.get_xlim()
    ticks = [tick for tick in LIFT_TICKS if low <= tick <= high]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([f"× {tick:g}" for tick in ticks])
    axes.set_xlabel("Chance of a sale when it was said, against when it was not (log scale)", color=MUTED)
    axes.grid(axis="x", color=GRID, zorder=0)
    axes.tick_params(length=0)
    marks = [
        Line2D([], [], color=HELPS, marker="o", markersize=8, linewidth=2.6, label="proven: sells more"),
        Line2D([], [], color=HURTS, marker="o", markersize=8, linewidth=2.6, label="proven: sells less"),
        Line2D([], [], color=MUTED, marker="D", markersize=6, markerfacecolor="white", label="candidate: a hunch"),
    ]
    axes.legend(
        handles=marks, loc="lower right", frameon=True, framealpha=1, edgecolor=GRID, title="Line: 90 % interval"
    )


def _plain(*all_axes: Axes) -> None:
    for axes in all_axes:
        axes.spines[:].set_visible(False)
        axes.set_axisbelow(True)


def client_card(client: ClientOut, call: NextCall, agent: str, at: dt.datetime) -> Markdown:
    """Say who the client is, when to call and why."""
    wishes = ", ".join(_areas(client)) or "no area stated"
    budget = "not stated" if client.budget is None else f"{client.budget:,.0f} {client.currency}"
    reasons = "\n".join(f"- {_safe(reason.text)}" for reason in call.reasons)
    return Markdown(
        f"**{_safe(agent)}** should call **{_safe(client.name or 'a client without a name')}** next, on "
        f"{at:%A} at {at:%H:%M} UTC. "
        f"Budget: {budget}. Wanted areas: {_safe(wishes)}.\n\n{reasons}"
    )


def chance_card(closing: ClosingOut) -> Markdown:
    """Say how likely the sale is, within which limits, and from how many deals that is known."""
    return Markdown(
        f"**{closing.score:.0%}**, and with {closing.level:.0%} certainty between {closing.lower:.0%} and "
        f"{closing.upper:.0%}; learned from {closing.n:,} closed deals, "
        f"{closing.like_cases:,} of them much like this one."
    )


def _areas(client: ClientOut) -> list[str]:
    targets = client.location_targets if isinstance(client.location_targets, list) else []
    return [str(item.get("area_name", item) if isinstance(item, dict) else item) for item in targets]


def recommendation_table(units: Sequence[Recommendation]) -> HTML:
    """Show one row a unit: what it is, how well it fits, why, and what the client would give up."""
    rows = "".join(_row(unit) for unit in units)
    head = "".join(f'<th style="text-align:left">{name}</th>' for name in ("Home", "Fit", "Why it fits", "Trade-offs"))
    return HTML(f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")


def _row(unit: Recommendation) -> str:
    price = "price on request" if unit.price is None else f"{unit.price:,.0f} {unit.currency}"
    missed = {item.text for item in unit.trade_offs}
    reasons = [reason.text for reason in unit.reasons if reason.text not in missed]
    cells = (
        f"<b>{_safe(unit.title or unit.property_id)}</b><br>{price}",
        f"<b>{unit.score:.0%}</b>",
        _bullets(reasons),
        _bullets([item.text for item in unit.trade_offs])
        if unit.trade_offs
        else "None of the stated wishes is missed.",
    )
    return "<tr>" + "".join(f'<td style="text-align:left;vertical-align:top">{cell}</td>' for cell in cells) + "</tr>"


def _bullets(sentences: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{_safe(sentence)}</li>" for sentence in sentences) + "</ul>"


def _safe(text: str) -> str:
    """Escape what people wrote, for HTML and Markdown alike."""
    return escape(text).replace("*", "&#42;").replace("_", "&#95;").replace("$", "&#36;")
