"""Certificates in service: licences earned from closed audits, watched, and taken away. One keeper at a time.

The duty is held with a fence, and everything that is found is written in a transaction that checks it: a keeper that
was paused for long writes nothing. Needs numpy: imported by keepers alone.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from adjudge.engine.audit_rates import PastRates
from adjudge.engine.certificates import memberships
from adjudge.engine.certificates.budgets import shares_of
from adjudge.engine.certificates.certified_places import CertifiedPlace, certified_places
from adjudge.engine.certificates.looking import Look
from adjudge.engine.clocks import Clock
from adjudge.engine.configuration.revisions import InForce, Revisions
from adjudge.store import duties
from adjudge.store.automation import audited, certificates, epochs
from adjudge.store.automation.epochs import EpochRow
from adjudge.store.connecting import UNAVAILABLE, Connection, Pool
from adjudge.store.scope import SYSTEM
from adjudge.telemetry import names

log = structlog.get_logger()

DUTY: Final = "certificates"
EVERY_SECONDS: Final = 0.25
FULL_SECONDS: Final = 5.0
"""All slices are looked at this often; those with news at once."""
FAILED_SECONDS: Final = 2.0
"""After what failed; shorter than the lease, or another keeper would begin with the same in turn."""
TRANSACTION_SECONDS: Final = 0.1
"""After this long a pass ends its transaction and begins another: while one that writes runs, the feed waits."""
LEASE: Final = timedelta(seconds=3)
"""Nothing is watched for so long where the keeper that looks is killed; no transaction of its lasts as long."""
OVERLAP: Final = timedelta(seconds=5)
"""By how much a look for news goes back: what commits late is found by the next one."""


@dataclass(slots=True)
class _Pass:
    """What a keeper has set out to look at."""

    line: deque[EpochRow]
    """Slices that it has still to look at, in their order."""
    rows: Sequence[EpochRow]
    """All slices."""
    shares: Mapping[str, float]
    """By scope, of those whose family shares one error budget."""


class FailedLooks(Exception):
    """Slices could not be looked at; each was logged."""


class Certifier:
    """A keeper's duty."""

    def __init__(self, pool: Pool, revisions: Revisions, *, owner: str, now: Clock) -> None:
        self._pool = pool
        self._revisions = revisions
        self._owner = owner
        self._now = now
        self._full_at = 0.0
        self._seen_at: datetime | None = None
        self._in_force: InForce | None = None
        self._places: dict[str, CertifiedPlace] = {}
        self._past = PastRates()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                if await self.tick():
                    names.DUTY_AT.labels(DUTY).set(self._now().timestamp())
            except UNAVAILABLE as error:
                log.warning("certificates.stalled", error=repr(error))
            except FailedLooks:
                await asyncio.sleep(FAILED_SECONDS)
            except Exception as error:  # slices that cannot be found must not end the keeper
                log.error("certificates.failed", exc_info=error)
                await asyncio.sleep(FAILED_SECONDS)
            await asyncio.sleep(EVERY_SECONDS)

    async def tick(self) -> bool:
        """Look at what has news, now and then at everything; return whether the duty is this keeper's.

        In short transactions: the feed waits for each that writes. One slice that cannot be looked at keeps none of
        the others from it: it is logged at once, whether the pass comes to its end or not. Raises `FailedLooks`
        at the end, and what the connection raises.
        """
        failed = 0
        async with self._pool.acquire() as connection:
            async with connection.transaction():
                if not await duties.hold(connection, DUTY, self._owner, LEASE):
                    return False
                begun = await self._begun(connection)
            while begun.line:
                async with connection.transaction():
                    if not await duties.hold(connection, DUTY, self._owner, LEASE):
                        return False  # another's by now
                    failed += await self._look_on(connection, begun)
        if failed:
            raise FailedLooks(failed)
        return True

    async def _begun(self, connection: Connection) -> _Pass:
        """Set out: at all slices where that is due, else at those with news."""
        loop = asyncio.get_running_loop().time
        rows = await epochs.current(connection)
        changed = None
        if loop() >= self._full_at or self._is_new():
            rows = await self._registered(connection, rows)
            self._full_at = loop() + FULL_SECONDS
        else:
            changed = await audited.closed_since(connection, (self._seen_at or self._now()) - OVERLAP)
        self._seen_at = self._now()
        line = deque(
            row
            for row in sorted(rows, key=_place_in_line)
            if changed is None or any((row.covers.type, name) in changed for name in row.covers.slices)
        )
        return _Pass(line, rows, await _shares(connection, rows))

    async def _look_on(self, connection: Connection, begun: _Pass) -> int:
        """Look at one slice after the other, for no longer than a transaction may last; return how many failed."""
        failed = 0
        loop = asyncio.get_running_loop().time
        until = loop() + TRANSACTION_SECONDS
        while begun.line:
            row = begun.line.popleft()
            try:
                async with connection.transaction():
                    await self._look(connection, row, begun.shares.get(row.scope, 1.0))
                if row.covers.family and row.design is None:  # it may have taken the last place
                    begun.shares = await _shares(connection, begun.rows)
            except UNAVAILABLE:
                raise
            except Exception as error:  # the others are watched on
                log.error("certificates.failed", scope=row.scope, exc_info=error)
                failed += 1
            if loop() >= until:
                break
        return failed

    def _is_new(self) -> bool:
        return self._in_force is not self._revisions.in_force

    async def _registered(self, connection: Connection, rows: Sequence[EpochRow]) -> list[EpochRow]:
        """Begin epochs of what configuration has certified since, and end those of what it has no more."""
        if self._is_new():
            self._in_force = self._revisions.in_force
            self._places = certified_places(self._in_force.all(), self._in_force.at)
        known = {row.scope: row for row in rows}
        for scope, row in known.items():
            if scope not in self._places:
                await epochs.end(connection, scope, row.number, "replaced")
                await epochs.calm(connection, scope)
                if scope in await certificates.in_force(connection, [scope]):
                    await certificates.put_in_force(connection, SYSTEM, scope, None, "no plan has this prefix any more")
        number = await audited.last_number(connection)
        for scope, place in self._places.items():
            held = known.get(scope)
            covers = memberships.noted(held.covers if held is not None else None, place.covers, number)
            if held is None:
                await epochs.begin(connection, scope, covers)
            elif held.covers.is_told_otherwise(covers):
                await _begin_anew(connection, replace(held, covers=covers), number)
            elif held.covers != covers:
                await epochs.cover(connection, scope, held.number, covers)
        return await epochs.current(connection)

    async def _look(self, connection: Connection, row: EpochRow, share: float) -> None:
        place = self._places.get(row.scope)
        held = await epochs.hold(connection, row) if place is not None else None
        if place is not None and held is not None:
            await Look(connection, held, place, self._now(), share, self._past).run()


async def _begin_anew(connection: Connection, row: EpochRow, number: int) -> None:
    """Count no audit of before beside those to come: what is true of them is another's word. `number`: of the last."""
    if row.design is None and row.inherited is None:
        await epochs.cover(connection, row.scope, row.number, row.covers)
        await epochs.begin_at(connection, row, number)
    else:
        await epochs.restart(connection, row, "replaced", "the truth of its audits is found out in another way")


async def _shares(connection: Connection, rows: Sequence[EpochRow]) -> dict[str, float]:
    """Return the shares of those that are of a family."""
    is_any = any(row.covers.family for row in rows)
    return shares_of(rows, await epochs.under_test(connection)) if is_any else {}


def _place_in_line(row: EpochRow) -> tuple[int, bool]:
    """Earlier stages first, of which the later ones speak, and groups before those who inherit."""
    return row.covers.stage, row.covers.parent is not None
