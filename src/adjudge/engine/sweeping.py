"""The broker lost its data: everything sent before is sent again, in pages.

Loss is detected, not guessed: each Valkey gets a random epoch, and the one last seen is kept in
PostgreSQL, so that a flush is noticed even where every process slept through it.
"""

import asyncio
from datetime import datetime
from uuid import UUID

import structlog

from adjudge.engine.clocks import Clock
from adjudge.engine.sending import Sender
from adjudge.engine.stepping import slips_of
from adjudge.engine.timers import asked
from adjudge.store import duties, work
from adjudge.store.connecting import UNAVAILABLE, Pool
from adjudge.streams import Streams
from adjudge.telemetry import names

log = structlog.get_logger()

PAGE = 1_000
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
            except UNAVAILABLE as error:
                log.warning("sweeper.stalled", error=repr(error))
            await asyncio.sleep(POLL_SECONDS)

    async def look(self) -> int:
        """Compare epochs; return how many questions were sent again."""
        epoch = await self._streams.epoch()
        if epoch is None or epoch == self._seen:
            return 0
        before = self._now()
        async with self._pool.acquire() as connection:
            known = await duties.cursor(connection, DUTY)
        resent = 0
        if known is not None and known != epoch:
            log.warning("broker.lost_its_data", epoch=epoch)
            resent = await self._send_all(before)
        async with self._pool.acquire() as connection:
            await duties.move(connection, DUTY, epoch)
        self._seen = epoch
        return resent

    async def _send_all(self, before: datetime) -> int:
        after, resent = NO_ID, 0
        while True:
            async with self._pool.acquire() as connection:
                page = await work.send_again(connection, before, after, PAGE)
                rows = await work.sendable(connection, page)
            await self._sender.send([slip for row in rows for slip in slips_of(row, asked(row), resent=True)])
            names.RESENT.labels("epoch").inc(len(rows))
            resent += len(rows)
            if len(page) < PAGE:
                return resent
            after = page[-1]
