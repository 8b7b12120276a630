"""The broker answers, but not what was asked: the worker says so, goes on asking, and resumes when it is mended."""

import asyncio

import pytest
from tests.faults.streams.load import loaded
from tests.faults.streams.relay import relayed

from adjudge.streams import Observer

BATCH = 20


class Troubles(Observer):
    """What the worker said about the broker."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._changed = asyncio.Event()

    def disconnected(self, name, error):
        self.said.append(str(error))
        self._changed.set()

    async def until(self, words: str) -> None:
        async with asyncio.timeout(20):
            while not any(words in each for each in self.said):
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
def troubles() -> Troubles:
    return Troubles()


@pytest.fixture
async def node(nodes):
    return await nodes.start(
        "--key-load-delay", "500", "--enable-debug-command", "yes", "--loading-process-events-interval-bytes", "1024"
    )


@pytest.fixture
def suffered(working, ledger, troubles, noted):
    """A worker and a load live through a fault, from its beginning to its end; the cost goes into the table."""

    async def suffered(fault, node, begin, end, said=None, url=None, credentials=None, refused=False):
        url, loop = url or node.url, asyncio.get_running_loop()
        options = {"batch": BATCH, "timeout_seconds": 0.5, "observer": troubles, "credentials": credentials}
        async with working(url, handler=ledger, **options), loaded(url, ledger, credentials=credentials) as load:
            await load.until_taken(100)
            await begin()
            if said:
                await troubles.until(said)
            if refused:
                await load.until_refused()
            await end()
            cost = noted(await load.cost(fault, loop.time()))
        assert cost.twice <= 2 * BATCH, "at most what was in the handler's hands"
        assert cost.seconds < 2 * 2.0, "twice the longest backoff"
        return cost

    return suffered


def configured(node, *settings):
    async def configured():
        await node.redis.execute_command("CONFIG", "SET", *settings)

    return configured


def told(node, *words):
    async def told():
        await node.redis.execute_command(*words)

    return told


async def test_a_broker_out_of_memory_loses_nothing(suffered, node):
    """Writes are refused, acknowledgements are not: what is there is handled, and then publishing goes on."""
    begin, end = configured(node, "maxmemory", "1mb"), configured(node, "maxmemory", "0")
    await suffered("out of memory (maxmemory, noeviction)", node, begin, end, refused=True)


async def test_a_master_that_was_made_a_replica_loses_nothing(suffered, node):
    begin, end = told(node, "REPLICAOF", "127.0.0.1", "1"), told(node, "REPLICAOF", "NO", "ONE")
    await suffered("read-only", node, begin, end, said="read only replica")


async def test_a_broker_that_loads_its_data_loses_nothing(suffered, node):
    """It takes connections and answers LOADING."""
    await node.redis.execute_command("DEBUG", "POPULATE", 2000)
    await node.redis.bgrewriteaof()
    starting = []

    async def kill():
        await node.kill()
        starting.append(asyncio.create_task(node.start()))

    async def loaded():
        await starting[0]

    await suffered("killed, and loading its data", node, kill, loaded, said="loading")


async def test_a_flushed_script_cache_loses_nothing(suffered, node):
    flush = told(node, "SCRIPT", "FLUSH", "SYNC")
    await suffered("script cache flushed", node, flush, flush)


async def test_a_right_taken_from_the_user_loses_nothing(suffered, node):
    """The server's word is told, and the right given back is used without a restart."""
    await node.redis.execute_command("ACL", "SETUSER", "worker", "on", ">word", "~*", "&*", "+@all")
    url = node.url.replace("redis://", "redis://worker:word@")
    begin = told(node, "ACL", "SETUSER", "worker", "-xreadgroup")
    end = told(node, "ACL", "SETUSER", "worker", "+xreadgroup")
    await suffered("a right taken from the user (ACL)", node, begin, end, said="xreadgroup", url=url)


async def test_a_password_changed_on_the_way_loses_nothing(suffered, node):
    """The next connection asks for the word again: it needs no restart."""
    words = ["first"]

    async def change():
        await node.redis.execute_command("ACL", "SETUSER", "worker", "on", "resetpass", ">second", "~*", "&*", "+@all")
        await node.redis.client_kill_filter(_type="normal", skipme=True)

    async def tell():
        words[0] = "second"

    await node.redis.execute_command("ACL", "SETUSER", "worker", "on", ">first", "~*", "&*", "+@all")
    await suffered(
        "password changed", node, change, tell, said="username-password", credentials=lambda: ("worker", words[0])
    )


async def test_a_broker_that_stands_still_for_longer_than_the_time_out_loses_nothing(suffered, node):
    """SIGSTOP: connections stay, and nothing is answered."""

    async def pause():
        node.pause()

    async def resume():
        node.resume()

    await suffered("paused (SIGSTOP) past the socket time-out", node, pause, resume, said="no answer in time")


async def test_a_broker_killed_under_load_loses_nothing(suffered, node):
    await suffered("killed, and started again with its append-only file", node, node.kill, node.start)


async def test_a_storm_of_killed_connections_loses_nothing(suffered, node):
    async def storm():
        for _ in range(30):
            await node.redis.client_kill_filter(_type="normal", skipme=True)
            await asyncio.sleep(0.03)  # a storm lasts

    async def calm():
        return

    await suffered("CLIENT KILL, 30 times in a second", node, storm, calm)


async def test_a_flush_loses_what_was_in_the_broker_and_nothing_after_it(node, working, ledger, noted):
    """The group is made again from the first entry on: what is published at once is not missed."""
    loop = asyncio.get_running_loop()
    async with working(node.url, handler=ledger, batch=BATCH), loaded(node.url, ledger) as load:
        await load.until_taken(100)
        await load.end()
        await ledger.until(*load.taken)
        await node.redis.flushall()
        flushed_at = loop.time()
        await load.publish(*(b"at once %d" % i for i in range(100)))
        cost = noted(await load.cost("flushed, and published to at once", flushed_at))
    assert cost.seconds < 2.0


async def test_a_half_open_line_is_left_within_twice_the_time_out(node, ledger, noted, working):
    """The connections stand and pass nothing, for ever; new ones are served."""
    loop = asyncio.get_running_loop()
    async with (
        relayed(node.url) as relay,
        working(relay.url, handler=ledger, timeout_seconds=1.0),
        loaded(node.url, ledger) as load,
    ):
        await load.until_taken(100)
        relay.freeze()
        frozen_at = loop.time()
        relay.thaw()
        cost = noted(await load.cost("half-open line (time-out 1 s)", frozen_at))
    assert cost.seconds < 2 * 1.0
