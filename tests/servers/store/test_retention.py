"""Whole weeks are dropped by age; what somebody still needs is kept; what was dropped is known to be gone."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from tests.servers.labelled.recorded import LABEL, START, VOTE, record
from tests.stacks import build_stack
from tests.waiting import until

from adjudge.engine.keeping import retaining
from adjudge.engine.keeping.retaining import Ages, TooShort
from adjudge.store import partitions, retention

__all__ = ["build_stack"]

WEEK = timedelta(weeks=1)
OLD = datetime(2026, 10, 5, 9, tzinfo=UTC)
NOW = datetime(2026, 11, 24, tzinfo=UTC)
AGES = Ages(decisions=timedelta(days=30))
TABLES = ("decision", "outcome", "evidence")


@pytest.fixture
async def connection(database_url) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url, timeout=10)
    yield connection
    await connection.close(timeout=10)


async def counts(connection) -> tuple[int, ...]:
    return tuple([await connection.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES])


async def test_weeks_older_than_their_age_go_and_the_others_stay(connection):
    for week in range(3):
        ids = await record(connection, 4, start=OLD + week * WEEK)
        await connection.execute(VOTE, ids[0], "anna", "ale", OLD)
        await connection.execute(LABEL, ids[1], "appeal", "ale")
    kept = await record(connection, 2, start=START)

    dropped = await retaining.drop_due(connection, AGES, NOW, by="test")

    assert [str(each.week.monday) for each in dropped] == ["2026-10-05", "2026-10-12"]
    assert await counts(connection) == (6, 6, 6)
    assert {row["id"] for row in await connection.fetch("SELECT id FROM decision")} > set(kept)
    assert not await connection.fetch("SELECT FROM pg_class WHERE relname LIKE '%_20261005'")
    assert await retaining.drop_due(connection, AGES, NOW, by="test") == []
    assert [row["done_at"] is not None for row in await connection.fetch("SELECT done_at FROM retention")] == [True] * 2


async def test_evidence_can_go_before_its_decisions(connection):
    await record(connection, 4, start=OLD)

    await retaining.drop_due(connection, Ages(evidence=timedelta(days=30)), NOW, by="test")

    assert await counts(connection) == (4, 4, 0)


@pytest.mark.parametrize("held_by", ["work", "delivery"])
async def test_a_week_with_something_open_or_unsent_is_kept(connection, held_by):
    [decision, *_] = await record(connection, 4, start=OLD)
    await connection.execute(
        {
            "work": """INSERT INTO work (decision_id, type, location, lane, revision, stage, due_at, due_kind,
                    stage_until, deadline, history)
                VALUES ($1, 't', 'l', 'bulk', 1, 0, now(), 'stage', now(), now(), '[]')""",
            "delivery": "INSERT INTO delivery (endpoint, decision_id, version) VALUES ('e', $1, 1)",
        }[held_by],
        decision,
    )

    [week] = await retaining.drop_due(connection, AGES, NOW, by="test")

    assert week.held_by == 1
    assert await counts(connection) == (4, 4, 4)


@pytest.mark.parametrize("left", ["attached", "detached"])
async def test_a_run_that_was_cut_off_is_finished_by_the_next(connection, left):
    await record(connection, 4, start=OLD)
    monday = partitions.week_of(OLD)
    await connection.execute(f"DROP TABLE {partitions.name_of('evidence', monday)}")
    if left == "detached":
        outcome = partitions.name_of("outcome", monday)
        await connection.execute(f"ALTER TABLE outcome DETACH PARTITION {outcome} CONCURRENTLY")

    await retaining.drop_due(connection, AGES, NOW, by="test")

    assert await counts(connection) == (0, 0, 0)
    assert await retention.due(connection, "decisions", NOW - timedelta(days=30)) == []


async def test_a_reader_holds_up_the_run_and_nobody_else(connection, database_url):
    """DETACH takes an exclusive lock on the whole table: every insert would queue behind the reader."""
    await record(connection, 4, start=OLD)
    await record(connection, 1)
    reader, writer = [await asyncpg.connect(database_url) for _ in range(2)]
    reading = reader.transaction()
    await reading.start()
    await reader.fetch("SELECT * FROM decision JOIN outcome ON decision_id = id JOIN evidence USING (decision_id)")

    dropping = asyncio.create_task(retaining.drop_due(connection, AGES, NOW, by="test"))
    async with asyncio.timeout(10):
        await until(lambda: writer.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
        async with asyncio.timeout(2):
            await record(writer, 1, first=50)
        await reading.rollback()
        await dropping

    assert (await counts(writer))[0] == 2
    for each in (reader, writer):
        await each.close()


async def test_two_runs_at_once_do_not_collide(connection, database_url):
    await record(connection, 4, start=OLD)
    other = await asyncpg.connect(database_url)

    done = await asyncio.gather(*(retaining.drop_due(each, AGES, NOW, by="test") for each in (connection, other)))

    assert max(map(len, done)) == 1
    assert await counts(connection) == (0, 0, 0)
    await other.close()


def test_evidence_goes_after_its_own_days_and_decisions_after_theirs():
    ages = Ages.of_days(decisions=400, evidence=30)

    assert ages.kinds == [("evidence", timedelta(days=30)), ("decisions", timedelta(days=400))]
    assert Ages.of_days(decisions=None, evidence=None).kinds == []


def test_what_is_in_use_cannot_be_dropped_by_a_slip_of_the_hand():
    with pytest.raises(TooShort):
        Ages(decisions=timedelta(days=1))


async def test_a_keeper_drops_by_itself_and_what_is_dropped_is_gone_and_not_unknown(build_stack):
    stack = await build_stack("api", keep_decisions_days=30)
    async with stack.db.acquire() as connection:
        [decision] = await record(connection, 1, start=OLD)
    assert (await stack.read(str(decision)))["status"] == "final"

    await stack.start("keeper")

    answer = await until(lambda: stack.admin.get(f"/v1/decisions/{decision}"), lambda found: found.status_code != 200)
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (410, "decision-gone")
    for call in (
        stack.admin.get(f"/v1/decisions/{decision}/path"),
        stack.admin.post(f"/v1/decisions/{decision}/truth", {"answer": "ale", "source": "appeal"}),
        stack.admin.post("/v1/erasures", {"decision": str(decision), "reason": "r"}),
    ):
        assert (await call).status_code == 410
