"""The public face on a real server."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

import msgspec
import pytest
from tests.servers.streams.running import running
from tests.waiting import until

from adjudge.streams import (
    App,
    BatchContext,
    Context,
    Duplicate,
    Entry,
    Full,
    HandlerFailed,
    KeyRules,
    Reject,
    ResultTimeout,
    Retries,
    RetryLater,
    Stall,
    Streams,
    Unavailable,
)

AT_ONCE = Retries(limit=2, base_seconds=0, cap_seconds=0)


class Welcome(msgspec.Struct, frozen=True):
    address: str


@pytest.fixture
async def app(redis_url: str) -> AsyncIterator[App]:
    async with App(redis_url, rng=random.Random(1)) as app:
        yield app


class Noted:
    """What handlers have seen, to be waited for."""

    def __init__(self) -> None:
        self.all = []
        self._changed = asyncio.Event()

    def __call__(self, value) -> None:
        self.all.append(value)
        self._changed.set()

    async def until(self, count: int):
        async with asyncio.timeout(20):
            while len(self.all) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.all


@pytest.fixture
def noted() -> Noted:
    return Noted()


async def unfinished(app: App, name: str) -> int:
    depth = await app.streams.depth(name, ["standard"])
    return depth.lanes["standard"].length + depth.delayed


async def test_a_handler_gets_what_was_published_and_ends_it(app, noted):
    @app.handler()
    async def welcome(message: Welcome, context: Context) -> None:
        noted((message, context.deliveries, context.redelivered, context.lane, context.headers["from"]))

    assert isinstance(await welcome.publish(Welcome("a"), headers={"from": "test"}), str)
    async with running(app):
        await noted.until(1)

    assert noted.all == [(Welcome("a"), 1, False, "standard", "test")]
    assert await unfinished(app, "welcome") == 0


async def test_a_thousand_single_messages_are_each_handled_once(app, noted):
    @app.handler(concurrency=7, prefetch=50)
    async def welcome(message: Welcome) -> None:
        if message.address.endswith("0"):
            await asyncio.sleep(0)
        noted(message.address)

    await welcome.publish_many([Welcome(str(n)) for n in range(1000)])
    async with running(app):
        await noted.until(1000)

    assert sorted(noted.all) == sorted(map(str, range(1000)))
    assert await unfinished(app, "welcome") == 0


async def test_a_slow_message_holds_back_neither_the_others_nor_their_acknowledgements(app, noted):
    release = asyncio.Event()

    @app.handler(concurrency=2)
    async def welcome(message: Welcome) -> None:
        if message.address == "slow":
            await release.wait()
        noted(message.address)

    await welcome.publish_many([Welcome("slow"), *(Welcome(str(n)) for n in range(20))])
    async with running(app):
        await noted.until(20)
        await until(lambda: unfinished(app, "welcome"), lambda found: found <= 1, seconds=1)
        release.set()

    assert noted.all[-1] == "slow"


async def test_no_more_messages_run_at_once_than_asked_for(app):
    running_now, most, left, done = 0, 0, 40, asyncio.Event()

    @app.handler(concurrency=3)
    async def welcome(_: Welcome) -> None:
        nonlocal running_now, most, left
        running_now += 1
        most = max(most, running_now)
        await asyncio.sleep(0.002)  # long enough for others to overlap
        running_now -= 1
        left -= 1
        if not left:
            done.set()

    await welcome.publish_many([Welcome("x")] * 40)
    async with running(app):
        await done.wait()

    assert most == 3


async def test_no_more_messages_are_taken_in_than_the_prefetch_allows(app, noted):
    release = asyncio.Event()

    @app.handler(concurrency=2, prefetch=5)
    async def welcome(_: Welcome) -> None:
        noted(1)
        await release.wait()

    await welcome.publish_many([Welcome("x")] * 100)
    async with running(app):
        await noted.until(2)
        await asyncio.sleep(0.2)  # time in which a reader without bounds would have read all
        pending = (await app.streams.depth("welcome", ["standard"])).lanes["standard"].pending
        release.set()
        await noted.until(100)

    assert pending <= 2 + 5 + 5


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit(), ValueError("no")]
)
async def test_whatever_a_handler_raises_is_a_failure_of_its_message_only(app, noted, error):
    @app.handler(retries=AT_ONCE, concurrency=1)
    async def welcome(message: Welcome, context: Context) -> None:
        noted((message.address, context.failures))
        if message.address == "bad" and not context.failures:
            raise error

    await welcome.publish_many([Welcome("bad"), Welcome("good")])
    async with running(app):
        await noted.until(3)

    assert sorted(noted.all) == [("bad", 0), ("bad", 1), ("good", 0)]


async def test_a_handler_that_hangs_is_ended_at_its_time_while_its_lease_is_renewed(app, redis_url, noted):
    """A second worker waits for the lease to end."""

    def declare(app: App):
        @app.handler(retries=AT_ONCE, timeout_seconds=1.5, lease_seconds=0.4)
        async def welcome(_: Welcome, context: Context) -> None:
            noted((context.failures, context.deliveries))
            if not context.failures:
                await asyncio.Event().wait()

        return welcome

    await declare(app).publish(Welcome("a"))
    async with App(redis_url) as other:
        declare(other)
        async with running(app), running(other):
            await noted.until(2)

    assert noted.all == [(0, 1), (1, 2)]  # by the time-out, not by a lost lease


async def test_a_runner_goes_on_as_before_after_a_time_out(app, noted):
    @app.handler(retries=AT_ONCE, timeout_seconds=0.2, concurrency=1)
    async def welcome(message: Welcome, context: Context) -> None:
        noted((message.address, context.failures))
        if message.address == "hang" and not context.failures:
            await asyncio.Event().wait()
        if message.address == "cancel" and not context.failures:
            raise asyncio.CancelledError

    await welcome.publish_many([Welcome("hang"), Welcome("cancel"), Welcome("good")])
    async with running(app):
        await noted.until(5)

    assert sorted(noted.all) == [("cancel", 0), ("cancel", 1), ("good", 0), ("hang", 0), ("hang", 1)]


async def test_a_batch_that_hangs_is_ended_at_its_time(app, noted):
    @app.handler(retries=AT_ONCE, timeout_seconds=0.1)
    async def welcome(_: list[Welcome], context: BatchContext) -> None:
        noted(context[0].failures)
        if not context[0].failures:
            await asyncio.Event().wait()

    await welcome.publish(Welcome("a"))
    async with running(app):
        await noted.until(2)


async def test_a_body_that_does_not_decode_is_a_dead_letter_at_once(app, noted, seen):
    @app.handler()
    async def welcome(message: Welcome) -> None:
        noted(message)

    await welcome.publish(Welcome("a"))
    await app.streams.publish([Entry("welcome", "standard", b"7", 10)])
    async with running(app, observer=seen):
        await seen.until("dead")
        await noted.until(1)

    [letter] = await app.streams.dead_letters.page("welcome")
    assert (letter.body, letter.error, len(letter.history)) == (b"7", "adjudge.streams.codecs.Undecodable", 1)
    assert "not a Welcome" in letter.detail


async def test_a_batch_handler_fails_those_it_names_and_ends_the_others(app, noted):
    @app.handler(retries=AT_ONCE)
    async def welcome(messages: list[Welcome], context: BatchContext) -> None:
        noted(sorted((m.address, c.failures) for m, c in zip(messages, context, strict=True)))
        for place, message in enumerate(messages):
            if message.address == "b" and not context[place].failures:
                context.fail(place, ValueError("no"))

    await welcome.publish_many([Welcome("a"), Welcome("b"), Welcome("c")])
    async with running(app):
        await noted.until(2)

    assert noted.all == [[("a", 0), ("b", 0), ("c", 0)], [("b", 1)]]
    assert await unfinished(app, "welcome") == 0


async def test_a_named_wait_is_kept_and_a_rejected_message_is_dead(app, noted, seen):
    @app.handler()
    async def welcome(message: Welcome, context: Context) -> None:
        noted((message.address, context.failures))
        if message.address == "later" and not context.failures:
            raise RetryLater(0.2)
        if message.address == "never":
            raise Reject("garbage")

    await welcome.publish_many([Welcome("later"), Welcome("never")])
    async with running(app, observer=seen):
        await noted.until(3)
        await seen.until("dead")

    assert sorted(noted.all) == [("later", 0), ("later", 1), ("never", 0)]


async def test_while_the_world_is_gone_nothing_else_is_begun_and_nothing_is_counted(app, noted, seen):
    gone, tried = True, set()

    @app.handler(concurrency=2)
    async def welcome(message: Welcome, context: Context) -> None:
        if gone:
            tried.add(message.address)
            raise Stall("no database")
        noted((message.address, context.deliveries))

    await welcome.publish_many([Welcome("a"), Welcome("b")])
    async with running(app, observer=seen):
        await seen.until("stalled", 2)
        assert tried == {"a"}
        gone = False
        await noted.until(2)

    assert sorted(noted.all) == [("a", 1), ("b", 1)]


async def test_an_expired_message_is_not_run_and_says_so(app, noted, seen):
    @app.handler()
    async def welcome(message: Welcome, context: Context) -> None:
        noted((message.address, context.remaining()))

    await welcome.publish(Welcome("old"), expires_in=-5)
    await welcome.publish(Welcome("fresh"), expires_in=60)
    async with running(app, observer=seen):
        await seen.until("expired")
        await noted.until(1)

    [(address, left)] = noted.all
    assert address == "fresh"
    assert 50 < left <= 60
    assert await unfinished(app, "welcome") == 0
    assert (await app.streams.depth("welcome", ["standard"])).dead == 0


async def test_expired_messages_may_be_kept_as_dead_letters(app, seen):
    @app.handler(expired="dead")
    async def welcome(_: list[Welcome]) -> None: ...

    await welcome.publish(Welcome("old"), expires_in=-5)
    async with running(app, observer=seen):
        await seen.until("dead")

    [letter] = await app.streams.dead_letters.page("welcome")
    assert letter.error == "adjudge.streams.signals.Expired"


async def test_what_a_handler_returns_is_the_answer(app):
    @app.handler()
    async def length(message: Welcome) -> int:
        return len(message.address)

    @app.handler()
    async def lengths(messages: list[Welcome]) -> list[int]:
        return [len(message.address) for message in messages]

    @app.handler()
    async def nothing(_: Welcome) -> None: ...

    async with running(app):
        assert await length.ask(Welcome("abc"), timeout_seconds=10) == 3
        assert await lengths.ask(Welcome("abcd"), timeout_seconds=10) == 4
        assert await nothing.ask(Welcome("x"), timeout_seconds=10) is None


async def test_who_asked_learns_why_there_is_no_answer(app):
    @app.handler(retries=Retries(limit=0))
    async def welcome(message: Welcome) -> None:
        raise ValueError("no such address")

    async with running(app):
        with pytest.raises(HandlerFailed, match="no such address") as failed:
            await welcome.ask(Welcome("a"), timeout_seconds=10)

    assert failed.value.error == "builtins.ValueError"


async def test_who_asks_waits_no_longer_than_said(app):
    @app.handler()
    async def welcome(_: Welcome) -> None: ...

    with pytest.raises(ResultTimeout):
        await welcome.ask(Welcome("a"), timeout_seconds=0.1)


async def test_progress_reaches_who_asked(app, noted):
    told = asyncio.Event()

    @app.handler()
    async def welcome(_: Welcome, context: Context) -> str:
        context.progress({"percent": 50})
        await told.wait()
        return "done"

    async with running(app):
        receipt = await welcome.request(Welcome("a"))
        async for value in receipt.progress(timeout_seconds=10):
            noted(value)
            told.set()
        assert await receipt.result(timeout_seconds=10) == "done"

    assert noted.all == [{"percent": 50}]


async def test_an_answer_is_found_though_its_hint_was_lost(app, redis):
    """The line on which hints come is cut while the answer is on its way."""
    go = asyncio.Event()

    @app.handler()
    async def welcome(_: Welcome) -> str:
        await go.wait()
        return "done"

    async with running(app):
        receipt = await welcome.request(Welcome("a"))
        waiting = asyncio.create_task(receipt.result(timeout_seconds=15))
        await redis.client_kill_filter(_type="pubsub")
        go.set()
        assert await waiting == "done"


async def test_nothing_is_kept_for_those_who_did_not_ask(app, redis, noted):
    @app.handler()
    async def welcome(_: Welcome) -> str:
        noted(1)
        return "done"

    await welcome.publish(Welcome("a"))
    async with running(app):
        await noted.until(1)

    assert [key async for key in redis.scan_iter("*result*")] == []


async def test_context_variables_of_one_message_are_not_seen_by_the_next(app, noted):
    variable: ContextVar[str] = ContextVar("variable", default="clean")

    @app.handler(concurrency=1)
    async def welcome(message: Welcome) -> None:
        noted(variable.get())
        variable.set(message.address)

    await welcome.publish_many([Welcome(str(n)) for n in range(10)])
    async with running(app):
        await noted.until(10)

    assert noted.all == ["clean"] * 10


async def test_what_runs_may_finish_and_what_does_not_is_handed_back(app, noted, seen):
    started = Noted()

    @app.handler(concurrency=3)
    async def welcome(message: Welcome) -> None:
        started(message.address)
        await asyncio.sleep(0.1 if message.address == "quick" else 60)
        noted(message.address)

    await welcome.publish_many([Welcome("quick"), Welcome("slow"), Welcome("slower")])
    async with running(app, observer=seen, drain_seconds=0.5):
        await started.until(3)

    assert noted.all == ["quick"]
    [(_, _, returned)] = [call for call in seen.calls if call[0] == "returned"]
    assert len(returned) == 2
    assert await unfinished(app, "welcome") == 2


async def test_publishing_answers_what_stands_against_it(app):
    @app.handler(max_length=1)
    async def welcome(_: Welcome) -> None: ...

    first = await welcome.publish(Welcome("a"), dedup_id="1")
    again = await welcome.publish(Welcome("a"), dedup_id="1")

    assert isinstance(first, str)
    assert isinstance(again, Duplicate)
    assert isinstance(await welcome.publish(Welcome("b")), Full)


async def test_a_broker_that_is_away_is_an_answer_too():
    async with App("redis://127.0.0.1:1", timeout_seconds=0.5) as app:

        @app.handler()
        async def welcome(_: Welcome) -> None: ...

        assert isinstance(await welcome.publish(Welcome("a")), Unavailable)
        assert isinstance(await welcome.publish(Welcome("a"), expires_in=1), Unavailable)
        with pytest.raises(Unavailable):
            await welcome.ask(Welcome("a"), timeout_seconds=1)


async def test_the_key_of_a_message_comes_from_the_declaration_or_the_call(app, noted):
    @app.handler(key=lambda message: message.address, keys=KeyRules(slots=1))
    async def welcome(_: Welcome, context: Context) -> None:
        noted(context.key)

    await welcome.publish(Welcome("a"))
    await welcome.publish(Welcome("a"), key="b")
    async with running(app):
        await noted.until(2)

    assert sorted(noted.all) == ["a", "b"]


async def test_only_the_named_handlers_run(app, noted):
    for name in ("one", "two"):

        @app.handler(name=name)
        async def handle(_: Welcome, context: Context) -> None:
            noted(context.name)

        await handle.publish(Welcome("a"))

    async with running(app, only=["two"]):
        await noted.until(1)

    assert noted.all == ["two"]
    with pytest.raises(ValueError, match="three"):
        await app.run(stop=asyncio.Event(), only=["three"])


async def test_what_the_lifespan_opened_is_at_hand_and_closed_at_the_end(redis_url, noted):
    @asynccontextmanager
    async def lifespan(app):
        noted("opened")
        yield {"database": 1}
        noted("closed")

    async with App(redis_url, lifespan=lifespan) as app:

        @app.handler()
        async def welcome(_: Welcome, context: Context) -> None:
            noted(context.state)

        await welcome.publish(Welcome("a"))
        async with running(app):
            await noted.until(2)

    assert noted.all == ["opened", {"database": 1}, "closed"]


async def test_an_app_uses_the_broker_it_is_given(redis_url, noted):
    app = App("redis://nowhere.invalid")

    @app.handler()
    async def welcome(_: Welcome) -> None:
        noted(1)

    async with Streams(redis_url, rng=random.Random(1)) as streams:
        with app.on(streams):
            await welcome.publish(Welcome("a"))
            async with running(app):
                await noted.until(1)
