"""An HTTP client that connects only to permitted addresses, follows no redirect and keeps no cookie.

It uses no proxy, which would connect where we cannot check, and asks for no encoding.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from adjudge.outbound.addresses import Permitted
from adjudge.outbound.connection import BrokenOff, Connection
from adjudge.outbound.dialling import Resolve, dial, resolved
from adjudge.outbound.messages import Origin, Reply, Unreachable, request, target_of

__all__ = ["Client", "Reply", "Unreachable", "open_client"]

IDLE_SECONDS: Final = 4.0
"""How long a connection is kept for the next request: shorter than the 5 s after which many servers close it."""
LARGEST_ANSWER: Final = 16 * 1024 * 1024
"""Bytes."""


class Client:
    """Sends requests; of use while `open_client` lasts."""

    def __init__(self, permitted: Permitted, resolve: Resolve) -> None:
        self._permitted = permitted
        self._resolve = resolve
        self._loop = asyncio.get_running_loop()
        self._idle: dict[Origin, list[Connection]] = {}
        self._sweep: asyncio.TimerHandle | None = None

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
        """Send a request and return the answer, whatever its status; not for HEAD.

        It is sent a second time where a kept connection turns out to be closed before any answer: so it may
        arrive twice. Raises RefusedUrl, Unreachable, and TimeoutError after `seconds`.
        """
        target = target_of(url)
        written = request(method, target, headers, body)
        async with asyncio.timeout(seconds):
            if connection := self._kept(target.origin):
                try:
                    return await self._exchange(target.origin, connection, written, largest)
                except BrokenOff:
                    pass
            fresh = await dial(target.origin, self._permitted, self._resolve)
            return await self._exchange(target.origin, fresh, written, largest)

    def close(self) -> None:
        """Close all connections that are kept."""
        if self._sweep is not None:
            self._sweep.cancel()
        self.close_old(self._loop.time())

    async def _exchange(self, origin: Origin, connection: Connection, written: bytes, largest: int) -> Reply:
        reply = await connection.exchange(written, largest)
        if connection.is_open:
            connection.idle_since = self._loop.time()
            self._idle.setdefault(origin, []).append(connection)
            if self._sweep is None:
                self._sweep = self._loop.call_later(IDLE_SECONDS, self._close_old)
        else:
            connection.close()
        return reply

    def _kept(self, origin: Origin) -> Connection | None:
        """Return the connection that was used last: the others may grow old."""
        oldest = self._loop.time() - IDLE_SECONDS
        connections = self._idle.get(origin, ())
        while connections:
            connection = connections.pop()
            if connection.is_open and connection.idle_since > oldest:
                return connection
            connection.close()
        return None

    def _close_old(self) -> None:
        self.close_old(self._loop.time() - IDLE_SECONDS)
        self._sweep = self._loop.call_later(IDLE_SECONDS, self._close_old) if self._idle else None

    def close_old(self, oldest: float) -> None:
        """Close connections that have been idle since then or longer."""
        kept = {origin: [each for each in idle if each.idle_since > oldest] for origin, idle in self._idle.items()}
        for idle in self._idle.values():
            for each in idle:
                if each.idle_since <= oldest:
                    each.close()
        self._idle = {origin: idle for origin, idle in kept.items() if idle}


@asynccontextmanager
async def open_client(permitted: Permitted, *, resolve: Resolve = resolved) -> AsyncIterator[Client]:
    """Keep connections as long as the context lasts; callers bound how many requests there are at once.

    `resolve` turns names into addresses, which are checked all the same.
    """
    client = Client(permitted, resolve)
    try:
        yield client
    finally:
        client.close()
