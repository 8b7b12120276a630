"""A Valkey as `adjudge up` starts it, but on a port, which is where all contestants find it."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from redis.asyncio import Redis

from adjudge.stack.folders import laid_out
from adjudge.stack.server import Server
from adjudge.stack.valkey import valkey_program
from load.starting import HOST, free_port


class Broker:
    """The server, and what is done to it."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        program = valkey_program(laid_out(folder))
        on_port = ("--port", str(self.port), "--bind", HOST)
        self._server = Server(replace(program, command=[*program.command, *on_port]), stop_timeout=5)
        self.url = f"redis://{HOST}:{self.port}/0"

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop()

    async def kill(self) -> None:
        await self._server.kill()

    def freeze(self) -> None:
        """Answer nobody until `thaw`."""
        os.kill(self._pid(), signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._pid(), signal.SIGCONT)

    async def flush(self) -> None:
        """Forget everything."""
        async with Redis.from_url(self.url) as redis:
            await redis.flushall()

    async def cut(self) -> None:
        """Close all connections of others."""
        async with Redis.from_url(self.url) as redis:
            for kind in ("normal", "pubsub"):
                await redis.client_kill_filter(_type=kind, skipme=True)

    def _pid(self) -> int:
        pid = self._server.pid
        assert pid is not None, "the broker runs"
        return pid


@asynccontextmanager
async def a_broker() -> AsyncIterator[Broker]:
    """Run one with data of its own."""
    with TemporaryDirectory(prefix="adjudge-bench-") as folder:
        broker = Broker(Path(folder))
        await broker.start()
        try:
            yield broker
        finally:
            await broker.stop()
