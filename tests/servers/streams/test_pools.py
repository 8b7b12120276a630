"""Sync handlers in threads and in child processes."""

import asyncio
import importlib.util
import os
import random
import signal
import sys
import threading
from pathlib import Path

import msgspec
import pytest
from tests.servers.streams.running import running

from adjudge.streams import App, Context, HandlerFailed, NotAHandler, Retries, Streams

AT_ONCE = Retries(limit=1, base_seconds=0, cap_seconds=0)


class Order(msgspec.Struct, frozen=True):
    what: str


@pytest.fixture
def pooled(redis_url, monkeypatch):
    """The module of handlers, imported as a child will import it, and its app on the test's broker."""
    folder = Path(__file__).parent
    monkeypatch.syspath_prepend(str(folder))
    spec = importlib.util.spec_from_file_location("pooled", folder / "pooled.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "pooled", module)
    spec.loader.exec_module(module)
    with module.app.on(Streams(redis_url, rng=random.Random(1))):
        yield module


async def test_a_sync_function_runs_in_a_thread_and_answers(redis_url):
    async with App(redis_url) as app:

        @app.handler()
        def work(order: Order, context: Context) -> str:
            context.progress("begun")
            return f"{order.what} {threading.current_thread() is threading.main_thread()}"

        async with running(app):
            assert await work.ask(Order("a"), timeout_seconds=10) == "a False"


async def test_sync_functions_run_side_by_side_up_to_the_concurrency(redis_url):
    barrier = threading.Barrier(3, timeout=10)
    async with App(redis_url) as app:

        @app.handler(concurrency=3)
        def work(_: Order) -> int:
            return barrier.wait()

        async with running(app):
            answers = await asyncio.gather(*(work.ask(Order("a"), timeout_seconds=10) for _ in range(3)))

    assert sorted(answers) == [0, 1, 2]


async def test_a_thread_that_hangs_is_given_up_and_does_not_take_a_place(redis_url):
    hang = threading.Event()
    async with App(redis_url) as app:

        @app.handler(concurrency=1, timeout_seconds=0.2, retries=Retries(limit=0))
        def work(order: Order) -> str:
            if order.what == "hang":
                hang.wait(30)
            return order.what

        async with running(app):
            with pytest.raises(HandlerFailed, match="TimedOut"):
                await work.ask(Order("hang"), timeout_seconds=10)
            assert await work.ask(Order("a"), timeout_seconds=10) == "a"
            hang.set()


@pytest.mark.parametrize("kind", [SystemExit, GeneratorExit, StopIteration, asyncio.CancelledError])
async def test_whatever_is_raised_in_a_thread_is_a_failure(redis_url, kind):
    async with App(redis_url) as app:

        @app.handler(retries=AT_ONCE)
        def work(_: Order, context: Context) -> int:
            if not context.failures:
                raise kind(1)
            return context.failures

        async with running(app):
            assert await work.ask(Order("a"), timeout_seconds=10) == 1


async def test_a_child_process_handles_prints_and_is_replaced_after_its_last_call(pooled):
    async with running(pooled.app, only=["work"]):
        pids = [await pooled.work.ask(Order("print"), timeout_seconds=20) for _ in range(4)]

    assert pids[0] == pids[1] == pids[2] != pids[3]
    assert os.getpid() not in pids


async def test_a_message_that_kills_its_child_is_poison_and_the_others_go_on(pooled, seen):
    async with running(pooled.app, only=["work"], observer=seen):
        await pooled.work.publish(Order("die"))
        await seen.until("dead")
        assert await pooled.work.ask(Order("a"), timeout_seconds=20)

    assert [str(call[2]) for call in seen.calls if call[0] == "crashed"] == [
        "the child process ended with status 9"
    ] * 5
    [letter] = await pooled.app.streams.dead_letters.page("work")
    assert (letter.error, letter.crashes) == ("adjudge.streams.signals.Poison", 5)


@pytest.mark.parametrize(
    ("what", "said"),
    [("hang", "ended after 2 s"), ("exit", "SystemExit(3)"), ("unportable", "Unportable: ab"), ("later", "")],
)
async def test_what_goes_wrong_in_a_child_is_a_failure_that_is_tried_again(pooled, seen, what, said):
    async with running(pooled.app, only=["work"], observer=seen):
        assert await pooled.work.ask(Order(what), timeout_seconds=30)

    [(_, _, error, _)] = [call for call in seen.calls if call[0] == "failed"]
    assert said in str(error)


async def test_a_rejection_in_a_child_is_one_and_has_its_traceback(pooled):
    async with running(pooled.app, only=["work"]):
        with pytest.raises(HandlerFailed, match="garbage"):
            await pooled.work.ask(Order("reject"), timeout_seconds=20)

    [letter] = await pooled.app.streams.dead_letters.page("work")
    assert letter.error == "adjudge.streams.signals.Reject"
    assert "pooled.py" in letter.traceback


async def test_progress_comes_out_of_a_child(pooled):
    async with running(pooled.app, only=["work"]):
        receipt = await pooled.work.request(Order("progress"))
        assert [value async for value in receipt.progress(timeout_seconds=20)] == ["half"]


async def test_the_start_of_a_child_is_no_part_of_the_time_of_a_call(pooled, seen, monkeypatch):
    monkeypatch.setenv("POOLED_START_SECONDS", "2.2")

    async with running(pooled.app, only=["work"], observer=seen):
        assert await pooled.work.ask(Order("a"), timeout_seconds=30)

    assert seen.counts["failed"] == 0


async def test_a_child_that_is_told_to_end_with_all_others_ends_its_call_first(pooled, seen):
    """A supervisor that stops a service tells all its processes; which of them drains is the worker's affair."""
    async with running(pooled.app, only=["work"], observer=seen):
        child = await pooled.work.ask(Order("a"), timeout_seconds=30)
        receipt = await pooled.work.request(Order("progress"))
        async for _ in receipt.progress(timeout_seconds=20):
            os.kill(child, signal.SIGTERM)
        assert await receipt.result(timeout_seconds=20) == child

    assert seen.counts["crashed"] == 0


async def test_a_child_that_died_while_it_was_idle_is_no_ones_fault(pooled, seen):
    async with running(pooled.app, only=["work"], observer=seen):
        child = await pooled.work.ask(Order("a"), timeout_seconds=30)
        os.kill(child, signal.SIGKILL)
        while os.path.exists(f"/proc/{child}"):  # noqa: ASYNC240  until it is waited for; there is no event for this
            await asyncio.sleep(0.01)
        assert await pooled.work.ask(Order("a"), timeout_seconds=30) != child

    assert seen.counts["crashed"] == 0


async def test_a_batch_in_a_child_fails_those_it_names(pooled, seen):
    await pooled.many.publish_many([Order("a"), Order("bad"), Order("c")])
    async with running(pooled.app, only=["many"], observer=seen):
        await seen.until("handled", 2)

    assert seen.counts["failed"] == 1


async def test_a_handler_that_no_child_could_find_is_refused(redis_url):
    async with App(redis_url) as app:

        @app.handler(pool="process")
        def work(_: Order) -> None: ...

        with pytest.raises(NotAHandler, match="top of a module"):
            await app.run(stop=asyncio.Event())
