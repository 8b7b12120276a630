"""What happens to a worker must not lose a message, nor condemn an innocent one."""

import asyncio
import time


async def lines_of(process, count):
    async with asyncio.timeout(20):
        return [(await process.stdout.readline()).strip() for _ in range(count)]


async def test_a_killed_workers_messages_are_resumed_within_the_lease_and_two_seconds(
    broker, worker_process, working, inbox
):
    bodies = [b"%d" % i for i in range(60)]
    await broker.publish(*bodies)
    process = await worker_process(broker.url, "hang")
    begun = await lines_of(process, 40)

    process.kill()
    await process.wait()
    killed_at = time.monotonic()
    async with working(broker.url, lease_seconds=0.5):
        await inbox.until(60)
        seconds = time.monotonic() - killed_at
        await broker.until_empty()

    assert sorted(inbox.bodies) == sorted(bodies)
    assert {message.body for message in inbox.messages if message.redelivered} == set(begun)
    assert seconds < 0.5 + 2.0


async def test_a_message_that_kills_its_workers_dies_alone(broker, worker_process, working, inbox):
    """It goes to the dead letters; those that were in the same batches are all handled in the end."""
    innocent = [b"%d" % i for i in range(50)]
    await broker.publish(*innocent[:10], b"poison", *innocent[10:])

    deaths = 0
    while not await broker.dead_bodies():
        process = await worker_process(broker.url, "work")
        exited = asyncio.create_task(process.communicate())
        while not exited.done() and not await broker.dead_bodies():
            await asyncio.wait([exited], timeout=0.05)
        deaths += exited.done()
        if not exited.done():
            process.terminate()
            await exited
    async with working(broker.url, lease_seconds=0.5):
        await broker.until_empty()

    assert deaths == 3
    assert await broker.dead_bodies() == [b"poison"]
