"""A worker that has work and does not do it says so; one that has none, or must not, keeps quiet."""

import asyncio
import logging
import random
import time
from contextlib import AsyncExitStack

import pytest
from redis.asyncio import Redis
from tests.waiting import until

from adjudge.streams import Entry, Streams, Subscription, Worker
from adjudge.streams.group import Group
from adjudge.streams.loop_watch import LoopWatch
from adjudge.streams.signals import Stall

NAME = "mail"
STALL = 0.5


def a_subscription(handler, **options):
    return Subscription(**{"name": NAME, "lanes": {"standard": 1}, "handler": handler, "concurrency": 1, **options})


@pytest.fixture
def watched(streams, seen):
    """Starts a worker that is thought stalled after half a second; it is cut off at the end."""
    tasks = []

    def watched(subscription, **options):
        worker = Worker(streams, [subscription], stop=asyncio.Event(), observer=seen, stall_seconds=STALL, **options)
        tasks.append(asyncio.get_running_loop().create_task(worker.run()))
        return worker

    yield watched
    for task in tasks:
        task.cancel()


async def publish(streams, *bodies):
    await streams.publish([Entry(NAME, "standard", body, 100) for body in bodies])


async def test_a_wedged_reader_fails_its_probe_and_says_why(streams, watched, seen, inbox, monkeypatch):
    """Alive, connected, and it reads nothing: what made others leave Celery."""
    monkeypatch.setattr(Group, "read", lambda *_: asyncio.Event().wait())
    worker = watched(a_subscription(inbox))
    await publish(streams, b"a", b"b")

    ((_, name, seconds, reason),) = await seen.until("wedged")

    assert (name, reason) == (NAME, worker.trouble)
    assert "unread: 2" in reason
    assert seconds >= STALL


async def test_a_reader_that_is_answered_but_gets_nothing_is_wedged_too(streams, watched, seen, inbox, monkeypatch):
    async def nothing(*_):
        await asyncio.sleep(0.01)
        return {}

    monkeypatch.setattr(Group, "read", nothing)
    worker = watched(a_subscription(inbox))
    await publish(streams, b"a")

    await seen.until("wedged")

    assert worker.silent_seconds < STALL
    assert worker.trouble


async def test_messages_that_were_given_and_forgotten_are_noticed(streams, redis, watched, seen, inbox, monkeypatch):
    """The server has given entries to this very consumer, which does not know of them."""
    worker = watched(a_subscription(inbox))
    await seen.until("regrouped")
    await publish(streams, b"a")
    await inbox.until(1)
    monkeypatch.setattr(Group, "read", lambda *_: asyncio.Event().wait())
    await asyncio.sleep(0.6)  # the read that is under way ends
    await publish(streams, b"b")
    await redis.xreadgroup("adjudge", worker.name, {"{mail}:standard": ">"})

    ((*_, reason),) = await seen.until("wedged")

    assert "does not know of" in reason


async def test_a_handler_that_never_returns_is_noticed(streams, watched, seen, inbox):
    inbox.waits_for = asyncio.Event().wait
    watched(a_subscription(inbox))
    await publish(streams, b"a")

    ((*_, reason),) = await seen.until("wedged")

    assert "in hand: 1" in reason


async def test_a_worker_whose_password_is_refused_says_so(private_valkey, seen, inbox):
    """Whoever takes its place may have been given the new one."""
    server = await private_valkey()
    async with Redis.from_url(server.url) as redis, AsyncExitStack() as stack:
        await redis.execute_command("ACL", "SETUSER", "worker", "on", ">old", "~*", "&*", "+@all")
        streams = await stack.enter_async_context(
            Streams(server.url, rng=random.Random(1), credentials=lambda: ("worker", "old"))
        )
        worker = Worker(streams, [a_subscription(inbox)], stop=asyncio.Event(), observer=seen, stall_seconds=STALL)
        task = asyncio.create_task(worker.run())
        stack.callback(task.cancel)
        await publish(streams, b"a")
        await inbox.until(1)

        await redis.execute_command("ACL", "SETUSER", "worker", "resetpass", ">new")
        await redis.client_kill_filter(_type="normal", skipme=True)
        await seen.until("wedged")

        assert "refuses this worker: WRONGPASS" in worker.trouble


async def test_a_worker_that_works_again_is_alive_again(streams, watched, seen, inbox):
    release = asyncio.Event()
    inbox.waits_for = release.wait
    worker = watched(a_subscription(inbox))
    await publish(streams, b"a")
    await seen.until("wedged")

    release.set()

    await until(lambda: not worker.trouble, seconds=5)


async def quiet(worker, seconds=3 * STALL):
    """That nothing is said has no event."""
    await asyncio.sleep(seconds)
    return worker.trouble is None


async def test_an_idle_worker_is_alive(watched, inbox):
    assert await quiet(watched(a_subscription(inbox)))


async def test_a_paused_worker_is_alive(streams, watched, seen, inbox):
    await streams.pauses.pause(NAME, None, "")
    await publish(streams, b"a")

    assert await quiet(watched(a_subscription(inbox)))
    assert await seen.until("measured")


async def test_a_worker_whose_world_is_gone_is_alive(streams, watched, inbox):
    inbox.answer = lambda messages: dict.fromkeys((m.id for m in messages), Stall("no model"))
    await publish(streams, b"a")

    assert await quiet(watched(a_subscription(inbox)))


async def test_what_another_worker_holds_is_no_reproach(streams, redis, watched, seen, inbox):
    worker = watched(a_subscription(inbox))
    await seen.until("regrouped")
    await publish(streams, b"a")
    await inbox.until(1)
    async with redis.pipeline(transaction=True) as both:  # so that nobody else reads it between
        both.xadd("{mail}:standard", {"b": "x"})
        both.xreadgroup("adjudge", "another", {"{mail}:standard": ">"})
        await both.execute()

    assert await quiet(worker)


async def test_a_handler_that_keeps_the_loop_is_named(streams, watched, seen):
    async def greedy(messages):
        time.sleep(0.5)  # noqa: ASYNC251  that is the fault

    with LoopWatch(seen, warn_seconds=0.1) as loop_watch:
        watched(a_subscription(greedy), loop_watch=loop_watch)
        await publish(streams, b"a")

        _, name, seconds, where = (await seen.until("loop_blocked"))[0]

    assert name == NAME
    assert 0.3 < seconds < 2
    assert where.startswith("test_liveness.py:")
    assert "greedy" in where


async def test_a_loop_that_stands_still_fails_the_probe_from_another_thread(streams, watched, seen, caplog):
    """The probe of a blocked loop cannot be asked in it; and the log says why at once, not when it is over."""
    found = []

    async def greedy(messages):
        time.sleep(0.6)  # noqa: ASYNC251  that is the fault
        found.append(worker.trouble)
        found.extend(record.reason for record in caplog.records if record.getMessage() == "loop.stalled")

    caplog.set_level(logging.ERROR, "adjudge.streams")
    with LoopWatch(seen, warn_seconds=0.1, stall_seconds=0.3) as loop_watch:
        worker = watched(a_subscription(greedy), loop_watch=loop_watch)
        await publish(streams, b"a")
        await seen.until("loop_blocked")

        assert worker.trouble is None

    trouble, said = found
    for reason in (trouble, said):
        assert f"in the handler of {NAME}" in reason
        assert "greedy" in reason


async def test_the_delay_of_a_calm_loop_is_told_and_small(seen):
    with LoopWatch(seen):
        ((_, seconds), *_) = await seen.until("loop_delay")

    assert 0 <= seconds < 0.25
