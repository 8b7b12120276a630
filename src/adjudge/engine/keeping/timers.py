"""Due work: first steps that were not taken, stages and deadlines that have passed, questions to look at again.

It is found by polling, from a lower bound that moves along, so that dead entries of the index are not read again and
again. Every few seconds a pass starts from the beginning, for rows that were locked when they came due. Any number of
keepers may run.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from adjudge.core.events import HistoryEvent, TimedOut
from adjudge.core.history import fold
from adjudge.engine.clocks import Clock
from adjudge.engine.deciding.sending import Sender
from adjudge.engine.deciding.stepping import RESEND_SECONDS, Effects, Stepper, slips_of
from adjudge.engine.slips import STREAM_PREFIX
from adjudge.store import work
from adjudge.store.connecting import UNAVAILABLE, Connection, Pool
from adjudge.store.work import Due, Sendable, Waiting
from adjudge.streams import Streams, Unavailable
from adjudge.telemetry import names

log = structlog.get_logger()

PAGE = 500
POLL_SECONDS = 0.1
LOOK_BACK = timedelta(seconds=10)
FULL_PASS_SECONDS = 5.0, 60.0
"""From one pass to the next: at least, so that what was held waits no longer; at most, however long a pass takes."""
FULL_PASS_SHARE = 0.02
"""Of a keeper's time: under a snapshot that is held for long a pass reads all entries that died since."""
LONGEST_ATTEMPT_SECONDS = 300.0
MEASURE_SECONDS = 1.0
SEND_AT_ONCE = 50
"""Questions in one write: up to 256 KiB of evidence each."""
UNKNOWN = 0.0
"""When the oldest entry of a stream was sent of which nothing is known: everything ever sent may still be in it."""
MARGIN_SECONDS = 1.0
"""Allowance for a difference between the broker's clock and the database's."""
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


def rest_seconds(pass_seconds: float) -> float:
    """Return how long after a full pass that took so long the next one is due."""
    least, most = FULL_PASS_SECONDS
    return min(max(pass_seconds / FULL_PASS_SHARE, least), most)


class Timers:
    """Moves on what stands still."""

    def __init__(
        self,
        pool: Pool,
        streams: Streams,
        stepper: Stepper,
        sender: Sender,
        *,
        deciders: Callable[[], Iterable[str]],
        lanes: Sequence[str],
        now: Clock,
    ) -> None:
        self._pool = pool
        self._streams = streams
        self._stepper = stepper
        self._sender = sender
        self._deciders = deciders
        self._met: set[str] = set()
        """Those that open decisions wait for, whatever revision they began with."""
        self._lanes = lanes
        self._measured: Mapping[str, float | None] = {}
        self._measured_at = float("-inf")
        self._now = now

    async def run(self) -> None:
        """Poll until cancelled."""
        loop = asyncio.get_running_loop()
        full_pass_at = loop.time()
        while True:
            try:
                began_at = loop.time()
                full = began_at >= full_pass_at
                handled = await self.tick(BEGINNING if full else self._now() - LOOK_BACK)
                names.DUTY_AT.labels("timers").set(self._now().timestamp())
            except UNAVAILABLE as error:
                log.warning("timers.stalled", error=repr(error))
                full_pass_at = loop.time()  # what came due meanwhile may lie far back
                await asyncio.sleep(1)
                continue
            except Exception as error:  # one row that cannot be stepped must not stop the others
                log.error("timers.failed", exc_info=error)
                await self._one_by_one()
                full_pass_at = loop.time()
                continue
            if handled < PAGE:
                full_pass_at = loop.time() + rest_seconds(loop.time() - began_at) if full else full_pass_at
                await asyncio.sleep(POLL_SECONDS)

    async def tick(self, since: datetime) -> int:
        """Handle one page of what is due since then; return how many rows it had."""
        oldest = await self._oldest()
        async with self._pool.acquire() as connection, connection.transaction():
            due = await work.due(connection, since, PAGE)
            if not due:
                return 0
            sent = [item.id for item in due if item.kind == "resend"]
            rows = {row.id: row for row in await work.waiting(connection, sent)} if sent else {}
            lost = await self._look_again(connection, due, rows, oldest)
            effects = await self._step(connection, [item for item in due if self._is_over(item, rows)])
        await self._sender.perform(effects)
        names.RESENT.labels("lost").inc(len(lost))
        await resend(self._pool, self._sender, lost)
        return len(due)

    async def _one_by_one(self) -> None:
        """Step the rows of a page that failed each by itself; put off, and say, what cannot be stepped."""
        async with self._pool.acquire() as connection:
            page = await work.due(connection, BEGINNING, PAGE)
        for item in page:
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    effects = await self._step(connection, [item])
                await self._sender.perform(effects)
            except UNAVAILABLE as error:
                log.warning("timers.stalled", error=repr(error))
                return
            except Exception as error:
                log.error("timers.row_failed", decision=str(item.id), exc_info=error)
                later = self._now() + timedelta(seconds=LONGEST_ATTEMPT_SECONDS)
                async with self._pool.acquire() as connection:
                    await work.postpone(connection, [(item.id, later, item.kind, item.attempt + 1, item.sent_at)])

    def _is_over(self, item: Due, rows: Mapping[UUID, Waiting]) -> bool:
        return item.kind != "resend" or (item.id in rows and rows[item.id].until <= self._now())

    async def _step(self, connection: Connection, over: Sequence[Due]) -> Effects:
        now = self._now()
        inputs: dict[UUID, Sequence[HistoryEvent]] = {
            item.id: [] if item.kind == "start" else [TimedOut(at=now, stage=item.stage)] for item in over
        }
        return await self._stepper.step(connection, inputs) if inputs else Effects()

    async def _look_again(
        self,
        connection: Connection,
        due: Sequence[Due],
        rows: Mapping[UUID, Waiting],
        oldest: Mapping[str, float | None],
    ) -> list[UUID]:
        """Return the questions that no stream holds any more, and set when each is looked at next.

        A question that is merely waiting its turn must not be sent twice: re-sending by age alone turned
        a burst into a permanent outage in simulation.
        """
        now, lost, timetable = self._now(), [], []
        for item in due:
            row = rows.get(item.id)
            if row is None or row.until <= now or item.sent_at is None:
                continue
            self._met.update(row.asked)
            first = [oldest.get(name, UNKNOWN) for name in row.asked]
            is_lost = _is_lost(item.sent_at, first)
            attempt, sent_at = (item.attempt + 1, now) if is_lost else (item.attempt, item.sent_at)
            due_at = min(row.until, now + timedelta(seconds=_pause(item.attempt, first, is_lost=is_lost)))
            timetable.append((item.id, due_at, "resend", attempt, sent_at))
            if is_lost:
                lost.append(item.id)
        await work.postpone(connection, timetable)
        return lost

    async def _oldest(self) -> Mapping[str, float | None]:
        """Return for each decider when the oldest question still in its streams was sent; None: they are empty.

        Measured at most once a second, and before any row is locked: the broker may hang.
        """
        loop = asyncio.get_running_loop()
        if loop.time() < self._measured_at + MEASURE_SECONDS:
            return self._measured
        self._measured_at = loop.time()
        measured: dict[str, float | None] = {}
        try:
            for decider in sorted(self._met.union(self._deciders())):
                measured[decider] = await self._streams.oldest(f"{STREAM_PREFIX}{decider}", self._lanes)
        except Unavailable as error:
            log.warning("timers.broker_unavailable", error=repr(error))
            measured = {}
        self._measured = measured
        return measured


async def resend(pool: Pool, sender: Sender, ids: Sequence[UUID]) -> None:
    """Send the questions again, with their evidence, in pages that one write to the broker bears."""
    for start in range(0, len(ids), SEND_AT_ONCE):
        async with pool.acquire() as connection:
            rows = await work.sendable(connection, ids[start : start + SEND_AT_ONCE])
        await sender.send([slip for row in rows for slip in slips_of(row, asked(row), resent=True)])


def asked(row: Sendable) -> tuple[str, ...]:
    """Return the deciders that have been asked in the present stage and have not answered."""
    return fold(row.history.events).tally(row.stage).silent()


def _is_lost(sent_at: datetime, oldest: Sequence[float | None]) -> bool:
    """Return whether nothing as old as this is left in any stream it could be in."""
    sent = sent_at.timestamp()
    return all(first is None or first > sent + MARGIN_SECONDS for first in oldest)


def _pause(attempt: int, oldest: Sequence[float | None], *, is_lost: bool) -> float:
    """Return after how many seconds a question is looked at again."""
    if UNKNOWN in oldest:
        return MEASURE_SECONDS
    return min(LONGEST_ATTEMPT_SECONDS, RESEND_SECONDS * 2 ** min(attempt, 6)) if is_lost else RESEND_SECONDS
