"""The yardstick of workers on streams: read, decode, acknowledge, as fast as this client does it by itself.

    python benchmarks/baselines/streams_loop.py redis://localhost:6379 [MESSAGES]     flushes that database
XREADGROUP COUNT 200, one pipelined XACK and XDEL a batch: no leases, no retries, no recovery.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Iterable

import msgspec
from redis.asyncio import Redis

STREAM, GROUP, BATCH = "bench", "bench", 200


class Message(msgspec.Struct):
    n: int
    decision: str
    evidence: str


def connect(url: str) -> Redis:
    return Redis.from_url(url, single_connection_client=True, protocol=2)


async def publish(redis: Redis, bodies: Iterable[bytes]) -> None:
    async with redis.pipeline(transaction=False) as pipeline:
        for body in bodies:
            pipeline.xadd(STREAM, {"b": body})
        await pipeline.execute()


async def consume(redis: Redis, handle: Callable[[int], None], messages: float = float("inf")) -> None:
    decode = msgspec.json.Decoder(Message).decode
    while messages > 0:
        for _, entries in await redis.xreadgroup(GROUP, "loop", {STREAM: ">"}, count=BATCH, block=500):
            for _, fields in entries:
                handle(decode(fields[b"b"]).n)
            ids = [entry_id for entry_id, _ in entries]
            async with redis.pipeline(transaction=False) as pipeline:
                await pipeline.xack(STREAM, GROUP, *ids).xdel(STREAM, *ids).execute()
            messages -= len(ids)


async def main(url: str, messages: int = 100_000) -> None:
    body = msgspec.json.encode(Message(1, "0" * 36, "x" * 241))
    async with connect(url) as redis:
        await redis.flushdb()
        await redis.xgroup_create(STREAM, GROUP, "0", mkstream=True)
        for _ in range(messages // 500):
            await publish(redis, [body] * 500)
        began = time.perf_counter()
        await consume(redis, lambda _: None, messages // 500 * 500)
        print(f"{messages / (time.perf_counter() - began):,.0f} messages a second")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
