"""Chores do not hold each other up."""

import asyncio
from datetime import UTC, datetime

import pytest
from prometheus_client import REGISTRY
from tests.stacks import build_stack

from adjudge.deciders import DeciderState
from adjudge.engine.housekeeping import report_deciders

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
        async with asyncio.timeout(5):
            while await stack.value("SELECT count(*) FROM review_task WHERE state = 'leased'"):
                await asyncio.sleep(0.02)
    await stack.admin.post(f"/v1/decisions/{asked}/cancel")


@pytest.mark.parametrize(("breaker", "told"), [("closed", 0), ("probing", 1), ("open", 1)])
async def test_a_breaker_is_told_to_be_open_until_it_is_closed(build_stack, breaker, told):
    """A decider that hangs while it is probed has not recovered: the alarm would begin to wait anew."""
    stack = await build_stack("api")
    since = datetime(2026, 1, 5, tzinfo=UTC)
    counts = dict.fromkeys(("calls", "questions", "failures", "places", "busy", "lost"), 0)
    state = DeciderState(id="hangs@1", breaker=breaker, reason="", since=since, until=None, **counts)

    async with stack.db.acquire() as connection:
        await report_deciders(connection, "worker-1", [state])

    assert REGISTRY.get_sample_value("adjudge_breaker_open", {"decider": "hangs@1"}) == told
