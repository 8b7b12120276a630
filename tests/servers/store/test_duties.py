"""What one keeper does at a time."""

from datetime import timedelta

import asyncpg
import pytest

from adjudge.store import duties

HOUR, OVER = timedelta(hours=1), timedelta(seconds=-1)
FENCE = "SELECT fence FROM duty WHERE name = 'certificates'"


@pytest.fixture
async def connection(database_url):
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_a_duty_is_its_holders_until_its_time_is_over(connection):
    assert await duties.hold(connection, "certificates", "one", HOUR)
    assert not await duties.hold(connection, "certificates", "two", HOUR)
    assert await duties.hold(connection, "learning", "two", HOUR), "another duty"

    assert await duties.hold(connection, "certificates", "one", OVER), "whoever has it keeps it"
    assert await connection.fetchval(FENCE) == 1
    assert await duties.hold(connection, "certificates", "two", HOUR)
    assert not await duties.hold(connection, "certificates", "one", HOUR)
    assert await connection.fetchval(FENCE) == 2


async def test_whoever_comes_while_a_duty_is_being_done_waits_for_the_end_of_the_transaction(connection, database_url):
    """So what is written in it is written by its holder, however late its commit comes."""
    other = await asyncpg.connect(database_url)
    await other.execute("SET lock_timeout = '200ms'")
    async with connection.transaction():
        assert await duties.hold(connection, "certificates", "one", OVER)

        with pytest.raises(asyncpg.LockNotAvailableError):
            await duties.hold(other, "certificates", "two", HOUR)

    assert await duties.hold(other, "certificates", "two", HOUR)
    await other.close()
