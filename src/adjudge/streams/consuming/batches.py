"""Batches in work, each in a task of its own."""

import asyncio
from collections.abc import Callable, Sequence

from adjudge.streams.consuming.handling import Handling
from adjudge.streams.consuming.holding import Holding
from adjudge.streams.consuming.pacing import Pace
from adjudge.streams.messages import Message
from adjudge.streams.subscriptions import Subscription

LATELY_SECONDS = 10.0
"""How long after a message of a lane another one is reckoned with."""


class Batches:
    """Hands out what waits to a handler of batches. `progressed` is called when one has ended."""

    def __init__(
        self,
        subscription: Subscription,
        *,
        handling: Handling,
        holding: Holding,
        pace: Pace | None,
        stop: asyncio.Event,
        progressed: Callable[[], None],
    ) -> None:
        """`pace`: learns from `handling`; None: every batch may have the most."""
        self._subscription, self._handling, self._holding, self._pace = subscription, handling, holding, pace
        self._stop, self._progressed = stop, progressed
        self._loop_time = asyncio.get_running_loop().time
        self._expected_until: dict[str, float] = {}
        """By lane, how long after its last message another one is reckoned with."""
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    @property
    def most(self) -> int:
        """Messages that the next batch may have."""
        return self._pace.most if self._pace is not None else self._subscription.batch

    @property
    def ahead(self) -> int:
        """Messages of a lane that may wait in front of the handler: where each takes long, other workers want some."""
        return min(self._subscription.batch, self.most * self._subscription.concurrency)

    @property
    def stalled(self) -> bool:
        """Whether what stands behind the handler is gone."""
        return self._handling.stalled > 0

    @property
    def unfinished(self) -> Sequence[Message]:
        """Begun, but cut off by the end of the worker."""
        return self._handling.unfinished

    async def wait_for_room(self) -> None:
        """Until more can be handed out, or `wake`."""
        while not self._has_slot() and not self._stop.is_set():
            self._wake.clear()
            await self._wake.wait()

    def wake(self) -> None:
        """The worker stops."""
        self._wake.set()

    def hand_out(self, tasks: asyncio.TaskGroup) -> None:
        """Begin as many batches as may run at once."""
        while self._has_slot() and (batch := self._holding.lanes.take(self._most_of)):
            self._expected_until[batch.lane] = self._loop_time() + LATELY_SECONDS
            task = tasks.create_task(self._handling.run(batch), name=f"batch {self._subscription.name}")
            self._running.add(task)
            task.add_done_callback(self._ended)

    async def drain(self, seconds: float) -> None:
        """Let what runs come to its end, then cut it off."""
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=seconds)
        for task in late:
            task.cancel()

    def _most_of(self, lane: str) -> int:
        if self._pace is None or not self._is_between(lane):
            return self.most
        return self._pace.most_between

    def _is_between(self, lane: str) -> bool:
        """Return whether something may come that is more urgent, and would wait for a batch of this lane."""
        weights, now = self._subscription.lanes, self._loop_time()
        return any(weights[other] > weights[lane] and now < until for other, until in self._expected_until.items())

    def _has_slot(self) -> bool:
        return len(self._running) < self._subscription.concurrency and not self._handling.stalled

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._progressed()
        self._wake.set()
