"""Several of each role on one PostgreSQL and one Valkey: each is killed or told to end while questions come in."""

import asyncio
import time
from uuid import UUID

import pytest
from tests.fleet import Callers, Fleet, Member

from adjudge.cli.processes.ending import CLOSING_SECONDS

NAMES = ["api-1", "api-2", "worker-1", "worker-2", "worker-3", "keeper-1", "keeper-2"]
KINDS = ["model", "model", "cascade", "both", "nobody.answer", "people.first"]
DRAIN_SECONDS = 3.0
BRISK = {"ADJUDGE_LEASE_SECONDS": "1", "ADJUDGE_DRAIN_SECONDS": str(DRAIN_SECONDS)}


@pytest.mark.timeout(240)
async def test_each_of_seven_processes_is_killed_under_load_then_told_to_end_and_nothing_is_lost_or_settled_twice(
    build_stack,
):
    """What was accepted is settled, once, and its path replays; an end that was asked for is orderly and bounded."""
    stack = await build_stack()
    stack.open_gate()
    fleet = Fleet(stack, NAMES, **BRISK)
    await fleet.start()
    await stack.reach(fleet.urls()[0])
    callers, ends = Callers(fleet.urls(), stack.admin.key, KINDS), {}

    async with callers.asking():
        for member in fleet.members.values():
            await callers.accepts(40)
            await member.process.kill()
            await callers.accepts(40)
            with callers.at_leisure():
                await member.start()
                await member.until_ready()
        for name in ("api-1", "worker-1", "keeper-1"):
            await callers.accepts(20)
            ends[name] = await ended(fleet.members[name])
        await callers.accepts(20)
    decisions = list(callers.accepted.values())
    await stack.settled(decisions, seconds=60)

    assert len(set(decisions)) == len(decisions) >= 7 * 80
    assert await stack.count_final([UUID(decision) for decision in decisions]) == len(decisions)
    assert await stack.value("SELECT count(*) FROM decision") == len(decisions)
    assert await stack.value("SELECT count(*) FROM work WHERE purpose = 'decide'") == 0
    assert {name: status for name, (status, _) in ends.items()} == dict.fromkeys(ends, 0)
    assert max(seconds for _, seconds in ends.values()) < DRAIN_SECONDS + CLOSING_SECONDS


async def ended(member: Member) -> tuple[int, float]:
    """Tell it to end; return its status and how long it took."""
    started = time.monotonic()
    status = await asyncio.wait_for(member.process.terminate(), 60)
    return status, time.monotonic() - started
