import asyncio
from contextlib import asynccontextmanager


@asynccontextmanager
async def listening(streams, channel):
    heard, ready = asyncio.Queue(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(streams.listen(channel, heard.put_nowait, ready))
        async with asyncio.timeout(10):
            await ready.wait()
            yield heard, ready
        task.cancel()


async def test_a_listener_hears_what_is_sent_to_its_channel(streams):
    async with listening(streams, "replica-1") as (heard, _):
        await streams.hints([("replica-1", b"a"), ("replica-2", b"x"), ("replica-1", b"b")])

        assert [await heard.get(), await heard.get()] == [b"a", b"b"]


async def test_a_listener_whose_connection_is_killed_listens_again(streams, redis):
    async with listening(streams, "replica-1") as (heard, ready):
        await redis.client_kill_filter(_type="pubsub")
        while ready.is_set():
            await asyncio.sleep(0)
        await ready.wait()

        await streams.hint("replica-1", b"again")

        assert await heard.get() == b"again"


async def test_a_listener_that_hears_nothing_for_long_stays_subscribed(streams, monkeypatch):
    monkeypatch.setattr("adjudge.streams.hints.SILENCE_SECONDS", 0.02)
    async with listening(streams, "replica-1") as (heard, ready):
        await asyncio.sleep(0.2)  # ten times the silence after which it asks

        assert ready.is_set()
        await streams.hint("replica-1", b"still there")
        assert await heard.get() == b"still there"
