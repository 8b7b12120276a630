"""The outbox: who is told what is written down once, in one statement for a page of the feed."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from tests.servers.store.test_feed import decided, settle
from tests.waiting import until

from adjudge.store import feed
from adjudge.store.feed import Mark
from adjudge.store.scope import SYSTEM
from adjudge.store.webhooks import endpoints, outbox


@pytest.fixture
async def connection(database_url) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url, timeout=10)
    yield connection
    await connection.close(timeout=10)


async def an_endpoint(connection, name: str, *, locations: list[str] | None = None, types: list[str] | None = None):
    url = "http://example.com"
    await endpoints.add(connection, SYSTEM, name, url, locations=locations, types=types, secret=bytes(32))


async def settled(connection, count: int = 1, location: str = "default") -> list[UUID]:
    """Outcomes that can be read: other tests of this server may hold the feed back for a moment."""
    ids = await decided(connection, count, location)
    await settle(connection, ids)
    written = await connection.fetchval("SELECT max(xid) FROM outcome WHERE decision_id = ANY($1::uuid[])", ids)
    await until(lambda: feed.reach(connection), lambda found: found[0] > written)
    return ids


async def fanned_out(connection, after: Mark) -> outbox.Page:
    async with connection.transaction():
        assert await outbox.take(connection)
        return await outbox.fan_out(connection, after)


async def told(connection) -> set[tuple[str, UUID]]:
    return {(row["endpoint"], row["decision_id"]) for row in await connection.fetch("SELECT * FROM delivery")}


async def test_each_endpoint_is_told_what_it_wants_of_what_was_settled_since_it_was_added(connection):
    begin = await feed.edge(connection)
    await settled(connection)
    await an_endpoint(connection, "all")
    await an_endpoint(connection, "of a store", locations=["store-1", "store-3"])
    await an_endpoint(connection, "of no type that there is", types=["other"])
    await an_endpoint(connection, "gone")
    await endpoints.stop(connection, "gone")

    [first], [second] = await settled(connection, location="store-1"), await settled(connection, location="store-2")
    page = await fanned_out(connection, begin)

    assert (page.scanned, page.written) == (3, 3)
    assert await told(connection) == {("all", first), ("of a store", first), ("all", second)}


async def test_what_was_written_is_not_written_again(connection):
    await an_endpoint(connection, "all")
    begin = await feed.edge(connection)
    await settled(connection, 3)
    first = await fanned_out(connection, begin)

    again, next_ = await fanned_out(connection, begin), await fanned_out(connection, first.mark)

    assert [(page.scanned, page.written) for page in (first, again, next_)] == [(3, 3), (3, 0), (0, 0)]


async def test_a_page_is_not_planned_anew(connection):
    """Each plan would cost as much as 200 of its rows."""
    for _ in range(3):
        await fanned_out(connection, await feed.edge(connection))

    planned = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = $1"
    assert await connection.fetch(planned, outbox.FAN_OUT) == [(3, 0)]


async def test_a_mark_of_another_server_means_a_moment(connection):
    """As for the feed's readers: after a restore its position would skip, or tell all again."""
    await an_endpoint(connection, "all")
    [decision] = await settled(connection)
    soon = datetime.now(UTC) + timedelta(minutes=5)

    page = await fanned_out(connection, Mark(feed.Position(2**60), soon, "7000000000000000000/00000001"))
    late = await fanned_out(connection, Mark(feed.Position(3), soon + timedelta(hours=1), "7/00000001"))

    assert (page.written, late.scanned) == (1, 0)
    assert await told(connection) == {("all", decision)}
    assert page.mark.generation == (await feed.edge(connection)).generation


async def test_a_page_behind_the_newest_known_rows_costs_as_much_as_its_rows(connection):
    """PostgreSQL expects none there: it would hold each outcome against each decision, and each location of a list."""
    await an_endpoint(connection, "all")
    await an_endpoint(connection, "of many stores", locations=["default", *(f"store-{n}" for n in range(1_000))])
    await settled(connection, 2_000)
    await connection.execute("ANALYZE outcome")
    await connection.execute("ANALYZE decision")
    begin = await feed.edge(connection)
    await settled(connection, 400)

    async with connection.transaction():
        await outbox.take(connection)
        await connection.execute(f"PREPARE fan_out AS {outbox.FAN_OUT}")
        xid, decision, version = begin.position
        given = f"'{xid}', '{decision}', {version}, '{begin.generation}'"
        plan = [line for (line,) in await connection.fetch(f"EXPLAIN (ANALYZE, TIMING OFF) EXECUTE fan_out ({given})")]

    compared = sum(int(found[1]) for line in plan if (found := re.search(r"Removed by Join Filter: (\d+)", line)))
    assert compared < 4_000, "\n".join(plan)
    assert await connection.fetchval("SELECT count(*) FROM delivery") == 2 * 400
