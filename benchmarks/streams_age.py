"""Whether work grows dearer with age or with breadth: millions of messages through one stream; many streams; many keys.

    python benchmarks/streams_age.py [--messages 5000000] [--streams 500] [--keys 10000] [--json FILE]

One process publishes 100,000 messages at a time and handles them with one worker, in batches, until so many have gone
through one stream. `ratio` compares the last five such lots with the first five: messages published and handled a
second (median), memory of this process (PSS) and of the broker's data. Then one worker takes messages from many
streams at once, each a subscription; and from one stream with a key for each of many customers, keys taking turns.
A stall is the longest time between two batches while messages waited. About four minutes.
"""

import asyncio
import os
import random
import time
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Final

from redis.asyncio import Redis

from adjudge.streams import Entry, KeyRules, Message, Streams, Subscription, run
from contest.broker import a_broker
from load.processes import memory_mib
from load.report import Row, Target, median, parser, publish

BODY: Final = b"x" * 312
LOT: Final = 100_000
CHUNK: Final = 500
WINDOW: Final = 5
PER_STREAM: Final = 20
PATIENCE_SECONDS: Final = 120.0

TARGETS: Final = (
    Target("rate at the end, of the first lots", "old stream: rate", "ratio", ">=", 0.9, "x"),
    Target("memory at the end, of the first lots", "old stream: memory", "ratio", "<=", 1.1, "x"),
    Target("growth of the broker's data", "old stream: growth of the broker", "value", "<=", 2, "MiB"),
    Target("many streams: longest stall", "many streams: stall", "value", "<=", 2, "s"),
    Target("many streams: all handled", "many streams: missing", "value", "<=", 0, ""),
    Target("many keys: longest stall", "many keys: stall", "value", "<=", 2, "s"),
    Target("many keys: all handled", "many keys: missing", "value", "<=", 0, ""),
)


class Tally:
    """The handler: counts, notes when, and says when a number is reached."""

    def __init__(self) -> None:
        self.handled, self.times = 0, [time.perf_counter()]
        self._wanted, self._reached = 0, asyncio.Event()

    async def __call__(self, batch: Sequence[Message]) -> None:
        self.handled += len(batch)
        self.times.append(time.perf_counter())
        if self.handled >= self._wanted:
            self._reached.set()

    async def reach(self, wanted: int) -> None:
        """Wait until so many were handled, or the patience is over."""
        self._wanted = wanted
        self._reached.clear()
        if self.handled < wanted:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._reached.wait()

    def stall(self) -> float:
        """Return the longest time between two batches, in seconds."""
        return max(later - earlier for earlier, later in pairwise(self.times))


@asynccontextmanager
async def at_work(
    url: str, names: Sequence[str], handler: Tally, keys: KeyRules | None = None
) -> AsyncIterator[Streams]:
    """Run one worker with a subscription for each name."""
    stop = asyncio.Event()
    wanted = [Subscription(name=name, lanes={"standard": 1}, handler=handler, keys=keys) for name in names]
    async with Streams(url, rng=random.SystemRandom(), timeout_seconds=30) as streams, asyncio.TaskGroup() as group:
        group.create_task(run(streams, wanted, stop=stop))
        try:
            yield streams
        finally:
            stop.set()


async def publish_all(streams: Streams, count: int, entry: Callable[[int], Entry]) -> None:
    for start in range(0, count, CHUNK):
        answers = await streams.publish([entry(number) for number in range(start, min(start + CHUNK, count))])
        if not all(isinstance(answer, str) for answer in answers):
            raise RuntimeError(f"could not publish: {answers[0]}")


async def grow_old(url: str, messages: int) -> list[Row]:
    """Put all through one stream."""
    tally, rates, mine, theirs = Tally(), [], [], []
    async with at_work(url, ["old"], tally) as streams, Redis.from_url(url) as redis:
        for lot in range(1, messages // LOT + 1):
            began = time.perf_counter()
            await publish_all(streams, LOT, lambda _: Entry("old", "standard", BODY, 10 * LOT))
            await tally.reach(lot * LOT)
            rates.append(LOT / (time.perf_counter() - began))
            tally.times = [time.perf_counter()]
            mine.append(memory_mib(os.getpid()))
            theirs.append((await redis.info("memory"))["used_memory_dataset"] / 2**20)
    figures = (("rate", rates, "/s"), ("memory", mine, "MiB"))
    growth = median(theirs[-WINDOW:]) - median(theirs[:WINDOW])
    return [
        Row("old stream: growth of the broker", "its data, last lots less first", growth, "MiB"),
        *(
            Row(f"old stream: {what}", "last lots, to the first", median(values[-WINDOW:]), unit, _growth(values))
            for what, values, unit in figures
        ),
    ]


def _growth(values: Sequence[float]) -> float:
    return median(values[-WINDOW:]) / median(values[:WINDOW])


async def many_streams(url: str, streams: int) -> list[Row]:
    """Many subscriptions in one worker; their messages are published in turns."""
    names, count, tally = [f"s{number}" for number in range(streams)], streams * PER_STREAM, Tally()
    async with at_work(url, names, tally) as publisher:
        await publish_all(publisher, count, lambda n: Entry(names[n % streams], "standard", BODY, LOT))
        await _reached(tally, count)
        memory = memory_mib(os.getpid())
    return _breadth("many streams", tally, count, memory)


async def many_keys(url: str, keys: int) -> list[Row]:
    """One stream whose messages belong to many; each may have eight unfinished, three are published."""
    count, tally = 3 * keys, Tally()
    async with at_work(url, ["keyed"], tally, KeyRules()) as publisher:
        await publish_all(publisher, count, lambda n: Entry("keyed", "standard", BODY, 10 * count, key=f"k{n % keys}"))
        await _reached(tally, count)
        memory = memory_mib(os.getpid())
    return _breadth("many keys", tally, count, memory)


async def _reached(tally: Tally, count: int) -> None:
    try:
        await tally.reach(count)
    except TimeoutError:
        print(f"{tally.handled} of {count} handled in {PATIENCE_SECONDS:g} s")


def _breadth(name: str, tally: Tally, count: int, memory: float) -> list[Row]:
    rate = tally.handled / (tally.times[-1] - tally.times[0])
    return [
        Row(f"{name}: rate", "from publish to the last", rate, "/s"),
        Row(f"{name}: stall", "longest between two batches", tally.stall(), "s"),
        Row(f"{name}: memory", "of the worker, PSS", memory, "MiB"),
        Row(f"{name}: missing", "not handled", count - tally.handled, ""),
    ]


async def measure(options: Namespace) -> list[Row]:
    async with a_broker() as broker:
        rows = await grow_old(broker.url, options.messages)
        rows += await many_streams(broker.url, options.streams)
        return rows + await many_keys(broker.url, options.keys)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--messages", type=int, default=5_000_000)
    arguments.add_argument("--streams", type=int, default=500)
    arguments.add_argument("--keys", type=int, default=10_000)
    options = arguments.parse_args()
    publish(asyncio.run(measure(options)), TARGETS, options)


if __name__ == "__main__":
    main()
