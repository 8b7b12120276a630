"""The worker framework against a bare loop: no-op messages per second, and the time from publish to handler.

    python benchmarks/streams.py [--messages 100000] [--runs 5] [--url redis://...] [--json FILE]

The bare loop is what one would write by hand with the same client: XREADGROUP COUNT 200, one pipelined XACK and
XDEL a batch, nothing else: no leases, no retries, no recovery. Claim: the framework drains at least 60% of it.
Without --url a Valkey of its own (append-only file on) is started.
"""

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis

from adjudge.streams import Entry, Message, Streams, Subscription, run

NAME, LANE = "bench", "standard"
KEY = f"{{{NAME}}}:{LANE}"
BODY = json.dumps({"decision": "0" * 36, "evidence": "x" * 240}).encode().ljust(312)
BATCH = 200
AIM = 0.6


async def fill(url: str, messages: int) -> float:
    """Publish; return the rate."""
    async with Streams(url, rng=random.SystemRandom(), timeout_seconds=30) as streams:
        began = time.perf_counter()
        for start in range(0, messages, 1000):
            entries = [Entry(NAME, LANE, BODY, messages)] * min(1000, messages - start)
            assert all(isinstance(answer, str) for answer in await streams.publish(entries))
        return messages / (time.perf_counter() - began)


async def drain_bare(url: str, messages: int) -> float:
    async with Redis.from_url(url) as redis:
        await redis.xgroup_create(KEY, "bare", "0", mkstream=True)
        began, handled = time.perf_counter(), 0
        while handled < messages:
            [[_, entries]] = await redis.xreadgroup("bare", "me", {KEY: ">"}, count=BATCH, block=500)
            ids = [entry_id for entry_id, _ in entries]
            async with redis.pipeline(transaction=False) as pipeline:
                await pipeline.xack(KEY, "bare", *ids).xdel(KEY, *ids).execute()
            handled += len(ids)
        return messages / (time.perf_counter() - began)


async def drain_ours(url: str, messages: int) -> float:
    stop, handled, ended = asyncio.Event(), 0, 0.0

    async def handler(batch: Sequence[Message]) -> None:
        nonlocal handled, ended
        handled += len(batch)
        if handled >= messages:
            ended = time.perf_counter()  # the wait of the last, empty read and the departure are no work
            stop.set()

    async with Streams(url, rng=random.SystemRandom()) as streams:
        began = time.perf_counter()
        await run(streams, [Subscription(name=NAME, lanes={LANE: 1}, handler=handler, batch=BATCH)], stop=stop)
        return messages / (ended - began)


async def idle_bare(url: str, samples: int) -> list[float]:
    async with Redis.from_url(url) as producer, Redis.from_url(url) as consumer:
        await consumer.xgroup_create(KEY, "idle", "0", mkstream=True)
        seconds = []
        for _ in range(samples):
            waiting = asyncio.create_task(consumer.xreadgroup("idle", "me", {KEY: ">"}, count=BATCH, block=500))
            await asyncio.sleep(0.002)  # the measured case is a consumer that waits already
            began = time.perf_counter()
            await producer.xadd(KEY, {"b": BODY})
            await waiting
            seconds.append(time.perf_counter() - began)
        return seconds


async def idle_ours(url: str, samples: int) -> list[float]:
    stop, arrived, seconds = asyncio.Event(), asyncio.Event(), []

    async def handler(_: Sequence[Message]) -> None:
        arrived.set()

    async with Streams(url, rng=random.SystemRandom()) as streams, asyncio.TaskGroup() as group:
        group.create_task(run(streams, [Subscription(name=NAME, lanes={LANE: 1}, handler=handler)], stop=stop))
        for _ in range(samples):
            await asyncio.sleep(0.002)
            arrived.clear()
            began = time.perf_counter()
            await streams.publish([Entry(NAME, LANE, BODY, 1000)])
            await arrived.wait()
            seconds.append(time.perf_counter() - began)
        stop.set()
    return seconds[1:]


async def measure(url: str, messages: int, runs: int) -> dict[str, float]:
    """Medians; both sides alternate within one run, because the machine's speed wanders."""
    bare, ours, ratios, published = [], [], [], []
    for _ in range(runs):
        await empty(url)
        published.append(await fill(url, messages))
        bare.append(await drain_bare(url, messages))
        await empty(url)
        await fill(url, messages)
        ours.append(await drain_ours(url, messages))
        ratios.append(ours[-1] / bare[-1])
    await empty(url)
    idle = {"bare": await idle_bare(url, 300)}
    await empty(url)
    idle["ours"] = await idle_ours(url, 300)
    return {
        "bare_per_second": statistics.median(bare),
        "ours_per_second": statistics.median(ours),
        "ratio": statistics.median(ratios),
        "published_per_second": statistics.median(published),
        **{f"idle_{who}_p50_ms": statistics.median(seconds) * 1000 for who, seconds in idle.items()},
        **{f"idle_{who}_p99_ms": statistics.quantiles(seconds, n=100)[98] * 1000 for who, seconds in idle.items()},
    }


async def empty(url: str) -> None:
    async with Redis.from_url(url) as redis:
        await redis.flushall()


@asynccontextmanager
async def a_server(url: str | None) -> AsyncIterator[str]:
    if url:
        yield url
        return
    from adjudge.stack.folders import laid_out  # noqa: PLC0415  only without --url
    from adjudge.stack.server import Server  # noqa: PLC0415
    from adjudge.stack.valkey import valkey_program  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="adjudge-bench-") as folder:
        server = Server(valkey_program(laid_out(Path(folder))), stop_timeout=5)
        await server.start()
        try:
            yield server.url
        finally:
            await server.stop()


def table(measured: dict[str, float]) -> str:
    m = measured
    return "\n".join(
        [
            f"{'':18}{'bare loop':>12}{'streams':>12}{'ratio':>8}",
            f"{'drained /s':18}{m['bare_per_second']:12,.0f}{m['ours_per_second']:12,.0f}"
            f"{m['ratio']:8.2f}   aim >= {AIM}",
            f"{'idle p50 ms':18}{m['idle_bare_p50_ms']:12.2f}{m['idle_ours_p50_ms']:12.2f}"
            f"{m['idle_ours_p50_ms'] / m['idle_bare_p50_ms']:8.2f}   aim <= 2",
            f"{'idle p99 ms':18}{m['idle_bare_p99_ms']:12.2f}{m['idle_ours_p99_ms']:12.2f}",
            f"{'published /s':18}{'':12}{m['published_per_second']:12,.0f}",
        ]
    )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--url", help="a server of your own, which will be flushed")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    async with a_server(options.url) as url:
        measured = await measure(url, options.messages, options.runs)
    print(table(measured))
    if options.json:
        options.json.write_text(json.dumps(measured, indent=2))


if __name__ == "__main__":
    asyncio.run(main())
