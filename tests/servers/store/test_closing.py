"""Tasks of decisions that went on without them."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
from tests.waiting import until

from adjudge.store import outcomes, partitions
from adjudge.store.review import claims, tasks
from adjudge.store.scope import Scope

DECISION = """
    WITH shown AS (INSERT INTO evidence (decision_id, body) VALUES ($1, '{}'))
    INSERT INTO decision (id, type, location, groups, lane, subject, facts, revision, plan_hash, principal, deadline,
        deadline_shown, evidence_hash, audit, audit_rate, audit_role, audit_key, audit_policy)
    VALUES ($1, 't', 'default', '{}', 'standard', '{}', '{}', 1, '', 'key', now(), false, '', false, 0, '', '', 1)
"""
ANNA = Scope("key", "reviewer", pools=("agents",), reviewer="anna")


async def test_a_claim_at_the_moment_of_settlement_leaves_no_assignment_open(database_url):
    """The closing waits for the claim, and must see what it wrote."""
    claiming, closing, watching = [await asyncpg.connect(database_url) for _ in range(3)]
    decision = UUID(int=UUID(partitions.first_id(datetime.now(UTC))).int | uuid4().int & ((1 << 80) - 1))
    await claiming.execute(DECISION, decision)
    seat = tasks.NewTask(
        id=uuid4(),
        decision_id=decision,
        stage=0,
        seat=0,
        pool="agents",
        type="t",
        location="default",
        priority=0.0,
        candidates=(),
        due_at=datetime.now(UTC),
    )
    await tasks.create(claiming, [seat])

    async with claiming.transaction():
        assert len(await claims.claim(claiming, ANNA, {"agents": 60.0}, 1)) == 1
        closed = asyncio.create_task(outcomes.close_tasks(closing, [decision]))
        await until(
            lambda: watching.fetchval("SELECT cardinality(pg_blocking_pids($1)) > 0", closing.get_server_pid()),
            seconds=5,
        )
    await closed

    assert await watching.fetchval("SELECT state FROM review_task") == "closed"
    row = await watching.fetchrow("SELECT ending, ended_at IS NOT NULL AS ended FROM assignment")
    assert tuple(row) == ("closed", True)
    for connection in (claiming, closing, watching):
        await connection.close()
