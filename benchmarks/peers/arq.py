"""arq: 32 jobs at once; results off."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from arq import ArqRedis, create_pool
from arq.connections import RedisSettings

from peers.effects import Setting

setting = Setting()
pools: list[ArqRedis] = []

WORKER = ("arq", "peers.arq.WorkerSettings")


async def handle(_: dict[str, Any], message: dict) -> None:
    await setting.handle_async(message["n"])


class WorkerSettings:
    functions = (handle,)
    redis_settings = RedisSettings.from_dsn(setting.url)
    max_jobs = setting.concurrency
    keep_result = 0


@asynccontextmanager
async def opened() -> AsyncIterator[None]:
    pools.append(await create_pool(WorkerSettings.redis_settings))
    yield
    await pools[0].aclose()


async def publish(message: dict) -> None:
    await pools[0].enqueue_job("handle", message)
