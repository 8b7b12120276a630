"""Connections are made here, and only to addresses that are permitted.

A name is resolved anew for every connection, all that it resolves to is checked, and the socket is connected
to the very address that was: between the check and the connection nothing is looked up (DNS rebinding).
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import lru_cache
from itertools import chain, zip_longest
from typing import Any, Final, TypeAlias

from adjudge.outbound.addresses import Permitted
from adjudge.outbound.connection import Connection
from adjudge.outbound.messages import Origin, Unreachable
from adjudge.outbound.urls import RefusedUrl, not_permitted

CONNECT_SECONDS: Final = 5.0
STAGGER_SECONDS: Final = 0.25
"""After which the next address is tried beside the one that has not answered yet (RFC 8305)."""

Address: TypeAlias = tuple[int, Any]
"""Family, and the address as sockets of it have it: number, port and what belongs to it."""
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[Address]]]


async def resolved(host: str, port: int) -> Sequence[Address]:
    """Return what the system's resolver knows of a name. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(int(family), address) for family, _, _, _, address in found]


async def dial(origin: Origin, permitted: Permitted, resolve: Resolve) -> Connection:
    """Connect. Raises RefusedUrl, Unreachable."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            addresses = await resolve(origin.host, origin.port)
            if not all(permitted.permits(address[0]) for _, address in addresses):
                raise RefusedUrl(not_permitted(origin.host))
            found = await _first(_interleaved(addresses))
    except TimeoutError:
        raise Unreachable(f"no connection within {CONNECT_SECONDS:g} s") from None
    except (OSError, UnicodeError) as error:  # a label of a name that is too long is a UnicodeError
        raise Unreachable(_reason(error)) from error
    is_secret = origin.scheme == "https"
    with ExitStack() as stack:
        stack.callback(found.close)
        try:
            _, connection = await loop.create_connection(
                Connection,
                sock=found,
                ssl=trusted() if is_secret else None,
                server_hostname=origin.host if is_secret else None,
            )
        except (OSError, ssl.CertificateError) as error:
            raise Unreachable(_reason(error)) from error
        stack.pop_all()
    return connection


async def _first(addresses: Sequence[Address]) -> socket.socket:
    """Return a socket that is connected to the address that answers first, the earlier ones preferred."""
    left = list(addresses)
    under_way: set[asyncio.Task[socket.socket]] = set()
    fault: BaseException = OSError("the name has no address")
    try:
        while left or under_way:
            if left:
                under_way.add(asyncio.create_task(_connected(*left.pop(0)), name="connect"))
            done, under_way = await asyncio.wait(
                under_way, timeout=STAGGER_SECONDS if left else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                if (error := task.exception()) is None:
                    under_way |= done - {task}
                    return task.result()
                fault = error
        raise fault
    finally:
        for task in under_way:
            task.cancel()
            task.add_done_callback(_closed)


async def _connected(family: int, address: Any) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, address)
    except BaseException:
        made.close()
        raise
    return made


def _closed(task: asyncio.Task[socket.socket]) -> None:
    """Close the socket of one that came too late."""
    if not task.cancelled() and task.exception() is None:
        task.result().close()


def _interleaved(addresses: Sequence[Address]) -> list[Address]:
    """Return the addresses with families in turn, as the resolver's first has it: one may not be reachable at all."""
    families: dict[int, list[Address]] = {}
    for each in addresses:
        families.setdefault(each[0], []).append(each)
    return [each for each in chain(*zip_longest(*families.values())) if each is not None]


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


@lru_cache(maxsize=1)
def trusted() -> ssl.SSLContext:
    """Return what the system trusts."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
