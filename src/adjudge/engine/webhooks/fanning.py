"""Fan-out: follows the feed and writes down which endpoint is to be told what.

One process at a time does it, whichever takes the lock first; how far it has come is committed with the
deliveries, so that none is left out or written twice.
"""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from adjudge.engine.clocks import Clock
from adjudge.store import feed
from adjudge.store.connecting import UNAVAILABLE, Pool
from adjudge.store.webhooks import outbox
from adjudge.telemetry import names

log = structlog.get_logger()

POLL_SECONDS: Final = 0.1
IDLE_SECONDS: Final = 1.0
"""While there are no endpoints."""
LEFT_BEHIND: Final = timedelta(minutes=1)
"""A fan-out that stands further back than this before what anybody wants skips ahead. Longer than any transaction."""
MARKED_EVERY: Final = timedelta(seconds=10)
"""How far the fan-out has come is recorded at least this often, also where nothing was settled."""


class FanOut:
    """Writes deliveries. Any keeper runs one."""

    def __init__(self, pool: Pool, *, now: Clock) -> None:
        self._pool = pool
        self._now = now

    async def run(self) -> None:
        """Follow the feed until cancelled."""
        while True:
            try:
                pause = await self.step()
                names.DUTY_AT.labels("webhooks").set(self._now().timestamp())
            except UNAVAILABLE as error:
                log.warning("webhooks.stalled", at="fan-out", error=repr(error))
                pause = IDLE_SECONDS
            if pause:
                await asyncio.sleep(pause)

    async def step(self) -> float:
        """Fan out one page; return after how many seconds to look again. Raises what the connection raises."""
        async with self._pool.acquire() as connection, connection.transaction():
            if not await outbox.take(connection):
                return POLL_SECONDS
            mark, since = await outbox.standing(connection)
            if since is None:
                return IDLE_SECONDS
            if mark is None or mark.at < since - LEFT_BEHIND:
                mark = await feed.since(connection, since)
            page = await outbox.fan_out(connection, mark)
            if page.scanned or page.mark.at >= mark.at + MARKED_EVERY:
                await outbox.advance(connection, page.mark)
        names.WEBHOOKS_WRITTEN.inc(page.written)
        return POLL_SECONDS if page.at_end else 0.0
