"""A broker of the test's own, a line to it that can freeze, and worker processes that can be killed."""

import asyncio
import os
import random
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from tests.faults.streams.load import NAME, Cost, Ledger
from tests.faults.streams.nodes import Nodes
from tests.faults.streams.relay import Relay, relayed
from tests.waiting import until

from adjudge.streams import Entry, Observer, Streams, Subscription, Worker

_costs: list[Cost] = []


def pytest_terminal_summary(terminalreporter):
    """What each fault cost, after the tests."""
    if _costs:
        terminalreporter.section("faults")
        terminalreporter.write_line(f"{'fault':<58} {'seconds':>7} {'messages':>9} {'lost':>5} {'twice':>6}")
        for cost in _costs:
            terminalreporter.write_line(str(cost))


@pytest.fixture
def noted():
    """Puts a cost into the table, and asserts what every fault has to keep to: nothing lost."""

    def noted(cost: Cost) -> Cost:
        _costs.append(cost)
        assert cost.lost == 0, cost
        return cost

    return noted


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
async def nodes() -> AsyncIterator[Nodes]:
    """Servers on TCP; they end with the test."""
    with tempfile.TemporaryDirectory(prefix="adjudge-nodes-") as folder:
        async with AsyncExitStack() as exits:
            yield Nodes(Path(folder), exits)


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
        async with Streams(self.url, rng=random.Random(0)) as streams:
            await until(lambda: streams.oldest(NAME, ["standard"]), lambda oldest: oldest is None)

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
    async def working(url, *, drain_seconds=10.0, timeout_seconds=1.0, observer=None, credentials=None, **options):
        subscription = Subscription(**{"name": NAME, "lanes": {"standard": 1}, "handler": inbox, **options})
        stop = asyncio.Event()
        async with (
            Streams(
                url, rng=random.SystemRandom(), timeout_seconds=timeout_seconds, credentials=credentials
            ) as streams,
            asyncio.TaskGroup() as group,
        ):
            worker = Worker(
                streams, [subscription], stop=stop, drain_seconds=drain_seconds, observer=observer or Observer()
            )
            group.create_task(worker.run())
            try:
                yield worker
            finally:
                stop.set()

    return working


@pytest.fixture
async def relay(broker) -> AsyncIterator[Relay]:
    async with relayed(broker.url) as relay:
        yield relay


PROCESS = """
import asyncio, os, random, sys, time
from adjudge.streams import Streams, Subscription, run

async def handler(messages):
    for message in messages:
        print(message.body.decode(), flush=True)
        if message.body == b"poison":
            os._exit(9)
    if sys.argv[2] == "hang":
        await asyncio.Event().wait()
    if sys.argv[2] == "block":
        time.sleep(1.5)

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
