"""Ours, one message a call of the handler."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from adjudge.streams import App
from peers.effects import Setting


class Body(msgspec.Struct):
    n: int
    decision: str
    evidence: str


setting = Setting()
app = App(setting.url)


@app.handler(name="bench", concurrency=setting.concurrency, max_length=10_000_000)
async def handle(message: Body) -> None:
    await setting.handle_async(message.n)


def work() -> None:
    async def main() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await app.run(stop=stop)

    asyncio.run(main())


@asynccontextmanager
async def opened() -> AsyncIterator[None]:
    async with app:
        yield


async def publish(message: dict) -> None:
    answer = await handle.publish(Body(**message))
    assert isinstance(answer, str), answer


async def publish_many(messages: list[dict]) -> None:
    answers = await handle.publish_many([Body(**message) for message in messages])
    assert all(isinstance(answer, str) for answer in answers)
