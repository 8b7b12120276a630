"""What is due is taken when its time comes, or soon after it can be had."""

import asyncio
from uuid import UUID

from tests.stacks import build_stack

__all__ = ["build_stack"]

HELD = "UPDATE work SET due_at = clock_timestamp() - interval '1 minute' WHERE decision_id = $1"


async def test_a_row_that_was_held_for_a_minute_as_its_time_came_is_taken_within_seconds(build_stack):
    """A paused process, or an operator at a prompt, has it locked: who polls passes it over, and moves on."""
    stack = await build_stack("api", "keeper")
    async with stack.db.acquire() as somebody, somebody.transaction():
        held = (await stack.ask("nobody.answer"))["id"]
        await somebody.execute(HELD, UUID(held))
        await stack.settled([(await stack.ask("nobody.answer"))["id"]])
        assert await stack.count_final([UUID(held)]) == 0

    async with asyncio.timeout(20):
        await stack.settled([held])
