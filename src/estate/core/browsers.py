"""What every server that browsers speak to asks of a request; it knows no HTTP library."""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

__all__ = ["is_foreign", "is_loopback"]


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Tell whether a page of another origin made a browser send a request.

    A caller that is no browser sends neither header.

    Parameters
    ----------
    headers : mapping of str to str
        Of the request, by names in lower case.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site not in ("same-origin", "none")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


def is_loopback(address: str) -> bool:
    """Tell whether an address is one of this machine to itself."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
