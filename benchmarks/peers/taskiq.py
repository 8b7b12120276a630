"""taskiq with taskiq-redis, on a stream: one process, 32 tasks at once; no result backend."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from taskiq_redis import RedisStreamBroker

from peers.effects import Setting

setting = Setting()
broker = RedisStreamBroker(url=setting.url)

WORKER = (
    *("taskiq", "worker", "peers.taskiq:broker", "--workers", "1"),
    *("--max-async-tasks", str(setting.concurrency), "--log-level", "WARNING"),
)


@broker.task
async def handle(message: dict) -> None:
    await setting.handle_async(message["n"])


@asynccontextmanager
async def opened() -> AsyncIterator[None]:
    await broker.startup()
    yield
    await broker.shutdown()


async def publish(message: dict) -> None:
    await handle.kiq(message)
