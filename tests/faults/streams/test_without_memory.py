"""A broker that is full (`noeviction`) takes nothing new, and everything in it still comes to its end.

What moves messages on and ends them is what makes room, so it must not wait for room. Each worker here is started
when nothing is left.
"""

import asyncio
import random
from contextlib import asynccontextmanager

import pytest
from tests.faults.streams.load import NAME
from tests.waiting import until

from adjudge.streams import App, Entry, KeyRules, Retries, Streams, Unavailable

BODIES = [b"%d" % i for i in range(300)]


@pytest.fixture
async def node(nodes):
    return await nodes.start()


@pytest.fixture
async def streams(node):
    async with Streams(node.url, rng=random.Random(0)) as streams:
        yield streams


async def fill(node) -> None:
    """Less is allowed from now on than there is."""
    used = (await node.redis.info("memory"))["used_memory"]
    await node.redis.config_set("maxmemory", used // 2)


async def test_what_waits_for_its_key_is_let_in(node, streams, working, ledger):
    await streams.publish([Entry(NAME, "standard", body, 1000, key=f"k{int(body) % 5}") for body in BODIES])
    await fill(node)

    async with working(node.url, handler=ledger, keys=KeyRules(slots=2)):
        await ledger.until(*BODIES)


async def test_what_fails_is_parked_and_tried_again_or_dead(node, streams, working, ledger):
    """More fail than may be in hand at once."""

    async def failing(messages):
        await ledger([message for message in messages if message.failures])
        return {message.id: ValueError("no") for message in messages if message.body == b"0" or not message.failures}

    await streams.publish([Entry(NAME, "standard", body, 1000) for body in BODIES])
    await fill(node)

    async with working(node.url, handler=failing, batch=20, retries=Retries(limit=1, base_seconds=0.01)):
        await ledger.until(*BODIES)
        await until(lambda: streams.dead_letters.page(NAME))


async def test_who_asked_is_answered(node):
    app = App(node.url)

    @app.handler()
    async def doubled(number: int) -> int:
        return 2 * number

    async with app:
        receipt = await doubled.request(21)
        await fill(node)
        assert isinstance(await doubled.publish(1), Unavailable)
        async with at_work(app):
            assert await receipt.result(10) == 42


@asynccontextmanager
async def at_work(app):
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(app.run(stop=stop))
        yield
        stop.set()
