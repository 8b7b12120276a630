"""A connection, a plain client to look behind it, and what tests need to see a worker work."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import pytest
from redis.asyncio import Redis

from adjudge.streams import Observer, Streams, Worker


@pytest.fixture
async def streams(redis_url: str) -> AsyncIterator[Streams]:
    async with Streams(redis_url, rng=random.Random(1)) as streams:
        yield streams


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


class Inbox:
    """A handler that keeps what it is given, and answers what it was told to."""

    def __init__(self) -> None:
        self.batches = []
        self.answer = lambda _: None
        self.waits_for = None
        self._changed = asyncio.Event()

    async def __call__(self, messages):
        self.batches.append(list(messages))
        self._changed.set()
        if self.waits_for:
            await self.waits_for()
        return self.answer(messages)

    @property
    def messages(self):
        return [message for batch in self.batches for message in batch]

    @property
    def bodies(self):
        return [message.body for message in self.messages]

    async def until(self, count: int):
        async with asyncio.timeout(20):
            while len(self.messages) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.messages


class Seen(Observer):
    """Counts hooks, and lets a test wait for them."""

    def __init__(self) -> None:
        self.counts = Counter()
        self.calls = []
        self._changed = asyncio.Event()

    def __getattribute__(self, hook):
        if hook.startswith("_") or hook not in vars(Observer):
            return super().__getattribute__(hook)

        def note(*arguments):
            self.counts[hook] += 1
            self.calls.append((hook, *arguments))
            self._changed.set()

        return note

    async def until(self, hook: str, count: int = 1):
        async with asyncio.timeout(20):
            while self.counts[hook] < count:
                self._changed.clear()
                await self._changed.wait()
        return [call for call in self.calls if call[0] == hook]


class Working(Protocol):
    def __call__(self, *subscriptions, drain_seconds=..., observer=...) -> AbstractAsyncContextManager[Worker]: ...


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def working(streams: Streams) -> Working:
    """A worker that consumes for the length of a block, and has left in good order after it."""

    @asynccontextmanager
    async def working(*subscriptions, drain_seconds=10.0, observer=None):
        stop = asyncio.Event()
        worker = Worker(streams, subscriptions, stop=stop, drain_seconds=drain_seconds, observer=observer)
        async with asyncio.TaskGroup() as group:
            group.create_task(worker.run())
            try:
                yield worker
            finally:
                stop.set()

    return working
