"""A real cluster of three masters, whose slots move and whose nodes die under load."""

import asyncio
import random
from contextlib import AsyncExitStack

import pytest
from redis.crc import key_slot
from tests.faults.streams.load import NAME, loaded
from tests.waiting import until

from adjudge.cli.root import run
from adjudge.streams import Entry, Streams

LANE = "{ask:m@1}:standard"


@pytest.fixture
async def cluster(nodes):
    return await nodes.cluster()


async def test_a_slot_that_moves_under_load_costs_nothing(cluster, working, ledger, noted):
    """First ASK for the keys that have left, TRYAGAIN for scripts whose keys are apart, then MOVED."""
    loop = asyncio.get_running_loop()
    async with working(cluster.url, handler=ledger, batch=20), loaded(cluster.url, ledger) as load:
        await load.until_taken(200)
        target = await cluster.move(LANE, pause_seconds=0.1)
        moved_at = loop.time()
        cost = noted(await load.cost("slot moved to another node", moved_at))

    assert await cluster.owner(LANE) is target
    assert cost.twice <= 2 * 20


async def test_a_slot_moved_again_and_again_is_followed(cluster, working, ledger):
    async with working(cluster.url, handler=ledger, batch=20), loaded(cluster.url, ledger) as load:
        for _ in range(5):
            await load.until_taken(30)
            await cluster.move(LANE)
        await load.end()
        await ledger.until(*load.taken)


async def test_a_node_that_dies_and_comes_back_finds_its_worker_waiting(cluster, working, ledger, noted):
    loop = asyncio.get_running_loop()
    owner = await cluster.owner(LANE)
    async with (
        working(cluster.url, handler=ledger, batch=20, timeout_seconds=0.5),
        loaded(cluster.url, ledger) as load,
    ):
        await load.until_taken(200)
        await owner.kill()
        await owner.start()
        cost = noted(await load.cost("cluster node killed and started again", loop.time()))

    assert cost.twice <= 2 * 20


async def test_a_replica_that_takes_over_is_found(cluster, nodes, working, ledger, noted):
    """The one whose master is killed is elected by the other masters."""
    loop = asyncio.get_running_loop()
    owner = await cluster.owner(LANE)
    replica = await cluster.replica_of(owner, nodes)
    async with (
        working(cluster.url, handler=ledger, batch=20, timeout_seconds=0.5),
        loaded(cluster.url, ledger) as load,
    ):
        await load.until_taken(100)
        await load.end()
        assert await owner.redis.wait(1, 5000) == 1
        await owner.kill()
        cost = noted(await load.cost("cluster master killed (election included)", loop.time()))

    assert (await replica.redis.info("replication"))["role"] == "master"
    assert cost.twice <= 2 * 20


async def test_one_call_publishes_to_all_nodes_and_names_the_one_that_is_away(cluster):
    """The entries of the others are written, and say so."""
    names = [f"n:{i}" for i in range(30)]
    async with Streams(cluster.url, rng=random.Random(1), timeout_seconds=0.5) as streams:
        entries = [Entry(name, "standard", b"", 10) for name in names]
        whole = await streams.publish(entries)
        dead = await cluster.owner("{n:0}:standard")
        await dead.kill()
        partly = await streams.publish(entries)

        theirs = [await_owner(cluster, name) is dead for name in names]
    assert all(isinstance(answer, str) for answer in whole)
    assert {name for name, answer in zip(names, partly, strict=True) if not isinstance(answer, str)} == {
        name for name, is_theirs in zip(names, theirs, strict=True) if is_theirs
    }


def await_owner(cluster, name):
    """By the even shares in which the slots were given out."""
    return cluster.nodes[key_slot(name.encode()) // -(-16384 // 3)]


async def test_commands_look_after_names_on_all_nodes(cluster, working, ledger, capsys):
    """`ls`, `top` and the others ask each name where it is."""
    names = [f"n:{i}" for i in range(5)]

    async def typed(*words):
        assert await asyncio.to_thread(run, ["streams", *words, "--redis-url", cluster.url]) == 0
        return capsys.readouterr().out

    async with AsyncExitStack() as workers:
        for name in names:
            await workers.enter_async_context(working(cluster.url, handler=ledger, name=name))
        await until(lambda: _are_enrolled(cluster.url, names))
        listed, topped = await typed("ls"), await typed("top", "--once", "--every", "0.1")
        await typed("pause", names[0], "--reason", "why not")
        shown = await typed("show", names[0])
        await typed("resume", names[0])

    assert [line.split()[0] for line in listed.splitlines()[1:]] == names
    assert [line.split()[0] for line in topped.splitlines()[1:]] == names
    assert "why not" in shown


async def _are_enrolled(url, names):
    async with Streams(url, rng=random.Random(1)) as streams:
        return list(await streams.registry.lanes()) == names


async def test_hints_reach_listeners_on_whatever_node_they_are(cluster):
    heard, ready = asyncio.Queue(), asyncio.Event()
    async with (
        Streams(cluster.url, rng=random.Random(1)) as one,
        Streams(cluster.url, rng=random.Random(2)) as other,
        asyncio.TaskGroup() as group,
    ):
        task = group.create_task(one.listen("c", heard.put_nowait, ready))
        async with asyncio.timeout(10):
            await ready.wait()
            assert await other.hint("c", b"here")
            assert await heard.get() == b"here"
        task.cancel()


async def test_the_epoch_changes_when_any_node_is_flushed(cluster):
    async with Streams(cluster.url, rng=random.Random(1)) as streams:
        before = await streams.epoch()
        for node in cluster.nodes:
            assert await streams.epoch() == before
            await node.redis.flushall()
            after = await streams.epoch()
            assert after != before
            before = after


async def test_what_belongs_to_no_slot_is_measured_where_the_name_is(cluster):
    async with Streams(cluster.url, rng=random.Random(1)) as streams:
        await streams.publish([Entry(NAME, "standard", b"", 10)])

        depth = await streams.depth(NAME, ["standard"])

        assert await streams.ping()
        assert depth.lanes["standard"].length == 1
