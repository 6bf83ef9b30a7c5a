"""The parts that pages are made of: pure functions from records to HTML."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar
from urllib.parse import urlencode

import htpy
from htpy import (
    Element,
    Node,
    a,
    button,
    caption,
    dd,
    div,
    dl,
    dt,
    form,
    h2,
    label,
    li,
    option,
    p,
    section,
    select,
    span,
    table,
    tbody,
    td,
    textarea,
    th,
    thead,
    tr,
    ul,
)

from estate.console import problems, text
from estate.sdk import EstateError
from estate.sdk.models.base import Page, Reason, TradeOff

__all__ = [
    "Column",
    "action",
    "area",
    "attempt",
    "badge",
    "card",
    "choice",
    "counted",
    "entry",
    "facts",
    "filters",
    "listing",
    "long",
    "note",
    "pager",
    "person",
    "reasons",
    "stat",
    "stats",
    "submit",
    "with_query",
]

T = TypeVar("T")

Query = Mapping[str, str]


@dataclass(frozen=True)
class Column(Generic[T]):
    """A column of a table.

    Parameters
    ----------
    head : str
        What stands above it.
    cell : callable
        Takes a row and returns what stands in its cell.
    numeric : bool
        Whether the cells are aligned as numbers.
    """

    head: str
    cell: Callable[[T], Node]
    numeric: bool = False


def card(title: str, *content: Node, id: str | None = None, aside: Node = None) -> Element:  # noqa: A002 (as HTML)
    """Frame a part of a page under a heading."""
    return section(".card", id=id)[div(".card-head")[h2[title], aside], content]


def listing(
    title: str, columns: Sequence[Column[T]], rows: Iterable[T], *, empty: str = "Nothing here yet."
) -> Element:
    """Draw a table; `title` is its caption for those who cannot see where it stands."""
    held = list(rows)
    if not held:
        return note(empty)
    body = [tr[[td(class_="number" if one.numeric else None)[one.cell(row)] for one in columns]] for row in held]
    head = [th(scope="col", class_="number" if one.numeric else None)[one.head] for one in columns]
    # A table wider than a phone scrolls by itself; what scrolls must be reachable by keyboard.
    return div(".scroll", tabindex="0", role="region", aria_label=title)[
        table[caption(".unseen")[title], thead[tr[head]], tbody[body]]
    ]


def counted(n: int, one: str, many: str) -> str:
    """Say how many there are in all, as the heading of a list."""
    return f"{text.number(n)} {one if n == 1 else many}"


def pager(path: str, query: Query, page: Page[T]) -> Node:
    """Link to the next page of a list, and back to its first."""
    back = a(".button", href=with_query(path, query, cursor=None))["First page"] if query.get("cursor") else None
    more = a(".button", href=with_query(path, query, cursor=page.next_cursor))["Next page"]
    links = [back, more if page.next_cursor else None]
    return div(".row")[links] if any(links) else None


def with_query(path: str, query: Query, **changed: str | None) -> str:
    """Return a link to the same page with some parameters changed; None takes one away."""
    merged = {name: value for name, value in (dict(query) | changed).items() if value}
    return f"{path}?{urlencode(merged)}" if merged else path


def filters(path: str, *fields: Node, query: Query) -> Element:
    """Draw filters: the address of the page holds them, so that it can be kept and shared."""
    clear = a(href=path)["Clear"] if any(query.values()) else None
    return form(".filters", method="get", action=path, role="search")[
        fields, div(".row")[button(type="submit")["Apply"], clear]
    ]


def entry(
    name: str,
    title: str,
    value: str | None = None,
    *,
    type: str = "text",  # noqa: A002 (as HTML)
    required: bool = False,
    **more: str,
) -> Element:
    """Draw a labelled field of one line."""
    return label(".field")[span[title], htpy.input(name=name, type=type, value=value, required=required, **more)]


def area(name: str, title: str, value: str | None = None, *, rows: int = 3, required: bool = False) -> Element:
    """Draw a labelled field of several lines."""
    return label(".field")[span[title], textarea(name=name, rows=str(rows), required=required)[value or ""]]


def choice(name: str, title: str, options: Mapping[str, str], value: str | None = None) -> Element:
    """Draw a labelled choice; the key of an option is what is sent."""
    drawn = [option(value=key, selected=key == (value or ""))[said] for key, said in options.items()]
    return label(".field")[span[title], select(name=name)[drawn]]


def action(name: str, *content: Node, draft: str | None = None, **hidden: object) -> Element:
    """Draw a form that does something through `/do/{name}`, once, whatever happens to the connection.

    Parameters
    ----------
    name : str
        The action, as registered with `actions.action`.
    draft : str or None
        Name under which the browser keeps what is typed until it was sent; None keeps nothing.
    hidden : object
        Values that go with it; those that are None are left out.
    """
    fixed = [
        htpy.input(type="hidden", name=key, value=str(value)) for key, value in hidden.items() if value is not None
    ]
    said = p(".outcome", role="status")
    return form(data_action=name, data_draft=draft)[fixed, content, said]


def submit(title: str, *, kind: str = "", name: str | None = None, value: str | None = None, key: str = "") -> Element:
    """Draw a button that sends its form; `key` is the physical key that presses it."""
    return button(type="submit", class_=kind or None, name=name, value=value, data_key=key or None)[title]


def badge(title: str, tone: str = "") -> Element:
    """Draw a word in a coloured frame: good, warn, bad or none."""
    return span(class_=f"badge {tone}".strip())[title]


def note(*content: Node) -> Element:
    """Say why there is nothing more to see."""
    return p(".note")[content]


def long(*content: Node) -> Element:
    """Give sentences in a cell of a table room to be read on a phone."""
    return div(".long")[content]


def stat(title: str, value: Node, detail: Node = None) -> Element:
    """Draw one figure with what it rests on."""
    return div(".stat")[span(".stat-title")[title], span(".stat-value")[value], span(".stat-detail")[detail]]


def stats(*drawn: Node) -> Element:
    """Draw figures in a row."""
    return div(".stats")[drawn]


def facts(pairs: Mapping[str, Node]) -> Element:
    """Draw what is known, name by name."""
    return dl(".facts")[[div[dt[name], dd[text.DASH if value is None else value]] for name, value in pairs.items()]]


def reasons(items: Iterable[Reason | TradeOff | str], mark: Literal["", "good", "against"] = "") -> Node:
    """List statements that were checked against stored fields.

    Parameters
    ----------
    mark : str
        Whether all of them speak for what they stand at, or against it; without it they state facts.
    """
    said = [text.spaced(item if isinstance(item, str) else item.text) for item in items]
    return ul(class_=f"reasons {mark}".strip())[[li[one] for one in said]] if said else None


def person(name: str | None, href: str | None = None) -> Element:
    """Write a name in the direction of its own script; with an address it links there."""
    said = name or "No name"
    return span(dir="auto")[said] if href is None else a(href=href, dir="auto")[said]


def attempt(build: Callable[[], Node]) -> Node:
    """Build a part of a page; where the API refuses it, say so in its place, so that the rest stands."""
    try:
        return build()
    except EstateError as error:
        quoted = f" (request {error.request_id})" if error.request_id else ""
        return note(badge("not shown", "warn"), f" {problems.said(error)} {problems.advice(error)}{quoted}")
