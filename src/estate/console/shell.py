"""What stands around every page: head, navigation, messages and the help on keys."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import htpy
from htpy import (
    Element,
    Node,
    a,
    button,
    dd,
    details,
    dialog,
    div,
    dl,
    dt,
    form,
    h1,
    h2,
    header,
    label,
    nav,
    p,
    span,
    summary,
)
from markupsafe import Markup
from nicegui import ui

from estate.console import problems
from estate.console.parts import reasons
from estate.sdk import EstateError
from estate.sdk.errors import Forbidden, Invalid, NotFound
from estate.sdk.models.house import Me

__all__ = ["STATIC", "around", "bare", "failure", "found", "head", "home", "plain"]

STATIC = Path(__file__).parent / "static"
VERSION = max(int(file.stat().st_mtime) for file in STATIC.iterdir())


@dataclass(frozen=True)
class Place:
    """One entry of the navigation; `key` after G goes there."""

    path: str
    name: str
    roles: frozenset[str]
    key: str


def _roles(*names: str) -> frozenset[str]:
    return frozenset(names)


READERS = _roles("agent", "manager", "admin", "read_only")
PLACES = (
    Place("/today", "Today", _roles("agent"), "t"),
    Place("/overview", "Overview", _roles("manager", "admin"), "o"),
    Place("/clients", "Clients", READERS, "c"),
    Place("/properties", "Properties", READERS, "p"),
    Place("/market", "Market", READERS, "m"),
    Place("/agents", "Agents", READERS, "a"),
    Place("/behavior", "Behavior", READERS, "b"),
    Place("/assistant", "Assistant", _roles("agent", "manager", "admin"), "g"),
    Place("/imports", "Imports", _roles("agent", "manager", "admin", "ingest"), "i"),
    Place("/system", "System", _roles("admin"), "s"),
)

KEYS = {
    "?": "Show these keys",
    "/": "Search",
    **{f"g {place.key}": place.name for place in PLACES},
    "c": "Call (Today)",
    "w": "WhatsApp (Today)",
    "1 to 6": "Outcome of the call (Today)",
    "s": "Skip (Today)",
}


def home(me: Me) -> str:
    """Return where somebody's work begins."""
    return next((place.path for place in PLACES if me.role in place.roles), "/login")


def head(title: str, me: Me | None) -> None:
    """Write the head of the page: one style sheet, one script, both of this server."""
    ui.page_title(f"{title} · Estate")
    ui.query(".nicegui-content").classes(replace="sheet")
    ui.add_head_html(_style_and_script(me))


def _style_and_script(me: Me | None) -> str:
    who = json.dumps(me.caller if me else "")
    return (
        f'<link rel="stylesheet" href="/static/console.css?{VERSION}">'
        f"<script>window.estateUser = {_for_script(who)};</script>"
        f'<script src="/static/console.js?{VERSION}"></script>'
    )


def plain(title: str, content: Node) -> str:
    """Write a whole document of which nothing changes while it is looked at."""
    about = [htpy.meta(charset="utf-8"), htpy.meta(name="viewport", content="width=device-width, initial-scale=1")]
    head = htpy.head[about, htpy.title[f"{title} · Estate"], Markup(_style_and_script(None))]  # noqa: S704 (our own)
    return str(htpy.html(lang="en")[head, htpy.body[htpy.main[bare(title, content)]]])


def around(me: Me, path: str, title: str, content: Node) -> Element:
    """Set a page into the shell."""
    return div(".shell")[
        a(".skip", href="#main")["Skip to content"],
        header(".side")[_brand(), _navigation(me, path), _account(me)],
        # NiceGUI draws the landmark `main` around all of this.
        div("#main.page", tabindex="-1")[h1[title], content],
        div("#told", role="status", aria_live="polite"),
        _help(),
    ]


def bare(title: str, content: Node) -> Element:
    """Set a page of somebody who is not signed in."""
    return div(".bare")[
        div("#main.page")[_brand(), h1[title], content], div("#told", role="status", aria_live="polite")
    ]


def failure(error: EstateError, labels: Mapping[str, str] | None = None) -> Node:
    """Say what went wrong, what to do about it, and the id that the log knows it by."""
    wrong = reasons(problems.sentences(error, labels), "against")
    quoted = p(".note")[f"Request {error.request_id}"] if error.request_id else None
    again = None if isinstance(error, Forbidden | Invalid | NotFound) else a(".button", href="")["Try again"]
    return div(".card.failure", role="alert")[p[problems.said(error)], wrong, p[problems.advice(error)], quoted, again]


def found(build: Callable[[], Node], labels: Mapping[str, str]) -> Node:
    """Build what filters ask for; where one of them cannot be read, say so in its place, so that the form stays.

    Parameters
    ----------
    labels : mapping
        What the page calls the filters, by name.
    """
    try:
        return build()
    except Invalid as error:
        return failure(error, labels)


def _brand() -> Node:
    return a(".brand", href="/")[span(".mark", aria_hidden="true")["E"], "Estate"]


def _navigation(me: Me, path: str) -> Node:
    links = [
        a(href=place.path, aria_current="page" if path.startswith(place.path) else None, data_go=place.key)[place.name]
        for place in PLACES
        if me.role in place.roles
    ]
    # A phone shows it folded; the script unfolds it on wide screens, where it has the room.
    return details("#menu")[summary["Menu"], nav(aria_label="Main")[links]]


def _account(me: Me) -> Node:
    return div(".account")[
        span[me.name or me.caller, span(".note")[f" · {me.role}"]],
        div(".row")[
            button(type="button", data_theme_switch=True)["Light or dark"],
            button(type="button", data_open="keys")["Keys"],
            form(method="post", action="/logout")[button(type="submit")["Sign out"]],
        ],
    ]


def _help() -> Node:
    rows = [div[dt[key], dd[what]] for key, what in KEYS.items()]
    return dialog("#keys", aria_labelledby="keys-title")[
        h2("#keys-title")["Keys"],
        dl(".keys")[rows],
        label(".check")[htpy.input(type="checkbox", data_keys_switch=True), span["Single keys do something"]],
        form(method="dialog")[button(type="submit")["Close"]],
    ]


def _for_script(text: str) -> str:
    """Keep a JSON text from ending the script that it stands in."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
