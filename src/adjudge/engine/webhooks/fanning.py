"""Fan-out: follows the feed and writes down which endpoint is to be told what.

One process at a time does it, whichever takes the lock first; how far it has come is committed with the
deliveries, so that none is left out or written twice.
"""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from adjudge.engine.clocks import Clock
from adjudge.store import deliveries, endpoints, feed
from adjudge.store.connecting import UNAVAILABLE, Connection, Pool
from adjudge.store.feed import LONGEST_PAGE, Mark, Page, Told
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
        async with self._pool.acquire() as connection:
            since = await endpoints.wanted_since(connection)
            if since is None:
                return IDLE_SECONDS
            async with connection.transaction():
                if not await deliveries.is_fanning_out(connection):
                    return POLL_SECONDS
                mark = await deliveries.reached(connection)
                if mark is None or mark.at < since - LEFT_BEHIND:
                    mark = await feed.since(connection, since)
                page = await feed.told(connection, mark, LONGEST_PAGE)
                await self._write(connection, page, mark)
        return POLL_SECONDS if page.at_end else 0.0

    async def _write(self, connection: Connection, page: Page[Told], before: Mark) -> None:
        if not page.rows and page.at_end and page.mark.at < before.at + MARKED_EVERY:
            return
        # Read after the page: an endpoint that was added before an outcome was settled is among them.
        wishes = await endpoints.wishes(connection)
        written = await deliveries.fan_out(connection, wishes, page)
        names.WEBHOOKS_WRITTEN.inc(written)
