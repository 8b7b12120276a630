"""FastStream, on a stream with a group: 32 handlers at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream import FastStream
from faststream.redis import RedisBroker, StreamSub

from peers.effects import Setting

setting = Setting()
broker = RedisBroker(setting.url, logger=None)
app = FastStream(broker, logger=None)

WORKER = ("faststream", "run", "peers.faststream:app")


@broker.subscriber(stream=StreamSub("bench", group="bench", consumer="worker"), max_workers=setting.concurrency)
async def handle(message: dict) -> None:
    await setting.handle_async(message["n"])


@asynccontextmanager
async def opened() -> AsyncIterator[None]:
    await broker.connect()
    yield
    await broker.stop()


async def publish(message: dict) -> None:
    await broker.publish(message, stream="bench")
