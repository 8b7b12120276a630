"""What every process does once a second, and what keepers tidy up now and then."""

import asyncio
from collections.abc import Awaitable, Callable, Container, Iterable
from typing import TypeAlias

import msgspec
import structlog

from adjudge.core.events import TimedOut
from adjudge.deciders import DeciderState
from adjudge.engine import erasing, retaining
from adjudge.engine.admission import Admission
from adjudge.engine.breaker_log import BreakerLog
from adjudge.engine.clocks import Clock, DatabaseClock
from adjudge.engine.publishing import go_on
from adjudge.engine.retaining import Ages
from adjudge.engine.sending import Sender
from adjudge.engine.stepping import Stepper
from adjudge.store import connecting, deciders, intake, keys, measuring, partitions, work
from adjudge.store.configuration import receipts
from adjudge.store.connecting import UNAVAILABLE, Connection, Pool
from adjudge.store.review import tasks
from adjudge.store.review.tasks import Leased
from adjudge.store.scope import SYSTEM
from adjudge.telemetry import names

log = structlog.get_logger()

EVERY_SECONDS = 1.0
HOUSE_SECONDS = 5.0
RETENTION_SECONDS = 3_600.0

Chore: TypeAlias = Callable[[Connection], Awaitable[None]]


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


class Housekeeping:
    """What any keeper may do, and several may do at once: leases, partitions, expired keys, erasures, retention."""

    def __init__(
        self,
        pool: Pool,
        stepper: Stepper,
        sender: Sender,
        *,
        now: Clock,
        ages: Ages = Ages(),  # noqa: B008  frozen
    ) -> None:
        self._pool = pool
        self._stepper = stepper
        self._sender = sender
        self._now = now
        self._ages = ages

    async def run(self) -> None:
        """Tidy until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._each("leases", EVERY_SECONDS / 2, self._expire_leases), name="leases")
            group.create_task(self._each("tidy", HOUSE_SECONDS, self._tidy), name="tidy")
            group.create_task(self._each("publications", EVERY_SECONDS, self._go_on), name="publications")
            group.create_task(self._each("erasures", HOUSE_SECONDS, erasing.work_off), name="erasures")
            if self._ages.kinds:
                group.create_task(self._each("retention", RETENTION_SECONDS, self._retain), name="retention")

    async def _each(self, duty: str, seconds: float, chore: Chore) -> None:
        while True:
            try:
                async with self._pool.acquire() as connection:
                    await chore(connection)
                names.DUTY_AT.labels(duty).set(self._now().timestamp())
            except UNAVAILABLE as error:
                log.warning("housekeeping.stalled", error=repr(error))
            await asyncio.sleep(seconds)

    async def _expire_leases(self, connection: Connection) -> None:
        async with connection.transaction():
            expired = await tasks.expire(connection, 200)
        if not expired:
            return
        names.LEASE_EXPIRIES.inc(len(expired))
        log.info("leases.expired", count=len(expired))
        for task in expired:
            if task.purpose == "decide" and await tasks.nobody_left(connection, SYSTEM, task):
                await self._go_on_without(connection, task)

    async def _go_on_without(self, connection: Connection, task: Leased) -> None:
        """End the stage of a lease that was the last hope: the others have declined, and its holder gets it no more."""
        try:
            async with connection.transaction():
                held = await work.hold(connection, [task.decision_id])
                is_over = (
                    task.decision_id in held
                    and held[task.decision_id].history.has_declines(task.stage)
                    and await tasks.nobody_left(connection, SYSTEM, task)
                )
                if not is_over:
                    return
                ending = TimedOut(at=self._now(), stage=task.stage, nobody_left=True)
                effects = await self._stepper.step_held(connection, held, {task.decision_id: [ending]})
        except UNAVAILABLE:
            raise
        except Exception as error:  # it ends at its time-out, where it is stepped again
            log.error("leases.step_failed", decision=str(task.decision_id), exc_info=error)
            return
        await self._sender.perform(effects)

    async def _go_on(self, connection: Connection) -> None:
        went_on = await go_on(connection, SYSTEM)
        if went_on is not None:
            log.info("configuration.went_on", revision=went_on.number, again=went_on.again)

    async def _retain(self, connection: Connection) -> None:
        await retaining.drop_due(connection, self._ages, self._now(), by="keeper")

    async def _tidy(self, connection: Connection) -> None:
        made = await partitions.ensure(connection)
        if made:
            log.info("partitions.made", names=made)
        await intake.forget_expired(connection)
        await keys.forget_use(connection)
        await receipts.forget_dead(connection)
