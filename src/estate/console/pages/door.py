"""The way in: log-in, the page of an API that does not answer, and where one's work begins."""

import htpy
from fastapi import FastAPI, Request
from htpy import a, button, div, form, p
from nicegui import ui
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from estate.console import shell
from estate.console.parts import entry
from estate.console.session import estate_of, local_path, session_of
from estate.sdk import EstateError

__all__ = ["register"]


def register(app: FastAPI) -> None:
    """Serve the first address: it leads to where one's work begins."""
    app.get("/")(_begin)


async def _begin(request: Request) -> Response:
    if session_of(request) is None:
        return RedirectResponse("/login")
    try:
        me = await run_in_threadpool(estate_of(request).auth.me)
    except EstateError:
        return RedirectResponse("/login")
    return RedirectResponse(shell.home(me))


@ui.page("/login", title="Sign in")
def log_in(request: Request) -> None:
    """Ask for e-mail address and password."""
    after = local_path(request.query_params.get("next"))
    shell.head("Sign in", None)
    fields = form(".card", data_form="login")[
        htpy.input(type="hidden", name="next", value=after),
        entry("email", "E-mail", type="email", required=True, autocomplete="username"),
        entry("password", "Password", type="password", required=True, autocomplete="current-password"),
        button(".primary.big", type="submit")["Sign in"],
        p(".outcome", role="alert"),
    ]
    ui.html(str(shell.bare("Sign in", fields)), sanitize=False)


@ui.page("/unavailable", title="Unavailable")
def unavailable(request: Request) -> None:
    """Say that the API does not answer; what is typed and sent waits in the browser."""
    shell.head("The API cannot be reached", None)
    words = div(".card.failure", role="alert")[
        p["The console runs, but the API behind it does not answer."],
        p["What you typed and what you sent is kept in this browser and goes out when it is back."],
        a(".button.primary", href="/")["Try again"],
    ]
    ui.html(str(shell.bare("The API cannot be reached", words)), sanitize=False)
