"""All subscriptions of one process."""

import asyncio
import os
import socket
from collections.abc import Sequence

from adjudge.streams.broker import Streams
from adjudge.streams.consumer import Consumer
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
    ) -> None:
        if len({subscription.name for subscription in subscriptions}) < len(subscriptions):
            raise ValueError("two subscriptions of one worker have the same name")
        self.name = f"{socket.gethostname()}-{os.getpid()}-{streams.rng.getrandbits(64):016x}"
        quarantine = asyncio.Lock()
        self._consumers = [
            Consumer(
                subscription,
                streams,
                streams.group(subscription.name, tuple(subscription.lanes), self.name),
                stop=stop,
                drain_seconds=drain_seconds,
                observer=observer or Observer(),
                quarantine=quarantine,
            )
            for subscription in subscriptions
        ]

    @property
    def silent_seconds(self) -> float:
        """For a liveness probe: how long the most silent subscription has had no answered read and no ended batch.

        Stalls do not count: a new process would not bring back what is gone. The limit must be longer than the
        longest run of a handler.
        """
        return max((consumer.silent_seconds for consumer in self._consumers), default=0.0)

    async def run(self) -> None:
        """Consume; after `stop` drain, hand back what is left, and return."""
        async with asyncio.TaskGroup() as group:
            for consumer in self._consumers:
                group.create_task(consumer.run())


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
