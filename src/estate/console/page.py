"""How a page is made: who asks is found out, the page is built from the API's answers, the shell goes around it."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from htpy import Element, Node
from nicegui import ui
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from estate.console import shell
from estate.console.session import estate_of, session_of
from estate.sdk import ApiError, Estate, EstateError
from estate.sdk.errors import Unauthorized
from estate.sdk.models.house import Me

__all__ = ["Sheet", "View", "page", "paths", "serve_pages"]

BUILD_TIMEOUT_S = 60.0
LEADERS = frozenset({"manager", "admin"})
ACTORS = LEADERS | {"agent"}


@dataclass(frozen=True)
class View:
    """What a page is asked for: by whom, which record, with which filters, and in which zone its days are meant."""

    path: str
    me: Me
    params: Mapping[str, str]
    query: Mapping[str, str]
    pairs: Sequence[tuple[str, str]] = ()
    zone: dt.tzinfo = dt.UTC

    def get(self, name: str) -> str | None:
        """Return a filter; None where it is empty."""
        return self.query.get(name, "").strip() or None

    def day(self, name: str, *, end: bool = False) -> dt.datetime | None:
        """Return where a day of the reader's begins, or ends, in a filter; None where there is no date."""
        with suppress(ValueError, OverflowError):
            day = dt.date.fromisoformat(self.query.get(name, "")) + dt.timedelta(days=1 if end else 0)
            return dt.datetime.combine(day, dt.time(), self.zone)
        return None

    def all(self, name: str) -> list[str]:
        """Return every value of a parameter that may come more than once, each value once."""
        return list(dict.fromkeys(value.strip() for key, value in self.pairs if key == name and value.strip()))

    @property
    def acts(self) -> bool:
        """Whether who looks may change anything."""
        return self.me.role in ACTORS

    @property
    def leads(self) -> bool:
        """Whether who looks leads a team or the house."""
        return self.me.role in LEADERS

    @property
    def agent_id(self) -> str | None:
        """The agent whose day this is: the one who is signed in, or the one a manager chose."""
        return str(self.me.agent_id) if self.me.agent_id else self.get("agent_id")


@dataclass(frozen=True)
class Sheet:
    """A page without its shell.

    Parameters
    ----------
    title : str
        Its heading.
    content : Node
        What stands below.
    live_s : float or None
        After how many seconds it is built anew while it is looked at.
    """

    title: str
    content: Node
    live_s: float | None = None


Build = Callable[[Estate, View], Sheet]
B = TypeVar("B", bound=Build)


PAGES: dict[str, Build] = {}


def page(path: str) -> Callable[[B], B]:
    """Serve what a function builds at a path; it runs in a thread and may wait for the API.

    Errors of the API become a page that says what is wrong and what to do; without a session one logs in first.
    """

    def register(build: B) -> B:
        PAGES[path] = build
        return build

    return register


def paths() -> list[str]:
    """Return the paths of all pages; one without a parameter comes before one that it would match."""
    return sorted(PAGES, key=lambda path: ("{" in path, path))


def serve_pages() -> None:
    """Serve every page that is registered."""
    for path in paths():
        _serve(path, PAGES[path])


def _serve(path: str, build: Build) -> None:
    @ui.page(path, title="Estate", language="en-US", response_timeout=BUILD_TIMEOUT_S)
    async def serve(request: Request) -> Response | None:
        answer = await run_in_threadpool(_answer, build, request)
        if isinstance(answer, Response):
            return answer
        view, sheet = answer
        _show(request, build, view, sheet)
        return None


def _answer(build: Build, request: Request) -> Response | tuple[View, Sheet]:
    if session_of(request) is None:
        return _to_login(request)
    estate = estate_of(request)
    try:
        sent = request.query_params
        zone = _zone(request.cookies.get("zone"))
        view = View(request.url.path, estate.auth.me(), request.path_params, dict(sent), sent.multi_items(), zone)
    except Unauthorized:
        return _to_login(request)
    except EstateError as error:
        return RedirectResponse("/unavailable?" + urlencode({"why": error.message}))
    return view, _sheet(build, estate, view)


def _zone(name: str | None) -> dt.tzinfo:
    """Return the zone that the page's script told; UTC where it told none that is known."""
    try:
        return ZoneInfo(name or "UTC")
    except (ValueError, OSError, KeyError):
        return dt.UTC


def _sheet(build: Build, estate: Estate, view: View) -> Sheet:
    """Build a page; where the API refuses, one that says so."""
    try:
        return build(estate, view)
    except ApiError as error:
        title = {403: "Not yours to see", 404: "Not found"}.get(error.status, "This did not work")
        return Sheet(title, shell.failure(error))
    except EstateError as error:
        return Sheet("The API cannot be reached", shell.failure(error))


def _show(request: Request, build: Build, view: View, sheet: Sheet) -> None:
    shell.head(sheet.title, view.me)
    region = ui.html(_html(view, sheet), sanitize=False)  # htpy escaped all that stands in records.
    if sheet.live_s is not None:

        async def refresh() -> None:
            newer = await run_in_threadpool(_sheet, build, estate_of(request), view)
            region.set_content(_html(view, newer))
            timer.active = newer.live_s is not None

        timer = ui.timer(sheet.live_s, refresh, immediate=False)


def _html(view: View, sheet: Sheet) -> str:
    drawn: Element = shell.around(view.me, view.path, sheet.title, sheet.content)
    return str(drawn)


def _to_login(request: Request) -> Response:
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse("/login?" + urlencode({"next": here}) if here != "/" else "/login")
