"""One subscription at work: read, hand out, and leave in good order.

The next message is chosen only after a look at all lanes that have room, so that an urgent one never waits behind
what was fetched ahead. Reading blocks only while nothing waits for the handler.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping

from adjudge.streams.broker import Streams
from adjudge.streams.consuming.batches import Batches
from adjudge.streams.consuming.concluding import Concluding
from adjudge.streams.consuming.handling import Handling
from adjudge.streams.consuming.holding import Holding
from adjudge.streams.consuming.moving import Mover
from adjudge.streams.consuming.pacing import Pace
from adjudge.streams.consuming.pausing import pause
from adjudge.streams.consuming.singles import LOOK_SECONDS, Singles
from adjudge.streams.consuming.upkeep import Upkeep
from adjudge.streams.decoding import Page
from adjudge.streams.group import Group
from adjudge.streams.observing import Observer
from adjudge.streams.retrying import backoff
from adjudge.streams.signals import Unavailable
from adjudge.streams.subscriptions import Single, Subscription

BLOCK_SECONDS = 0.5
"""How long a read waits for a first message: the time in which claims, and the wish to stop, are noticed."""

PAUSED_SECONDS = 0.1
"""How soon reading goes on after all lanes were paused."""

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
        self._loop_time = asyncio.get_running_loop().time
        self._alive_at = self._loop_time()
        self._progress = 0
        self._holding = Holding(subscription)
        self.name, self.lanes = subscription.name, self._holding.lanes
        self._work = self._working(streams, quarantine)
        self.mover = Mover(group, subscription.name, observer)
        self._upkeep = Upkeep(
            subscription,
            streams=streams,
            group=group,
            holding=self._holding,
            observer=observer,
            may_claim=self._wants_work,
        )

    @property
    def silent_seconds(self) -> float:
        """Time since a read was last answered or a message ended; 0 while a stall keeps it from reading."""
        return 0.0 if self._work.stalled else self._loop_time() - self._alive_at

    @property
    def progress(self) -> int:
        """Grows whenever messages came in or were finished."""
        return self._progress

    @property
    def in_hand(self) -> int:
        """Messages that were taken and are not finished."""
        return sum(map(len, self._holding.ids().values()))

    @property
    def is_excused(self) -> bool:
        """Whether it is right that nothing is consumed: the world behind the handler is gone, or the worker stops."""
        return not self._wants_work()

    async def run(self) -> None:
        """Consume until `stop`, then drain and leave."""
        try:
            async with asyncio.TaskGroup() as beside:
                upkeep = beside.create_task(self._upkeep.run(), name=f"upkeep {self._subscription.name}")
                mover = beside.create_task(self.mover.run(), name=f"mover {self._subscription.name}")
                watch = beside.create_task(self._wake_on_stop(), name=f"stop {self._subscription.name}")
                async with asyncio.TaskGroup() as tasks:
                    await self._consume(tasks)
                    await self._work.drain(self._drain_seconds)
                upkeep.cancel()
                mover.cancel()
                watch.cancel()
            await self._depart()
        finally:
            await self._group.close()

    def _wants_work(self) -> bool:
        return not self._stop.is_set() and not self._work.stalled

    def _working(self, streams: Streams, quarantine: asyncio.Lock) -> Batches | Singles:
        subscription, handler = self._subscription, self._subscription.handler
        concluding = Concluding(
            subscription, streams=streams, group=self._group, holding=self._holding, observer=self._observer
        )
        if isinstance(handler, Single):
            return Singles(
                subscription,
                handler.call,
                concluding=concluding,
                holding=self._holding,
                observer=self._observer,
                stop=self._stop,
                quarantine=quarantine,
                rng=streams.rng,
                progressed=self._progressed,
            )
        longest = subscription.batch_ms
        pace = None if longest is None else Pace(subscription.batch, longest / 1000)
        handling = Handling(
            subscription,
            handler,
            concluding=concluding,
            holding=self._holding,
            observer=self._observer,
            pace=pace,
            stop=self._stop,
            quarantine=quarantine,
            rng=streams.rng,
        )
        return Batches(
            subscription,
            handling=handling,
            holding=self._holding,
            pace=pace,
            stop=self._stop,
            progressed=self._progressed,
        )

    def _progressed(self) -> None:
        self._progress += 1
        self._alive_at = self._loop_time()

    async def _wake_on_stop(self) -> None:
        await self._stop.wait()
        self._work.wake()

    async def _consume(self, tasks: asyncio.TaskGroup) -> None:
        failures = 0
        while await self._goes_on():
            try:
                await self._look()
            except Unavailable as error:
                self._holding.doubtful = True
                self._observer.disconnected(self._subscription.name, error)
                await pause(self._stop, backoff(failures, _BASE_SECONDS, _CAP_SECONDS, self._rng))
                failures += 1
                self._work.hand_out(tasks)  # upkeep may have claimed so much meanwhile that there is no room to read
                continue
            if failures:
                self._observer.reconnected(self._subscription.name)
            failures, self._alive_at = 0, self._loop_time()
            self._work.hand_out(tasks)

    async def _goes_on(self) -> bool:
        """Wait until there is room for more; False when the worker stops."""
        await self._work.wait_for_room()
        return not self._stop.is_set()

    async def _look(self) -> None:
        if self._holding.doubtful:
            await self._recover()
        # Half a batch at least: all lanes of a read get the same count, and one almost full would starve the others.
        ahead = self._work.ahead
        room = self._holding.lanes.with_room(at_least=(ahead + 1) // 2, most=ahead)
        if not room and not len(self._holding.lanes):  # all lanes are paused
            await pause(self._stop, PAUSED_SECONDS)
        await self._read(room, self._patience(room))
        if self._subscription.linger_ms and isinstance(self._work, Batches):
            await self._linger(self._work)

    def _patience(self, room: Mapping[str, int]) -> float:
        """How long a read may wait for a first message: not while a batch could be handed out instead."""
        if isinstance(self._work, Singles):  # the runners need no reader to go on
            all_open = len(room) + len(self._holding.lanes.closed) == len(self._subscription.lanes)
            return BLOCK_SECONDS if all_open else LOOK_SECONDS
        return 0.0 if len(self._holding.lanes) else BLOCK_SECONDS

    async def _recover(self) -> None:
        """Make sure of the groups, and fetch what was given to us in an answer that never came."""
        self._holding.doubtful = False  # first, because upkeep may doubt again meanwhile
        if await self._group.create():
            self._observer.regrouped(self._subscription.name)
        for lane in self._subscription.lanes:
            async for page in self._own_pending(lane):
                # As if claimed, so that the server is asked again before they begin: what was in hand when it made
                # this list may be finished by now.
                self._holding.receive(lane, page.messages, claimed=True)

    async def _read(self, room: Mapping[str, int], block_seconds: float) -> None:
        if not room:
            return
        for lane, messages in (await self._group.read(room, min(room.values()), block_seconds)).items():
            self._holding.receive(lane, messages, claimed=False)
            self._progress += 1
            self._observer.read(self._subscription.name, lane, len(messages))

    async def _linger(self, batches: Batches) -> None:
        until = self._loop_time() + self._subscription.linger_ms / 1000
        while 0 < self._holding.lanes.fullest() < batches.most:
            left = until - self._loop_time()
            if left <= 0 or self._stop.is_set():
                return
            await self._read(self._holding.lanes.with_room(at_least=1, most=batches.ahead), left)

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
        for message in self._work.unfinished:
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
