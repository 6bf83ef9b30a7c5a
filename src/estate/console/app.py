"""The console's server: pages, actions, files and the assistant's stream, in one process."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

from fastapi import FastAPI, Request
from htpy import a, div, p
from nicegui import core, ui
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from estate.console import pages
from estate.console.actions import ACTIONS, Sent
from estate.console.answers import refused
from estate.console.page import serve_pages
from estate.console.session import (
    end_session,
    estate_of,
    keep_session,
    local_path,
    session_of,
)
from estate.console.shell import STATIC, plain
from estate.core.browsers import is_foreign
from estate.core.settings import get_console_settings
from estate.sdk import EstateError
from estate.sdk.errors import Unauthorized

__all__ = ["create_app"]

Handler = Callable[[Request], Awaitable[Response]]

HEADERS = {
    # NiceGUI's pages start with inline scripts and compile their templates; nothing comes from elsewhere.
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'; "
        "form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def create_app() -> FastAPI:
    """Make the console; it keeps nothing but open pages, so that it may be restarted at any time."""
    app = FastAPI(title="Estate console", openapi_url=None)
    app.middleware("http")(_guard)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.get("/healthz")(_healthz)
    app.post("/login")(_log_in)
    app.post("/logout")(_log_out)
    app.post("/do/{name}")(_do)
    pages.register(app)
    serve_pages()
    core.app.get("/{path:path}")(_unknown)
    ui.run_with(app, title="Estate", language="en-US", tailwind=False, show_welcome_message=False)
    core.app.config.reconnect_timeout = get_console_settings().console_reconnect_timeout_s
    return app


async def _guard(request: Request, forward: Handler) -> Response:
    """Refuse what a page of another origin sends, and tell browsers what these pages may do."""
    if request.method not in ("GET", "HEAD") and is_foreign(request.headers):
        return JSONResponse({"detail": "A page of another origin may not do this."}, 403)
    response = await forward(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if not request.url.path.startswith(("/static", "/_nicegui")):
        response.headers["Cache-Control"] = "no-store"
    return response


async def _healthz() -> Response:
    return JSONResponse({"status": "ok"})


async def _unknown() -> Response:
    """Answer what no page is at."""
    words = div(".card")[p["There is no page at this address."], a(".button.primary", href="/")["Go to your work"]]
    return HTMLResponse(plain("Not found", words), 404)


async def _log_in(request: Request) -> Response:
    given = await request.json()
    estate = estate_of(request)
    try:
        await run_in_threadpool(estate.auth.login, email=str(given.get("email")), password=str(given.get("password")))
    except Unauthorized as error:
        return refused(error, "Check both and try again.")
    except EstateError as error:
        return refused(error)
    response = JSONResponse({"said": "Signed in.", "go": local_path(given.get("next"))})
    keep_session(response, request, str(estate.session))
    return response


async def _log_out(request: Request) -> Response:
    if session_of(request) is not None:
        with suppress(EstateError):  # The session ends by itself, too; this browser forgets it now.
            await run_in_threadpool(estate_of(request).auth.logout)
    response = RedirectResponse("/login", 303)
    end_session(response, request)
    return response


async def _do(request: Request) -> Response:
    """Do an action: the same key, the same answer, however often it is sent."""
    act, key = ACTIONS.get(request.path_params["name"]), request.headers.get("x-key")
    if act is None or not key:
        return JSONResponse({"detail": "There is no such action."}, 404)
    if session_of(request) is None:
        return JSONResponse({"detail": "Sign in first."}, 401)
    fields = {name: str(value) for name, value in (await request.json()).items()}
    try:
        done = await run_in_threadpool(act, estate_of(request), Sent(fields, key))
    except EstateError as error:
        return refused(error)
    return JSONResponse({"said": done.said, "go": done.go})
