"""Properties: the explorer of units, and the choice of those to compare."""

from collections.abc import Collection, Mapping
from typing import Any

import htpy
from htpy import Element, Node, a, button, div, form, p, span

from estate.console import shell, text
from estate.console.given import number_of
from estate.console.page import Sheet, View, page
from estate.console.parts import Column, card, choice, counted, entry, filters, listing, with_query
from estate.console.units import WITH, rooms, size, status_badge, title_of, unit_link
from estate.sdk import Estate
from estate.sdk.models.base import Page
from estate.sdk.models.property import Unit

__all__ = ["properties"]

PAGE_ROWS = 25
MOST_AREAS = 200
PRICES = {"price_min": "Price from", "price_max": "Price to"}

STATUSES = {
    "": "Any",
    "available": "Available",
    "reserved": "Reserved",
    "sold": "Sold",
    "withdrawn": "Withdrawn",
}
SEGMENTS = {"": "Any", "ready": "Ready", "off_plan": "Off plan"}
BEDROOMS = {"": "Any", "0": "Studio", **{str(rooms): str(rooms) for rooms in range(1, 8)}}
SORTS = {
    "": "As stored",
    "price": "Price, lowest first",
    "-price": "Price, highest first",
    "-updated": "Newest change first",
    "updated": "Oldest change first",
}


@page("/properties")
def properties(estate: Estate, view: View) -> Sheet:
    """List units, page by page; those that are ticked are compared."""
    areas = {str(one.area_id): one.area_name for one in estate.market.query(limit=MOST_AREAS).first()}
    return Sheet(
        "Properties", [_filters(view, areas), card("Units", shell.found(lambda: _units(estate, view, areas), PRICES))]
    )


def _filters(view: View, areas: Mapping[str, str]) -> Element:
    get = view.get
    return filters(
        view.path,
        entry("search", "Title, project or developer", get("search"), type="search"),
        choice("area_id", "Area", {"": "Any"} | _with_chosen(areas, get("area_id")), get("area_id")),
        choice("status", "Status", STATUSES, get("status")),
        choice("segment", "Segment", SEGMENTS, get("segment")),
        choice("bedrooms", "Bedrooms", BEDROOMS, get("bedrooms")),
        [entry(name, title, get(name)) for name, title in PRICES.items()],
        choice("sort", "Order", SORTS, get("sort")),
        _hidden({"project_id": get("project_id") or "", WITH: ",".join(_chosen(view))}),
        query=view.query,
    )


def _with_chosen(areas: Mapping[str, str], chosen: str | None) -> dict[str, str]:
    """Keep an area selectable that the list of areas does not name."""
    return dict(areas) | ({chosen: "The area of the link"} if chosen and chosen not in areas else {})


def _units(estate: Estate, view: View, areas: Mapping[str, str]) -> Node:
    wanted = _wanted(view)
    found = estate.property.query(**wanted, cursor=view.get("cursor"), limit=PAGE_ROWS).first()
    n = estate.property.count(**wanted).count
    if not found and not any(view.query.values()):
        return _first_use()
    chosen, listed = _chosen(view), {one.property_id for one in found}
    elsewhere = [one for one in chosen if one not in listed]
    empty = "No unit matches. Widen the price or clear a filter."
    return [
        p[counted(n, "unit", "units")],
        _narrowed(view, found),
        form(".picks", method="get", action="/properties/compare")[
            [htpy.input(type="hidden", name="unit", value=one) for one in elsewhere],
            _hidden({name: value for name, value in view.query.items() if name not in ("unit", "cursor", WITH)}),
            _kept(view, elsewhere),
            listing("Units", _columns(areas, chosen), found, empty=empty),
            div(".row")[button(type="submit")["Compare ticked units"], span(".note")["Two to five units."]]
            if found
            else None,
            _turn(view, found),
        ],
    ]


def _chosen(view: View) -> list[str]:
    """Return the units chosen on other pages, and those that were ticked when this one was turned to."""
    return list(dict.fromkeys(one for one in [*(view.get(WITH) or "").split(","), *view.all("unit")] if one))


def _hidden(fields: Mapping[str, str]) -> Node:
    return [htpy.input(type="hidden", name=name, value=value) for name, value in fields.items() if value]


def _turn(view: View, found: Page[Unit]) -> Node:
    """Turn the page of the list by sending its form, so that what is ticked stays so."""
    back = _to_page(view, "", "First page") if view.get("cursor") else None
    more = _to_page(view, found.next_cursor, "Next page") if found.next_cursor else None
    return div(".row")[back, more] if back or more else None


def _to_page(view: View, cursor: str, title: str) -> Element:
    return button(type="submit", formaction=view.path, name="cursor", value=cursor)[title]


def _wanted(view: View) -> dict[str, Any]:
    bedrooms = view.get("bedrooms")
    names = ("search", "area_id", "project_id", "status", "segment", "sort")
    prices = {name: number_of(view.get(name), name) for name in PRICES}
    rooms = int(bedrooms) if bedrooms and bedrooms.isdecimal() else None
    return {name: view.get(name) for name in names} | prices | {"bedrooms": rooms}


def _first_use() -> Node:
    return [
        p["There are no units yet. Bring a list of units and projects, and they are shown, valued and compared here."],
        div(".row")[a(".button.primary", href="/imports")["Import a file"]],
    ]


def _narrowed(view: View, found: Page[Unit]) -> Node:
    """Say when the list is one of a single project, which no field of the form shows."""
    if view.get("project_id") is None:
        return None
    name = found[0].project_name if found else None
    kept = {"unit": None, WITH: ",".join(_chosen(view))}
    every = a(href=with_query(view.path, view.query, project_id=None, cursor=None, **kept))["Show every project"]
    return p(".note")["Only units of ", span(dir="auto")[name or "one project"], ". ", every]


def _kept(view: View, kept: list[str]) -> Node:
    if not kept:
        return None
    count = "1 unit is" if len(kept) == 1 else f"{len(kept)} units are"
    forget = a(href=with_query(view.path, view.query, **{"unit": None, WITH: None}))["Forget"]
    return p(".note")[f"{count} chosen already. Tick what to compare with. ", forget]


def _columns(areas: Mapping[str, str], chosen: Collection[str]) -> list[Column[Unit]]:
    return [
        Column("Compare", lambda one: _tick(one, ticked=one.property_id in chosen)),
        Column("Unit", lambda one: unit_link(one.property_id, one.title)),
        Column("Project", lambda one: span(dir="auto")[one.project_name or text.DASH]),
        Column("Area", lambda one: _area(one, areas)),
        Column("Price", lambda one: text.money(one.price, one.currency), numeric=True),
        Column("Size", size, numeric=True),
        Column("Bedrooms", rooms, numeric=True),
        Column("Status", lambda one: status_badge(one.status)),
        Column("Delivery", lambda one: text.day(one.delivery_date), numeric=True),
    ]


def _tick(one: Unit, *, ticked: bool) -> Node:
    label = f"Compare {title_of(one.title)}"
    return htpy.input(type="checkbox", name="unit", value=one.property_id, checked=ticked, aria_label=label)


def _area(one: Unit, areas: Mapping[str, str]) -> Node:
    if one.area_id is None:
        return text.DASH
    return a(href=f"/market/{one.area_id}", dir="auto")[areas.get(str(one.area_id), "Area")]
