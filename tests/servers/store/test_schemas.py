"""Which schemas a release starts on: its own, and a newer one that says it still serves it."""

import asyncio

import asyncpg
import pytest
from tests.stacks import database
from tests.waiting import until

from adjudge.store import migrations
from adjudge.store.migrations import UnknownSchema, newest, require_known, upgrade


@pytest.fixture
async def connection(database_url):
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def a_newer_release_was_here(connection, *, works_from: str | None) -> None:
    await connection.execute("UPDATE alembic_version SET version_num = '9998'")
    said = "NULL" if works_from is None else f"'works with {works_from} and later'"
    await connection.execute(f"COMMENT ON TABLE alembic_version IS {said}")


async def test_its_own_schema_is_known(connection):
    await require_known(connection)


async def test_without_a_schema_it_says_what_to_do(servers):
    async with database(servers.database_url, "template0", "without_schema") as url:
        connection = await asyncpg.connect(url)
        with pytest.raises(UnknownSchema, match="no schema yet: run `adjudge db upgrade`"):
            await require_known(connection)
        await connection.close()


async def test_an_older_schema_is_to_be_upgraded_first(servers):
    async with database(servers.database_url, "template0", "older_schema") as url:
        await upgrade(url, "0001")
        connection = await asyncpg.connect(url)
        with pytest.raises(UnknownSchema, match=f"at 0001, this release needs {newest()}: run `adjudge db upgrade`"):
            await require_known(connection)
        await connection.close()


async def test_a_newer_schema_that_still_serves_this_release_is_known(connection):
    """The old workers of a rolling upgrade may be started again."""
    await a_newer_release_was_here(connection, works_from=newest())

    await require_known(connection)


@pytest.mark.parametrize("works_from", ["9998", None])
async def test_a_newer_schema_that_does_not_say_so_is_refused(connection, works_from):
    await a_newer_release_was_here(connection, works_from=works_from)

    with pytest.raises(UnknownSchema, match="run a newer release"):
        await require_known(connection)


async def test_an_upgrade_by_an_older_release_changes_nothing(connection, database_url):
    await a_newer_release_was_here(connection, works_from=newest())

    await upgrade(database_url)

    assert await migrations.current(database_url) == "9998"
    await a_newer_release_was_here(connection, works_from="9998")
    with pytest.raises(UnknownSchema):
        await upgrade(database_url)


async def test_a_table_that_is_read_for_long_is_waited_for(servers, monkeypatch):
    """As under a report or a backup; between two tries it is in nobody's way."""
    monkeypatch.setattr(migrations, "LOCK_PAUSE_SECONDS", 0.01)
    async with database(servers.database_url, "template0", "read_for_long") as url:
        await upgrade(url, "0012")
        reader = await asyncpg.connect(url)
        reading = reader.transaction()
        await reading.start()
        await reader.fetchval("SELECT count(*) FROM vote")

        upgrading = asyncio.create_task(upgrade(url))
        await until_refused_once(url)
        await reading.rollback()
        await upgrading

        assert await migrations.current(url) == newest()
        await reader.close()


async def until_refused_once(url: str) -> None:
    """Return once the upgrade has waited for its lock in vain."""
    watching = await asyncpg.connect(url)
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'vote'::regclass"
    await until(lambda: watching.fetchval(waits), lambda found: found == 1, seconds=30)
    await until(lambda: watching.fetchval(waits), lambda found: found == 0, seconds=30)
    await watching.close()


async def test_what_stays_in_use_is_told_in_postgresqls_words(servers, monkeypatch):
    monkeypatch.setattr(migrations, "LOCK_ATTEMPTS", 1)
    async with database(servers.database_url, "template0", "stays_in_use") as url:
        await upgrade(url, "0012")
        reader = await asyncpg.connect(url)
        async with reader.transaction():
            await reader.fetchval("SELECT count(*) FROM vote")

            with pytest.raises(asyncpg.LockNotAvailableError, match="lock timeout"):
                await upgrade(url)

        assert await migrations.current(url) == "0012"
        await reader.close()
