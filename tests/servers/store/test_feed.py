"""The feed has no gap: whatever commits when, a reader that goes on from its mark has had everything."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from tests.servers.store.test_tables import INSERT_DECISION, an_id
from tests.waiting import until

from adjudge.store import feed
from adjudge.store.feed import EVERYTHING, Mark, Page, Wanted
from adjudge.store.scope import SYSTEM, Scope

INSERT_OUTCOME = """
    INSERT INTO outcome (decision_id, version, kind, source, deciders, reason, code, relied, attempt_id, votes,
        cost, path)
    SELECT decision, $2, $3, 'model', '{}', '', '', '[]', gen_random_uuid(), 0, '{}', '[]'
    FROM unnest($1::uuid[]) AS decision
"""
STORE = INSERT_DECISION.replace("'default'", "$2")


@pytest.fixture
async def pool(database_url) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(database_url, min_size=0, max_size=8) as pool:
        yield pool


@pytest.fixture
async def connection(pool) -> AsyncIterator[asyncpg.Connection]:
    async with pool.acquire() as connection:
        yield connection


async def decided(connection, count: int = 1, location: str = "default") -> list[UUID]:
    """Decisions that wait for their outcomes."""
    ids = sorted(an_id() for _ in range(count))
    await connection.executemany(STORE, [(decision, location) for decision in ids])
    return ids


async def settle(connection, ids: list[UUID], version: int = 1, kind: str = "final") -> None:
    await connection.execute(INSERT_OUTCOME, ids, version, kind)


async def rest(connection, after: Mark, scope: Scope = SYSTEM, wanted: Wanted = EVERYTHING, limit: int = 50) -> Page:
    """Read from the mark to the end."""
    rows = []
    while True:
        page = await feed.read(connection, scope, wanted, after, limit)
        rows += page.rows
        after = page.mark
        if page.at_end:
            return Page(rows, page.mark, at_end=True, is_quiet=page.is_quiet)


async def until_read(connection, after: Mark, count: int) -> Page:
    """Read until so many are there: other tests of this server may hold the feed back for a moment."""
    return await until(lambda: rest(connection, after), lambda found: len(found.rows) >= count)


async def test_a_full_page_of_everything_passes_over_no_more_than_it_shows(connection):
    """What it read behind its last row would be read again for the next page."""
    begin = await feed.edge(connection)
    await settle(connection, await decided(connection, feed.LONGEST_PAGE + 100))
    await until_read(connection, begin, feed.LONGEST_PAGE + 100)
    found = []

    class Overheard:
        async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
            found.extend(await connection.fetch(statement, *arguments))
            return found

    page = await feed.read(Overheard(), SYSTEM, EVERYTHING, begin, feed.LONGEST_PAGE)

    assert len(page.rows) == feed.LONGEST_PAGE
    assert found[0]["scanned"] == feed.LONGEST_PAGE


async def test_a_page_looks_for_its_decisions_only_in_their_weeks(connection):
    """After two years there are a hundred of them, and every page would look for each of its rows in all."""
    begin = await feed.edge(connection)
    await settle(connection, await decided(connection, 300))
    await until_read(connection, begin, 300)

    statement = f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {feed.PAGES[500]}"
    plan = await connection.fetch(statement, *begin.position, SYSTEM.org, None, None, None, feed.LONGEST_PAGE)

    lines = [line for (line,) in plan if " on decision_" in line]
    weeks = {line.split(" on decision_")[1][:8] for line in lines}
    assert len(weeks) > 1
    assert len({line.split(" on decision_")[1][:8] for line in lines if "never executed" not in line}) == 1


async def test_a_commit_that_finishes_late_is_not_missed(pool, connection):
    """It has the lower number and comes into sight after the higher one."""
    begin = await feed.edge(connection)
    [slow], [fast] = await decided(connection), await decided(connection)

    async with pool.acquire() as writer:
        transaction = writer.transaction()
        await transaction.start()
        await settle(writer, [slow])
        await settle(connection, [fast])
        meanwhile = await rest(connection, begin)
        await transaction.commit()
    afterwards = await until_read(connection, meanwhile.mark, 2)

    assert meanwhile.rows == []
    assert not meanwhile.is_quiet
    assert [row.decision_id for row in afterwards.rows] == [slow, fast]


async def test_a_transaction_that_gives_up_holds_nothing_back_for_ever(pool, connection):
    begin = await feed.edge(connection)
    [given_up], [kept] = await decided(connection), await decided(connection)

    async with pool.acquire() as writer:
        transaction = writer.transaction()
        await transaction.start()
        await settle(writer, [given_up])
        await settle(connection, [kept])
        await transaction.rollback()

    assert [row.decision_id for row in (await until_read(connection, begin, 1)).rows] == [kept]


@pytest.mark.parametrize("seed", [1, 2])
async def test_readers_of_writers_that_commit_in_any_order_miss_nothing_and_read_nothing_twice(pool, connection, seed):
    """Six writers, 2,400 outcomes in transactions of a random length; one reader of whole pages, one of short ones."""
    chance = random.Random(seed)
    begin = await feed.edge(connection)
    ids = await decided(connection, 2_400)
    batches = [ids[n : n + 5] for n in range(0, len(ids), 5)]
    written = asyncio.Event()

    async def write(share: list[list[UUID]], wait: random.Random) -> None:
        async with pool.acquire() as own:
            for batch in share:
                async with own.transaction():
                    await settle(own, batch[:3])
                    await asyncio.sleep(wait.random() * 0.01)  # the order of commits
                    await settle(own, batch[3:])

    async def follow(limit: int) -> list[UUID]:
        mark, read = begin, []
        async with pool.acquire() as own:
            while not written.is_set() or len(read) < len(ids):
                page = await feed.read(own, SYSTEM, EVERYTHING, mark, limit)
                read += [row.decision_id for row in page.rows]
                mark = page.mark
                await asyncio.sleep(0)
        return read

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        readers = [group.create_task(follow(limit)) for limit in (500, 7)]
        async with asyncio.TaskGroup() as writers:
            for n in range(6):
                writers.create_task(write(batches[n::6], random.Random(chance.random())))
        written.set()

    for reader in readers:
        assert Counter(reader.result()) == Counter(ids)


async def test_versions_of_a_decision_come_in_their_order(connection):
    begin = await feed.edge(connection)
    ids = await decided(connection, 20)
    await settle(connection, ids, 1, "provisional")
    await settle(connection, ids[10:], 2, "final")
    await settle(connection, ids[:10], 2, "final")
    await settle(connection, ids, 3, "amended")

    rows = (await until_read(connection, begin, 60)).rows

    for decision in ids:
        assert [row.version for row in rows if row.decision_id == decision] == [1, 2, 3]


async def test_a_reader_of_one_store_moves_on_over_the_others(connection):
    """And reads no more rows of decisions than a page passes over."""
    begin = await feed.edge(connection)
    await settle(connection, await decided(connection, 2_500, "store-002"))
    mine = await decided(connection, 3, "store-001")
    await settle(connection, mine)
    await until_read(connection, begin, 2_503)
    scope = Scope("key", "client", ("store-001",))

    first = await feed.read(connection, scope, EVERYTHING, begin, 10)
    page = await rest(connection, begin, scope)

    assert first.rows == []
    assert first.mark.position > begin.position
    assert not first.at_end
    assert [row.decision_id for row in page.rows] == mine
    assert (await rest(connection, begin, SYSTEM, Wanted(location="store-001"))).rows == page.rows
    assert (await rest(connection, begin, scope, Wanted(location="store-002"))).rows == []
    assert (await rest(connection, begin, scope, Wanted(type="another"))).rows == []
    assert (await rest(connection, page.mark, scope)).rows == []


async def test_what_came_in_from_elsewhere_is_never_told(connection):
    begin = await feed.beginning(connection)
    [decision] = await decided(connection)
    await connection.execute(
        INSERT_OUTCOME.replace("path)", "path, xid)").replace("'[]'\n", f"'[]', '{feed.NOT_IN_FEED}'::xid8\n"),
        [decision],
        1,
        "final",
    )

    assert (await rest(connection, begin)).rows == []


async def test_a_position_is_found_for_a_moment(connection):
    ids = await decided(connection, 40)
    for decision in ids:
        await settle(connection, [decision])
    rows = (await until_read(connection, await feed.beginning(connection), 40)).rows

    for row in (rows[0], rows[17], rows[-1]):
        position = await feed.position_at(connection, row.settled_at)
        mark = Mark(position, row.settled_at, (await feed.edge(connection)).generation)
        assert (await rest(connection, mark)).rows[0] == row
    beyond = await feed.position_at(connection, datetime.now(UTC) + timedelta(hours=1))
    assert beyond.xid >= rows[-1].xid


async def test_a_mark_of_another_server_means_a_moment(connection):
    """Its transactions were numbered otherwise: higher numbers than ours, as after a restore, must not skip."""
    [decision] = await decided(connection)
    await settle(connection, [decision])
    row = (await until_read(connection, await feed.beginning(connection), 1)).rows[0]
    elsewhere = Mark(feed.Position(2**60), row.settled_at + timedelta(minutes=5), "7000000000000000000/00000001")
    long_after = Mark(feed.Position(3), row.settled_at + timedelta(minutes=20), elsewhere.generation)

    assert (await rest(connection, elsewhere)).rows == [row]
    assert (await rest(connection, long_after)).rows == []
