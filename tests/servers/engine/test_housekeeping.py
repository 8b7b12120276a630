"""Chores do not hold each other up."""

from tests.stacks import build_stack
from tests.waiting import until

__all__ = ["build_stack"]


async def test_leases_end_in_time_while_a_figure_is_slow(build_stack):
    """Coverage reads an hour of outcomes: here they cannot be read at all."""
    stack = await build_stack("api")
    anna = await stack.reviewer("anna", "brief")
    asked = (await stack.ask("brief"))["id"]
    async with stack.db.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE outcome IN ACCESS EXCLUSIVE MODE")
        await stack.rows("UPDATE work SET due_at = now() + interval '1 hour'")
        [_] = await anna.claim()
        await stack.start("keeper")
        await until(
            lambda: stack.value("SELECT count(*) FROM review_task WHERE state = 'leased'"),
            lambda found: not found,
            seconds=5,
        )
    await stack.admin.post(f"/v1/decisions/{asked}/cancel")
