"""The session cookie of the console, and which requests a browser may send with it."""

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import Scope

from estate.core.browsers import is_foreign, is_loopback
from estate.core.errors import Forbidden
from estate.core.settings import Environment, get_settings

__all__ = ["SECURE_NAME", "clear_session_cookie", "refuse_foreign_page", "session_token", "set_session_cookie"]

SECURE_NAME = "__Host-estate_session"
PLAIN_NAME = "estate_session"
HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})


def session_token(scope: Scope) -> str | None:
    """Return the token that a request carries in its cookie."""
    return cookie_parser(Headers(scope=scope).get("cookie", "")).get(_name(scope))


def set_session_cookie(response: Response, scope: Scope, token: str) -> None:
    """Send a token: no script reads it, and no other site makes the browser send it."""
    secure = _name(scope) == SECURE_NAME
    response.set_cookie(_name(scope), token, path="/", secure=secure, httponly=True, samesite="strict")


def clear_session_cookie(response: Response, scope: Scope) -> None:
    """Take the token back."""
    secure = _name(scope) == SECURE_NAME
    response.delete_cookie(_name(scope), path="/", secure=secure, httponly=True, samesite="strict")


def refuse_foreign_page(scope: Scope) -> None:
    """Refuse a write that a page of another origin made a browser send.

    A caller that is no browser sends neither header and brings no cookie of somebody else.

    Raises
    ------
    Forbidden
        The browser says, or its Origin shows, that the page is not ours.
    """
    if scope["method"] in HARMLESS:
        return
    if is_foreign(Headers(scope=scope)):
        raise Forbidden("A page of another origin may not write with a session.")


def _name(scope: Scope) -> str:
    """Return the name of the cookie: the plain one only for development on this machine, without TLS."""
    local = get_settings().environment is Environment.DEVELOPMENT and scope["scheme"] == "http"
    client = scope.get("client")
    return PLAIN_NAME if local and client is not None and is_loopback(client[0]) else SECURE_NAME
