"""Handlers that misbehave cost at most a repetition."""

import asyncio
import random
from collections import Counter

from tests.faults.streams.load import NAME, Cost

from adjudge.streams import Retries, Streams, Subscription, Worker

LEASE_SECONDS = 0.5


class Fatal(BaseException):
    """Nothing that a worker could take for an answer."""


async def test_a_handler_that_raises_what_nobody_catches_loses_nothing(broker, working, ledger, noted):
    """Its messages failed like any others, and its worker lives on."""
    bodies = [b"%d" % i for i in range(50)]
    seen: set[bytes] = set()

    async def fatal_at_first(messages):
        new = {message.body for message in messages} - seen
        seen.update(new)
        if new:
            raise Fatal
        await ledger(messages)

    await broker.publish(*bodies)
    started = asyncio.get_running_loop().time()
    retries = Retries(base_seconds=0.05)
    async with working(broker.url, handler=fatal_at_first, batch=10, retries=retries):
        await ledger.until(*bodies)
        await broker.until_empty()

    noted(cost_of("handler that raises a BaseException", ledger, bodies, started))


async def test_a_handler_that_blocks_its_loop_past_the_lease_is_stood_in_for(
    broker, worker_process, working, ledger, noted
):
    """It renews no lease while it blocks; what it did in the end is done twice, and no more than that."""
    bodies = [b"%d" % i for i in range(60)]
    await broker.publish(*bodies)
    process = await worker_process(broker.url, "block")
    begun = {(await process.stdout.readline()).strip()}
    started = asyncio.get_running_loop().time()
    async with working(broker.url, handler=ledger, lease_seconds=LEASE_SECONDS):
        await ledger.until(*bodies)
        await broker.until_empty()
    process.kill()
    begun |= set((await process.stdout.read()).split())

    noted(cost_of("handler that blocks the loop (lease 0.5 s)", ledger, bodies, started))
    assert Counter(ledger.bodies) == Counter(bodies), "the one that took over ran each once"
    assert len(begun) <= 40, "two batches were in the hands of the blocked"


async def test_a_handler_that_hangs_is_cut_off_by_the_end_and_its_messages_go_to_others_at_once(
    broker, working, inbox, ledger, noted
):
    """Handed back, not left to the lease, which is half a minute here."""
    bodies = [b"%d" % i for i in range(20)]
    inbox.pause = asyncio.Event().wait
    await broker.publish(*bodies)
    async with working(broker.url, drain_seconds=0.2, batch=5):
        await inbox.until(10)
    started = asyncio.get_running_loop().time()
    async with working(broker.url, handler=ledger):
        await ledger.until(*bodies)
        await broker.until_empty()

    cost = noted(cost_of("handler that hangs, worker stopped (lease 30 s)", ledger, bodies, started))
    assert cost.seconds < 10


async def test_a_worker_whose_clock_jumps_handles_everything_once(broker, ledger, noted):
    """Its clock dates the history of failures, and decides nothing."""
    bodies, jumps = [b"%d" % i for i in range(40)], random.Random(4)
    failed: set[bytes] = set()

    async def fails_once(messages):
        await ledger(messages)
        new = {m.id: ValueError("first time") for m in messages if m.body not in failed}
        failed.update(m.body for m in messages)
        return new

    def jumping():
        return 1.7e9 + jumps.uniform(-1e8, 1e8)

    stop, started = asyncio.Event(), asyncio.get_running_loop().time()
    await broker.publish(*bodies)
    async with (
        Streams(broker.url, rng=random.Random(1), now=jumping) as streams,
        asyncio.timeout(15),
        asyncio.TaskGroup() as group,
    ):
        retries = Retries(base_seconds=0.05)
        subscription = Subscription(name=NAME, lanes={"standard": 1}, handler=fails_once, retries=retries)
        group.create_task(Worker(streams, [subscription], stop=stop).run())
        await broker.until_empty()
        stop.set()

    assert Counter(ledger.bodies) == Counter(bodies * 2), "a failure, and a success"
    noted(cost_of("clock that jumps by years", ledger, bodies * 2, started))


def cost_of(fault, ledger, bodies, started) -> Cost:
    """Until the last was handled; `bodies` has each as often as it should be run."""
    times, wanted = Counter(ledger.bodies), Counter(bodies)
    seconds = max(ledger.handled_at.values()) - started
    return Cost(fault, seconds, len(wanted), len(wanted - times), (times - wanted).total())
