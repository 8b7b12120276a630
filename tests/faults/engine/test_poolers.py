"""Behind a pooler such as PgBouncer: all is well with a session for each connection, and nothing begins without."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.faults.engine.conftest import COMMITTED

from adjudge.cli.processes.grounds import grounded
from adjudge.cli.refusing import Refused
from adjudge.store.connecting import open_pool

TAKEN = {b"user", b"database", b"application_name", b"client_encoding", b"timezone"}
"""What PgBouncer lets a session begin with, as it comes."""
ENDS = b"X\x00\x00\x00\x04"


class Lender:
    """A pooler in transaction mode: one session of the server, lent to whoever asks, until it is ready again."""

    def __init__(self, url: str) -> None:
        self._far = str(Path(parse_qs(urlsplit(url).query)["host"][0]) / ".s.PGSQL.5432")
        self._name = urlsplit(url).path
        self._turn = asyncio.Lock()
        self._holder: asyncio.StreamWriter | None = None
        self._greeting = b""
        self._answering: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Yield the address at which it takes clients."""
        self._far_reader, self._far_writer = await asyncio.open_unix_connection(self._far)
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        try:
            yield f"postgresql://adjudge@127.0.0.1:{server.sockets[0].getsockname()[1]}{self._name}"
        finally:
            server.close()
            self._far_writer.close()
            if self._answering is not None:
                await self._answering

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(b"N")  # no TLS
        size = await reader.readexactly(4)
        beginning = size + await reader.readexactly(int.from_bytes(size) - 4)
        async with self._turn:
            if self._answering is None:
                self._far_writer.write(beginning)
                while not self._greeting.endswith(COMMITTED):
                    self._greeting += await self._far_reader.read(1 << 16)
                self._answering = asyncio.create_task(self._answer())
        writer.write(self._greeting)
        while (data := await reader.read(1 << 16)) and data != ENDS:
            if self._holder is not writer:
                await self._turn.acquire()
                self._holder = writer
            self._far_writer.write(data)
        writer.close()

    async def _answer(self) -> None:
        while (data := await self._far_reader.read(1 << 16)) and self._holder is not None:
            self._holder.write(data)
            if data.endswith(COMMITTED):
                self._holder = None
                self._turn.release()


async def test_every_session_begins_with_what_a_pooler_takes(relay, build_stack):
    """What else is set is set afterwards, and holds."""
    line, url = relay
    stack = await build_stack("api", "worker", "keeper", database_url=url, through=line.url)
    decision = await stack.ask("model", wait=5)
    async with open_pool(line.url, size=1, name="test") as pool, pool.acquire() as connection:
        held = [
            await connection.fetchval(f"SHOW {name}")
            for name in ("jit", "idle_in_transaction_session_timeout", "transaction_timeout")
        ]

    assert decision["outcome"]["answer"] == "pay"
    assert b"application_name" in line.begun
    assert line.begun <= TAKEN
    assert held == ["off", "10s", "3min"]


async def test_no_process_begins_where_sessions_are_lent(database_url, build_stack):
    """Its prepared statements would be another's."""
    async with Lender(database_url).running() as url:
        stack = await build_stack(database_url=database_url, through=url)
        with pytest.raises(Refused, match="pool_mode = session"):
            async with grounded("worker", stack.settings):
                pass
