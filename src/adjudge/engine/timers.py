"""Due work: first steps not taken, stages and deadlines that have passed, questions to look at again.

Polled, with a lower bound that moves along so that dead entries of the index are not read again and
again; once a minute from the beginning. Any number of keepers may run.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from adjudge.core.events import HistoryEvent, TimedOut
from adjudge.core.history import fold
from adjudge.engine.clocks import Clock
from adjudge.engine.sending import Sender
from adjudge.engine.slips import STREAM_PREFIX
from adjudge.engine.stepping import RESEND_SECONDS, Effects, Stepper, slips_of
from adjudge.store import work
from adjudge.store.connecting import UNAVAILABLE, Connection, Pool
from adjudge.store.work import Due, Sendable
from adjudge.streams import Streams, Unavailable
from adjudge.telemetry import names

log = structlog.get_logger()

PAGE = 500
POLL_SECONDS = 0.1
LOOK_BACK = timedelta(seconds=10)
FULL_PASS_SECONDS = 60.0
LONGEST_ATTEMPT_SECONDS = 300.0
MARGIN_SECONDS = 1.0
"""Between the broker's clock and the database's."""
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


class Timers:
    """Moves on what stands still."""

    def __init__(
        self, pool: Pool, streams: Streams, stepper: Stepper, sender: Sender, *, lanes: Sequence[str], now: Clock
    ) -> None:
        self._pool = pool
        self._streams = streams
        self._stepper = stepper
        self._sender = sender
        self._lanes = lanes
        self._now = now

    async def run(self) -> None:
        """Poll until cancelled."""
        loop = asyncio.get_running_loop()
        full_pass_at = loop.time()
        while True:
            try:
                full = loop.time() >= full_pass_at
                handled = await self.tick(BEGINNING if full else self._now() - LOOK_BACK)
            except UNAVAILABLE as error:
                log.warning("timers.stalled", error=repr(error))
                await asyncio.sleep(1)
                continue
            if handled < PAGE:
                full_pass_at = loop.time() + FULL_PASS_SECONDS if full else full_pass_at
                await asyncio.sleep(POLL_SECONDS)

    async def tick(self, since: datetime) -> int:
        """Handle one page of what is due since then; return how many rows it had."""
        async with self._pool.acquire() as connection, connection.transaction():
            due = await work.due(connection, since, PAGE)
            if not due:
                return 0
            sent = [item.id for item in due if item.kind == "resend"]
            rows = {row.id: row for row in await work.sendable(connection, sent)} if sent else {}
            oldest = await self._oldest({name for row in rows.values() for name in asked(row)})
            lost = await self._look_again(connection, due, rows, oldest)
            effects = await self._step(connection, [item for item in due if self._is_over(item, rows)])
        await self._sender.perform(effects)
        names.RESENT.labels("lost").inc(len(lost))
        await self._sender.send([slip for row in lost for slip in slips_of(row, asked(row), resent=True)])
        return len(due)

    def _is_over(self, item: Due, rows: Mapping[UUID, Sendable]) -> bool:
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
        rows: Mapping[UUID, Sendable],
        oldest: Mapping[str, float | None],
    ) -> list[Sendable]:
        """Return the questions that no stream holds any more, and set when each is looked at next.

        A question that is merely waiting its turn must not be sent twice: re-sending by age alone turned
        a burst into a permanent outage in simulation.
        """
        now, lost, timetable = self._now(), [], []
        for item in due:
            row = rows.get(item.id)
            if row is None or row.until <= now or item.sent_at is None:
                continue
            is_lost = _is_lost(item.sent_at, [oldest[name] for name in asked(row)])
            wait = (
                min(LONGEST_ATTEMPT_SECONDS, RESEND_SECONDS * 2 ** min(item.attempt, 6)) if is_lost else RESEND_SECONDS
            )
            attempt, sent_at = (item.attempt + 1, now) if is_lost else (item.attempt, item.sent_at)
            timetable.append((item.id, min(row.until, now + timedelta(seconds=wait)), "resend", attempt, sent_at))
            if is_lost:
                lost.append(row)
        await work.postpone(connection, timetable)
        return lost

    async def _oldest(self, deciders: set[str]) -> dict[str, float | None]:
        """Return for each decider when the oldest question still in its streams was sent.

        None: its streams are empty. Not knowing counts as 0: everything may still be there.
        """
        found: dict[str, float | None] = {}
        for decider in deciders:
            try:
                found[decider] = await self._streams.oldest(f"{STREAM_PREFIX}{decider}", self._lanes)
            except Unavailable as error:
                log.warning("timers.broker_unavailable", decider=decider, error=repr(error))
                found[decider] = 0.0
        return found


def asked(row: Sendable) -> tuple[str, ...]:
    """Return the deciders that have been asked in the present stage and have not answered."""
    return fold(row.history.events).tally(row.stage).silent()


def _is_lost(sent_at: datetime, oldest: Sequence[float | None]) -> bool:
    """Return whether nothing as old as this is left in any stream it could be in."""
    sent = sent_at.timestamp()
    return all(first is None or first > sent + MARGIN_SECONDS for first in oldest)
