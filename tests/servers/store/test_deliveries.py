"""Rows of deliveries: who has them, what becomes of them, how long they are kept."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from adjudge.store.scope import SYSTEM
from adjudge.store.webhooks import deliveries, endpoints
from adjudge.store.webhooks.deliveries import Attempt, Claimed, Ended, Key

LEASE = timedelta(seconds=30)
ENDPOINT = "wh_1"
ADD = "INSERT INTO delivery (endpoint, decision_id, version) VALUES ($1, $2, $3)"


@pytest.fixture
async def connection(database_url) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url, timeout=10)
    yield connection
    await connection.close(timeout=10)


@pytest.fixture
async def endpoint(connection) -> str:
    await endpoints.add(
        connection, SYSTEM, ENDPOINT, "http://example.com", locations=None, types=None, secret=bytes(32)
    )
    return ENDPOINT


async def a_delivery(connection, *, endpoint: str = ENDPOINT, version: int = 1, decision: UUID | None = None) -> Key:
    key = Key(endpoint, decision or uuid4(), version)
    await connection.execute(ADD, *key)
    return key


async def claimed(connection, room: int = 10) -> list[Claimed]:
    return await deliveries.claim(connection, {ENDPOINT: room}, LEASE)


def result(of: Claimed, state: str, *, status: int = 204) -> Ended:
    return Ended(of.key, Attempt(attempt=of.attempt, at=datetime.now(UTC), seconds=0.1, status=status), state)


async def state_of(connection, key: Key) -> str:
    return await connection.fetchval(
        "SELECT state FROM delivery WHERE endpoint = $1 AND decision_id = $2 AND version = $3", *key
    )


async def test_what_is_claimed_is_nobody_else_s_until_the_lease_ends(connection, endpoint):
    key = await a_delivery(connection)

    [first] = await claimed(connection)
    assert await claimed(connection) == []
    await connection.execute("UPDATE delivery SET next_at = now()")
    [second] = await claimed(connection)

    assert (first.key, first.attempt, second.key, second.attempt) == (key, 1, key, 2)


async def test_a_version_waits_for_the_one_before_it(connection, endpoint):
    first = await a_delivery(connection)
    second = await a_delivery(connection, decision=first.decision, version=2)
    third = await a_delivery(connection, decision=first.decision, version=3)

    for key in (first, second, third):
        [only] = await claimed(connection)
        assert only.key == key
        await deliveries.end(connection, [result(only, "delivered")])


async def test_a_late_failure_does_not_undo_what_another_attempt_has_begun(connection, endpoint):
    key = await a_delivery(connection)
    [late] = await claimed(connection)
    await connection.execute("UPDATE delivery SET next_at = now()")
    [other] = await claimed(connection)

    await deliveries.end(connection, [result(late, "waiting", status=500)])
    assert await state_of(connection, key) == "sending"
    await deliveries.end(connection, [result(other, "delivered")])
    await deliveries.end(connection, [result(late, "parked", status=500)])

    assert await state_of(connection, key) == "delivered"


async def test_a_late_success_counts(connection, endpoint):
    key = await a_delivery(connection)
    [late] = await claimed(connection)
    await connection.execute("UPDATE delivery SET next_at = now()")
    await claimed(connection)

    await deliveries.end(connection, [result(late, "delivered")])

    assert await state_of(connection, key) == "delivered"


async def test_the_latest_attempts_are_kept(connection, endpoint):
    key = await a_delivery(connection)
    for _ in range(deliveries.KEPT_ATTEMPTS + 3):
        [mine] = await claimed(connection)
        await deliveries.end(connection, [result(mine, "waiting", status=500)])

    numbers = await connection.fetchval(
        "SELECT array_agg((each ->> 'attempt')::int) FROM delivery, jsonb_array_elements(tried) AS each "
        "WHERE decision_id = $1",
        key.decision,
    )
    assert numbers == list(range(4, deliveries.KEPT_ATTEMPTS + 4))


async def test_nothing_is_claimed_for_an_endpoint_that_is_gone(connection, endpoint):
    await a_delivery(connection)
    await endpoints.remove(connection, SYSTEM, endpoint)

    assert await claimed(connection) == []


async def test_what_ended_long_ago_and_what_is_nobody_s_is_forgotten(connection, endpoint):
    kept = {await a_delivery(connection) for _ in range(2)}
    for mine in await claimed(connection):
        await deliveries.end(connection, [result(mine, "delivered")])
    old = [await a_delivery(connection) for _ in range(3)]
    for mine in await claimed(connection):
        await deliveries.end(connection, [result(mine, "delivered")])
    await connection.execute(
        "UPDATE delivery SET ended_at = now() - interval '8 days' WHERE decision_id = ANY($1)",
        [key.decision for key in old],
    )
    await connection.execute("UPDATE delivery SET state = 'parked' WHERE decision_id = $1", old[0].decision)
    kept.add(old[0])
    kept.add(await a_delivery(connection))
    await a_delivery(connection, endpoint="wh_0_removed")
    await a_delivery(connection, endpoint="wh_removed")

    forgotten = await deliveries.forget(connection, timedelta(days=7), timedelta(days=30), 100)

    rows = await connection.fetch("SELECT endpoint, decision_id, version FROM delivery")
    assert forgotten == 4
    assert {Key(*row) for row in rows} == kept


async def test_an_endpoint_over_the_bound_is_not_added(connection, endpoint, monkeypatch):
    monkeypatch.setattr(endpoints, "MOST", 1)

    made = await endpoints.add(
        connection, SYSTEM, "wh_2", "http://example.com", locations=None, types=None, secret=bytes(32)
    )

    assert not made
