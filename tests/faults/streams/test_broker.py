"""What happens to the broker must not end a worker, silence it, or lose a message."""

import asyncio
import random
from collections import Counter

from redis.asyncio import Redis
from tests.waiting import until

from adjudge.streams import Entry, Streams, Unavailable

BODIES = [b"%d" % i for i in range(3000)]


async def brief():
    await asyncio.sleep(0.001)


async def test_a_storm_of_killed_connections_loses_nothing_and_repeats_nothing(broker, working, inbox):
    """An answer lost with its connection is fetched again; an acknowledgement lost is sent again."""
    inbox.pause = brief
    await broker.publish(*BODIES)
    async with working(broker.url, batch=20):
        for reached in range(100, 2100, 100):
            await inbox.until(reached)
            await broker.redis.client_kill_filter(_type="normal", skipme=True)
        await inbox.until(len(BODIES))
        await broker.until_empty()

    assert Counter(inbox.bodies) == Counter(BODIES)


async def test_a_broker_killed_and_started_again_finds_its_worker_waiting(broker, working, inbox):
    inbox.pause = brief
    await broker.publish(*BODIES)
    async with working(broker.url, batch=20):
        await inbox.until(500)
        await broker.kill()
        await broker.start()
        await inbox.until(len(BODIES))
        await broker.publish(b"after")
        await inbox.until(len(BODIES) + 1)
        await broker.until_empty()

    assert Counter(inbox.bodies) == Counter([*BODIES, b"after"])


async def test_what_is_published_right_after_a_flush_is_handled(broker, working, inbox):
    """The group is made again from the first entry on, not from the next."""
    async with working(broker.url):
        for i in range(10):
            await broker.publish(b"before %d" % i)
            await inbox.until(2 * i + 1)
            await broker.redis.flushall()
            await broker.publish(b"after %d" % i)
            await inbox.until(2 * i + 2)


async def test_a_flush_under_running_handlers_is_survived(broker, working, inbox):
    release = asyncio.Event()
    inbox.pause = release.wait
    await broker.publish(*BODIES[:50])
    async with working(broker.url, batch=10, lease_seconds=0.3):
        await inbox.until(20)
        await broker.redis.flushall()
        await broker.publish(b"after")
        await asyncio.sleep(0.5)  # more than a lease: renewals meet the missing group
        release.set()
        await until(lambda: b"after" in inbox.bodies)
        await broker.until_empty()


async def test_a_half_open_line_is_noticed_and_left(broker, relay, working, inbox):
    async with working(relay.url, timeout_seconds=0.5) as worker:
        await broker.publish(b"before")
        await inbox.until(1)

        relay.freeze()
        await broker.publish(b"meanwhile")
        await until(lambda: worker.silent_seconds > 1.5)  # its liveness probe would see it
        relay.thaw()

        await broker.publish(b"after")
        await inbox.until(3)
        await broker.until_empty()

    assert set(inbox.bodies) == {b"before", b"meanwhile", b"after"}


async def test_publishing_over_a_half_open_line_ends_within_its_time_out(relay):
    async with Streams(relay.url, rng=random.Random(1), timeout_seconds=0.3) as streams:
        await streams.publish([Entry("n", "standard", b"", 10)])
        relay.freeze()

        async with asyncio.timeout(4):  # one after the other they would take six seconds
            answers = await asyncio.gather(*(streams.publish([Entry("n", "standard", b"", 10)]) for _ in range(20)))

        assert {type(answer) for [answer] in answers} == {Unavailable}


async def test_a_listener_on_a_half_open_line_finds_its_way_back(relay, monkeypatch):
    monkeypatch.setattr("adjudge.streams.hints.SILENCE_SECONDS", 0.1)
    heard, ready = asyncio.Queue(), asyncio.Event()
    async with Streams(relay.url, rng=random.Random(1), timeout_seconds=0.3) as streams, asyncio.TaskGroup() as group:
        task = group.create_task(streams.listen("c", heard.put_nowait, ready))
        async with asyncio.timeout(20):
            await ready.wait()
            relay.freeze()
            await until(lambda: not ready.is_set())
            relay.thaw()
            await ready.wait()
            await streams.hint("c", b"lost")  # may meet the old line once more
            assert await streams.hint("c", b"back")
            while await heard.get() != b"back":
                pass
        task.cancel()


async def test_a_broker_that_turned_read_only_is_waited_for(broker, working, inbox):
    async with working(broker.url):
        await broker.publish(b"before")
        await inbox.until(1)
        await broker.redis.execute_command("REPLICAOF", "127.0.0.1", "1")
        async with Streams(broker.url, rng=random.Random(1)) as streams:
            [refused] = await streams.publish([Entry("ask:m@1", "standard", b"", 10)])
        assert isinstance(refused, Unavailable)

        await broker.redis.execute_command("REPLICAOF", "NO", "ONE")
        await broker.publish(b"after")
        await inbox.until(2)


async def test_a_worker_can_stop_while_its_broker_is_away(broker, working, inbox):
    release = asyncio.Event()
    inbox.pause = release.wait
    async with asyncio.timeout(15):
        async with working(broker.url, drain_seconds=0.3):
            await broker.publish(b"a")
            await inbox.until(1)
            await broker.kill()
            release.set()


async def test_a_message_handled_while_the_broker_is_away_is_acknowledged_when_it_is_back(broker, working, inbox):
    release = asyncio.Event()
    inbox.pause = release.wait
    async with working(broker.url):
        await broker.publish(b"a")
        await inbox.until(1)
        await broker.kill()
        release.set()
        await broker.start()
        await broker.until_empty()

    assert inbox.bodies == [b"a"]


async def test_a_lost_answer_to_a_read_does_not_count_as_a_delivery(broker, relay, working, inbox):
    """Else cut connections would turn innocent messages into poison."""
    async with working(relay.url, timeout_seconds=0.3):
        await broker.publish(b"first")
        await inbox.until(1)
        for i in range(4):
            relay.freeze()
            await broker.publish(b"%d" % i)
            relay.thaw()
            await inbox.until(i + 2)

    assert {message.deliveries for message in inbox.messages} == {1}


async def test_two_workers_share_the_storm(broker, working, inbox):
    inbox.pause = brief
    await broker.publish(*BODIES)
    async with working(broker.url, batch=20), working(broker.url, batch=20):
        for reached in range(200, 2100, 200):
            await inbox.until(reached)
            await broker.redis.client_kill_filter(_type="normal", skipme=True)
        await inbox.until(len(BODIES))
        await broker.until_empty()
        async with Redis.from_url(broker.url) as redis:
            assert len(await redis.xinfo_consumers("{ask:m@1}:standard", "adjudge")) == 2

    assert set(inbox.bodies) == set(BODIES)
