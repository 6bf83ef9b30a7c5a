"""Headers that every answer carries, errors included."""

from estate.core.settings import Environment, Settings

__all__ = ["DOCS_PAGE", "Header", "security_headers"]

Header = tuple[bytes, bytes]

NOTHING = b"default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
DOCS_PAGE = (
    "default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; connect-src 'self'; "
    "script-src 'unsafe-inline' https://cdn.jsdelivr.net; style-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    "img-src data: https://fastapi.tiangolo.com"
)
"""The page that FastAPI makes has an inline script and takes Swagger UI from this address."""
YEAR_S = 365 * 24 * 3_600


def security_headers(settings: Settings) -> list[Header]:
    """Return the headers of an answer without its own: a browser neither stores, frames, sniffs nor runs it."""
    headers = [
        (b"cache-control", b"no-store"),
        (b"content-security-policy", NOTHING),
        (b"referrer-policy", b"no-referrer"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if settings.environment is not Environment.DEVELOPMENT:
        headers.append((b"strict-transport-security", b"max-age=%d; includeSubDomains" % YEAR_S))
    return headers
