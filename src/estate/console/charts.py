"""Pictures as SVG made on the server; each says in a sentence what it shows and carries its numbers as a table.

Places across are per cent of whatever width there is, places down are pixels: text keeps its size on every screen.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import itemgetter

import htpy
from htpy import Element, Node, button, details, div, figcaption, figure, h3, p, summary

from estate.console.parts import Column, listing

__all__ = ["Bar", "Estimate", "Fan", "bars", "drawn", "intervals", "line", "steps", "tone_of"]

ROW = 44
WORDS = 18
"""How far below the top of a row its label and its value stand; the drawing is below them."""
TOP, BOTTOM = 4, 28
START, END = 5.0, 95.0
"""Where axes begin and end, in per cent: the figure at a tick has half its width on either side of it."""
MOST_SIGNS = 40
"""Of a label and its value together: what a line of a phone holds."""
FEWEST_SIGNS = 12
MOST_DAYS = 7
FIRST = 14.0
"""Where a line over time begins, in per cent: right of the values of its axis."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from values to places."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return round(self.start + share * (self.end - self.start), 2)

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
    at = Scale(min(ends) - margin, max(ends) + margin, START, END)
    bottom = TOP + ROW * len(items)
    marks: list[Node] = [*_axis_below(at, bottom, unit)]
    if reference is not None:
        marks.append(_upright("reference", at(reference), bottom))
    for row, item in enumerate(items):
        top = TOP + ROW * row
        y = top + WORDS + 12
        lower, middle, upper = (_across(at(end)) for end in (item.lower, item.middle, item.upper))
        marks += [
            *_words(item, top),
            _mark("line", f"interval {item.tone}", x1=lower, x2=upper, y1=y, y2=y),
            _mark("circle", f"dot {item.tone}", cx=middle, cy=y, r=5),
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
    at = Scale(min(values), max(values), 0, 100)
    marks: list[Node] = []
    for row, item in enumerate(items):
        marks += _bar(item, row, at(0.0), at(item.value), item.tone)
    bottom = TOP + ROW * len(items)
    if min(values) < 0:
        marks.insert(0, _upright("reference", at(0.0), bottom))
    return _svg(bottom, said, marks, linked=any(item.href for item in items))


def steps(start: Bar, items: Sequence[Bar], end: Bar, said: str) -> Element:
    """Draw a waterfall: from a start, each item on from where the one before ended, to the end.

    The values of start and end are places; those of the items are moves, coloured by their direction unless they
    have a tone.
    """
    places = list(accumulate((item.value for item in items), initial=start.value))
    low, high = min(*places, end.value), max(*places, end.value)
    margin = (high - low or 1.0) * 0.05
    floor = low - margin if low else 0.0
    at = Scale(floor, high + margin, 0, 100)
    marks: list[Node] = []
    rows = [(start, at(floor), at(start.value), "total")]
    rows += [
        (item, at(before), at(before + item.value), item.tone or ("good" if item.value >= 0 else "bad"))
        for item, before in zip(items, places, strict=False)
    ]
    rows.append((end, at(floor), at(end.value), "total"))
    for row, (item, from_, to, tone) in enumerate(rows):
        marks += _bar(item, row, from_, to, tone)
    return _svg(TOP + ROW * len(rows), said, marks)


def _bar(item: Bar, row: int, from_: float, to: float, tone: str) -> list[Node]:
    top = TOP + ROW * row
    left, right = sorted((from_, to))
    return [
        *_words(item, top),
        _mark(
            "rect", f"bar {tone}", x=_across(left), y=top + WORDS + 5, width=_across(max(right - left, 0.3)), height=14
        ),
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
    height = 300
    ends = [end for one in points for end in (one.value, *(one.inner or ()), *(one.outer or ()))]
    margin = (max(ends) - min(ends) or abs(max(ends)) or 1.0) * 0.06
    down = Scale(min(ends) - margin, max(ends) + margin, height - BOTTOM, TOP)
    across = Scale(0, max(len(points) - 1, 1), FIRST, 99)
    ticks = {write.format(tick): down(tick) for tick in down.ticks()}
    marks: list[Node] = [_mark("line", "grid", x1=0, x2="100%", y1=y, y2=y) for y in ticks.values()]
    marks += [_text(written, 0, y - 4, "start") for written, y in ticks.items()]
    past = [at for at, one in enumerate(points) if one.inner is None]
    ahead = [*past[-1:], *(at for at, one in enumerate(points) if one.inner is not None)]
    curves: list[Node] = []
    if len(ahead) > 1:
        curves += [_band(points, ahead, across, down, outer=outer) for outer in (True, False)]
    for ats, kind in ((past, "line"), (ahead, "line ahead")):
        if len(ats) > 1:
            places = " ".join(f"{across(at)},{down(points[at].value)}" for at in ats)
            curves.append(_mark("polyline", kind, points=places, vector_effect="non-scaling-stroke"))
    marks.append(htpy.svg(viewBox=f"0 0 100 {height}", width="100%", height=height, preserveAspectRatio="none")[curves])
    marks += [
        _mark("circle", "dot", cx=_across(across(at)), cy=down(one.value), r=2.5) for at, one in enumerate(points)
    ]
    marks += _days([one.label for one in points], across, height - 8)
    return _svg(height, said, marks)


def _days(labels: Sequence[str], across: Scale, y: float) -> list[Node]:
    """Write the first day, the last, and some between them where there is room."""
    last = len(labels) - 1
    every = math.ceil(len(labels) / MOST_DAYS)
    between = range(every, last - every + 1, every)
    ends = [_text(labels[0], _across(across(0)), y, "middle"), _text(labels[last], "100%", y, "end")][: len(labels)]
    return [*ends, *(_text(labels[at], _across(across(at)), y, "middle", "spare") for at in between)]


def _band(points: Sequence[Fan], ats: Sequence[int], across: Scale, down: Scale, *, outer: bool) -> Element:
    ends = [(points[at].outer if outer else points[at].inner) or (points[at].value,) * 2 for at in ats]
    upper = [f"{across(at)},{down(end[1])}" for at, end in zip(ats, ends, strict=True)]
    lower = [f"{across(at)},{down(end[0])}" for at, end in zip(ats, ends, strict=True)]
    return _mark("polygon", "fan outer" if outer else "fan", points=" ".join(upper + lower[::-1]))


def _svg(height: float, said: str, marks: Sequence[Node], *, linked: bool = False) -> Element:
    # What is inside an image cannot be reached by keyboard: a picture with links is a group.
    role = "group" if linked else "img"
    return htpy.svg(
        width="100%", height=f"{height:.0f}", role=role, aria_label=said, xmlns="http://www.w3.org/2000/svg"
    )[marks]


def _axis_below(at: Scale, bottom: float, unit: str) -> list[Node]:
    marks: list[Node] = []
    for tick in at.ticks():
        marks += [
            _upright("grid", at(tick), bottom),
            _text(f"{tick:g}{unit}", _across(at(tick)), bottom + 20, "middle"),
        ]
    return marks


def _upright(kind: str, at: float, bottom: float) -> Element:
    return _mark("line", kind, x1=_across(at), x2=_across(at), y1=TOP, y2=bottom)


def _words(item: Estimate | Bar, top: float) -> list[Node]:
    """Write the label of a row, cut to what its value leaves of a line, and the value at the end of the line."""
    most = max(FEWEST_SIGNS, MOST_SIGNS - len(item.written))
    said = item.label if len(item.label) <= most else f"{item.label[: most - 1]}…"
    label = _text(said, 0, top + WORDS - 4, "start", "label")
    return [
        label if item.href is None else htpy.a(href=item.href)[label],
        _text(item.written, "100%", top + WORDS - 4, "end", "written"),
    ]


def _across(percent: float) -> str:
    return f"{percent:.2f}%"


def _text(words: str, x: float | str, y: float, anchor: str, kind: str = "") -> Element:
    return _mark("text", kind, x=x, y=y, text_anchor=anchor)[words]


def _mark(name: str, kind: str, **places: float | str) -> Element:
    return htpy.Element(name)(class_=kind or None, **{key: str(at) for key, at in places.items()})
