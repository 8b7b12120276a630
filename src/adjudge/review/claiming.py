"""Claims: tasks under lease, shown blind."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, TypeAlias

from adjudge.core.errors import AdjudgeError
from adjudge.store import tasks
from adjudge.store.connecting import Pool
from adjudge.store.scope import Scope
from adjudge.store.tasks import Claimed

Empty: TypeAlias = Literal["none_waiting", "all_leased", "all_seen", "wrong_pool", "paused"]

LOOK_AGAIN_SECONDS = 0.25
"""A claim that waits looks this often; tasks made by other replicas are seen by it."""


class NotAReviewer(AdjudgeError):
    """The key belongs to no person: only people are shown questions."""

    kind = "forbidden"


async def claim(
    pool: Pool,
    scope: Scope,
    pools: dict[str, float],
    *,
    count: int,
    seconds: float,
    has_left: Callable[[], Awaitable[bool]],
) -> list[Claimed]:
    """Lease up to `count` tasks, waiting up to `seconds` for the first. `pools`: lease seconds of each.

    Nothing is leased to a caller who has left while waiting.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        async with pool.acquire() as connection, connection.transaction():
            claimed = await tasks.claim(connection, scope, pools, count)
        left = deadline - asyncio.get_running_loop().time()
        if claimed or left <= 0:
            return claimed
        await asyncio.sleep(min(LOOK_AGAIN_SECONDS, left))
        if await has_left():
            return []


async def why_empty(
    pool: Pool, scope: Scope, asked_for: Sequence[str], own: Sequence[str], paused: Sequence[str]
) -> tuple[Empty, str]:
    """Return why there is nothing to claim, as a word and for people to read."""
    if not own:
        names = ", ".join(asked_for) or "any pool"
        return "wrong_pool", f"this key does not belong to {names}"
    if set(own) <= set(paused):
        return "paused", f"{', '.join(own)}: paused"
    async with pool.acquire() as connection:
        waiting, leased = await tasks.open_in(connection, scope, [name for name in own if name not in paused])
    if waiting:
        return "all_seen", f"{waiting} waiting, but you have had each of these decisions before"
    if leased:
        return "all_leased", f"{leased} waiting, all of them with colleagues at this moment"
    return "none_waiting", f"nothing waits in {', '.join(own)}"
