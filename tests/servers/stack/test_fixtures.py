"""What the fixtures of `tests/conftest.py` promise the other tests."""

import asyncpg
import pytest
from redis.asyncio import Redis


@pytest.mark.parametrize("turn", [1, 2])
async def test_every_test_has_a_database_of_its_own(database_url, turn):
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("CREATE TABLE left_behind ()")
    finally:
        await connection.close()


@pytest.mark.parametrize("turn", [1, 2])
async def test_every_test_finds_an_empty_valkey(redis_url, turn):
    async with Redis.from_url(redis_url) as client:
        assert await client.dbsize() == 0
        await client.set("left", "behind")


async def test_a_private_postgres_can_be_killed_and_started_again(private_postgres):
    server = await private_postgres()
    await _execute(server.url, "CREATE TABLE kept AS SELECT 1")

    await server.kill()
    await server.start()

    await _execute(server.url, "SELECT * FROM kept")


async def test_a_private_valkey_can_be_killed_and_started_again(private_valkey):
    server = await private_valkey()
    async with Redis.from_url(server.url) as client:
        await client.set("kept", "yes")
        await client.waitaof(1, 0, 2000)

    await server.kill()
    await server.start()

    async with Redis.from_url(server.url) as client:
        assert await client.get("kept") == b"yes"


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
