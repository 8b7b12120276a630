"""A broker of the test's own, a line to it that can freeze, and worker processes that can be killed."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from adjudge.streams import Entry, Streams, Subscription, Worker

NAME = "ask:m@1"


class Broker:
    """A real Valkey, seen from outside the worker."""

    def __init__(self, server, redis: Redis) -> None:
        self.url, self.kill, self.start, self.redis = server.url, server.kill, server.start, redis

    async def publish(self, *bodies: bytes) -> None:
        async with Streams(self.url, rng=random.Random(0), timeout_seconds=10) as streams:
            answers = await streams.publish([Entry(NAME, "standard", body, 100_000) for body in bodies])
        assert all(isinstance(answer, str) for answer in answers)

    async def until_empty(self) -> None:
        """Until nothing is unfinished; there is no event for this on the server."""
        async with Streams(self.url, rng=random.Random(0)) as streams, asyncio.timeout(20):
            while await streams.oldest(NAME, ["standard"]) is not None:
                await asyncio.sleep(0.02)

    async def dead_bodies(self) -> list[bytes]:
        async with Streams(self.url, rng=random.Random(0)) as streams:
            return [letter.body for letter in await streams.dead_letters.page(NAME)]


@pytest.fixture
async def broker(private_valkey) -> AsyncIterator[Broker]:
    server = await private_valkey()
    async with Redis.from_url(server.url) as redis:
        yield Broker(server, redis)


class Inbox:
    """A handler that keeps what it is given."""

    def __init__(self) -> None:
        self.messages = []
        self.pause = None
        self._changed = asyncio.Event()

    async def __call__(self, messages):
        self.messages += messages
        self._changed.set()
        if self.pause:
            await self.pause()

    @property
    def bodies(self):
        return [message.body for message in self.messages]

    async def until(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(set(self.bodies)) < count:
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def working(inbox):
    """A worker for the length of a block, through the broker's own or another address."""

    @asynccontextmanager
    async def working(url, *, drain_seconds=10.0, timeout_seconds=1.0, **options):
        subscription = Subscription(**{"name": NAME, "lanes": {"standard": 1}, "handler": inbox, **options})
        stop = asyncio.Event()
        async with (
            Streams(url, rng=random.SystemRandom(), timeout_seconds=timeout_seconds) as streams,
            asyncio.TaskGroup() as group,
        ):
            worker = Worker(streams, [subscription], stop=stop, drain_seconds=drain_seconds)
            group.create_task(worker.run())
            try:
                yield worker
            finally:
                stop.set()

    return working


class Relay:
    """A TCP line whose connections can be made to stay open and pass nothing, as after a lost route."""

    def __init__(self, url: str) -> None:
        self._far = urlsplit(url)
        self._frozen = False
        self._tasks: set[asyncio.Task] = set()

    @asynccontextmanager
    async def running(self):
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
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


@pytest.fixture
async def relay(broker) -> AsyncIterator[Relay]:
    async with Relay(broker.url).running() as relay:
        yield relay
    for writer in _kept:
        writer.close()
    _kept.clear()


PROCESS = """
import asyncio, os, random, sys
from adjudge.streams import Streams, Subscription, run

async def handler(messages):
    for message in messages:
        print(message.body.decode(), flush=True)
        if message.body == b"poison":
            os._exit(9)
    if sys.argv[2] == "hang":
        await asyncio.Event().wait()

async def main():
    async with Streams(sys.argv[1], rng=random.SystemRandom()) as streams:
        subscription = Subscription(
            name="ask:m@1", lanes={"standard": 1}, handler=handler, batch=20, lease_seconds=0.5, crash_limit=3
        )
        await run(streams, [subscription], stop=asyncio.Event())

asyncio.run(main())
"""


@pytest.fixture
async def worker_process(tmp_path: Path):
    """Starts worker processes that print each body they are given; what still runs is killed at the end."""
    script = tmp_path / "worker.py"
    script.write_text(PROCESS)
    started = []

    async def worker_process(url: str, behaviour: str):
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(script), url, behaviour, stdout=asyncio.subprocess.PIPE, env=os.environ
        )
        started.append(process)
        return process

    yield worker_process
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.wait()
