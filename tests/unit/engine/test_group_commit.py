"""What is in no hurry is flushed by itself, and rests while others ask: nobody waits for a burst of bulk posts."""

import asyncio

import pytest
from tests.unit.engine.flushed import Database, a_row, at_work

from adjudge.engine.intake import flushing, group_commit
from adjudge.engine.intake.group_commit import GroupCommit
from adjudge.engine.intake.pending import Sheaf


@pytest.fixture
async def database():
    return Database()


@pytest.fixture
async def commit(database):
    async with at_work(GroupCommit, database) as commit:
        yield commit


async def test_nobody_waits_for_a_flush_of_bulk(commit, database, monkeypatch):
    monkeypatch.setattr(flushing, "SLOW_SECONDS", 60.0)
    commit.submit(a_row(0, lane="bulk"), Sheaf())
    await database.statement(1)

    commit.submit(a_row(1, lane="bulk"), Sheaf())
    commit.submit(a_row(2, lane="standard"), Sheaf())
    commit.submit(a_row(3, lane="realtime"), Sheaf())

    assert await database.statement(2) == 2
    assert (commit.waiting("bulk"), commit.waiting("standard"), commit.waiting("realtime")) == (1, 0, 0)


async def test_while_others_ask_bulk_rests_after_a_flush(commit, database, monkeypatch, passes):
    monkeypatch.setattr(flushing, "SLOW_SECONDS", LONG)
    monkeypatch.setattr(group_commit, "LATELY_SECONDS", LONG)
    await flush(commit, database, 1, lane="standard")
    await flush(commit, database, 2, lane="bulk", during=lambda: passes(60.0))

    commit.submit(a_row(3, lane="bulk"), Sheaf())
    passes((flushing.REST - 1) * 60.0)
    await some_turns()
    assert commit.waiting("bulk") == 1
    passes(60.0)

    assert await database.statement(3) == 1


async def test_where_others_have_been_quiet_for_a_while_bulk_does_not_rest(commit, database, monkeypatch, passes):
    monkeypatch.setattr(flushing, "SLOW_SECONDS", LONG)
    await flush(commit, database, 1, lane="standard")
    passes(group_commit.LATELY_SECONDS)
    await flush(commit, database, 2, lane="bulk", during=lambda: passes(60.0))

    commit.submit(a_row(3, lane="bulk"), Sheaf())

    assert await database.statement(3) == 1


async def test_it_rests_no_longer_because_the_database_is_slow(commit, database, monkeypatch, passes):
    """Then it takes nothing from anybody, and rows that wait too long are refused."""
    monkeypatch.setattr(group_commit, "LATELY_SECONDS", LONG)
    await flush(commit, database, 1, lane="standard")
    await flush(commit, database, 2, lane="bulk", during=lambda: passes(60.0))

    commit.submit(a_row(3, lane="bulk"), Sheaf())

    assert await database.statement(3) == 1


LONG = 1_000.0


@pytest.fixture
async def passes(monkeypatch):
    """Let so many seconds pass at once."""
    loop, ahead = asyncio.get_running_loop(), [0.0]
    as_it_is = loop.time
    monkeypatch.setattr(loop, "time", lambda: as_it_is() + sum(ahead))
    return ahead.append


async def flush(commit, database, number, *, lane, during=lambda: None):
    """Have a row flushed; meanwhile something happens."""
    sheaf = Sheaf()
    commit.submit(a_row(number, lane=lane), sheaf)
    await database.statement(number)
    during()
    database.let_go(number)
    await sheaf.all()


async def some_turns():
    for _ in range(20):
        await asyncio.sleep(0)
