"""Whether a worker that has work does it. A worker that is alive, connected and idle is a failure nobody notices."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from adjudge.streams.broker import Streams
from adjudge.streams.connections.refusals import DENIED, has_code
from adjudge.streams.consuming.lanes import Lanes
from adjudge.streams.loop_watch import LoopWatch
from adjudge.streams.messages import Depth
from adjudge.streams.observing import Observer
from adjudge.streams.signals import Unavailable

_LONGEST_LOOK_SECONDS = 5.0
_LOOKS_PER_STALL = 5


class Watched(Protocol):
    """A consumer, as its liveness sees it."""

    name: str
    lanes: Lanes

    @property
    def progress(self) -> int: ...
    @property
    def in_hand(self) -> int: ...
    @property
    def is_excused(self) -> bool: ...


class _Record:
    def __init__(self, consumer: Watched) -> None:
        self.consumer = consumer
        self.progress = consumer.progress
        self.idle_seconds = 0.0
        """For how long there has been work, and none of it was done."""
        self.trouble: str | None = None


class Liveness:
    """Asks the broker, on a line that no consumer uses, whether work waits for a consumer that stands still.

    `stall_seconds` must be longer than the longest run of a handler. Time in which the whole process was stopped, or
    in which the broker was away, does not count; nor does a pause. A broker that refuses the password does: whoever
    takes this worker's place may have been given the new one.
    """

    def __init__(
        self,
        streams: Streams,
        consumers: Sequence[Watched],
        *,
        worker: str,
        stall_seconds: float,
        observer: Observer,
        loop_watch: LoopWatch | None = None,
    ) -> None:
        if stall_seconds <= 0:
            raise ValueError(f"stall_seconds must be positive: {stall_seconds}")
        self._streams, self._worker, self._observer = streams, worker, observer
        self._records = [_Record(consumer) for consumer in consumers]
        self._stall_seconds, self._loop_watch = stall_seconds, loop_watch
        self._every_seconds = min(_LONGEST_LOOK_SECONDS, stall_seconds / _LOOKS_PER_STALL)
        self._loop_time = asyncio.get_running_loop().time

    def add(self, consumer: Watched) -> None:
        self._records.append(_Record(consumer))

    def allow(self, stall_seconds: float) -> None:
        self._stall_seconds = max(self._stall_seconds, stall_seconds)

    def remove(self, consumer: Watched) -> None:
        self._records = [record for record in self._records if record.consumer is not consumer]

    @property
    def trouble(self) -> str | None:
        """Why the process should be replaced; None: it need not be. May be asked in any thread."""
        of_loop = self._loop_watch.trouble if self._loop_watch else None
        return of_loop or next((record.trouble for record in self._records if record.trouble), None)

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        looked_at = self._loop_time()
        while True:
            await asyncio.sleep(self._every_seconds)
            # More can only have passed while nobody ran: then nobody can be blamed.
            passed = min(self._loop_time() - looked_at, 2 * self._every_seconds)
            looked_at = self._loop_time()
            for record in self._records:
                await self._look(record, passed)

    async def _look(self, record: _Record, passed: float) -> None:
        consumer = record.consumer
        try:
            depth = await self._streams.depth(consumer.name, consumer.lanes.names)
            work = await self._work(consumer, depth)
        except Unavailable as error:  # the consumers see it too and say so
            if has_code(error.__cause__, *DENIED):
                self._blame(record, passed, f"the broker refuses this worker: {error}")
            return
        self._observer.measured(consumer.name, depth)
        if not work or consumer.is_excused or consumer.progress != record.progress:
            record.progress, record.idle_seconds, record.trouble = consumer.progress, 0.0, None
            return
        self._blame(record, passed, work)

    def _blame(self, record: _Record, passed: float, why: str) -> None:
        record.idle_seconds += passed
        if record.idle_seconds < self._stall_seconds:
            return
        name = record.consumer.name
        reason = f"{name}: {why}, and nothing was read or finished for {record.idle_seconds:.0f} s"
        if record.trouble is None:
            self._observer.wedged(name, record.idle_seconds, reason)
        record.trouble = reason

    async def _work(self, consumer: Watched, depth: Depth) -> str:
        """What waits for this consumer, in words; empty: nothing."""
        if consumer.in_hand:
            return f"in hand: {consumer.in_hand}"
        lanes = [lane for lane in consumer.lanes.names if lane not in consumer.lanes.closed]
        unread = sum(depth.lanes[lane].lag - depth.lanes[lane].waiting for lane in lanes)
        if unread > 0:
            return f"unread: {unread}"
        if any(depth.lanes[lane].pending for lane in lanes):
            own = await self._streams.inspector.pending(consumer.name, lanes, consumer=self._worker, limit=1)
            return "it was given entries that it does not know of" if own else ""
        return ""
