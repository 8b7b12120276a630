"""Whether deciders in shadow run: answers are compared with expectations, for minutes that are over (promise 8)."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from adjudge.engine.clocks import Clock
from adjudge.engine.configuration.revisions import Revisions
from adjudge.engine.slips import SHADOW_PATIENCE
from adjudge.store import shadows
from adjudge.store.connecting import UNAVAILABLE, Pool
from adjudge.store.shadows import Tally
from adjudge.telemetry import names
from adjudge.telemetry.standing import Standing

log = structlog.get_logger()

EVERY_SECONDS: Final = 15.0
SETTLING: Final = SHADOW_PATIENCE * 2
"""Minutes younger than this may still change."""
WINDOW: Final = timedelta(minutes=10)
MOST_MISSING: Final = 0.1
"""Share of those expected that may be missing."""
LEAST_EXPECTED: Final = 10
"""Below this a share says nothing."""


class ShadowWatch:
    """A keeper's duty."""

    def __init__(self, pool: Pool, revisions: Revisions, *, now: Clock) -> None:
        self._pool = pool
        self._revisions = revisions
        self._now = now
        self._missing: set[str] = set()
        self._standing = Standing(names.SHADOW_MISSING)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
                names.DUTY_AT.labels("shadows").set(self._now().timestamp())
            except UNAVAILABLE as error:
                log.warning("shadow.stalled", error=repr(error))
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> None:
        """Compare once; tell when a decider begins to be missing. Raises what the connection raises."""
        async with self._pool.acquire() as connection:
            found = await shadows.tallied(connection, SETTLING + WINDOW, SETTLING)
            await shadows.forget(connection)
        in_shadow = self._revisions.in_force.in_shadow()
        for name in in_shadow:
            self._tell(name, found.get(name, Tally()))
        self._standing.are((name,) for name in in_shadow)
        self._missing &= in_shadow.keys()

    def _tell(self, decider: str, tally: Tally) -> None:
        names.SHADOW_MISSING.labels(decider).set(missing_share(tally))
        if missing_share(tally) <= MOST_MISSING:
            self._missing.discard(decider)
        elif decider not in self._missing:
            self._missing.add(decider)
            log.error("shadow.missing", decider=decider, expected=tally.expected, answered=tally.answered)


def missing_share(tally: Tally) -> float:
    """Return which share of those expected has no answer; 0 where too few were expected to say."""
    return tally.missing / tally.expected if tally.expected >= LEAST_EXPECTED else 0.0
