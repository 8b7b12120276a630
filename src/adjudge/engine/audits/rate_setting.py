"""Sets the rates of the audit coin by slice: up to the budget while evidence lacks, tenfold where the watch worries.

A keeper sets them from audits closed before, and they are recorded before the next coin falls, so that all estimates
stay valid. Each set of rates is a numbered snapshot, and every decision records which one its coin was tossed under.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec
import structlog

from adjudge.core.audits import AuditSpec
from adjudge.engine import audit_rates
from adjudge.engine.audit_rates import KIND
from adjudge.engine.clocks import Clock
from adjudge.engine.coins import AuditRates
from adjudge.engine.configuration.revisions import Revisions
from adjudge.store import duties
from adjudge.store.automation import audited, certificates, epochs, parameters
from adjudge.store.automation.audited import Volume
from adjudge.store.connecting import UNAVAILABLE, Connection, Pool
from adjudge.telemetry import names

log = structlog.get_logger()

EVERY_SECONDS: Final = 2.0
LEASE: Final = timedelta(seconds=10)
SPAN: Final = timedelta(days=1)
WEEK: Final = timedelta(days=7)
WEEK_EVERY: Final = timedelta(minutes=10)
"""How often the volume of a week is counted: it moves slowly, and there is more to count."""
LEAST_DAYS: Final = 1 / 24
"""On a slice's first day what came in seconds is taken for what comes in an hour."""
NEWS: Final = 0.1
"""A rate that would change by less than this share of itself is left as it is."""


class RateSetter:
    """A keeper's duty, one at a time: two would have counted a week at different moments, and set rates in turn."""

    def __init__(self, pool: Pool, revisions: Revisions, *, owner: str, now: Clock) -> None:
        self._pool = pool
        self._revisions = revisions
        self._owner = owner
        self._now = now
        self._of_week: Mapping[tuple[str, str], Volume] = {}
        self._counted_in = 0.0

    async def run(self) -> None:
        """Set until cancelled."""
        while True:
            try:
                if await self.tick():
                    names.DUTY_AT.labels(KIND).set(self._now().timestamp())
            except UNAVAILABLE as error:
                log.warning("audits.stalled", error=repr(error))
            await asyncio.sleep(EVERY_SECONDS)

    async def tick(self) -> bool:
        """Set once; return whether the duty is this keeper's. Raises what the connection raises."""
        async with self._pool.acquire() as connection, connection.transaction():
            if not await duties.hold(connection, KIND, self._owner, LEASE):
                return False
            await self.set(connection)
        return True

    async def _week(self, connection: Connection) -> Mapping[tuple[str, str], Volume]:
        span = self._now().timestamp() // WEEK_EVERY.total_seconds()
        if span != self._counted_in:
            self._of_week, self._counted_in = await audited.volumes(connection, WEEK), span
        return self._of_week

    async def set(self, connection: Connection) -> None:
        """Publish rates where they differ from those in force. Raises what the connection raises."""
        specs: dict[tuple[str, str], AuditSpec] = {}
        for configuration in self._revisions.in_force.all():
            for location, question_type, _ in configuration.every_plan():
                spec = configuration.question_type(location.name, question_type).audits
                if spec is not None:
                    specs.setdefault((question_type, location.slice_by(spec.slices)), spec)
        lately, of_week = await audited.volumes(connection, SPAN), await self._week(connection)
        boosts, lacking = await _wanted(connection)
        wanted = {
            key: rate_of(
                spec, a_day(lately.get(key), of_week.get(key)), lacks=key in lacking, boost=boosts.get(key, 1.0)
            )
            for key, spec in specs.items()
        }
        # what follows a budget is on record with every set: what an audit weighs is told by those of its time
        wanted = {key: rate for key, rate in wanted.items() if rate != specs[key].rate or specs[key].budget is not None}
        held = await audit_rates.in_force(connection, AuditRates())
        if differ(held.by_slice, wanted):
            body = [(*key, rate) for key, rate in sorted(wanted.items())]
            await parameters.publish(connection, KIND, body)


def a_day(lately: Volume | None, of_week: Volume | None) -> float | None:
    """Return how many decisions of a slice are to be expected in a day; None: nothing is known.

    Of the last day and the last seven, fewer if the slice is younger. What comes in a burst, as every night, is not
    taken for what comes all day; and one that came on a single day says nothing of the days after it.
    """
    if of_week is not None and of_week.days >= 1:
        return max(
            lately.decisions if lately is not None else 0.0, min(of_week.decisions / of_week.days, of_week.second)
        )
    return lately.decisions / max(lately.days, LEAST_DAYS) if lately is not None else None


def rate_of(spec: AuditSpec, volume: float | None, *, lacks: bool, boost: float) -> float:
    """Return the rate of a slice. `volume`: decisions a day."""
    rate = spec.rate
    if spec.budget is not None and volume:
        affordable = spec.budget / volume
        rate = affordable if lacks else min(rate, affordable)
    return round(min(1.0, rate * boost), 6)


def differ(held: Mapping[tuple[str, str], float], wanted: Mapping[tuple[str, str], float]) -> bool:
    """Return whether it is worth a snapshot: a slice more or less, or a rate that moves by a tenth."""
    return held.keys() != wanted.keys() or any(abs(held[key] - wanted[key]) > NEWS * held[key] for key in wanted)


async def _wanted(connection: Connection) -> tuple[dict[tuple[str, str], float], set[tuple[str, str]]]:
    """Return how much more the watches want, and where a certificate is still to be earned, by (type, slice)."""
    boosts: dict[tuple[str, str], float] = {}
    lacking = set()
    force = await certificates.in_force(connection)
    for row in await epochs.current(connection):
        standing: dict[str, Any] = msgspec.json.decode(row.standing) if row.standing else {}
        for key in [(row.covers.type, name) for name in row.covers.slices]:
            boosts[key] = max(boosts.get(key, 1.0), (standing.get("watch") or {}).get("boost", 1.0))
        if row.scope not in force:
            lacking.add((row.covers.type, row.covers.slice))
    return boosts, lacking
