"""Periodic handlers as an app declares them."""

import asyncio

import pytest

from adjudge.streams import App
from adjudge.streams.cron import InvalidCron
from adjudge.streams.schedules import Every, Tick


@pytest.fixture
def app(streams):
    app = App("redis://nowhere")
    with app.on(streams):
        yield app


async def ran(app, done):
    stop = asyncio.Event()
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(app.run(stop=stop))
        await done.wait()
        stop.set()


async def test_a_handler_runs_at_every_tick_with_its_time(app):
    ticks, done = [], asyncio.Event()

    @app.every(0.2)
    async def sweep(tick: Tick) -> None:
        ticks.append(tick)
        if len(ticks) == 3:
            done.set()

    await ran(app, done)

    assert [round(each.at * 10) % 2 for each in ticks[:3]] == [0, 0, 0]
    assert [round(10 * (each.at - ticks[0].at)) for each in ticks[:3]] == [0, 2, 4]


async def test_a_message_is_sent_to_a_handler_on_a_schedule(app):
    heard, done = [], asyncio.Event()

    @app.handler()
    async def greet(name: str) -> None:
        heard.append(name)
        done.set()

    app.schedule(greet, Every(0.1), "Ada", id="ada")
    await ran(app, done)

    assert set(heard) == {"Ada"}


def test_a_mistaken_expression_is_refused_where_it_stands():
    with pytest.raises(InvalidCron, match="25"):
        App("redis://nowhere").cron("0 25 * * *")


def test_a_cron_handler_keeps_its_expression_and_zone():
    app = App("redis://nowhere")

    @app.cron("*/5 8-20 * * 1-5", timezone="Europe/Berlin")
    async def report(tick: Tick) -> None: ...

    (schedule,) = app.handlers["report"].options.schedules
    assert schedule.when.expression.zone.key == "Europe/Berlin"
