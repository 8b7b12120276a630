"""What users write: their own handlers, on a broker in memory, in virtual time."""

import asyncio
import subprocess
import sys
import time

import msgspec
import pytest

from adjudge.streams import App, Context, KeyRules, Reject, Retries
from adjudge.streams.testing import simulated


class Welcome(msgspec.Struct, frozen=True):
    address: str


def an_app():
    return App("redis://nowhere.invalid:6379")


def test_a_message_is_handled_and_its_answer_is_told():
    app = an_app()

    @app.handler()
    async def welcome(message: Welcome) -> str:
        return f"hello {message.address}"

    async def story(simulation):
        async with simulation.working(app):
            assert await welcome.ask(Welcome("a@b.example"), timeout_seconds=5) == "hello a@b.example"

    simulated(story)


def test_retries_and_delays_of_minutes_take_no_time():
    app, tries = an_app(), []

    @app.handler(retries=Retries(limit=3, base_seconds=300, cap_seconds=300))
    async def welcome(message: Welcome, context: Context) -> None:
        tries.append(context.deliveries)
        if context.deliveries < 3:
            raise ConnectionError("away")

    async def story(simulation):
        async with simulation.working(app):
            await welcome.publish(Welcome("a"), delay_seconds=900)
            await simulation.advance(899)
            assert tries == []
            await simulation.drained(app, seconds=10_000)

    began = time.monotonic()
    simulated(story)

    assert tries == [1, 2, 3]
    assert time.monotonic() - began < 30


def test_what_is_rejected_is_found_among_the_dead_letters():
    app = an_app()

    @app.handler()
    async def welcome(message: Welcome) -> None:
        raise Reject("no such address")

    async def story(simulation):
        async with simulation.working(app):
            await welcome.publish(Welcome("a"))
            await simulation.drained(app)
        [letter] = await simulation.dead_letters(welcome)
        assert (letter.body, letter.detail) == (b'{"address":"a"}', "no such address")

    simulated(story)


def test_a_crashed_workers_message_comes_to_another():
    app, seen = an_app(), []

    @app.handler(lease_seconds=30)
    async def welcome(message: Welcome, context: Context) -> None:
        seen.append(context.deliveries)
        await asyncio.sleep(10)

    async def story(simulation):
        async with simulation.working(app) as first:
            await welcome.publish(Welcome("a"))
            await simulation.advance(1)
            first.crash()
        async with simulation.working(app):
            await welcome.publish(Welcome("b"))
            await simulation.drained(app)

    simulated(story)

    assert sorted(seen) == [1, 1, 2]


def test_the_order_of_a_key_holds_in_every_interleaving():
    async def story(simulation):
        app, seen = an_app(), []

        @app.handler(keys=KeyRules(slots=1), key=lambda message: message.address[0])
        async def welcome(message: Welcome) -> None:
            await asyncio.sleep(simulation.streams.rng.random())
            seen.append(message.address)

        async with simulation.working(app), simulation.working(app):
            await welcome.publish_many([Welcome(f"{key}{i}") for i in range(5) for key in "ab"])
            await simulation.drained(app)
        for key in "ab":
            assert [each for each in seen if each[0] == key] == [f"{key}{i}" for i in range(5)]

    simulated(story, seeds=range(20))


def test_a_synchronous_handler_runs_too():
    app, seen = an_app(), []

    @app.handler(pool="thread")
    def welcome(message: Welcome) -> None:
        seen.append(message.address)

    async def story(simulation):
        async with simulation.working(app):
            await welcome.publish(Welcome("a"))
            await simulation.drained(app)

    simulated(story)

    assert seen == ["a"]


def test_a_failure_names_its_seed():
    async def story(simulation):
        assert simulation.seed < 2

    with pytest.raises(AssertionError) as failed:
        simulated(story, seeds=range(5))

    assert failed.value.__notes__ == ["seed 2 of the simulation"]


def test_the_fixture_runs_a_story(streams_simulation):
    seeds = []

    async def story(simulation):
        seeds.append(simulation.seed)

    streams_simulation(story, seeds=range(3))

    assert seeds == [0, 1, 2]


def test_workers_do_not_carry_the_test_package_along():
    loaded = """
import sys, adjudge.streams
sys.exit(any(name.startswith(("adjudge.streams.testing", "pytest")) for name in sys.modules))
"""

    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_worker_that_dies_while_it_asks_the_broker_keeps_no_other_from_asking(seed):
    """Each seed once stood still: the dead one held its turn on a connection that all workers shared."""
    app, handled = an_app(), set()

    @app.handler(lease_seconds=30)
    async def welcome(message: Welcome) -> None:
        handled.add(message.address)

    async def story(simulation):
        async with simulation.working(app) as first, simulation.working(app):
            await welcome.publish_many([Welcome(f"{number}") for number in range(10)])
            await simulation.advance(0.001)
            first.crash()
            await simulation.drained(app, seconds=100)

    simulated(story, seeds=[seed])

    assert len(handled) == 10
