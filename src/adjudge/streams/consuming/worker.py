"""All subscriptions of one process."""

import asyncio
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from adjudge.streams.broker import WAKES, Streams
from adjudge.streams.consuming.consumer import Consumer
from adjudge.streams.consuming.oversight import STALL_SECONDS, Oversight
from adjudge.streams.keys import Keys
from adjudge.streams.loop_watch import LoopWatch
from adjudge.streams.observing import Observer
from adjudge.streams.subscriptions import Subscription


class Worker:
    """Consumes several subscriptions until `stop` is set. Make it inside the event loop; `run` it once.

    Its consumer name is unique to this object, hence to this start of the process.
    """

    def __init__(
        self,
        streams: Streams,
        subscriptions: Sequence[Subscription],
        *,
        stop: asyncio.Event,
        drain_seconds: float = 10.0,
        observer: Observer | None = None,
        stall_seconds: float = STALL_SECONDS,
        loop_watch: LoopWatch | None = None,
    ) -> None:
        if len({subscription.name for subscription in subscriptions}) < len(subscriptions):
            raise ValueError("two subscriptions of one worker have the same name")
        self.name = f"{socket.gethostname()}-{os.getpid()}-{streams.rng.getrandbits(64):016x}"
        self._streams, self._stop, self._drain_seconds = streams, stop, drain_seconds
        self._observer = observer or Observer()
        self._quarantine = asyncio.Lock()
        self._enlisted = {subscription.name: self._enlist(subscription) for subscription in subscriptions}
        self._oversight = Oversight(
            streams,
            subscriptions,
            [each.consumer for each in self._enlisted.values()],
            worker=self.name,
            stop=stop,
            observer=self._observer,
            stall_seconds=stall_seconds,
            loop_watch=loop_watch,
        )
        self._group: asyncio.TaskGroup | None = None

    def add(self, subscription: Subscription) -> None:
        """Consume another name from now on; it has no schedules. Raises ValueError where the name is consumed."""
        if subscription.name in self._enlisted or subscription.schedules:
            raise ValueError(f"{subscription.name} is consumed already, or has schedules")
        enlisted = self._enlisted[subscription.name] = self._enlist(subscription)
        self._oversight.add(enlisted.consumer)
        if self._group is not None:
            self._begin(self._group, enlisted)

    def allow(self, stall_seconds: float) -> None:
        """Be as patient as a handler needs that takes longer than those before."""
        self._oversight.allow(stall_seconds)

    async def remove(self, name: str) -> None:
        """Consume a name no longer: drain it, hand back what is left, and return."""
        enlisted = self._enlisted[name]
        enlisted.stop.set()
        if enlisted.task is not None:
            await asyncio.wait([enlisted.task])
        self._oversight.remove(enlisted.consumer)
        del self._enlisted[name]

    @property
    def silent_seconds(self) -> float:
        """For a liveness probe: how long the most silent subscription has had no answered read and no ended batch.

        Stalls do not count: a new process would not bring back what is gone. The limit must be longer than the
        longest run of a handler.
        """
        return max((each.consumer.silent_seconds for each in self._enlisted.values()), default=0.0)

    @property
    def trouble(self) -> str | None:
        """For a liveness probe: why this process should be replaced; None: it need not be.

        Work has waited for `stall_seconds` and nothing was done, or the event loop stands still (with a `loop_watch`).
        May be asked in any thread. `stall_seconds` must be longer than the longest run of a handler.
        """
        return self._oversight.trouble

    async def run(self) -> None:
        """Consume; after `stop` drain, hand back what is left, and return."""
        async with asyncio.TaskGroup() as beside:
            oversight = beside.create_task(self._oversight.run(), name="oversight")
            wakes = beside.create_task(self._streams.listen(WAKES, self._wake), name="wakes")
            async with asyncio.TaskGroup() as group:
                self._group = group
                for each in self._enlisted.values():
                    self._begin(group, each)
                await self._stop.wait()
                self._group = None
                for each in self._enlisted.values():
                    each.stop.set()
            wakes.cancel()
            oversight.cancel()

    def _enlist(self, subscription: Subscription) -> "_Enlisted":
        stop = asyncio.Event()
        consumer = Consumer(
            subscription,
            self._streams,
            self._streams.group(subscription.name, tuple(subscription.lanes), self.name, subscription.keys),
            stop=stop,
            drain_seconds=self._drain_seconds,
            observer=self._observer,
            quarantine=self._quarantine,
        )
        return _Enlisted(Keys(subscription.name).prefix.encode(), consumer, stop)

    @staticmethod
    def _begin(group: asyncio.TaskGroup, enlisted: "_Enlisted") -> None:
        enlisted.task = group.create_task(enlisted.consumer.run())

    def _wake(self, prefix: bytes) -> None:
        for each in self._enlisted.values():
            if each.prefix == prefix:
                each.consumer.mover.wake()


@dataclass(slots=True)
class _Enlisted:
    """A name that is consumed."""

    prefix: bytes
    consumer: Consumer
    stop: asyncio.Event
    """Ends this one alone."""
    task: asyncio.Task[None] | None = None


async def run(
    streams: Streams,
    subscriptions: Sequence[Subscription],
    *,
    stop: asyncio.Event,
    drain_seconds: float = 10.0,
    observer: Observer | None = None,
) -> None:
    """Consume all subscriptions until `stop` is set and they have drained."""
    await Worker(streams, subscriptions, stop=stop, drain_seconds=drain_seconds, observer=observer).run()
