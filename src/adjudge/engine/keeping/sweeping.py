"""When the broker has lost its data, everything that was sent to it is sent again, in pages.

Loss is detected, not guessed: each Valkey is given a random epoch, and the one last seen is kept in PostgreSQL. So a
flush is noticed even if no process was running at the time.
"""

import asyncio
from datetime import datetime
from uuid import UUID

import structlog

from adjudge.engine.clocks import Clock
from adjudge.engine.deciding.sending import Sender
from adjudge.engine.keeping.timers import resend
from adjudge.store import duties, work
from adjudge.store.connecting import UNAVAILABLE, Pool
from adjudge.streams import Streams
from adjudge.telemetry import names

log = structlog.get_logger()

PAGE = 500
POLL_SECONDS = 0.5
DUTY = "broker-epoch"
NO_ID = UUID(int=0)


class Sweeper:
    """Watches the broker's epoch."""

    def __init__(self, pool: Pool, streams: Streams, sender: Sender, *, now: Clock) -> None:
        self._pool = pool
        self._streams = streams
        self._sender = sender
        self._now = now
        self._seen: str | None = None

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            try:
                await self.look()
                names.DUTY_AT.labels("sweeper").set(self._now().timestamp())
            except UNAVAILABLE as error:
                log.warning("sweeper.stalled", error=repr(error))
            await asyncio.sleep(POLL_SECONDS)

    async def look(self) -> int:
        """Compare epochs; return how many questions were sent again.

        Whoever records the new epoch sends; should it die meanwhile, timers find what is still missing.
        """
        epoch = await self._streams.epoch()
        if epoch is None or epoch == self._seen:
            return 0
        async with self._pool.acquire() as connection:
            lost = await duties.advance(connection, DUTY, epoch)
        resent = 0
        if lost:
            log.warning("broker.lost_its_data", epoch=epoch)
            resent = await self._send_all(self._now())
        self._seen = epoch
        return resent

    async def _send_all(self, before: datetime) -> int:
        after, resent = NO_ID, 0
        while True:
            async with self._pool.acquire() as connection:
                page = await work.send_again(connection, before, after, PAGE)
            await resend(self._pool, self._sender, page)
            names.RESENT.labels("epoch").inc(len(page))
            resent += len(page)
            if len(page) < PAGE:
                return resent
            after = page[-1]
