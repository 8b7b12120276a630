"""A relay that can fall silent: connections stay open and nothing passes, as behind a router that lost its table."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from load.starting import HOST

_READ_BYTES = 1 << 16


class Relay:
    """Passes bytes between its own port and another; `silence` loses all that its present connections say."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._passing = asyncio.Event()
        self._passing.set()
        self._generation = 0

    async def silence(self, seconds: float) -> None:
        """Pass nothing more on present connections, for ever; on new ones after `seconds`."""
        self._generation += 1
        self._passing.clear()
        await asyncio.sleep(seconds)
        self._passing.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        generation = self._generation
        await self._passing.wait()
        try:
            far_reader, far_writer = await asyncio.open_connection(HOST, self._port)
        except OSError:  # the other side is down
            writer.close()
            return
        there = self._pass(reader, far_writer, generation)
        back = self._pass(far_reader, writer, generation)
        try:
            await asyncio.gather(there, back)
        finally:
            writer.close()
            far_writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, generation: int) -> None:
        with suppress(OSError):
            while data := await reader.read(_READ_BYTES):
                if generation == self._generation:
                    writer.write(data)
                    await writer.drain()
        if generation == self._generation:  # a silent connection says nothing of its end either
            writer.close()


@asynccontextmanager
async def a_relay(port: int) -> AsyncIterator[tuple[Relay, str]]:
    """Run one before that port; with it comes the URL by which the broker is reached through it."""
    relay = Relay(port)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(relay.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, HOST, 0)
    try:
        yield relay, f"redis://{HOST}:{server.sockets[0].getsockname()[1]}/0"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
