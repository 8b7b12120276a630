"""The bare loop, told to note its effects as the others do."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from redis.exceptions import ResponseError

from baselines import streams_loop
from peers.effects import Setting

setting = Setting()
redis = streams_loop.connect(setting.url)


def work() -> None:
    async def main() -> None:
        with suppress(ResponseError):  # a worker before this one has made the group
            await redis.xgroup_create(streams_loop.STREAM, streams_loop.GROUP, "0", mkstream=True)
        await streams_loop.consume(redis, setting.effects.note)

    asyncio.run(main())


@asynccontextmanager
async def opened() -> AsyncIterator[None]:
    async with redis:
        yield


async def publish(message: dict) -> None:
    await redis.xadd(streams_loop.STREAM, {"b": json.dumps(message, separators=(",", ":")).encode()})


async def publish_many(messages: list[dict]) -> None:
    bodies = [json.dumps(message, separators=(",", ":")).encode() for message in messages]
    await streams_loop.publish(redis, bodies)
