"""Gauges of the whole system, measured by keepers: what is open, what waits for whom, and what is overdue.

Each figure is measured by itself, so that one that is slow or fails does not hold up the others.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from adjudge.engine.clocks import Clock, loop_time
from adjudge.engine.configuration.revisions import Revisions
from adjudge.engine.slips import STREAM_PREFIX, lanes_of
from adjudge.store import feed, measuring, partitions
from adjudge.store.automation import audit_records, certificates, epochs
from adjudge.store.connecting import UNAVAILABLE, Pool
from adjudge.store.review.queues import pools_in_use, read_queues
from adjudge.store.scope import SYSTEM
from adjudge.streams import Streams, Unavailable
from adjudge.telemetry import names
from adjudge.telemetry.standing import UNKNOWN, Standing

log = structlog.get_logger()

OFTEN_SECONDS = 5.0
SELDOM_SECONDS = 60.0
"""Of figures that read much: coverage passes over all outcomes of an hour."""
OVERDUE = timedelta(seconds=30)
HOUR = timedelta(hours=1)


class HeldBack:
    """For how long the feed has stood still before a transaction that does not end, from look to look."""

    def __init__(self) -> None:
        self._reach = -1
        self._since = 0.0

    def seconds(self, reach: int, *, is_quiet: bool, now: float) -> float:
        """Return it at `now`, monotonic; `reach` and `is_quiet` as the store says them."""
        if is_quiet or reach != self._reach:
            self._reach, self._since = reach, now
        return now - self._since


class Figures:
    """Measures until cancelled; any number of keepers may, and all come to the same."""

    def __init__(self, pool: Pool, streams: Streams, revisions: Revisions, *, now: Clock) -> None:
        self._pool = pool
        self._streams = streams
        self._revisions = revisions
        self._now = now
        self._types = Standing(names.LICENSED, names.SUSPENDED, names.AUDITS_OPEN, names.AUDITS_OLDEST)
        self._queues = Standing(names.QUEUE_WAITING, names.QUEUE_OLDEST, names.AT_WORK)
        self._asked = Standing(names.STREAM_DEAD)
        self._lanes = Standing(names.STREAM_UNREAD, names.STREAM_HELD, names.STREAM_OLDEST)
        self._covered = Standing(names.COVERAGE, gone=UNKNOWN)
        self._held_back = HeldBack()

    async def run(self) -> None:
        """Measure until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._each("open", OFTEN_SECONDS, self.measure_open), name="figures-open")
            group.create_task(self._each("feed", OFTEN_SECONDS, self.measure_feed), name="figures-feed")
            group.create_task(self._each("queues", OFTEN_SECONDS, self.measure_queues), name="figures-queues")
            group.create_task(self._each("streams", OFTEN_SECONDS, self.measure_streams), name="figures-streams")
            group.create_task(self._each("store", SELDOM_SECONDS, self.measure_store), name="figures-store")

    async def _each(self, figure: str, seconds: float, measure: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await measure()
                names.DUTY_AT.labels(f"figures-{figure}").set(self._now().timestamp())
            except (*UNAVAILABLE, Unavailable) as error:
                log.warning("figures.stalled", figure=figure, error=repr(error))
            await asyncio.sleep(seconds)

    async def measure_open(self) -> None:
        """What is open by lane, and what is overdue: a step that nobody takes."""
        async with self._pool.acquire() as connection:
            by_lane = await measuring.open_by_lane(connection)
            names.OVERDUE.set(await measuring.overdue(connection, OVERDUE))
            waiting = await audit_records.measured(connection)
            licensed, suspended = await certificates.in_force(connection), await epochs.suspended(connection)
        of = {question_type: f"certificate:{question_type}:" for question_type in self._revisions.current.types}
        for question_type, start in of.items():
            names.LICENSED.labels(question_type).set(sum(scope.startswith(start) for scope in licensed))
            names.SUSPENDED.labels(question_type).set(sum(scope.startswith(start) for scope in suspended))
        for question_type in self._revisions.current.types:
            count, age = waiting.get(question_type, (0, 0.0))
            names.AUDITS_OPEN.labels(question_type).set(count)
            names.AUDITS_OLDEST.labels(question_type).set(age)
        self._types.are((question_type,) for question_type in self._revisions.current.types)
        for lane, (count, age) in by_lane.items():
            names.OPEN.labels(lane).set(count)
            names.OLDEST_OPEN.labels(lane).set(age)

    async def measure_feed(self) -> None:
        """For how long outcomes have been kept from the feed and from webhooks, whether or not anybody reads."""
        async with self._pool.acquire() as connection:
            reach, is_quiet = await feed.reach(connection)
        names.FEED_HELD_BACK.set(self._held_back.seconds(reach, is_quiet=is_quiet, now=loop_time()))

    async def measure_queues(self) -> None:
        """What waits for people, and who is at work."""
        async with self._pool.acquire() as connection:
            pools = {*self._revisions.pools(), *await pools_in_use(connection, SYSTEM)}
            queues = await read_queues(connection, SYSTEM, list(pools))
        for queue in queues:
            names.QUEUE_WAITING.labels(queue.pool).set(queue.waiting)
            names.QUEUE_OLDEST.labels(queue.pool).set(queue.oldest_seconds or 0)
            names.AT_WORK.labels(queue.pool).set(queue.at_work)
        self._queues.are((queue.pool,) for queue in queues)

    async def measure_streams(self) -> None:
        """What waits for models: also where no worker lives that could tell."""
        asked = self._revisions.in_force.deciders()
        self._asked.are((decider,) for decider in asked)
        self._lanes.are((decider, lane) for decider, spec in asked.items() for lane in lanes_of(spec))
        for decider, spec in asked.items():
            depth = await self._streams.depth(f"{STREAM_PREFIX}{decider}", lanes_of(spec))
            names.STREAM_DEAD.labels(decider).set(depth.dead)
            for lane, measured in depth.lanes.items():
                names.STREAM_UNREAD.labels(decider, lane).set(measured.lag)
                names.STREAM_HELD.labels(decider, lane).set(measured.pending)
                names.STREAM_OLDEST.labels(decider, lane).set(measured.oldest_seconds or 0)

    async def measure_store(self) -> None:
        """Coverage, room, and the partitions that are made ahead."""
        async with self._pool.acquire() as connection:
            covered = await measuring.coverage(connection, HOUR)
            for question_type, coverage in covered.items():
                names.COVERAGE.labels(question_type).set(coverage)
            self._covered.are((question_type,) for question_type in covered)
            names.DATABASE_BYTES.set(await measuring.database_bytes(connection))
            names.PARTITION_WEEKS.labels("keeper").set(await partitions.weeks_ahead(connection))
