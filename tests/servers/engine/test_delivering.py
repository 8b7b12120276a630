"""One deliverer, whose receivers do not answer: how much it has under way, and what becomes of the rest."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from aiohttp import web
from tests.receivers import Receiver, receiving
from tests.servers.labelled.recorded import record

from adjudge.engine.clocks import machine_time
from adjudge.engine.webhooks import delivering as delivering_module
from adjudge.engine.webhooks.delivering import QUEUE_SECONDS, Deliverer
from adjudge.engine.webhooks.posting import Poster
from adjudge.engine.webhooks.receivers import AT_ONCE, REFRESH_SECONDS
from adjudge.outbound import parse_permitted
from adjudge.outbound.client import open_client
from adjudge.store import connecting

ADD = "INSERT INTO endpoint (id, url, secret, created_by, told_since) VALUES ($1, $2, $3, 'test', now())"
TELL = "INSERT INTO delivery (endpoint, decision_id, version) SELECT $1, id, 1 FROM unnest($2::uuid[]) AS id"
STATES = "SELECT state, attempt, count(*) FROM delivery WHERE endpoint = $1 GROUP BY 1, 2 ORDER BY 1, 2"
MORE = AT_ONCE + 8


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def connection(database_url) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url, timeout=10)
    yield connection
    await connection.close(timeout=10)


@asynccontextmanager
async def delivering(database_url: str, monotonic: Hand) -> AsyncIterator[None]:
    async with (
        connecting.open_pool(database_url, size=4, name="test") as pool,
        open_client(parse_permitted("127.0.0.0/8")) as client,
    ):
        poster = Poster(client, now=machine_time, monotonic=monotonic)
        deliverer = Deliverer(pool, poster, monotonic=monotonic, chance=lambda: 0.5, lease_seconds=60)
        task = asyncio.create_task(deliverer.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


@asynccontextmanager
async def silent(let_go: asyncio.Event) -> AsyncIterator[Receiver]:
    async def answer() -> web.Response:
        await let_go.wait()
        return web.Response(status=204)

    async with receiving(lambda _: answer()) as receiver:
        yield receiver


async def until(connection: asyncpg.Connection, endpoint: str, states: list[tuple[str, int, int]]) -> None:
    """Return once an endpoint's deliveries are so: (state, attempt, how many)."""
    async with asyncio.timeout(15):
        while [tuple(row) for row in await connection.fetch(STATES, endpoint)] != states:
            await connection.execute("SELECT pg_sleep(0.02)")


async def test_a_receiver_has_so_many_attempts_at_once_and_one_that_is_silent_holds_no_other_up(
    connection, database_url
):
    ids, let_go = await record(connection, MORE), asyncio.Event()
    async with silent(let_go) as slow, receiving() as quick:
        for name, receiver in (("slow", slow), ("quick", quick)):
            await connection.execute(ADD, name, receiver.url, bytes(32))
            await connection.execute(TELL, name, ids)
        async with delivering(database_url, Hand()):
            await until(connection, "quick", [("delivered", 1, MORE)])
            await slow.until_that(lambda: len(slow.requests) >= AT_ONCE)
            assert [tuple(row) for row in await connection.fetch(STATES, "slow")] == [("sending", 1, MORE)]
            assert len(slow.requests) == AT_ONCE
            let_go.set()

            await until(connection, "slow", [("delivered", 1, MORE)])
    assert len(slow.requests) == MORE


async def test_slow_receivers_never_hold_all_that_may_be_in_hand(connection, database_url, monkeypatch):
    monkeypatch.setattr(delivering_module, "MOST_IN_HAND", AT_ONCE)
    ids, let_go = await record(connection, MORE), asyncio.Event()
    async with silent(let_go) as slow, receiving() as quick:
        await connection.execute(ADD, "slow", slow.url, bytes(32))
        await connection.execute(TELL, "slow", ids)
        async with delivering(database_url, clock := Hand()):
            await slow.until_that(lambda: len(slow.requests) >= AT_ONCE)
            await connection.execute(ADD, "quick", quick.url, bytes(32))
            await connection.execute(TELL, "quick", ids[:8])
            clock.now += REFRESH_SECONDS

            await until(connection, "quick", [("delivered", 1, 8)])
            assert len(slow.requests) == AT_ONCE


async def test_what_waits_for_its_turn_too_long_is_others_to_send(connection, database_url):
    """It is claimed again here too, there being nobody else: its second attempt."""
    ids, let_go, clock = await record(connection, MORE), asyncio.Event(), Hand()
    async with silent(let_go) as receiver:
        await connection.execute(ADD, "slow", receiver.url, bytes(32))
        await connection.execute(TELL, "slow", ids)
        async with delivering(database_url, clock):
            await receiver.until_that(lambda: len(receiver.requests) >= AT_ONCE)
            await until(connection, "slow", [("sending", 1, MORE)])

            clock.now += QUEUE_SECONDS + 1

            await until(connection, "slow", [("sending", 1, AT_ONCE), ("sending", 2, MORE - AT_ONCE)])
            let_go.set()
            await until(connection, "slow", [("delivered", 1, AT_ONCE), ("delivered", 2, MORE - AT_ONCE)])
    assert len(receiver.requests) == MORE
