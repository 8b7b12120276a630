"""Whether a process can do its work at this moment. This is what its probes answer, with the reason."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from adjudge.engine.clocks import DatabaseClock
from adjudge.engine.configuration.lookout import Lookout
from adjudge.store import partitions
from adjudge.store.connecting import UNAVAILABLE, Pool
from adjudge.streams import Streams

LOOK_SECONDS = 2.0

Check: TypeAlias = Mapping[str, Any]
"""`ok`, and figures; `degraded`: work goes on although it is not ok."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at."""

    checks: Mapping[str, Check]

    @property
    def ready(self) -> bool:
        """Whether nothing stands against it that stops the work."""
        return all(check["ok"] or check.get("degraded") for check in self.checks.values())

    @property
    def body(self) -> Mapping[str, Any]:
        """As probes answer it."""
        return {"status": "ready" if self.ready else "not ready", "checks": self.checks}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What every process stands on, to be looked at."""

    pool: Pool
    streams: Streams
    clock: DatabaseClock
    lookout: Lookout
    needs_broker: bool = True
    """Whether the process is not ready without Valkey. Intake is: questions are durable, and sent when it is back."""

    async def look(self) -> Report:
        """Look at all of it, within LOOK_SECONDS each."""
        configuration = self._configuration()
        database, broker = await asyncio.gather(self._database(), self._broker())
        offset = round(self.clock.offset.total_seconds(), 3)
        return Report(
            {
                **database,
                "valkey": broker,
                "clock": {"ok": self.clock.is_trusted, "offset_seconds": offset},
                "configuration": configuration,
            }
        )

    def _configuration(self) -> Check:
        newest, why, drift = self.lookout.in_force.newest, self.lookout.trouble, self.lookout.drift
        found: dict[str, Any] = {"ok": why is None, "revision": newest.revision, "hash": newest.hash}
        return found | ({"why": why} if why else {}) | ({"drift": drift} if drift else {})

    async def _database(self) -> Mapping[str, Check]:
        try:
            async with asyncio.timeout(LOOK_SECONDS), self.pool.acquire() as connection:
                ahead = await partitions.weeks_ahead(connection)
        except UNAVAILABLE as error:
            return {"postgresql": {"ok": False, "why": repr(error)[:200]}}
        warning = ahead < partitions.AHEAD - 1
        return {"postgresql": {"ok": True}, "partitions": {"ok": ahead >= 0, "weeks_ahead": ahead, "warning": warning}}

    async def _broker(self) -> Check:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                answers = await self.streams.ping()
        except TimeoutError:
            answers = False
        return {"ok": answers, "degraded": not answers and not self.needs_broker}


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What the probes of a worker or keeper ask."""

    is_alive: Callable[[], bool]
    is_draining: Callable[[], bool]
    look: Callable[[], Awaitable[Report]]


Serve: TypeAlias = Callable[[Health], Coroutine[Any, Any, None]]
"""Serves probes until cancelled."""
