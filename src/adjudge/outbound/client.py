"""An HTTP client that connects only to permitted addresses, follows no redirect and keeps no cookie."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from adjudge.outbound.addresses import Permitted
from adjudge.outbound.resolving import Names
from adjudge.outbound.urls import RefusedUrl, not_permitted

CONNECT_SECONDS: Final = 5.0
IDLE_SECONDS: Final = 4.0
"""How long a connection is kept for the next request: shorter than the 5 s after which many servers close it."""
LARGEST_ANSWER: Final = 16 * 1024 * 1024
"""Bytes."""


class Unreachable(Exception):
    """No whole answer came: no connection, or it broke, or the answer is longer than wanted."""

    def __init__(self, why: str, *, status: int | None = None) -> None:
        super().__init__(why)
        self.status = status
        """Of an answer that is too long or broke off; None: none is known."""


class Unended(TimeoutError):
    """An answer began and did not end in time."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


class Reply(NamedTuple):
    """What the other side answered; a redirect is an answer like any other."""

    status: int
    headers: Mapping[str, str]
    """By names in any case."""
    body: bytes


class Client:
    """Sends requests; of use while `open_client` lasts."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        seconds: float,
        largest: int = LARGEST_ANSWER,
    ) -> Reply:
        """Send a request and return the answer, whatever its status.

        It is sent a second time where a kept connection turns out to be closed before any answer: so it may
        arrive twice. Raises RefusedUrl, Unreachable, and TimeoutError after `seconds`: Unended where it had begun.
        """
        journey = _Journey()
        outer = _journey.set(journey)
        try:
            async with asyncio.timeout(seconds):
                try:
                    return await self._send(method, url, headers, body, largest)
                except Unreachable:
                    if not journey.is_broken_off:
                        raise
                    return await self._send(method, url, headers, body, largest)
        except TimeoutError:
            if journey.status is None:
                raise
            raise Unended(journey.status) from None
        finally:
            _journey.reset(outer)

    async def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes, largest: int) -> Reply:
        request = self._session.request(method, url, headers=headers, data=body, allow_redirects=False)
        try:
            async with request as response:
                _journey.get().status = response.status
                return Reply(response.status, response.headers, await _body(response, largest))
        except aiohttp.InvalidURL as error:
            raise RefusedUrl(f"`{url}` is not a URL: {error}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(_reason(error), status=_journey.get().status) from error


@dataclass(slots=True)
class _Journey:
    """How far a request came."""

    is_new: bool = False
    """A connection had to be made for it."""
    status: int | None = None
    """Of the answer, once that has begun."""

    @property
    def is_broken_off(self) -> bool:
        """It broke before any answer, on a connection that was kept."""
        return not self.is_new and self.status is None


_journey: ContextVar[_Journey] = ContextVar("journey")
"""Of the request under way: where its socket is made nothing else is known of it, and tracing it costs far more."""


@asynccontextmanager
async def open_client(
    permitted: Permitted, *, connections: int = 0, resolver: AbstractResolver | None = None
) -> AsyncIterator[Client]:
    """Keep connections as long as the context lasts, at most `connections` at once; 0: callers bound themselves.

    `resolver` turns names into addresses, which are checked all the same.
    """
    connector = aiohttp.TCPConnector(
        limit=connections,
        use_dns_cache=False,  # a connection goes where its name points now
        resolver=_CheckedResolver(resolver or Names(), permitted),
        socket_factory=lambda info: _socket(info, permitted),
        keepalive_timeout=IDLE_SECONDS,
    )
    async with aiohttp.ClientSession(
        connector=connector,
        auto_decompress=False,  # what is not asked for could unpack to gigabytes
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept-Encoding": "identity", "User-Agent": "adjudge"},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        trust_env=False,  # a proxy would connect where we cannot check
    ) as session:
        yield Client(session)


class _CheckedResolver(AbstractResolver):
    """Refuses a name of which any address is not permitted."""

    def __init__(self, inner: AbstractResolver, permitted: Permitted) -> None:
        self._inner = inner
        self._permitted = permitted

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        _journey.get().is_new = True
        found = await self._inner.resolve(host, port, family)
        for each in found:
            if not self._permitted.permits(each["host"]):
                raise RefusedUrl(not_permitted(host))
        return found

    async def close(self) -> None:
        await self._inner.close()


def _socket(info: Any, permitted: Permitted) -> socket.socket:
    """Make the socket of a connection; its address is known here, written in the URL or resolved from it."""
    family, kind, protocol, _, address = info
    if not permitted.permits(address[0]):
        raise RefusedUrl(not_permitted(address[0]))
    _journey.get().is_new = True
    return socket.socket(family=family, type=kind, proto=protocol)


async def _body(response: aiohttp.ClientResponse, largest: int) -> bytes:
    read = bytearray()
    async for chunk in response.content.iter_any():
        read += chunk
        if len(read) > largest:
            response.close()
            raise Unreachable(f"the answer is longer than {largest} bytes", status=response.status)
    return bytes(read)


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ServerTimeoutError):
        return f"no connection within {CONNECT_SECONDS:g} s"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the connection was closed before an answer"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"{error.host} is not found: {_plain(error.os_error)}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection to {error.host}:{error.port}: {_plain(error.os_error)}"
    return str(error) or type(error).__name__


def _plain(error: OSError) -> str:
    """Return what the system says; asyncio puts words of its own before it, and an address that is known."""
    is_systems = not isinstance(error, ssl.SSLError | socket.gaierror) and (error.errno or 0) > 0
    return os.strerror(error.errno or 0) if is_systems else error.strerror or str(error)
