"""All subscriptions of one process."""

import asyncio
import os
import socket
from collections.abc import Sequence

from adjudge.streams.broker import WAKES, Streams
from adjudge.streams.consumer import Consumer
from adjudge.streams.keys import Keys
from adjudge.streams.loop_watch import LoopWatch
from adjudge.streams.observing import Observer
from adjudge.streams.oversight import STALL_SECONDS, Oversight
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
        observer = observer or Observer()
        if len({subscription.name for subscription in subscriptions}) < len(subscriptions):
            raise ValueError("two subscriptions of one worker have the same name")
        self.name = f"{socket.gethostname()}-{os.getpid()}-{streams.rng.getrandbits(64):016x}"
        quarantine = asyncio.Lock()
        self._consumers = [
            Consumer(
                subscription,
                streams,
                streams.group(subscription.name, tuple(subscription.lanes), self.name, subscription.keys),
                stop=stop,
                drain_seconds=drain_seconds,
                observer=observer,
                quarantine=quarantine,
            )
            for subscription in subscriptions
        ]
        self._oversight = Oversight(
            streams,
            subscriptions,
            self._consumers,
            worker=self.name,
            stop=stop,
            observer=observer,
            stall_seconds=stall_seconds,
            loop_watch=loop_watch,
        )
        self._streams = streams
        self._movers = {
            Keys(subscription.name).prefix.encode(): consumer.mover
            for subscription, consumer in zip(subscriptions, self._consumers, strict=True)
        }

    @property
    def silent_seconds(self) -> float:
        """For a liveness probe: how long the most silent subscription has had no answered read and no ended batch.

        Stalls do not count: a new process would not bring back what is gone. The limit must be longer than the
        longest run of a handler.
        """
        return max((consumer.silent_seconds for consumer in self._consumers), default=0.0)

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
                for consumer in self._consumers:
                    group.create_task(consumer.run())
            wakes.cancel()
            oversight.cancel()

    def _wake(self, prefix: bytes) -> None:
        if mover := self._movers.get(prefix):
            mover.wake()


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
