"""Claims: reviewers take tasks under a lease, and are shown neither models' answers nor colleagues' votes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from adjudge.core.specifications import PoolSpec
from adjudge.store.connecting import Connection, Pool
from adjudge.store.review import claims, queues
from adjudge.store.review.claims import Claimed
from adjudge.store.scope import Scope

Empty: TypeAlias = Literal["none_waiting", "all_leased", "all_seen", "wrong_pool", "paused"]

AUDITS_SHARE = 0.2
"""Of claims, begins with audits: else they wait for whatever somebody waits for, and under a steady load for ever.

By chance: whoever knew which claims these are would know audits.
"""
DRAWN_SHARE = 0.5
"""Of the other claims, begins with what waits at one location, whichever is drawn: else they would all go to whoever
asked people a thousand questions first.
"""
LOOK_AGAIN_SECONDS = 0.25
"""A claim that waits looks this often; tasks made by other replicas are seen by it."""


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who claims, and from which pools they may be given something now."""

    scope: Scope
    asked_for: Sequence[str]
    own: Mapping[str, PoolSpec]
    """Of those asked for, the pools that the key belongs to."""

    @property
    def leases(self) -> dict[str, float]:
        """Seconds of a lease in each pool that hands out tasks."""
        return {name: pool.lease.total_seconds() for name, pool in self.own.items() if not pool.paused}


async def claim(
    pool: Pool,
    claimant: Callable[[], Awaitable[Claimant]],
    *,
    count: int,
    seconds: float,
    has_left: Callable[[], Awaitable[bool]],
    chance: Callable[[], float],
) -> tuple[list[Claimed], Claimant]:
    """Lease up to `count` tasks, waiting up to `seconds` for the first. Return them, and who claimed at the end.

    The claimant is asked for anew with each look: keys end and pools are paused while a claim waits. Nothing is
    leased to a caller who has left, or is sent home. `chance` gives a number from 0 to 1. Raises what the claimant
    raises.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    audits_first = chance() < AUDITS_SHARE
    drawn = chance() / DRAWN_SHARE
    while True:
        now = await claimant()
        if not now.leases:
            return [], now
        async with pool.acquire() as connection, connection.transaction():
            claimed: list[Claimed] = []
            if audits_first:
                claimed = await claims.claim(connection, now.scope, now.leases, count, only="audit")
            elif drawn < 1:
                there = await _drawn(connection, now, drawn)
                claimed = await claims.claim(connection, there, now.leases, count, only="decide")
            if len(claimed) < count:
                claimed += await claims.claim(connection, now.scope, now.leases, count - len(claimed))
        left = deadline - asyncio.get_running_loop().time()
        if claimed or left <= 0:
            return claimed, now
        await asyncio.sleep(min(LOOK_AGAIN_SECONDS, left))
        if await has_left():
            return [], now


async def _drawn(connection: Connection, claimant: Claimant, chance: float) -> Scope:
    """Return the claimant's scope at one of the locations that wait for people."""
    waiting = await queues.locations_waiting(connection, claimant.scope, list(claimant.leases))
    at = waiting[int(chance * len(waiting))] if waiting else None
    return replace(claimant.scope, locations=(at,)) if at is not None else claimant.scope


async def why_empty(pool: Pool, claimant: Claimant) -> tuple[Empty, str]:
    """Return why there is nothing to claim, as a word and for people to read."""
    own, leases = claimant.own, claimant.leases
    if not own:
        names = ", ".join(claimant.asked_for) or "any pool"
        return "wrong_pool", f"this key does not belong to {names}"
    if not leases:
        return "paused", f"{', '.join(own)}: paused"
    async with pool.acquire() as connection:
        waiting, leased = await queues.open_in(connection, claimant.scope, list(leases))
    if waiting:
        return "all_seen", f"{waiting} waiting, but you have had each of these decisions before"
    if leased:
        return "all_leased", f"{leased} waiting, all of them with colleagues at this moment"
    return "none_waiting", f"nothing waits in {', '.join(own)}"
