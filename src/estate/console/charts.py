"""Pictures as SVG made on the server; each says in a sentence what it shows and carries its numbers as a table."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import itemgetter

import htpy
from htpy import Element, Node, button, details, div, figcaption, figure, h3, p, summary

from estate.console.parts import Column, listing

__all__ = ["Bar", "Estimate", "Fan", "bars", "drawn", "intervals", "line", "steps", "tone_of"]

WIDTH = 720
ROW = 30
LABEL = 210
VALUE = 120
TOP, BOTTOM = 12, 34


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from values to places."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, about: int = 5) -> list[float]:
        """Return round values within the scale."""
        width = (self.high - self.low) / about or 1.0
        size = 10 ** math.floor(math.log10(width))
        step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= width)
        first = math.ceil(self.low / step)
        return [round(index * step, 10) for index in range(first, math.floor(self.high / step + 1e-9) + 1)]


def drawn(
    title: str, sentence: str, picture: Node, heads: Sequence[str], rows: Iterable[Sequence[str]], name: str
) -> Element:
    """Set a picture with its sentence, its numbers as a table, and the buttons that save both.

    Parameters
    ----------
    heads, rows : sequences of str
        The numbers of the picture, as the file holds them.
    name : str
        Of the files.
    """
    columns = [Column[Sequence[str]](head, itemgetter(at), at > 0) for at, head in enumerate(heads)]
    tools = [button(type="button", data_save=kind)[f"Save {kind.upper()}"] for kind in ("png", "csv")]
    return figure(data_figure=name)[
        figcaption[h3[title], p[sentence]],
        div(".plot", tabindex="0", role="region", aria_label=title)[picture],
        details[summary["Numbers"], listing(title, columns, rows)],
        div(".row.tools")[tools],
    ]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval; `tone` colours it, `href` opens what it rests on."""

    label: str
    lower: float
    middle: float
    upper: float
    written: str
    tone: str = ""
    href: str | None = None


def tone_of(lower: float | None, upper: float | None) -> str:
    """Return the tone of a ratio: good or bad only where its whole interval lies on one side of 1."""
    if lower is not None and lower > 1:
        return "good"
    return "bad" if upper is not None and upper < 1 else ""


def intervals(items: Sequence[Estimate], said: str, *, reference: float | None = None, unit: str = "") -> Element:
    """Draw intervals one below the other, as in a forest plot.

    Parameters
    ----------
    said : str
        The sentence for those who cannot see it.
    reference : float or None
        Where "no difference" is.
    """
    ends = [end for item in items for end in (item.lower, item.upper)] + ([] if reference is None else [reference])
    margin = (max(ends) - min(ends) or 1.0) * 0.04
    at = Scale(min(ends) - margin, max(ends) + margin, LABEL, WIDTH - VALUE)
    bottom = TOP + ROW * len(items)
    marks: list[Node] = [*_axis_below(at, bottom, unit)]
    if reference is not None:
        marks.append(_mark("line", "reference", x1=at(reference), x2=at(reference), y1=TOP, y2=bottom))
    for row, item in enumerate(items):
        y = TOP + ROW * row + ROW / 2
        marks += [
            _label(item.label, y, item.href),
            _mark("line", f"interval {item.tone}", x1=at(item.lower), x2=at(item.upper), y1=y, y2=y),
            _mark("circle", f"dot {item.tone}", cx=at(item.middle), cy=y, r=5),
            _text(item.written, WIDTH, y + 4, "end", "written"),
        ]
    return _svg(bottom + BOTTOM, said, marks, linked=any(item.href for item in items))


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; values below 0 go to the left."""

    label: str
    value: float
    written: str
    tone: str = ""
    href: str | None = None


def bars(items: Sequence[Bar], said: str) -> Element:
    """Draw bars from zero, one below the other."""
    values = [0.0, *(item.value for item in items)]
    at = Scale(min(values), max(values), LABEL, WIDTH - VALUE)
    marks: list[Node] = []
    for row, item in enumerate(items):
        marks += _bar(item, row, at(0.0), at(item.value), item.tone)
    bottom = TOP + ROW * len(items)
    marks.append(_mark("line", "reference", x1=at(0.0), x2=at(0.0), y1=TOP, y2=bottom))
    return _svg(bottom + 10, said, marks, linked=any(item.href for item in items))


def steps(start: Bar, items: Sequence[Bar], end: Bar, said: str) -> Element:
    """Draw a waterfall: from a start, each item on from where the one before ended, to the end.

    The values of start and end are places; those of the items are moves, coloured by their direction unless they
    have a tone.
    """
    places = list(accumulate((item.value for item in items), initial=start.value))
    low, high = min(*places, end.value), max(*places, end.value)
    margin = (high - low or 1.0) * 0.05
    floor = low - margin if low else 0.0
    at = Scale(floor, high + margin, LABEL, WIDTH - VALUE)
    marks: list[Node] = []
    rows = [(start, at(floor), at(start.value), "total")]
    rows += [
        (item, at(before), at(before + item.value), item.tone or ("good" if item.value >= 0 else "bad"))
        for item, before in zip(items, places, strict=False)
    ]
    rows.append((end, at(floor), at(end.value), "total"))
    for row, (item, from_, to, tone) in enumerate(rows):
        marks += _bar(item, row, from_, to, tone)
    return _svg(TOP + ROW * len(rows) + 10, said, marks)


def _bar(item: Bar, row: int, from_: float, to: float, tone: str) -> list[Node]:
    y = TOP + ROW * row
    left, right = sorted((from_, to))
    return [
        _label(item.label, y + ROW / 2, item.href),
        _mark("rect", f"bar {tone}", x=left, y=y + 6, width=max(right - left, 1.5), height=ROW - 12, rx=3),
        _text(item.written, WIDTH, y + ROW / 2 + 4, "end", "written"),
    ]


@dataclass(frozen=True, slots=True)
class Fan:
    """A point of a line; with intervals it is one of a forecast."""

    label: str
    value: float
    inner: tuple[float, float] | None = None
    outer: tuple[float, float] | None = None


def line(points: Sequence[Fan], said: str, write: str = "{:,.0f}") -> Element:
    """Draw a line over time; where intervals begin, the line goes on as a fan.

    Parameters
    ----------
    write : str
        Format of the values at the axis.
    """
    height, left = 300, 90
    ends = [end for one in points for end in (one.value, *(one.inner or ()), *(one.outer or ()))]
    margin = (max(ends) - min(ends) or 1.0) * 0.06
    down = Scale(min(ends) - margin, max(ends) + margin, height - BOTTOM, TOP)
    across = Scale(0, max(len(points) - 1, 1), left, WIDTH - 20)
    marks: list[Node] = []
    for tick in down.ticks():
        marks += [
            _mark("line", "grid", x1=left, x2=WIDTH - 20, y1=down(tick), y2=down(tick)),
            _text(write.format(tick), left - 10, down(tick) + 4, "end"),
        ]
    every = max(1, math.ceil(len(points) / 7))
    marks += [_text(one.label, across(at), height - 10, "middle") for at, one in enumerate(points) if at % every == 0]
    past = [at for at, one in enumerate(points) if one.inner is None]
    ahead = [*past[-1:], *(at for at, one in enumerate(points) if one.inner is not None)]
    if len(ahead) > 1:
        marks += [_band(points, ahead, across, down, outer=outer) for outer in (True, False)]
    for ats, kind in ((past, "line"), (ahead, "line ahead")):
        if len(ats) > 1:
            places = " ".join(f"{across(at)},{down(points[at].value)}" for at in ats)
            marks.append(_mark("polyline", kind, points=places))
    marks += [_mark("circle", "dot", cx=across(at), cy=down(one.value), r=2.5) for at, one in enumerate(points)]
    return _svg(height, said, marks)


def _band(points: Sequence[Fan], ats: Sequence[int], across: Scale, down: Scale, *, outer: bool) -> Element:
    ends = [(points[at].outer if outer else points[at].inner) or (points[at].value,) * 2 for at in ats]
    upper = [f"{across(at)},{down(end[1])}" for at, end in zip(ats, ends, strict=True)]
    lower = [f"{across(at)},{down(end[0])}" for at, end in zip(ats, ends, strict=True)]
    return _mark("polygon", "fan outer" if outer else "fan", points=" ".join(upper + lower[::-1]))


def _svg(height: float, said: str, marks: Sequence[Node], *, linked: bool = False) -> Element:
    # What is inside an image cannot be reached by keyboard: a picture with links is a group.
    role = "group" if linked else "img"
    return htpy.svg(
        viewBox=f"0 0 {WIDTH} {height:.0f}", role=role, aria_label=said, xmlns="http://www.w3.org/2000/svg"
    )[marks]


def _axis_below(at: Scale, bottom: float, unit: str) -> list[Node]:
    marks: list[Node] = []
    for tick in at.ticks():
        marks += [
            _mark("line", "grid", x1=at(tick), x2=at(tick), y1=TOP, y2=bottom),
            _text(f"{tick:g}{unit}", at(tick), bottom + 20, "middle"),
        ]
    return marks


def _label(words: str, y: float, href: str | None) -> Node:
    drawn = _text(words if len(words) <= 28 else f"{words[:27]}…", LABEL - 12, y + 4, "end", "label")
    return drawn if href is None else htpy.a(href=href)[drawn]


def _text(words: str, x: float, y: float, anchor: str, kind: str = "") -> Element:
    return _mark("text", kind, x=x, y=y, text_anchor=anchor)[words]


def _mark(name: str, kind: str, **places: float | str) -> Element:
    return htpy.Element(name)(class_=kind or None, **{key: str(at) for key, at in places.items()})
