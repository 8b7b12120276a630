import asyncio
import random
from collections import Counter

import pytest

from adjudge.streams import Entry, Observer, Reject, Retries, RetryLater, Stall, Streams, Subscription, Worker, run
from adjudge.streams.group import Again
from adjudge.streams.reasons import reasons_of
from adjudge.streams.retrying import trail_after

NAME = "ask:m@1"
KEY = "{ask:m@1}:standard"
AT_ONCE = Retries(limit=2, base_seconds=0, cap_seconds=0)


def a_subscription(handler, **options):
    return Subscription(**{"name": NAME, "lanes": {"standard": 1}, "handler": handler, "retries": AT_ONCE, **options})


async def publish(streams, *bodies, lane="standard"):
    return await streams.publish([Entry(NAME, lane, body, 10_000) for body in bodies])


async def is_empty(streams):
    depth = await streams.depth(NAME, ["standard"])
    return (depth.lanes["standard"].length, depth.delayed) == (0, 0)


async def test_what_was_published_before_the_first_worker_came_is_handled(streams, working, inbox):
    await publish(streams, b"a", b"b")

    async with working(a_subscription(inbox)):
        await inbox.until(2)

    assert inbox.bodies == [b"a", b"b"]
    assert await is_empty(streams)


async def test_a_message_is_acknowledged_only_after_its_handler_returned(streams, working, inbox):
    release = asyncio.Event()
    inbox.waits_for = release.wait
    async with working(a_subscription(inbox)):
        await publish(streams, b"a")
        await inbox.until(1)

        assert (await streams.depth(NAME, ["standard"])).lanes["standard"].pending == 1

        release.set()
    assert await is_empty(streams)


async def test_a_thousand_messages_are_each_handled_once(streams, working, inbox):
    bodies = [b"%d" % i for i in range(1000)]
    await publish(streams, *bodies)

    async with working(a_subscription(inbox, batch=37, concurrency=3)):
        await inbox.until(1000)

    assert sorted(inbox.bodies) == sorted(bodies)
    assert max(map(len, inbox.batches)) == 37
    assert await is_empty(streams)


async def test_batches_in_flight_are_bounded(streams, working):
    running, most, total, done = 0, 0, 0, asyncio.Event()

    async def handler(messages):
        nonlocal running, most, total
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.005)  # long enough for others to overlap
        running -= 1
        total += len(messages)
        if total == 60:
            done.set()

    await publish(streams, *[b"x"] * 60)
    async with working(a_subscription(handler, batch=4, concurrency=3)), asyncio.timeout(10):
        await done.wait()

    assert most == 3


async def test_an_incomplete_batch_waits_for_more(streams, working, inbox, seen):
    async with working(a_subscription(inbox, batch=3, linger_ms=5_000), observer=seen):
        for count, body in enumerate((b"a", b"b", b"c"), start=1):
            await publish(streams, body)
            await seen.until("read", count)
        await inbox.until(3)

    assert [len(batch) for batch in inbox.batches] == [3]


async def test_an_urgent_message_overtakes_a_backlog_read_before_it(streams, working, inbox):
    gate = asyncio.Semaphore(0)
    inbox.waits_for = gate.acquire
    await publish(streams, *[b"slow"] * 20, lane="bulk")
    await publish(streams, *[b"slow"] * 20)
    lanes = {"realtime": 8, "standard": 1, "bulk": 1}
    async with working(a_subscription(inbox, lanes=lanes, batch=2, concurrency=1)):
        await inbox.until(2)  # two of the other lane are in hand
        await publish(streams, b"urgent", lane="realtime")
        for _ in range(3):
            gate.release()
        await inbox.until(7)
        for _ in range(40):
            gate.release()

    assert inbox.bodies.index(b"urgent") == 2


async def test_only_the_messages_named_in_the_answer_are_tried_again(streams, working, inbox, seen):
    inbox.answer = lambda messages: {m.id: ValueError("no") for m in messages if m.body == b"b" and not m.failures}
    await publish(streams, b"a", b"b", b"c")

    async with working(a_subscription(inbox), observer=seen):
        await inbox.until(4)

    again = inbox.messages[3]
    assert (again.body, again.failures, again.deliveries, again.redelivered) == (b"b", 1, 2, True)
    assert again.trail.history[0].detail == "no"
    assert seen.counts["failed"] == 1
    assert await is_empty(streams)


async def test_a_handler_that_raises_fails_its_whole_batch(streams, working, inbox):
    def answer(messages):
        if not messages[0].failures:
            raise ValueError("all of them")

    inbox.answer = answer
    await publish(streams, b"a", b"b")

    async with working(a_subscription(inbox)):
        await inbox.until(4)

    assert sorted(inbox.bodies) == [b"a", b"a", b"b", b"b"]


async def test_a_message_under_retry_stays_the_oldest_by_its_first_publication(streams, working, inbox):
    """Else whoever looks for lost messages would take it for lost, and send it again."""
    inbox.answer = lambda messages: {m.id: RetryLater(0.2) for m in messages if not m.failures}
    [first] = await publish(streams, b"a")
    published_at = int(first.split("-")[0]) / 1000

    async with working(a_subscription(inbox)):
        await inbox.until(1)
        await asyncio.sleep(0.1)  # it waits in the delayed set now
        assert await streams.oldest(NAME, ["standard"]) == published_at
        release = asyncio.Event()
        inbox.waits_for = release.wait
        await inbox.until(2)
        assert await streams.oldest(NAME, ["standard"]) == published_at == inbox.messages[1].published_at
        release.set()

    assert await streams.oldest(NAME, ["standard"]) is None


async def test_a_named_wait_is_kept(streams, working, inbox):
    inbox.answer = lambda messages: {m.id: RetryLater(0.3) for m in messages if not m.failures}
    await publish(streams, b"a")

    async with working(a_subscription(inbox)):
        first, second = await inbox.until(2)

    waited = int(second.id.split("-")[0]) - int(first.id.split("-")[0])
    assert 300 <= waited < 2_000


async def test_after_the_last_retry_a_message_is_a_dead_letter_with_its_history(streams, working, inbox, seen):
    def answer(_):
        raise ValueError("never")

    inbox.answer = answer
    [first] = await publish(streams, b"a")

    async with working(a_subscription(inbox), observer=seen):
        await seen.until("dead")

    [letter] = await streams.dead_letters.page(NAME)
    assert len(inbox.batches) == 3
    assert (letter.body, letter.lane, letter.origin) == (b"a", "standard", f"standard/{first}")
    assert (letter.error, letter.detail) == ("builtins.ValueError", "never")
    assert "in answer" in letter.traceback
    assert [failure.detail for failure in letter.history] == ["never"] * 3
    assert letter.published_at == int(first.split("-")[0]) / 1000
    assert await is_empty(streams)
    assert await streams.oldest(NAME, ["standard"]) is None
    assert (await streams.depth(NAME, ["standard"])).dead == 1


async def test_a_rejected_message_is_not_tried_again(streams, working, inbox, seen):
    inbox.answer = lambda messages: {m.id: Reject("garbage") for m in messages}
    await publish(streams, b"a")

    async with working(a_subscription(inbox), observer=seen):
        await seen.until("dead")

    assert len(inbox.batches) == 1


async def test_a_dead_letter_can_be_read_replayed_and_discarded(streams, working, inbox, seen):
    inbox.answer = lambda messages: {m.id: Reject("garbage") for m in messages}
    await publish(streams, b"a", b"b", b"c")
    async with working(a_subscription(inbox), observer=seen):
        await seen.until("dead", 3)
    letters = await streams.dead_letters.page(NAME, limit=2)
    rest = await streams.dead_letters.page(NAME, after=letters[-1].id)
    assert [letter.body for letter in (*letters, *rest)] == [b"a", b"b", b"c"]
    assert await streams.dead_letters.get(NAME, letters[0].id) == letters[0]

    assert await streams.dead_letters.discard(NAME, [rest[0].id]) == 1
    assert await streams.dead_letters.replay(NAME, [letter.id for letter in (*letters, *rest)]) == 2

    inbox.answer = lambda _: None
    async with working(a_subscription(inbox)):
        await inbox.until(5)
    assert inbox.bodies[3:] == [b"a", b"b"]
    assert inbox.messages[3].failures == 0
    assert await streams.dead_letters.page(NAME) == []
    assert await streams.dead_letters.get(NAME, letters[0].id) is None


async def test_on_dead_comes_before_the_acknowledgement_and_again_until_it_succeeds(streams, working, inbox, seen):
    calls = []

    async def on_dead(messages, error):
        depth = await streams.depth(NAME, ["standard"])
        calls.append(([m.body for m in messages], str(error), depth.lanes["standard"].pending, depth.dead))
        if len(calls) < 3:
            raise ConnectionError("the database is away")

    inbox.answer = lambda messages: {m.id: Reject("garbage") for m in messages}
    await publish(streams, b"a")

    async with working(a_subscription(inbox, on_dead=on_dead), observer=seen):
        await seen.until("dead")

    assert calls == [([b"a"], "garbage", 1, 0)] * 3
    assert len(inbox.batches) == 1


async def test_a_stall_stops_reading_keeps_the_message_and_counts_nothing(streams, working, inbox, seen):
    def answer(_):
        raise Stall("no database")

    inbox.answer = answer
    await publish(streams, b"a")
    async with working(a_subscription(inbox, retries=Retries(limit=0)), observer=seen) as worker:
        await seen.until("stalled", 3)
        await publish(streams, b"b")
        await seen.until("stalled", 5)
        assert set(inbox.bodies) == {b"a"}
        assert worker.silent_seconds == 0

        inbox.answer = lambda _: None
        await inbox.until(len(inbox.batches) + 2)

    assert inbox.bodies[-2:] == [b"a", b"b"]
    assert {m.deliveries for m in inbox.messages} == {1}
    assert await streams.dead_letters.page(NAME) == []
    assert await is_empty(streams)


async def test_a_stall_in_the_answer_holds_only_its_messages(streams, working, inbox):
    inbox.answer = lambda messages: {m.id: Stall() for m in messages if m.body == b"b"} if len(messages) > 1 else None
    await publish(streams, b"a", b"b")

    async with working(a_subscription(inbox)):
        await inbox.until(3)

    assert inbox.bodies == [b"a", b"b", b"b"]
    assert await is_empty(streams)


async def test_a_stalled_worker_can_stop_and_hands_its_messages_back(streams, working, inbox, seen):
    def answer(_):
        raise Stall("no database")

    inbox.answer = answer
    await publish(streams, b"a")
    async with working(a_subscription(inbox), observer=seen, drain_seconds=30):
        await seen.until("stalled")

    inbox.answer = lambda _: None
    before = len(inbox.batches)
    async with working(a_subscription(inbox)):  # a lease of 30 s: only what was handed back comes this soon
        await inbox.until(before + 1)
    assert await is_empty(streams)


async def test_a_handler_slower_than_the_lease_is_not_run_twice(streams, working, inbox, seen):
    release = asyncio.Event()
    inbox.waits_for = release.wait
    await publish(streams, b"a", b"b", b"c")
    both = a_subscription(inbox, lease_seconds=0.3, batch=2, concurrency=1)

    async with working(both, observer=seen), working(both, observer=seen):
        await inbox.until(3)
        await seen.until("renewed", 20)  # some three leases of each
        assert len(inbox.messages) == 3
        release.set()

    assert seen.counts["reclaimed"] == 0


async def test_a_dead_consumers_messages_are_claimed_after_the_lease(streams, redis, working, inbox, seen):
    await publish(streams, *[b"%d" % i for i in range(25)])
    await redis.xgroup_create(KEY, "adjudge", "0")
    await redis.xreadgroup("adjudge", "dead", {KEY: ">"}, count=20)

    async with working(a_subscription(inbox, lease_seconds=0.3, batch=5), observer=seen):
        await inbox.until(25)

    claimed = {m.body for m in inbox.messages if m.redelivered}
    assert claimed == {b"%d" % i for i in range(20)}
    assert {m.deliveries for m in inbox.messages if m.redelivered} == {2}
    assert await is_empty(streams)


async def test_pending_messages_deleted_from_the_stream_are_noticed(streams, redis, working, inbox, seen):
    ids = await publish(streams, b"a", b"b")
    await redis.xgroup_create(KEY, "adjudge", "0")
    await redis.xreadgroup("adjudge", "dead", {KEY: ">"})
    await redis.xdel(KEY, ids[0])

    async with working(a_subscription(inbox, lease_seconds=0.3), observer=seen):
        await inbox.until(1)

    assert inbox.bodies == [b"b"]
    assert ("vanished", NAME, "standard", 1) in seen.calls


async def test_a_message_that_outlived_too_many_consumers_is_poison(streams, redis, working, inbox, seen):
    dead = []

    async def on_dead(messages, error):
        dead.append((messages[0].body, str(error)))

    [poison, _] = await publish(streams, b"poison", b"neighbour")
    await redis.xgroup_create(KEY, "adjudge", "0")
    await redis.xreadgroup("adjudge", "dead", {KEY: ">"})
    await redis.xclaim(KEY, "adjudge", "dead", 0, [poison], retrycount=3, justid=True)

    subscription = a_subscription(inbox, lease_seconds=0.2, crash_limit=3, on_dead=on_dead)
    async with working(subscription, observer=seen):
        await seen.until("dead")
        await inbox.until(1)

    assert inbox.bodies == [b"neighbour"]
    assert dead == [(b"poison", "3 consumers died while having it")]
    [letter] = await streams.dead_letters.page(NAME)
    assert (letter.error, letter.crashes) == ("adjudge.streams.signals.Poison", 3)


async def test_suspects_are_handled_one_at_a_time_in_the_whole_worker(streams, redis, working, seen):
    """Else they would share the fate, and the count, of the one that kills."""
    running, most, done, handled = 0, 0, asyncio.Event(), 0

    async def handler(messages):
        nonlocal running, most, handled
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        handled += len(messages)
        if handled == 6:
            done.set()

    names = ("ask:m@1", "ask:m@2")
    for name in names:
        key = f"{{{name}}}:standard"
        ids = await streams.publish([Entry(name, "standard", b"x", 100)] * 3)
        await redis.xgroup_create(key, "adjudge", "0")
        await redis.xreadgroup("adjudge", "dead", {key: ">"})
        await redis.xclaim(key, "adjudge", "dead", 0, ids, retrycount=2, justid=True)

    async with working(*(a_subscription(handler, name=name, lease_seconds=0.2) for name in names)):
        async with asyncio.timeout(10):
            await done.wait()

    assert most == 1


async def test_a_start_is_counted_before_the_handler_sees_a_claimed_message(streams, redis, working, inbox):
    await publish(streams, b"a")
    await redis.xgroup_create(KEY, "adjudge", "0")
    await redis.xreadgroup("adjudge", "dead", {KEY: ">"})
    release = asyncio.Event()
    inbox.waits_for = release.wait

    async with working(a_subscription(inbox, lease_seconds=0.2)):
        await inbox.until(1)
        [pending] = await redis.xpending_range(KEY, "adjudge", "-", "+", 10)
        release.set()

    assert pending["times_delivered"] == 2


async def test_what_is_cut_off_by_shutdown_is_handed_back_at_once(streams, redis, working, inbox):
    """Another worker need not wait for the lease, and what was only begun is no crash."""
    never = asyncio.Event()
    inbox.waits_for = never.wait
    await publish(streams, b"a", b"b", b"c")
    async with working(a_subscription(inbox, batch=1, concurrency=1), drain_seconds=0.05):
        await inbox.until(1)

    assert [each["name"] for each in await redis.xinfo_consumers(KEY, "adjudge")] == [b"nobody"]
    inbox.waits_for = None
    async with working(a_subscription(inbox)):
        await inbox.until(4)

    assert sorted(inbox.bodies[1:]) == [b"a", b"b", b"c"]
    assert {m.body: m.deliveries for m in inbox.messages[1:]} == {b"a": 2, b"b": 1, b"c": 1}


async def test_running_batches_may_finish_within_the_drain_time(streams, working, inbox, seen):
    release = asyncio.Event()
    inbox.waits_for = release.wait
    await publish(streams, b"a")
    async with asyncio.TaskGroup() as group, working(a_subscription(inbox), observer=seen):
        await inbox.until(1)
        group.create_task(set_soon(release))

    assert await is_empty(streams)
    assert seen.counts["returned"] == 0


async def set_soon(event):
    await asyncio.sleep(0.05)
    event.set()


async def test_a_worker_that_leaves_takes_its_name_along(streams, redis, working, inbox):
    async with working(a_subscription(inbox)) as worker:
        await publish(streams, b"a")
        await inbox.until(1)
        assert [each["name"].decode() for each in await redis.xinfo_consumers(KEY, "adjudge")] == [worker.name]

    assert await redis.xinfo_consumers(KEY, "adjudge") == []


async def test_a_name_with_pending_messages_is_never_removed(streams, redis):
    await publish(streams, b"a")
    await redis.xgroup_create(KEY, "adjudge", "0")
    group = streams.group(NAME, ["standard"], "me")
    await group.read(["standard"], 10, 0)

    await group.leave()
    await group.forget_dead(idle_seconds=-1)

    assert [each["pending"] for each in await redis.xinfo_consumers(KEY, "adjudge")] == [1]
    await group.close()


async def test_names_of_the_long_dead_are_forgotten(streams, redis):
    await redis.xgroup_create(KEY, "adjudge", "0", mkstream=True)
    await redis.xgroup_createconsumer(KEY, "adjudge", "dead")
    group = streams.group(NAME, ["standard"], "me")

    await group.forget_dead(idle_seconds=3600)
    assert len(await redis.xinfo_consumers(KEY, "adjudge")) == 1
    await group.forget_dead(idle_seconds=-1)

    assert await redis.xinfo_consumers(KEY, "adjudge") == []
    await group.close()


async def test_subscriptions_share_all_connections_but_that_of_their_reads(streams, redis, working, inbox):
    subscriptions = [Subscription(name=f"n{i}", lanes={"standard": 1}, handler=inbox) for i in range(5)]
    for subscription in subscriptions:
        await streams.publish([Entry(subscription.name, "standard", b"", 10)])
    async with working(*subscriptions):
        await inbox.until(5)
        names = Counter(client["name"] for client in await redis.client_list())

    assert (names["adjudge-read"], names["adjudge-effects"], names["adjudge-upkeep"]) == (5, 1, 1)


async def test_each_start_has_a_name_of_its_own(streams, inbox):
    names = {Worker(streams, [a_subscription(inbox)], stop=asyncio.Event()).name for _ in range(10)}

    assert len(names) == 10


async def test_a_claim_answers_for_all_pages(streams, redis):
    await publish(streams, *[b"x"] * 50)
    await redis.xgroup_create(KEY, "adjudge", "0")
    await redis.xreadgroup("adjudge", "dead", {KEY: ">"})
    group = streams.group(NAME, ["standard"], "me")

    cursor, claimed = "0-0", []
    while cursor:
        page = await group.claim("standard", 0, 7, cursor)
        claimed += page.messages
        cursor = page.following

    assert len({m.id for m in claimed}) == 50
    await group.close()


async def test_a_lease_lost_to_another_is_not_taken_back(streams, redis):
    ids = await publish(streams, b"a", b"b")
    await redis.xgroup_create(KEY, "adjudge", "0")
    group = streams.group(NAME, ["standard"], "me")
    await group.read(["standard"], 10, 0)
    await redis.xclaim(KEY, "adjudge", "other", 0, [ids[0]])

    assert await group.renew("standard", ids) == {ids[0]}

    pending = {
        each["message_id"].decode(): each["consumer"]
        for each in await redis.xpending_range(KEY, "adjudge", "-", "+", 9)
    }
    assert pending == {ids[0]: b"other", ids[1]: b"me"}
    await group.close()


async def test_a_late_retry_does_not_bring_back_what_another_has_finished(streams, redis):
    ids = await publish(streams, b"a")
    await redis.xgroup_create(KEY, "adjudge", "0")
    group = streams.group(NAME, ["standard"], "me")
    [message] = (await group.read(["standard"], 10, 0))["standard"]
    await redis.xack(KEY, "adjudge", *ids)
    await redis.xdel(KEY, *ids)

    await group.retry("standard", [Again(message, 60.0, trail_after(message, ValueError(), 0.0))])
    await group.bury("standard", [(message, reasons_of(message, ValueError(), 0.0))], 60.0)

    depth = await streams.depth(NAME, ["standard"])
    assert (depth.delayed, depth.dead) == (0, 0)
    await group.close()


async def test_two_subscriptions_of_one_name_are_refused(streams, inbox):
    with pytest.raises(ValueError, match="same name"):
        Worker(streams, [a_subscription(inbox), a_subscription(inbox)], stop=asyncio.Event())


async def test_dead_letters_have_an_age_limit(streams, working, inbox, seen):
    inbox.answer = lambda messages: {m.id: Reject("garbage") for m in messages}
    await publish(streams, b"a")
    async with working(a_subscription(inbox, batch=1, keep_dead_seconds=0.05), observer=seen):
        await seen.until("dead")
        await asyncio.sleep(0.1)
        await publish(streams, b"b")
        await seen.until("dead", 2)

    assert [letter.body for letter in await streams.dead_letters.page(NAME)] == [b"b"]


async def test_a_worker_starts_before_its_broker(inbox, seen):
    async with Streams("redis://127.0.0.1:1", rng=random.Random(1)) as streams:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(run(streams, [a_subscription(inbox)], stop=stop, observer=seen))
            await seen.until("disconnected", 3)
            stop.set()


async def test_a_fault_of_the_worker_itself_ends_it_instead_of_leaving_it_silent(streams, inbox, seen):
    """Cancelling must never be swallowed, wherever it finds the reader."""

    class Faulty(Observer):
        def handled(self, *_):
            raise RuntimeError("a bug")

    short = a_subscription(inbox, lease_seconds=0.2)  # a read that was cut off may have taken the message along
    for _ in range(20):
        await publish(streams, b"a")
        with pytest.raises(ExceptionGroup):
            async with asyncio.timeout(5):
                await run(streams, [short], stop=asyncio.Event(), observer=Faulty())


async def test_a_handler_that_answers_nonsense_fails_its_messages_and_not_the_worker(streams, working, inbox):
    inbox.answer = lambda messages: None if messages[0].failures else True
    await publish(streams, b"a")

    async with working(a_subscription(inbox)):
        await inbox.until(2)

    assert "not True" in inbox.messages[1].trail.history[0].detail
