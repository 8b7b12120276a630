"""Ours, one message a call."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from adjudge.streams import Entry, Message, Streams, Subscription, run
from peers.effects import Setting


class Body(msgspec.Struct):
    n: int
    decision: str
    evidence: str


setting = Setting()
streams = Streams(setting.url, rng=random.SystemRandom())
decode = msgspec.json.Decoder(Body).decode
encode = msgspec.json.encode


slots = asyncio.Semaphore(setting.concurrency)


async def one(message: Body) -> None:
    await setting.handle_async(message.n)


async def one_in_turn(message: Body) -> None:
    async with slots:
        await one(message)


async def handle(batch: Sequence[Message]) -> None:
    if setting.handler_seconds:
        await asyncio.gather(*(one_in_turn(decode(message.body)) for message in batch))
        return
    for message in batch:
        await one(decode(message.body))


def work() -> None:
    async def main() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        many = Subscription(name="bench", lanes={"standard": 1}, handler=handle)
        await run(streams, [many], stop=stop)

    asyncio.run(main())


@asynccontextmanager
async def opened() -> AsyncIterator[None]:
    async with streams:
        yield


async def publish(message: dict) -> None:
    [answer] = await streams.publish([Entry("bench", "standard", encode(message), 10_000_000)])
    assert isinstance(answer, str), answer


async def publish_many(messages: list[dict]) -> None:
    await streams.publish([Entry("bench", "standard", encode(message), 10_000_000) for message in messages])
