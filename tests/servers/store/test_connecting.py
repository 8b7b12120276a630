"""Connections: what they wait for has an end."""

import pytest

from adjudge.store import connecting


async def test_a_transaction_that_does_not_end_is_ended(database_url, monkeypatch):
    """However short its statements and its pauses are: the feed would wait for it."""
    monkeypatch.setattr(connecting, "TRANSACTION_SECONDS", 0.2)

    async def lasting(pool: connecting.Pool) -> None:
        async with pool.acquire() as connection, connection.transaction():
            for _ in range(100):
                await connection.execute("SELECT pg_sleep(0.05)")

    async with connecting.open_pool(database_url, size=1, name="test") as pool:
        with pytest.raises(connecting.UNAVAILABLE):
            await lasting(pool)

        async with pool.acquire() as connection:
            assert await connection.fetchval("SELECT 1") == 1, "another connection takes its place"
