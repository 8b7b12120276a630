"""Each remedy is needed: without it the fault that it is for loses a message, repeats one, or silences the worker."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import pytest
from tests.faults.streams.load import NAME
from tests.faults.streams.relay import relayed

from adjudge.streams import Entry, Streams, Unavailable, group
from adjudge.streams.connections import addresses, cluster, greeting, line, sentinel, wire
from adjudge.streams.connections.refusals import has_code
from adjudge.streams.connections.script import EVEN_FULL, Script
from adjudge.streams.decoding import Page

LIMIT_SECONDS = 20.0
"""Every scenario takes a small part of it, most of that for the start of its servers."""
SOON_SECONDS = 5.0
"""What has not been survived by then is not: without its remedy a fault lasts for ever."""
LANE = "{ask:m@1}:standard"


@dataclass
class World:
    """What a scenario may use."""

    nodes: object
    working: Callable
    ledger: object
    exits: AsyncExitStack

    async def streams(self, url: str) -> Streams:
        return await self.exits.enter_async_context(Streams(url, rng=random.Random(3), timeout_seconds=0.5))

    async def work(self, url: str, **options) -> None:
        options = {"handler": self.ledger, "timeout_seconds": 0.5, "drain_seconds": 0.1, **options}
        await self.exits.enter_async_context(self.working(url, **options))


async def publish(streams: Streams, *bodies: bytes) -> None:
    answers = await streams.publish([Entry(NAME, "standard", body, 1000) for body in bodies])
    assert all(isinstance(answer, str) for answer in answers), answers


# -- scenarios


async def a_lost_answer_to_a_read(world: World) -> None:
    """The server gives a message to a connection that is dead: it is pending, and its consumer does not know."""
    node = await world.nodes.start()
    relay = await world.exits.enter_async_context(relayed(node.url))
    streams = await world.streams(node.url)
    await world.work(relay.url, lease_seconds=30)
    await publish(streams, b"first")
    await world.ledger.until(b"first")
    await asyncio.sleep(0.1)  # the next read waits on the server
    relay.freeze()
    await publish(streams, b"given to a dead line")
    relay.thaw()
    await world.ledger.until(b"given to a dead line")


async def a_flush(world: World) -> None:
    """What is published before the group is made again must be seen by it."""
    node = await world.nodes.start()
    streams = await world.streams(node.url)
    await world.work(node.url)
    await publish(streams, b"before")
    await world.ledger.until(b"before")
    await node.redis.flushall()
    await publish(streams, b"at once")
    await world.ledger.until(b"at once")


async def a_slow_handler(world: World) -> None:
    """It takes many leases for each message, another one came with it, and of three workers one is idle."""
    node = await world.nodes.start()
    streams, runs, ended = await world.streams(node.url), [], asyncio.Semaphore(0)

    async def slow(messages):
        runs.extend(message.body for message in messages)
        await asyncio.sleep(2.0)
        ended.release()

    options = {"handler": slow, "batch": 1, "concurrency": 1, "lease_seconds": 0.3, "drain_seconds": 2}
    await world.work(node.url, **options)
    await publish(streams, b"slow", b"behind it")
    await asyncio.sleep(0.2)
    for _ in range(2):  # one has nothing to do but to claim what seems to be left behind
        await world.work(node.url, **options)
    await ended.acquire()
    await ended.acquire()
    assert runs == [b"slow", b"behind it"]


async def a_dead_worker(world: World) -> None:
    """It read a message and is gone without a word."""
    node = await world.nodes.start()
    streams = await world.streams(node.url)
    dead = streams.group(NAME, ("standard",), "dead")
    await dead.create()
    await publish(streams, b"orphan")
    await dead.read(["standard"], 1, 0.0)
    await dead.close()
    await world.work(node.url, lease_seconds=0.3)
    await world.ledger.until(b"orphan")


async def a_worker_that_leaves_with_something_pending(world: World) -> None:
    """Its name must stay for as long as the server holds something for it."""
    node = await world.nodes.start()
    streams = await world.streams(node.url)
    leaving = streams.group(NAME, ("standard",), "leaving")
    await leaving.create()
    await publish(streams, b"pending")
    await leaving.read(["standard"], 1, 0.0)
    await leaving.leave()
    await leaving.close()
    await world.work(node.url, lease_seconds=0.3)
    await world.ledger.until(b"pending")


async def a_half_open_line(world: World) -> None:
    """It stands for ever and passes nothing."""
    node = await world.nodes.start()
    relay = await world.exits.enter_async_context(relayed(node.url))
    streams = await world.streams(node.url)
    await world.work(relay.url)
    await publish(streams, b"before")
    await world.ledger.until(b"before")
    relay.freeze()
    relay.thaw()
    await publish(streams, b"after")
    await world.ledger.until(b"after")


async def a_flushed_script_cache(world: World) -> None:
    node = await world.nodes.start()
    streams = await world.streams(node.url)
    await world.work(node.url)
    await publish(streams, b"before")
    await node.redis.script_flush()
    await publish(streams, b"after")
    await world.ledger.until(b"before", b"after")


async def a_broker_without_memory(world: World) -> None:
    """What is in it can be handled, also by a worker that comes only now."""
    node = await world.nodes.start()
    streams = await world.streams(node.url)
    await publish(streams, b"in it")
    await node.redis.config_set("maxmemory", "1mb")
    await world.work(node.url)
    await world.ledger.until(b"in it")


async def a_moved_slot(world: World) -> None:
    nodes = await world.nodes.cluster()
    streams = await world.streams(nodes.url)
    await world.work(nodes.url)
    await publish(streams, b"before")
    await nodes.move(LANE)
    await publish(streams, b"after")
    await world.ledger.until(b"after")


async def a_slot_on_its_way(world: World) -> None:
    """Its keys have left, and the node that has it still says ASK."""
    nodes = await world.nodes.cluster()
    streams = await world.streams(nodes.url)
    await publish(streams, b"moving")
    await nodes.begin_to_move(LANE)
    assert await streams.oldest(NAME, ["standard"]) is not None


async def a_changed_master(world: World) -> None:
    """Under a Sentinel: the old one is dead, and what is told of the new one must be asked for."""
    old, new = await world.nodes.start(), await world.nodes.start()
    sentinels = sentinel.Sentinels("orders", [])
    masters = [old, new]

    async def master(until):
        return addresses.Address("127.0.0.1", masters[0].port)

    sentinels.master = master
    way = sentinel.MasterLine(sentinels, _line)
    loop = asyncio.get_running_loop()
    await way.exchange([("SET", "k", "old")], loop.time() + 1)
    masters.pop(0)
    await old.kill()
    while await _fails(way, loop):
        await asyncio.sleep(0.02)
    assert await new.redis.get("k") == b"new"
    await way.close()


async def a_changed_password(world: World) -> None:
    node = await world.nodes.start()
    words = ["first"]
    rights = ("~*", "&*", "+@all")
    await node.redis.execute_command("ACL", "SETUSER", "worker", "on", ">first", *rights)
    streams = await world.streams(node.url)
    await world.work(node.url, credentials=lambda: ("worker", words[0]))
    await publish(streams, b"before")
    await world.ledger.until(b"before")
    words[0] = "second"
    await node.redis.execute_command("ACL", "SETUSER", "worker", "on", "resetpass", ">second", *rights)
    await node.redis.client_kill_filter(_type="normal", skipme=True)
    again = await world.streams(node.url)
    await publish(again, b"after")
    await world.ledger.until(b"after")


def _line(address):
    login = addresses.target("redis://any").login
    return line.Line(lambda until: greeting.opened(login, address, "test", until))


async def _fails(way, loop) -> bool:
    try:
        await way.exchange([("SET", "k", "new")], loop.time() + 1)
    except Unavailable:
        return True
    return False


# -- what is taken away


def own_pending_is_not_read_again(patch) -> None:
    async def nothing(self, lane, after):
        return Page((), 0, "")

    patch.setattr(group.Group, "own_pending", nothing)


def groups_begin_with_the_next_entry(patch) -> None:
    patch.setattr(
        group.scripts, "CREATE", Script(group.scripts.CREATE.source.replace("'0', 'MKSTREAM'", "'$', 'MKSTREAM'"))
    )


def groups_are_made_only_where_there_is_memory(patch) -> None:
    careful = group.scripts.CREATE.source.removeprefix(EVEN_FULL)
    patch.setattr(group.scripts, "CREATE", Script(careful))


def leases_are_not_renewed(patch) -> None:
    async def none_lost(self, lane, ids):
        return set()

    patch.setattr(group.Group, "renew", none_lost)


def nothing_is_claimed(patch) -> None:
    async def nothing(self, lane, idle_seconds, count, cursor):
        return Page((), 0, "")

    patch.setattr(group.Group, "claim", nothing)


def names_are_deleted_without_a_look(patch) -> None:
    patch.setattr(
        group.scripts, "LEAVE", Script("return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])")
    )


def answers_are_waited_for_without_end(patch) -> None:
    exchange = line.Line.exchange

    async def patient(self, commands, until):
        return await exchange(self, commands, until + 3600)

    patch.setattr(line.Line, "exchange", patient)


def missing_scripts_are_not_sent(patch) -> None:
    patch.setattr(wire, "NO_SCRIPT", "NEVER")


def redirections_are_not_followed(patch) -> None:
    patch.setattr(cluster.ClusterLine, "_redirected", lambda self, *heard: None)


def asking_is_not_said(patch) -> None:
    redirected = cluster.ClusterLine._redirected

    def without_asking(self, sent, asked, answer):
        return None if has_code(answer, "ASK") else redirected(self, sent, asked, answer)

    patch.setattr(cluster.ClusterLine, "_redirected", without_asking)


def the_master_is_asked_for_once(patch) -> None:
    opened = sentinel.MasterLine._opened

    async def once(self, until):
        return self._line or await opened(self, until)

    patch.setattr(sentinel.MasterLine, "_opened", once)


def the_password_is_asked_for_once(patch) -> None:
    greetings = greeting.greetings
    known = []

    def remembering(login, client_name):
        known.extend([login.credentials()] if login.credentials and not known else [])
        return greetings(replace(login, credentials=known and (lambda: known[0])), client_name)

    patch.setattr(greeting, "greetings", remembering)


Scenario = Callable[[World], Awaitable[None]]
REMEDIES: dict[Callable[[pytest.MonkeyPatch], None], Scenario] = {
    own_pending_is_not_read_again: a_lost_answer_to_a_read,
    groups_begin_with_the_next_entry: a_flush,
    groups_are_made_only_where_there_is_memory: a_broker_without_memory,
    leases_are_not_renewed: a_slow_handler,
    nothing_is_claimed: a_dead_worker,
    names_are_deleted_without_a_look: a_worker_that_leaves_with_something_pending,
    answers_are_waited_for_without_end: a_half_open_line,
    missing_scripts_are_not_sent: a_flushed_script_cache,
    redirections_are_not_followed: a_moved_slot,
    asking_is_not_said: a_slot_on_its_way,
    the_master_is_asked_for_once: a_changed_master,
    the_password_is_asked_for_once: a_changed_password,
}


@pytest.fixture
async def play(nodes, working, ledger):
    """Plays a scenario to its end, or to the limit."""

    async def play(scenario: Scenario, limit_seconds: float = LIMIT_SECONDS) -> None:
        async with asyncio.timeout(limit_seconds), AsyncExitStack() as exits:
            await scenario(World(nodes, working, ledger, exits))

    return play


def name_of(function) -> str:
    return function.__name__


@pytest.mark.parametrize("scenario", REMEDIES.values(), ids=name_of)
async def test_the_fault_is_survived(scenario, play):
    await play(scenario)


@pytest.mark.parametrize(("taken_away", "scenario"), REMEDIES.items(), ids=name_of)
async def test_without_its_remedy_it_is_not(taken_away, scenario, play, monkeypatch):
    taken_away(monkeypatch)

    with pytest.raises(BaseException) as failed:  # noqa: PT011 (a scenario fails by itself or by the limit)
        await play(scenario, SOON_SECONDS)

    assert _causes(failed.value) <= {AssertionError, TimeoutError, Unavailable}


def _causes(error: BaseException) -> set[type[BaseException]]:
    """The kinds of all errors in a group: a typo is not a fault."""
    if isinstance(error, BaseExceptionGroup):
        return set().union(*map(_causes, error.exceptions))
    return {type(error)}
