"""SAQ: 32 jobs at once; results off."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from saq import Queue

from peers.effects import Setting

setting = Setting()
queue = Queue.from_url(setting.url)

WORKER = ("saq", "peers.saq.settings", "--quiet")


async def handle(_: Any, *, message: dict) -> None:
    await setting.handle_async(message["n"])


settings = {"queue": queue, "functions": [handle], "concurrency": setting.concurrency}


@asynccontextmanager
async def opened() -> AsyncIterator[None]:
    await queue.connect()
    yield
    await queue.disconnect()


async def publish(message: dict) -> None:
    await queue.enqueue("handle", message=message, ttl=-1)
