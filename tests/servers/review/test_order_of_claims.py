"""Who is served first: what somebody waits for, and audits by their share."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID, uuid4

import asyncpg
import pytest
from tests.servers.store.test_closing import ANNA, DECISION

from adjudge.core.specifications import PoolSpec
from adjudge.review import claiming
from adjudge.review.claiming import Claimant
from adjudge.store import partitions
from adjudge.store.connecting import Pool, open_pool
from adjudge.store.review import claims, tasks

POOLS = {"agents": PoolSpec(name="agents"), "experts": PoolSpec(name="experts")}


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with open_pool(database_url, size=2, name="test") as opened:
        yield opened


@pytest.fixture
async def waiting(database_url: str) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """Makes a task that is due in so many seconds; those of audits were asked long ago."""
    connection = await asyncpg.connect(database_url)

    async def made(
        *due: float, purpose: Literal["decide", "audit"] = "decide", location: str = "default", pool: str = "agents"
    ) -> None:
        for seconds in due:
            decision = UUID(int=UUID(partitions.first_id(datetime.now(UTC))).int | uuid4().int & ((1 << 80) - 1))
            await connection.execute(DECISION, decision)
            at = datetime.now(UTC) + timedelta(seconds=seconds)
            seat = tasks.NewTask(
                id=uuid4(),
                decision_id=decision,
                stage=0,
                seat=0,
                pool=pool,
                type="t",
                location=location,
                priority=-at.timestamp(),
                candidates=(),
                due_at=at,
                purpose=purpose,
            )
            await tasks.create(connection, [seat])

    yield made
    await connection.close()


async def claim(
    pool: Pool, count: int, chance: Callable[[], float], pools: Sequence[str] = ("agents",)
) -> list[claims.Claimed]:
    async def anna() -> Claimant:
        return Claimant(ANNA, pools, {name: POOLS[name] for name in pools})

    async def never() -> bool:
        return False

    found, _ = await claiming.claim(pool, anna, count=count, seconds=0, has_left=never, chance=chance)
    return found


async def claimed(pool: Pool, count: int, chance: float) -> list[str]:
    """Return what the tasks claimed are for."""
    found = await claim(pool, count, lambda: chance)
    async with pool.acquire() as connection:
        rows = await connection.fetch("SELECT id, purpose FROM review_task")
    purposes = {row["id"]: row["purpose"] for row in rows}
    return [purposes[task.id] for task in found]


async def test_a_backlog_of_audits_is_behind_whatever_somebody_waits_for(pool, waiting):
    await waiting(-86_400, -3_600, -60, purpose="audit")
    await waiting(600, 1_200)

    assert await claimed(pool, 3, chance=0.9) == ["decide", "decide", "audit"]


async def test_one_claim_in_five_begins_with_audits_and_goes_on_with_what_waits(pool, waiting):
    await waiting(-86_400, purpose="audit")
    await waiting(-5, 600, 1_200)

    assert sorted(await claimed(pool, 2, chance=0.1)) == ["audit", "decide"]
    assert await claimed(pool, 5, chance=0.1) == ["decide", "decide"]


async def test_who_asks_a_person_once_does_not_wait_until_a_thousand_questions_of_others_are_answered(pool, waiting):
    """By the time at which they are due all of store-001's were first, and the others would fall back."""
    await waiting(*[600.0] * 60, location="store-001")
    for n in range(2, 6):
        await waiting(660.0, location=f"store-00{n}")
    chance = random.Random(5).random

    came = [task.location for _ in range(30) for task in await claim(pool, 1, chance)]

    assert {f"store-00{n}" for n in range(2, 6)} < set(came)
    assert came.count("store-001") == 26


async def test_no_audit_comes_with_what_is_drawn_while_a_decision_waits_elsewhere(pool, waiting):
    """Audits have their fifth of the claims, and no more for being where others are drawn."""
    await waiting(600.0, location="store-001")
    await waiting(-60.0, purpose="audit", location="store-001")
    await waiting(660.0, location="store-002")
    chances = iter([0.9, 0.0])

    found = await claim(pool, 2, lambda: next(chances))

    assert [task.location for task in found] == ["store-001", "store-002"]


async def test_the_other_claims_go_to_whatever_is_due_first(pool, waiting):
    await waiting(660.0, location="store-001")
    await waiting(600.0, 600.0, location="store-002")

    assert [task.location for task in await claim(pool, 2, lambda: 0.9)] == ["store-002", "store-002"]


async def test_a_person_with_nothing_new_at_the_location_drawn_is_given_what_waits_elsewhere(pool, waiting):
    await waiting(600.0, location="store-001")
    await waiting(660.0, location="store-002")
    chances = iter([0.9, 0.0] * 2)
    [had] = await claim(pool, 1, lambda: next(chances))
    async with pool.acquire() as connection:
        await tasks.end_assignment(connection, had.decision_id, had.token, "declined")
        await tasks.give_back(connection, had.id)

    [given] = await claim(pool, 1, lambda: next(chances))

    assert (had.location, given.location) == ("store-001", "store-002")


async def test_who_answers_for_several_pools_is_given_what_is_due_first_in_any(pool, waiting):
    await waiting(600.0, 1_200.0, pool="agents")
    await waiting(660.0, pool="experts")
    await waiting(-60.0, purpose="audit", pool="experts")

    found = await claim(pool, 4, lambda: 0.9, pools=("experts", "agents"))

    assert [task.pool for task in found] == ["agents", "experts", "agents", "experts"]


async def test_what_a_colleague_is_being_given_in_one_pool_hides_nothing_in_another(pool, waiting, database_url):
    await waiting(600.0, pool="agents")
    await waiting(660.0, pool="experts")
    colleague = await asyncpg.connect(database_url)

    async with colleague.transaction():
        await colleague.execute("SELECT FROM review_task WHERE pool = 'agents' FOR UPDATE")
        [given] = await claim(pool, 1, lambda: 0.9, pools=("experts", "agents"))
    await colleague.close()

    assert given.pool == "experts"


async def test_ten_seats_of_a_store_that_is_last_in_two_pools_are_found_by_one_look(waiting, database_url):
    """Each seat was a look of its own through all that waits before it: 170 ms with 50,000 tasks, now 22."""
    for pool in POOLS:
        await waiting(*[600.0] * 150, location="store-001", pool=pool)
        await waiting(*[660.0] * 5, location="store-002", pool=pool)
    connection = await asyncpg.connect(database_url)
    last = replace(ANNA, pools=tuple(POOLS), locations=("store-002",))

    async def read(count: int) -> int:
        transaction = connection.transaction()
        await transaction.start()
        assert len(await claims.claim(connection, last, dict.fromkeys(POOLS, 60.0), count)) == count
        rows: int = await connection.fetchval(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'review_task'"
        )
        await transaction.rollback()
        return rows

    one, ten = await read(1), await read(10)
    await connection.close()

    assert 300 < one < ten < 3 * one
