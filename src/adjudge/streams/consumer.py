"""One subscription at work: read, hand out in batches, and leave in good order.

A batch is chosen only after a look at all lanes that have room, so that what is urgent never waits behind what
was fetched ahead. Reading blocks only while nothing is in front of the handler.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping

from adjudge.streams.broker import Streams
from adjudge.streams.decoding import Page
from adjudge.streams.group import Group
from adjudge.streams.handling import Handling
from adjudge.streams.holding import Holding
from adjudge.streams.observing import Observer
from adjudge.streams.pausing import pause
from adjudge.streams.retrying import backoff
from adjudge.streams.signals import Unavailable
from adjudge.streams.subscriptions import Subscription
from adjudge.streams.upkeep import Upkeep

BLOCK_SECONDS = 0.5
"""How long a read waits for a first message: the time in which claims, and the wish to stop, are noticed."""

_BASE_SECONDS, _CAP_SECONDS = 0.05, 2.0


class Consumer:
    """A consumer of one group, under a name of its own."""

    def __init__(
        self,
        subscription: Subscription,
        streams: Streams,
        group: Group,
        *,
        stop: asyncio.Event,
        drain_seconds: float,
        observer: Observer,
        quarantine: asyncio.Lock,
    ) -> None:
        self._subscription, self._rng, self._group = subscription, streams.rng, group
        self._stop, self._drain_seconds, self._observer = stop, drain_seconds, observer
        self._holding = Holding(subscription)
        self._handling = Handling(
            subscription,
            streams=streams,
            group=group,
            holding=self._holding,
            observer=observer,
            stop=stop,
            quarantine=quarantine,
        )
        self._upkeep = Upkeep(
            subscription,
            streams=streams,
            group=group,
            holding=self._holding,
            observer=observer,
            may_claim=self._wants_work,
        )
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._loop_time = asyncio.get_running_loop().time
        self._alive_at = self._loop_time()

    @property
    def silent_seconds(self) -> float:
        """Time since a read was last answered or a batch ended; 0 while a stall keeps it from reading."""
        return 0.0 if self._handling.stalled else self._loop_time() - self._alive_at

    async def run(self) -> None:
        """Consume until `stop`, then drain and leave."""
        try:
            async with asyncio.TaskGroup() as beside:
                upkeep = beside.create_task(self._upkeep.run(), name=f"upkeep {self._subscription.name}")
                watch = beside.create_task(self._wake_on_stop(), name=f"stop {self._subscription.name}")
                async with asyncio.TaskGroup() as batches:
                    await self._consume(batches)
                    await self._drain()
                upkeep.cancel()
                watch.cancel()
            await self._depart()
        finally:
            await self._group.close()

    def _wants_work(self) -> bool:
        return not self._stop.is_set() and not self._handling.stalled

    def _has_slot(self) -> bool:
        return len(self._running) < self._subscription.concurrency and not self._handling.stalled

    async def _wake_on_stop(self) -> None:
        await self._stop.wait()
        self._wake.set()

    async def _consume(self, batches: asyncio.TaskGroup) -> None:
        failures = 0
        while await self._wait_for_slot():
            try:
                await self._look()
            except Unavailable as error:
                self._holding.doubtful = True
                self._observer.disconnected(self._subscription.name, error)
                await pause(self._stop, backoff(failures, _BASE_SECONDS, _CAP_SECONDS, self._rng))
                failures += 1
                continue
            if failures:
                self._observer.reconnected(self._subscription.name)
            failures, self._alive_at = 0, self._loop_time()
            self._hand_out(batches)

    async def _wait_for_slot(self) -> bool:
        """Whether to go on: False when the worker stops."""
        while not self._has_slot() and not self._stop.is_set():
            self._wake.clear()
            await self._wake.wait()
        return not self._stop.is_set()

    async def _look(self) -> None:
        if self._holding.doubtful:
            await self._recover()
        # Half a batch at least: all lanes of a read get the same count, and one almost full would starve the others.
        room = self._holding.lanes.with_room(at_least=(self._subscription.batch + 1) // 2)
        await self._read(room, 0.0 if len(self._holding.lanes) else BLOCK_SECONDS)
        if self._subscription.linger_ms:
            await self._linger()

    async def _recover(self) -> None:
        """Make sure of the groups, and fetch what was given to us in an answer that never came."""
        self._holding.doubtful = False  # first, because upkeep may doubt again meanwhile
        if await self._group.create():
            self._observer.regrouped(self._subscription.name)
        for lane in self._subscription.lanes:
            async for page in self._own_pending(lane):
                self._holding.receive(lane, page.messages, claimed=False)

    async def _read(self, room: Mapping[str, int], block_seconds: float) -> None:
        if not room:
            return
        for lane, messages in (await self._group.read(room, min(room.values()), block_seconds)).items():
            self._holding.receive(lane, messages, claimed=False)
            self._observer.read(self._subscription.name, lane, len(messages))

    async def _linger(self) -> None:
        until = self._loop_time() + self._subscription.linger_ms / 1000
        while 0 < self._holding.lanes.fullest() < self._subscription.batch:
            left = until - self._loop_time()
            if left <= 0 or self._stop.is_set():
                return
            await self._read(self._holding.lanes.with_room(at_least=1), left)

    def _hand_out(self, batches: asyncio.TaskGroup) -> None:
        while self._has_slot() and (batch := self._holding.lanes.take()):
            task = batches.create_task(self._handling.run(batch), name=f"batch {self._subscription.name}")
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._alive_at = self._loop_time()
        self._wake.set()

    async def _drain(self) -> None:
        """Let what runs come to its end, then cut it off."""
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=self._drain_seconds)
        for task in late:
            task.cancel()

    async def _depart(self) -> None:
        """Hand back what is not finished and take the name away. A broker that is away learns it by the lease."""
        try:
            for lane, counts in self._starts().items():
                await self._hand_back(lane, counts)
            await self._group.leave()
        except Unavailable as error:
            self._observer.disconnected(self._subscription.name, error)

    def _starts(self) -> dict[str, dict[str, int]]:
        """How often what is left has been begun. Being cut off is no crash, but someone may have seen it."""
        counts: dict[str, dict[str, int]] = {lane: {} for lane in self._subscription.lanes}
        for message in self._holding.lanes.drain():
            counts[message.lane][message.id] = message.crashes
        for message in self._handling.unfinished:
            counts[message.lane][message.id] = max(1, message.crashes)
        return counts

    async def _hand_back(self, lane: str, counts: dict[str, int]) -> None:
        """Everything pending: the server's list also has what was given to us in an answer that never came."""
        async for page in self._own_pending(lane):
            await self._group.hand_back(lane, {m.id: counts.get(m.id, m.crashes) for m in page.messages})
            self._observer.returned(self._subscription.name, page.messages)

    async def _own_pending(self, lane: str) -> AsyncIterator[Page]:
        page = await self._group.own_pending(lane, after="")
        while page.following:
            if page.deleted:
                self._observer.vanished(self._subscription.name, lane, page.deleted)
            yield page
            page = await self._group.own_pending(lane, page.following)
