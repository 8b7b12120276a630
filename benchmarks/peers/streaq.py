"""streaQ, on streams: 32 tasks at once; results off."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streaq import Worker

from peers.effects import Setting

setting = Setting()
worker = Worker(redis_url=setting.url, concurrency=setting.concurrency)

WORKER = ("streaq", "run", "peers.streaq:worker")


@worker.task(ttl=0)
async def handle(message: dict) -> None:
    await setting.handle_async(message["n"])


@asynccontextmanager
async def opened() -> AsyncIterator[None]:
    async with worker:
        yield


async def publish(message: dict) -> None:
    await handle.enqueue(message)


async def publish_many(messages: list[dict]) -> None:
    await worker.enqueue_many([handle.enqueue(message) for message in messages])
