"""The results of webhook attempts on their way into the database, many at a time.

Nothing waits for them to be written: if a result is lost with the process, the attempt is made again.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import structlog

from adjudge.engine.webhooks.receivers import GIVE_UP
from adjudge.store.connecting import UNAVAILABLE, Connection, Pool
from adjudge.store.webhooks import deliveries, endpoints
from adjudge.store.webhooks.deliveries import Claimed, Ended
from adjudge.telemetry import names
from adjudge.telemetry.histograms import observe_all

log = structlog.get_logger()

GATHER_SECONDS: Final = 0.02
STALLED_SECONDS: Final = 1.0
HASTENED: Final = 1_000
AT_ONCE: Final = timedelta(0)
RESULTS: Final = {"delivered": "delivered", "waiting": "failed", "parked": "parked"}


class Attempts:
    """Collects results, and writes them down."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._ended: list[Ended] = []
        self._unsent: list[Claimed] = []
        self._health: dict[str, str | None] = {}
        self._gone: set[str] = set()
        self._something = asyncio.Event()

    def ended(self, result: Ended) -> None:
        """An attempt was made."""
        self._ended.append(result)
        self._something.set()

    def unsent(self, claimed: Iterable[Claimed]) -> None:
        """No attempt was made: others may have these at once."""
        self._unsent.extend(claimed)
        self._something.set()

    def failing(self, endpoint: str, why: str | None) -> None:
        """A receiver is left alone for a while."""
        self._health[endpoint] = why or "fails"
        self._something.set()

    def recovered(self, endpoint: str) -> None:
        """A receiver answers again: what waits for it is due."""
        self._health[endpoint] = None
        self._something.set()

    def gone(self, endpoint: str) -> None:
        """A receiver wants nothing more."""
        self._gone.add(endpoint)
        self._something.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._something.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._something.clear()
            try:
                await self.write()
            except UNAVAILABLE as error:
                log.warning("webhooks.stalled", at="record", error=repr(error))
                self._something.set()
                await asyncio.sleep(STALLED_SECONDS)

    async def write(self) -> None:
        """Write what there is; kept where that fails. Raises what the connection raises."""
        ended, unsent, health, gone = self._ended, self._unsent, self._health, self._gone
        self._ended, self._unsent, self._health, self._gone = [], [], {}, set()
        try:
            async with self._pool.acquire() as connection:
                await _results(connection, ended, unsent)
                for endpoint in gone:
                    await _stop(connection, endpoint)
                for endpoint, failure in health.items():
                    await _note(connection, endpoint, failure)
        except UNAVAILABLE:  # written twice, results change nothing
            self._ended, self._unsent = ended + self._ended, unsent + self._unsent
            self._health, self._gone = health | self._health, gone | self._gone
            raise
        for state, count in Counter(each.state for each in ended).items():
            names.WEBHOOKS.labels(RESULTS[state]).inc(count)
        observe_all(names.WEBHOOK_SECONDS, [each.attempt.seconds for each in ended if each.attempt.seconds])


async def _results(connection: Connection, ended: list[Ended], unsent: list[Claimed]) -> None:
    if ended:
        await deliveries.end(connection, ended)
    if unsent:
        await deliveries.give_back(connection, unsent)


async def _stop(connection: Connection, endpoint: str) -> None:
    await endpoints.stop(connection, endpoint)
    while await deliveries.park_old(connection, endpoint, AT_ONCE):
        pass


async def _note(connection: Connection, endpoint: str, failure: str | None) -> None:
    await endpoints.failing(connection, endpoint, failure)
    if failure is None:
        await deliveries.hasten(connection, endpoint, HASTENED)
    elif parked := await deliveries.park_old(connection, endpoint, GIVE_UP):
        log.error("webhook.parked", endpoint=endpoint, count=parked)
        names.WEBHOOKS.labels("parked").inc(parked)
