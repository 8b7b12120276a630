"""Limits of keys: requests and bytes a second, open decisions.

Each API process counts by itself, so that checking a limit needs no call to anybody. Once a second the processes tell
each other, through PostgreSQL, how much each limited key asked of them, and share the key's limits in that
proportion; a process that is alone in being asked by a key has the whole limit. So limits are exact while traffic is
steady. For up to two seconds after it has moved to another process, each process may grant up to the whole.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Final

import structlog

from adjudge.core.buckets import Bucket
from adjudge.core.errors import AdjudgeError
from adjudge.engine.intake.pending import Unavailable
from adjudge.store import keys, measuring
from adjudge.store.connecting import UNAVAILABLE, Pool
from adjudge.store.scope import Limits, Scope
from adjudge.telemetry import names

log = structlog.get_logger()

EVERY_SECONDS: Final = 1.0
REMEMBERED_SECONDS: Final = 2.5
"""How long another process's share counts after it last said what it was asked."""
IDLE_SECONDS: Final = 60.0
"""After which a key that does not ask is forgotten here."""
EVEN: Final = 0.25
"""The part of a limit that all processes share evenly, so that one that was hardly asked may begin at once."""
RECOUNT_SECONDS: Final = 0.1
"""How often the open decisions of a key at its limit are counted at most."""
OPEN_RETRY_SECONDS: Final = 5
"""Retry-After of the limit of open decisions: nobody knows when one will be settled."""

REQUESTS: Final = "requests_per_second"
BYTES: Final = "bytes_per_second"
OPEN: Final = "open_decisions"
_SAID: Final = {REQUESTS: "requests a second", BYTES: "bytes a second", OPEN: "open decisions"}


class LimitReached(AdjudgeError):
    """A key asks for more than it may."""

    kind = "limit-reached"

    def __init__(self, limit: str, allowed: float, retry_seconds: float) -> None:
        super().__init__(f"this key may have {allowed:g} {_SAID[limit]}")
        self.retry_after = max(1, math.ceil(retry_seconds))
        self.extra = {"limit": limit, "allowed": allowed}
        names.LIMITED.labels(limit).inc()


class _Use:
    """What one key has used here."""

    def __init__(self, limits: Limits, now: float) -> None:
        self.limits = limits
        self.share = 1.0
        self.buckets: dict[str, Bucket] = {}
        self.adopt(limits, 1.0, now)
        self.asked = 0
        """Requests since the last exchange, those refused included."""
        self.asked_at = now
        self.room = 0
        """Decisions that may still be opened before they are counted again."""
        self.counted_at = -math.inf
        self.on_the_way = 0
        """Opened, but not durable yet: no count sees them."""
        self.counting = asyncio.Lock()

    def adopt(self, limits: Limits, share: float, now: float) -> None:
        """Go by these limits, and by this share of them, from now on."""
        self.limits, self.share = limits, share
        for name in (REQUESTS, BYTES):
            allowed = getattr(limits, name)
            if allowed is None:
                self.buckets.pop(name, None)
            elif name in self.buckets:
                self.buckets[name].refill(allowed * share, now)
            else:
                self.buckets[name] = Bucket(allowed * share, now)


class Limiter:
    """Holds the keys of one API process to their limits. Ask only about scopes that have some."""

    def __init__(self, pool: Pool, *, process: str, monotonic: Callable[[], float]) -> None:
        self._pool = pool
        self._process = process
        self._monotonic = monotonic
        self._used: dict[str, _Use] = {}

    def request(self, scope: Scope) -> None:
        """Count a request in, before its body is read. Raises LimitReached."""
        use, now = self._use(scope), self._monotonic()
        use.asked += 1
        use.asked_at = now
        for limit, bucket in use.buckets.items():
            if seconds := bucket.seconds_until_one(now):
                raise LimitReached(limit, getattr(use.limits, limit), seconds)
        if REQUESTS in use.buckets:
            use.buckets[REQUESTS].take(1)

    def received(self, scope: Scope, size: int) -> None:
        """Count the bytes of a body; what was too much is paid off before the next request."""
        bucket = self._use(scope).buckets.get(BYTES)
        if bucket is not None:
            bucket.take(size)

    async def open(self, scope: Scope) -> None:
        """Count in a decision that is to be opened. Raises LimitReached, Unavailable."""
        use = self._use(scope)
        allowed = use.limits.open_decisions
        if allowed is None:
            return
        if use.room < 1:
            await self._count(scope.principal, use, allowed)
        if use.room < 1:
            raise LimitReached(OPEN, allowed, OPEN_RETRY_SECONDS)
        use.room -= 1

    def sent(self, scope: Scope) -> None:
        """Know of a decision on its way."""
        self._use(scope).on_the_way += 1

    def arrived(self, scope: Scope) -> None:
        """It is durable, or was refused."""
        self._use(scope).on_the_way -= 1

    async def run(self) -> None:
        """Share limits with the other processes until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.share()
            except UNAVAILABLE as error:
                log.warning("limits.unshared", error=repr(error))

    async def share(self) -> None:
        """Tell the others what was asked here, and take the part of each limit that follows from theirs."""
        now = self._monotonic()
        self._used = {
            key: use for key, use in self._used.items() if use.on_the_way or now - use.asked_at < IDLE_SECONDS
        }
        asked = {key: use.asked for key, use in self._used.items() if use.asked}
        if not asked:
            return
        for key in asked:
            self._used[key].asked = 0
        async with self._pool.acquire() as connection:
            others = await keys.shared_use(connection, self._process, asked, REMEMBERED_SECONDS)
        for key, requests in asked.items():
            use = self._used[key]
            use.adopt(use.limits, share_of(requests, *others.get(key, (0, 0))), self._monotonic())

    def _use(self, scope: Scope) -> _Use:
        assert scope.limits is not None
        use = self._used.get(scope.principal)
        if use is None:
            use = self._used[scope.principal] = _Use(scope.limits, self._monotonic())
        elif use.limits is not scope.limits and use.limits != scope.limits:
            use.adopt(scope.limits, use.share, self._monotonic())
            use.room = 0
        return use

    async def _count(self, key: str, use: _Use, allowed: int) -> None:
        """Make room by what PostgreSQL knows; one count for all that wait for one."""
        async with use.counting:
            if use.room >= 1 or self._monotonic() - use.counted_at < RECOUNT_SECONDS:
                return
            try:
                async with self._pool.acquire() as connection:
                    counted = await measuring.open_of(connection, key)
            except UNAVAILABLE:
                raise Unavailable("the database does not answer, nothing was accepted") from None
            use.counted_at = self._monotonic()
            use.room = math.ceil((allowed - counted - use.on_the_way) * use.share)


def share_of(mine: int, others: int, theirs: int) -> float:
    """Return the part of a limit that is ours, where `others` processes were asked `theirs` times."""
    return 1.0 if not others else EVEN / (others + 1) + (1 - EVEN) * mine / (mine + theirs)
