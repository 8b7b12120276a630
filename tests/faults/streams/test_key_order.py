"""Order and limits of keys hold while workers are killed. Counted outside, by what handlers leave in a file."""

import asyncio
import os
import random
import sys
from itertools import pairwise

from tests.faults.streams.conftest import NAME
from tests.waiting import until

from adjudge.streams import Entry, KeyRules, Streams

WORKER = """
import asyncio, os, random, sys
from adjudge.streams import KeyRules, Retries, Streams, Subscription, run

async def main():
    book, rng = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT), random.Random(int(sys.argv[3]))

    async def handler(messages):
        [message] = messages
        os.write(book, b"%s begin %s\\n" % (message.key.encode(), message.body))
        await asyncio.sleep(0.003)
        os.write(book, b"%s end %s\\n" % (message.key.encode(), message.body))
        if rng.random() < 0.1:
            raise ValueError

    async with Streams(sys.argv[1], rng=random.SystemRandom()) as streams:
        subscription = Subscription(
            name="ask:m@1", lanes={"standard": 1}, handler=handler, batch=1, concurrency=4, lease_seconds=0.4,
            keys=KeyRules(slots=1), retries=Retries(limit=100, base_seconds=0, cap_seconds=0), crash_limit=100,
        )
        await run(streams, [subscription], stop=asyncio.Event())

asyncio.run(main())
"""
KEYS, EACH = ("a", "b", "c"), 40


def lines_of(book):
    return [line.split() for line in book.read_text().splitlines()] if book.exists() else []


async def until_lines(book, count):
    """A file has no event."""
    await until(lambda: len(lines_of(book)) >= count)


async def test_killed_workers_leave_each_key_in_order_and_one_at_a_time(broker, tmp_path, working):
    book, script = tmp_path / "book", tmp_path / "worker.py"
    script.write_text(WORKER)
    async with Streams(broker.url, rng=random.Random(0), timeout_seconds=10) as streams:
        entries = [Entry(NAME, "standard", b"%d" % i, 1000, key=key) for i in range(EACH) for key in KEYS]
        assert all(isinstance(answer, str) for answer in await streams.publish(entries))

    for seed in range(4):
        pair = [
            await asyncio.create_subprocess_exec(
                sys.executable, str(script), broker.url, str(book), str(2 * seed + i), env=os.environ
            )
            for i in range(2)
        ]
        await until_lines(book, len(lines_of(book)) + 30)
        for process in pair:
            process.kill()
        await asyncio.gather(*(process.wait() for process in pair))
    async with working(broker.url, lease_seconds=0.4, keys=KeyRules(slots=1)):
        await broker.until_empty()

    for key in KEYS:
        begun = [int(body) for k, what, body in lines_of(book) if (k, what) == (key, "begin")]
        assert all(after in (before, before + 1) for before, after in pairwise(begun))
        open_now = None
        for _, what, body in (line for line in lines_of(book) if line[0] == key):
            assert what == "begin" or body == open_now
            open_now = body
