"""Messages that go on being published whatever happens, and what a fault cost among them."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.waiting import until

from adjudge.streams import Entry, Streams

NAME = "ask:m@1"


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one fault."""

    fault: str
    seconds: float
    """From the end of the fault until something published after it was handled."""
    messages: int
    lost: int
    twice: int

    def __str__(self) -> str:
        return f"{self.fault:<58} {self.seconds:7.2f} {self.messages:9} {self.lost:5} {self.twice:6}"


class Ledger:
    """A handler that notes, outside of the framework, what it was given and when."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.handled_at: dict[bytes, float] = {}
        self._changed = asyncio.Event()

    async def __call__(self, messages) -> None:
        now = asyncio.get_running_loop().time()
        for message in messages:
            self.bodies.append(message.body)
            self.handled_at.setdefault(message.body, now)
        self._changed.set()
        await asyncio.sleep(0.001)

    async def until(self, *bodies: bytes, seconds: float = 20.0) -> None:
        """Wait until these were handled."""
        async with asyncio.timeout(seconds):
            while not self.handled_at.keys() >= set(bodies):
                self._changed.clear()
                await self._changed.wait()


class Load:
    """About 500 messages a second, ten at a time; what was not taken is offered again, as a user would."""

    def __init__(self, streams: Streams, ledger: Ledger) -> None:
        self._streams, self._ledger = streams, ledger
        self.taken: list[bytes] = []
        self.offered_again: set[bytes] = set()
        """Answered `Unavailable` once: these may be in the stream twice."""
        self.task = asyncio.create_task(self._run())

    async def publish(self, *bodies: bytes) -> None:
        """Offer these until they are taken."""
        left = list(bodies)
        while left:
            answers = await self._streams.publish([Entry(NAME, "standard", body, 1_000_000) for body in left])
            self.taken += [body for body, answer in zip(left, answers, strict=True) if isinstance(answer, str)]
            left = [body for body, answer in zip(left, answers, strict=True) if not isinstance(answer, str)]
            self.offered_again.update(left)
            await asyncio.sleep(0.02)

    async def _run(self) -> None:
        number = 0
        while True:
            await self.publish(*(b"%d" % i for i in range(number, number + 10)))
            number += 10

    async def until_taken(self, more: int) -> None:
        """Wait until so many more have been taken."""
        wanted = len(self.taken) + more
        await until(lambda: len(self.taken) >= wanted)

    async def until_refused(self) -> None:
        """Wait until something was not taken."""
        await until(lambda: self.offered_again)

    async def cost(self, fault: str, ended_at: float) -> Cost:
        """Once all that was taken is handled. Asserts nothing: the test does."""
        first_after = f"after {fault}".encode()
        await self.publish(first_after)
        await self._ledger.until(first_after)
        seconds = self._ledger.handled_at[first_after] - ended_at
        await self.end()
        await self._handled()
        times = Counter(self._ledger.bodies)
        twice = sum(times[body] - 1 for body in times if body not in self.offered_again)
        lost = len(set(self.taken) - times.keys())
        return Cost(fault, seconds, len(self.taken), lost, twice)

    async def end(self) -> None:
        """Publish no more."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _handled(self) -> None:
        """Until all is handled, or ten seconds have passed: then something is lost."""
        try:
            await self._ledger.until(*self.taken, seconds=10)
        except TimeoutError:
            return


@asynccontextmanager
async def loaded(url: str, ledger: Ledger, timeout_seconds: float = 0.5, credentials=None) -> AsyncIterator[Load]:
    """A load for the length of a block."""
    async with Streams(url, rng=random.Random(7), timeout_seconds=timeout_seconds, credentials=credentials) as streams:
        load = Load(streams, ledger)
        try:
            yield load
        finally:
            await load.end()
