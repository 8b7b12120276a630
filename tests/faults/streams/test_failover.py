"""A master that is replaced, under real Sentinels."""

import asyncio

import pytest
from tests.faults.streams.load import loaded
from tests.faults.streams.nodes import follows
from tests.waiting import until


@pytest.fixture
async def watched(nodes):
    """A master with a replica, three Sentinels, and the URL of all."""
    master = await nodes.start()
    replica = await nodes.start("--replicaof", f"127.0.0.1 {master.port}")
    sentinels = await nodes.watch(master)
    hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in sentinels)
    return master, replica, sentinels, f"redis+sentinel://{hosts}/orders"


async def replicated(master, load):
    """What a master took and did not pass on is lost with it, to every client: Redis replicates afterwards."""
    await load.end()
    assert await master.redis.wait(1, 5000) == 1


async def test_a_failover_on_command_costs_nothing(watched, working, ledger, noted):
    """It turns read-only under us, and its Sentinels say who is next.

    Without COORDINATED the old master takes writes for some seconds more, which are lost with it.
    """
    master, _, sentinels, url = watched
    loop = asyncio.get_running_loop()
    async with working(url, handler=ledger, batch=20, timeout_seconds=0.5), loaded(url, ledger) as load:
        await load.until_taken(200)
        await replicated(master, load)
        await sentinels[0].redis.execute_command("SENTINEL", "FAILOVER", "orders", "COORDINATED")
        await until(lambda: follows(master))
        cost = noted(await load.cost("failover ordered from a Sentinel", loop.time()))

    assert cost.twice <= 2 * 20


async def test_a_master_that_dies_is_left_for_the_one_that_is_elected(watched, working, ledger, noted):
    master, replica, _, url = watched
    loop = asyncio.get_running_loop()
    async with working(url, handler=ledger, batch=20, timeout_seconds=0.5), loaded(url, ledger) as load:
        await load.until_taken(200)
        await replicated(master, load)
        await master.kill()
        killed_at = loop.time()
        cost = noted(await load.cost("master killed under Sentinels (election included)", killed_at))

    assert cost.twice <= 2 * 20, "no more than the batches whose acknowledgements died with the master"
    assert (await replica.redis.info("replication"))["role"] == "master"


async def test_sentinels_that_are_away_do_not_disturb_a_connection_that_stands(watched, working, ledger):
    _, _, sentinels, url = watched
    async with working(url, handler=ledger), loaded(url, ledger) as load:
        await load.until_taken(50)
        for sentinel in sentinels:
            await sentinel.kill()
        await load.until_taken(200)
        await load.end()
        await ledger.until(*load.taken)


async def test_a_silent_sentinel_is_passed_over(watched, working, ledger):
    _, _, sentinels, url = watched
    sentinels[0].pause()
    try:
        async with working(url, handler=ledger), loaded(url, ledger, timeout_seconds=1.5) as load:
            await load.publish(b"found")
            await ledger.until(b"found")
    finally:
        sentinels[0].resume()
