"""What keepers tidy up now and then."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import structlog

from adjudge.core.events import TimedOut
from adjudge.engine.clocks import Clock
from adjudge.engine.configuration.publishing import go_on
from adjudge.engine.deciding.sending import Sender
from adjudge.engine.deciding.stepping import Stepper
from adjudge.engine.keeping import erasing, retaining
from adjudge.engine.keeping.retaining import Ages
from adjudge.store import intake, keys, partitions, work
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
