"""A TCP line to a server, which can be made half-open."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class Relay:
    """A TCP line whose connections can be made to stay open and pass nothing, as after a lost route."""

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        self._far, self._tls = urlsplit(url), tls
        self._frozen = False
        self._tasks: set[asyncio.Task] = set()

    @asynccontextmanager
    async def running(self):
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.url = f"{'rediss' if self._tls else 'redis'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def freeze(self) -> None:
        """What is connected now is dead for ever, and so is all that connects until `thaw`."""
        self._frozen = True
        for task in self._tasks:
            task.cancel()

    def thaw(self) -> None:
        self._frozen = False

    def _accept(self, reader, writer) -> None:
        task = asyncio.get_running_loop().create_task(self._carry(reader, writer))
        self._tasks.add(task)

    async def _carry(self, reader, writer) -> None:
        far_reader, far_writer = await self._connected()
        _kept.extend((writer, far_writer))  # referred to, so that both sockets stay open when nobody serves them
        if self._frozen:
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(_pump(reader, far_writer))
            group.create_task(_pump(far_reader, writer))

    async def _connected(self):
        if self._far.scheme == "unix":
            return await asyncio.open_unix_connection(self._far.path)
        return await asyncio.open_connection(self._far.hostname, self._far.port)


_kept = []


async def _pump(reader, writer) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def relayed(url: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[Relay]:
    """A relay for the length of a block; with a certificate it speaks TLS on the near side."""
    async with Relay(url, tls).running() as relay:
        yield relay
    for writer in _kept:
        writer.close()
    _kept.clear()
