"""What every process does once a second: it sets its clock, looks at the load, and reports its deciders."""

import asyncio
from collections.abc import Callable, Container, Iterable

import msgspec
import structlog

from adjudge.deciders import DeciderState
from adjudge.engine.admission.admitting import Admission
from adjudge.engine.clocks import DatabaseClock
from adjudge.engine.health.breaker_log import BreakerLog
from adjudge.store import connecting, deciders, measuring
from adjudge.store.connecting import UNAVAILABLE, Connection, Pool
from adjudge.telemetry import names

log = structlog.get_logger()

EVERY_SECONDS = 1.0


class Upkeep:
    """Keeps one process's view of clock and load fresh, and reports its deciders."""

    def __init__(
        self,
        pool: Pool,
        clock: DatabaseClock,
        *,
        process: str,
        admission: Admission | None = None,
        states: Callable[[], Iterable[DeciderState]] | None = None,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._process = process
        self._role = process.partition("-")[0]
        self._admission = admission
        self._states = states
        self._breakers = BreakerLog()

    async def run(self) -> None:
        """Look once a second until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.look()
            except UNAVAILABLE as error:
                log.warning("upkeep.stalled", error=repr(error))

    async def look(self) -> None:
        """Refresh once. Raises what the connection raises."""
        if self._states is not None:
            self._breakers.look(self._states())
        async with self._pool.acquire() as connection:
            machine = self._clock() - self._clock.offset
            self._clock.offset = await connecting.clock_offset(connection, machine)
            names.CLOCK_OFFSET.labels(self._role).set(self._clock.offset.total_seconds())
            names.POOL_IN_USE.labels(self._role).set(self._pool.in_use - 1)  # less the one this is asked with
            names.POOL_SIZE.labels(self._role).set(self._pool.limit)
            if self._admission is not None:
                self._admission.counted(await measuring.waiting_for_models(connection))
            if self._states is not None:
                await report_deciders(connection, self._process, self._states())
        if not self._clock.is_trusted:
            log.error("clock.offset", offset_seconds=self._clock.offset.total_seconds())


async def report_deciders(
    connection: Connection, process: str, told: Iterable[DeciderState], *, only: Container[str] | None = None
) -> None:
    """Tell everybody what the deciders of this process are doing."""
    found = {state.id: msgspec.to_builtins(state) for state in told}
    states = {name: state for name, state in found.items() if only is None or name in only}
    await deciders.report(connection, process, states)
