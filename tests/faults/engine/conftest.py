"""Stacks of a test's own, and a line to their database that can be cut."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.stacks import build_stack, database

__all__ = ["build_stack"]

COMMITTED = b"Z\x00\x00\x00\x05I"
"""Ready for the next statement, outside a transaction: what was sent before is durable."""

BEGINS = b"\x00\x03\x00\x00"
"""Version 3.0 of the protocol, in the message that begins a session."""


class Relay:
    """A line to PostgreSQL that loses answers: `loses` is asked about each one."""

    def __init__(self, url: str) -> None:
        self._far = parse_qs(urlsplit(url).query)["host"][0]
        self._name = urlsplit(url).path
        self._tasks: set[asyncio.Task[None]] = set()
        self.loses: Callable[[bytes], bool] = lambda answer: False
        self.lost = 0
        self.begun: set[bytes] = set()
        """Names of what sessions were to begin with."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Relay"]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"postgresql://adjudge@127.0.0.1:{server.sockets[0].getsockname()[1]}{self._name}"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(str(Path(self._far) / ".s.PGSQL.5432"))
        for task in (
            asyncio.create_task(self._pass(reader, far_writer, may_lose=False)),
            asyncio.create_task(self._pass(far_reader, writer, may_lose=True)),
        ):
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, may_lose: bool) -> None:
        try:
            while data := await reader.read(1 << 16):
                if may_lose and self.loses(data):
                    self.lost += 1
                    break
                if data[4:8] == BEGINS:
                    self.begun.update(data[8:].rstrip(b"\0").split(b"\0")[::2])
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@pytest.fixture
async def relay(servers, migrated_template) -> AsyncIterator[tuple[Relay, str]]:
    """A line, and the direct way to the same database."""
    async with (
        database(servers.database_url, migrated_template, "relayed") as url,
        Relay(url).running() as relay,
    ):
        yield relay, url
