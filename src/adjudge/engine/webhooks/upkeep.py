"""What keepers look after for webhooks: how much waits, and what may be forgotten."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from adjudge.store.connecting import UNAVAILABLE, Pool
from adjudge.store.webhooks import deliveries
from adjudge.telemetry import names

log = structlog.get_logger()

LOOK_SECONDS: Final = 5.0
LOOKS_TO_FORGET: Final = 12
KEPT_DELIVERED: Final = timedelta(days=7)
KEPT_PARKED: Final = timedelta(days=30)
FORGOTTEN_AT_ONCE: Final = 5_000


async def look_after_webhooks(pool: Pool) -> None:
    """Measure and forget until cancelled. Any number of keepers may."""
    looks = 0
    while True:
        try:
            async with pool.acquire() as connection:
                waiting, parked, oldest = await deliveries.measured(connection)
                if looks % LOOKS_TO_FORGET == 0:
                    await deliveries.forget(connection, KEPT_DELIVERED, KEPT_PARKED, FORGOTTEN_AT_ONCE)
            names.WEBHOOKS_WAITING.set(waiting)
            names.WEBHOOKS_PARKED.set(parked)
            names.WEBHOOKS_OLDEST.set(oldest)
            looks += 1
        except UNAVAILABLE as error:
            log.warning("webhooks.stalled", at="upkeep", error=repr(error))
        await asyncio.sleep(LOOK_SECONDS)
