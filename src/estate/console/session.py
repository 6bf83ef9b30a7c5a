"""Who is signed in: the API's session token, kept in a cookie that no script reads."""

from functools import lru_cache
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from estate.core.browsers import is_loopback
from estate.core.settings import api_address, get_console_settings
from estate.sdk import Estate
from estate.sdk.transport import Carrier, connections

__all__ = ["end_session", "estate_of", "keep_session", "local_path", "session_of"]

MOST_CONNECTIONS = 100
SECURE_NAME, PLAIN_NAME = "__Host-estate_console", "estate_console"


def session_of(request: Request) -> str | None:
    """Return the session token that a request carries."""
    return request.cookies.get(_name(request))


def keep_session(response: Response, request: Request, token: str) -> None:
    """Let the browser keep a token: for this site only, and out of reach of scripts."""
    secure = _name(request) == SECURE_NAME
    response.set_cookie(_name(request), token, path="/", secure=secure, httponly=True, samesite="strict")


def end_session(response: Response, request: Request) -> None:
    """Take the token back."""
    secure = _name(request) == SECURE_NAME
    response.delete_cookie(_name(request), path="/", secure=secure, httponly=True, samesite="strict")


def local_path(text: str | None) -> str:
    """Return where to go after the log-in: a path of this site and nothing else."""
    wanted = text or "/"
    parts = urlsplit(wanted)
    is_ours = not parts.scheme and not parts.netloc and wanted.startswith("/")
    return wanted if is_ours and not wanted.startswith("//") and "\\" not in wanted else "/"


def estate_of(request: Request) -> Estate:
    """Return a client of the API that acts as whoever sent a request; all of them share their connections."""
    settings = get_console_settings()
    return Estate(
        settings.api_url or api_address(settings.api_host, settings.api_port),
        session=session_of(request),
        timeout_s=settings.api_timeout_s,
        http=_connections(),
        forwarded_for=request.client.host if request.client else None,
    )


@lru_cache(maxsize=1)
def _connections() -> Carrier:
    return connections(MOST_CONNECTIONS)


def _name(request: Request) -> str:
    """Return the name of the cookie: browsers take the secure one over TLS only, the plain one is for this machine."""
    here = request.client is not None and is_loopback(request.client.host)
    return PLAIN_NAME if request.url.scheme == "http" and here else SECURE_NAME
