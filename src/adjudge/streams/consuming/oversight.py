"""What a worker does for all its subscriptions together: obey pauses, keep time, and watch itself."""

import asyncio
from collections.abc import Sequence

from adjudge.streams.broker import Streams
from adjudge.streams.consuming.gates import Gates
from adjudge.streams.consuming.liveness import Liveness, Watched
from adjudge.streams.consuming.timekeeping import LEASE_SECONDS, Timekeeper
from adjudge.streams.loop_watch import LoopWatch
from adjudge.streams.observing import Observer
from adjudge.streams.subscriptions import Subscription

STALL_SECONDS = 120.0
"""For so long a worker may leave work lying, unless it is told another time."""


class Oversight:
    """Runs beside the consumers of one worker."""

    def __init__(
        self,
        streams: Streams,
        subscriptions: Sequence[Subscription],
        consumers: Sequence[Watched],
        *,
        worker: str,
        stop: asyncio.Event,
        observer: Observer,
        stall_seconds: float,
        loop_watch: LoopWatch | None,
    ) -> None:
        self._stop = stop
        self._gates = Gates(streams, {consumer.name: consumer.lanes for consumer in consumers}, observer)
        self._liveness = Liveness(
            streams,
            consumers,
            worker=worker,
            stall_seconds=stall_seconds,
            observer=observer,
            loop_watch=loop_watch,
        )
        self._timekeepers = [
            Timekeeper(
                subscription.name,
                subscription.schedules,
                ticking=streams.ticking(subscription.name, worker, LEASE_SECONDS),
                observer=observer,
                rng=streams.rng,
            )
            for subscription in subscriptions
            if subscription.schedules
        ]

    def add(self, consumer: Watched) -> None:
        """Watch another consumer, too."""
        self._gates.add(consumer.name, consumer.lanes)
        self._liveness.add(consumer)

    def allow(self, stall_seconds: float) -> None:
        """See `Worker.allow`."""
        self._liveness.allow(stall_seconds)

    def remove(self, consumer: Watched) -> None:
        """Watch it no longer."""
        self._gates.remove(consumer.name)
        self._liveness.remove(consumer)

    @property
    def trouble(self) -> str | None:
        """See `Liveness`."""
        return self._liveness.trouble

    async def run(self) -> None:
        """Until cancelled; timekeepers end, and resign, with `stop`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._gates.run(), name="gates")
            group.create_task(self._liveness.run(), name="liveness")
            for timekeeper in self._timekeepers:
                group.create_task(timekeeper.run(self._stop), name="timekeeper")
