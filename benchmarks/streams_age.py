"""Whether work grows dearer with age or with breadth: millions of messages through one stream; many streams; many keys.

    python benchmarks/streams_age.py [--messages 5000000] [--streams 500] [--keys 10000] [--json FILE]

One process publishes 100,000 messages at a time and handles them with one worker, in batches, until so many have gone
through one stream. The last five such lots take turns with five through a new stream, new worker and new broker, and
`ratio` is between these: messages published and handled a second, and CPU a message, worker, publisher and broker
together (medians). Memory of this process (PSS) and of the broker's data is that of the last five lots less the first
five. Then one worker takes messages from many
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
from dataclasses import dataclass
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
BESIDE: Final = "last lots, to those of a new stream"
PER_STREAM: Final = 20
PATIENCE_SECONDS: Final = 120.0

TARGETS: Final = (
    Target("rate at the end, of a new stream's", "old stream: rate", "ratio", ">=", 0.9, "x"),
    Target("CPU a message at the end, of a new stream's", "old stream: CPU", "ratio", "<=", 1.1, "x"),
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


@dataclass(frozen=True, slots=True)
class Lot:
    """What one lot of messages took, and what was there after it."""

    rate: float
    cpu: float
    """Microseconds a message."""
    memory: float
    data: float
    """The broker's; both in MiB."""


class Stream:
    """One under observation, and the worker that empties it."""

    def __init__(self, streams: Streams, name: str, tally: Tally, redis: Redis) -> None:
        self._streams, self._name, self._tally, self._redis = streams, name, tally, redis
        self.lots: list[Lot] = []

    async def take(self) -> None:
        """Put one lot through it."""
        began, cpu = time.perf_counter(), await self._cpu()
        await publish_all(self._streams, LOT, lambda _: Entry(self._name, "standard", BODY, 10 * LOT))
        await self._tally.reach((len(self.lots) + 1) * LOT)
        seconds, used = time.perf_counter() - began, await self._cpu() - cpu
        self._tally.times = [time.perf_counter()]
        data = (await self._redis.info("memory"))["used_memory_dataset"] / 2**20
        self.lots.append(Lot(LOT / seconds, used / LOT * 1e6, memory_mib(os.getpid()), data))

    async def _cpu(self) -> float:
        theirs = await self._redis.info("cpu")
        return time.process_time() + theirs["used_cpu_user"] + theirs["used_cpu_sys"]


@asynccontextmanager
async def a_stream(url: str, name: str) -> AsyncIterator[Stream]:
    tally = Tally()
    async with at_work(url, [name], tally) as streams, Redis.from_url(url) as redis:
        yield Stream(streams, name, tally, redis)


async def grow_old(url: str, messages: int) -> list[Row]:
    """Put all through one stream, the last of it beside a new one."""
    async with a_stream(url, "old") as old:
        for _ in range(messages // LOT - WINDOW):
            await old.take()
        async with a_broker() as broker, a_stream(broker.url, "new") as new:
            for _ in range(WINDOW):
                await old.take()
                await new.take()
    first, last, young = old.lots[:WINDOW], old.lots[-WINDOW:], new.lots
    return [
        _row(
            "rate", "last lots, to those of a new stream", [lot.rate for lot in last], [lot.rate for lot in young], "/s"
        ),
        _row("CPU", "last lots, to those of a new stream", [lot.cpu for lot in last], [lot.cpu for lot in young], "µs"),
        _row("memory", "last lots, to the first", [lot.memory for lot in last], [lot.memory for lot in first], "MiB"),
        Row(
            "old stream: growth of the broker",
            "its data, last lots less first",
            median([lot.data for lot in last]) - median([lot.data for lot in first]),
            "MiB",
        ),
    ]


def _row(what: str, how: str, values: Sequence[float], others: Sequence[float], unit: str) -> Row:
    return Row(f"old stream: {what}", how, median(values), unit, median(values) / median(others))


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
