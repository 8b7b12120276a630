"""A script that is refused in its middle leaves a message twice at worst, never nowhere."""

import random
from contextlib import asynccontextmanager, suppress

import pytest
from tests.faults.streams.conftest import NAME

from adjudge.streams import Entry, KeyRules, Streams, Unavailable
from adjudge.streams.group import Again
from adjudge.streams.reasons import reasons_of
from adjudge.streams.retrying import trail_after

KEY = f"{{{NAME}}}:standard"
COMMANDS = ("zadd", "xadd", "sadd", "xack", "xdel", "srem", "zrem", "lpop", "rpush", "incr", "set", "xpending")


@asynccontextmanager
async def forbidden(redis, command):
    await redis.execute_command("ACL", "SETUSER", "default", f"-{command}")
    try:
        yield
    finally:
        await redis.execute_command("ACL", "SETUSER", "default", "+@all")


@pytest.fixture
async def streams(broker):
    async with Streams(broker.url, rng=random.Random(0)) as streams:
        yield streams


@pytest.fixture
async def group(streams):
    group = streams.group(NAME, ["standard"], "me", KeyRules(slots=1))
    await group.create()
    yield group
    await group.close()


async def places_of(broker, group, body):
    """Where a message can still come back from: pending, unread, parked, waiting for its key, dead."""
    pending = [m.body for m in (await group.own_pending("standard", "")).messages]
    unread = [m.body for ms in (await group.read(["standard"], 10, 0)).values() for m in ms]
    packed = await broker.redis.zrange(f"{{{NAME}}}:delayed", 0, -1)
    packed += await broker.redis.lrange(f"{{{NAME}}}:backlog/standard/k", 0, -1)
    return [*pending, *unread, *(body for each in packed if body in each), *await broker.dead_bodies()].count(body)


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_refused_retry_loses_nothing(broker, streams, group, command):
    await streams.publish([Entry(NAME, "standard", b"first", 100, key="k")])
    [message] = (await group.read(["standard"], 10, 0.1))["standard"]

    async with forbidden(broker.redis, command):
        with suppress(Unavailable):
            await group.retry("standard", [Again(message, 60.0, trail_after(message, ValueError(), 0.0))])

    assert await places_of(broker, group, b"first") >= 1


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_refused_burial_loses_neither_the_message_nor_the_next_of_its_key(broker, streams, group, command):
    await streams.publish([Entry(NAME, "standard", body, 100, key="k") for body in (b"first", b"second")])
    [message] = (await group.read(["standard"], 10, 0.1))["standard"]

    async with forbidden(broker.redis, command):
        with suppress(Unavailable):
            await group.bury("standard", [(message, reasons_of(message, ValueError(), 0.0))], 60.0)

    assert await places_of(broker, group, b"first") >= 1
    assert await places_of(broker, group, b"second") >= 1


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_refused_finish_does_not_lose_the_next_of_its_key(broker, streams, group, command):
    await streams.publish([Entry(NAME, "standard", body, 100, key="k") for body in (b"first", b"second")])
    [message] = (await group.read(["standard"], 10, 0.1))["standard"]

    async with forbidden(broker.redis, command):
        with suppress(Unavailable):
            await group.acknowledge("standard", [message])

    assert await places_of(broker, group, b"second") >= 1


@pytest.mark.parametrize("command", COMMANDS)
async def test_what_was_refused_when_it_was_due_is_still_there(broker, streams, group, command):
    await streams.publish([Entry(NAME, "standard", b"first", 100, key="k", delay_seconds=0.001)])

    async with forbidden(broker.redis, command):
        with suppress(Unavailable):
            await group.move_due()

    assert await places_of(broker, group, b"first") >= 1
