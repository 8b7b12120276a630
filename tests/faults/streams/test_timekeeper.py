"""Ticks while the worker that publishes them is killed."""

import asyncio
import json
import sys

from tests.waiting import until

LEASE_SECONDS = 5.0

PROCESS = """
import asyncio, random, sys
from adjudge.streams import Streams, Subscription, run
from adjudge.streams.schedules import Every, Missed, Schedule

async def handler(messages):
    for message in messages:
        print(message.body.decode(), flush=True)

async def main():
    async with Streams(sys.argv[1], rng=random.SystemRandom()) as streams:
        schedules = [
            Schedule(id="all", lane="standard", when=Every(0.5), missed=Missed.ALL),
            Schedule(id="one", lane="standard", when=Every(0.5), missed=Missed.ONE),
        ]
        subscription = Subscription(
            name="clock", lanes={"standard": 1}, handler=handler, lease_seconds=1, schedules=schedules
        )
        await run(streams, [subscription], stop=asyncio.Event())

asyncio.run(main())
"""


async def test_a_killed_timekeeper_is_followed_within_its_lease_and_no_tick_is_lost_or_doubled(broker, tmp_path):
    script = tmp_path / "clock.py"
    script.write_text(PROCESS)
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, str(script), broker.url, stdout=asyncio.subprocess.PIPE)
        for _ in range(2)
    ]
    ticks: dict[str, list[int]] = {"all": [], "one": []}
    readers = [asyncio.create_task(_read(process, ticks)) for process in processes]
    try:
        await _until(ticks, 4)
        keeper = (await broker.redis.get("{clock}:timekeeper")).decode()
        killed = next(process for process in processes if f"-{process.pid}-" in keeper)
        before, killed_at = set(ticks["all"]), asyncio.get_running_loop().time()

        killed.kill()
        await _until(ticks, len(before) + 4)
        took = asyncio.get_running_loop().time() - killed_at
        await _until(ticks, len(before) + 20)
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
        await asyncio.gather(*readers, *(process.wait() for process in processes))

    print(f"ticks went on {took:.1f} s after the kill")
    assert took < LEASE_SECONDS + 2
    published = sorted(set(ticks["all"]))
    assert published == list(range(published[0], published[-1] + 1, 500))
    assert len(ticks["all"]) - len(published) <= 2, "handled twice: only what the killed worker had in hand"
    assert len(set(ticks["one"])) < len(published), "what was missed came once"


async def _read(process, ticks) -> None:
    async for line in process.stdout:
        tick = json.loads(line)
        ticks[tick["schedule"]].append(round(tick["at"] * 1000))


async def _until(ticks, count) -> None:
    await until(lambda: len(set(ticks["all"])) >= count, seconds=30)
