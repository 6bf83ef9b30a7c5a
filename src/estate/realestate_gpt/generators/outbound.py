"""The only way out to a model: one host, no redirects, no address inside unless that is allowed, bounded answers."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator

import httpx2

__all__ = ["OneHost", "RefusedAddress", "refuse_address"]

PORTS = {"http": 80, "https": 443}
MAX_ANSWER_BYTES = 4 * 1024 * 1024
METADATA = frozenset(map(ipaddress.ip_address, ("169.254.169.254", "100.100.100.200", "fd00:ec2::254")))
"""Where clouds hand out credentials of the machine."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class RefusedAddress(httpx2.TransportError):
    """A request would have left for somewhere that it may not go."""


def refuse_address(text: str, *, private: bool) -> None:
    """Refuse an address that is not of the public Internet.

    Parameters
    ----------
    text : str
        IPv4 or IPv6.
    private : bool
        Whether this machine and its network are allowed; link-local addresses and those of metadata services never
        are.

    Raises
    ------
    RefusedAddress
        When it may not be called.
    """
    address = _inner(ipaddress.ip_address(text.partition("%")[0]))
    never = address in METADATA or address.is_link_local or address.is_multicast or address.is_unspecified
    if never or not (private or address.is_global):
        raise RefusedAddress("The address of the model's host may not be called.")


def _inner(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, as NAT64, 6to4 and mapped ones do."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


class OneHost(httpx2.AsyncBaseTransport):
    """Sends requests to one host only, at an address that was looked at, and bounds the answers.

    The name is resolved once, and the connection made to that very address: a name that resolves otherwise a moment
    later gains nothing. The certificate is checked against the name.

    Parameters
    ----------
    host : str
        Name or address.
    private : bool
        See `refuse_address`.
    tls : ssl.SSLContext
        Whose certificates are trusted.
    """

    def __init__(self, host: str, *, private: bool, tls: ssl.SSLContext) -> None:
        self._host, self._private = host, private
        self._inner = httpx2.AsyncHTTPTransport(verify=tls, trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request.

        Raises
        ------
        RefusedAddress
            When it is for another host, or the host has an address that is refused.
        """
        url = request.url
        if url.host != self._host:
            raise RefusedAddress("Only the host of the model may be called.")
        request.extensions = {**request.extensions, "sni_hostname": url.host}
        unreachable = httpx2.ConnectError("The host of the model has no address.")
        for address in await self._addresses(url.port or PORTS[url.scheme]):
            request.url = url.copy_with(host=address)
            try:
                response = await self._inner.handle_async_request(request)
            except httpx2.ConnectError as error:
                unreachable = error
                continue
            response.stream = _Bounded(response.stream)
            return response
        raise unreachable

    async def _addresses(self, port: int) -> list[str]:
        """Return every address of the host, each allowed; nothing when the name is not known."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(self._host, port, type=socket.SOCK_STREAM)
        except OSError:
            return []
        addresses = [str(info[4][0]) for info in found]
        for address in addresses:
            refuse_address(address, private=self._private)
        return addresses

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class _Bounded(httpx2.AsyncByteStream):
    """A stream that ends in an error when it is too long."""

    def __init__(self, stream: object) -> None:
        if not isinstance(stream, httpx2.AsyncByteStream):
            raise TypeError("the stream is not asynchronous")
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._stream:
            size += len(part)
            if size > MAX_ANSWER_BYTES:
                raise httpx2.ReadError("The answer is too large.")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()
