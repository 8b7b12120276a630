"""One batch, from the call of its handler until each message has come to its end."""

import asyncio
import random
from collections.abc import Mapping, Sequence

from adjudge.streams.consuming.concluding import BASE_SECONDS, CAP_SECONDS, Concluding
from adjudge.streams.consuming.holding import Holding
from adjudge.streams.consuming.lanes import Batch
from adjudge.streams.consuming.pacing import Pace
from adjudge.streams.consuming.pausing import pause
from adjudge.streams.handlers.escaping import as_exception
from adjudge.streams.messages import Message
from adjudge.streams.observing import Observer
from adjudge.streams.retrying import backoff
from adjudge.streams.signals import Poison, TimedOut
from adjudge.streams.subscriptions import Handler, Said, Subscription


class Handling:
    """Runs the batches of one subscription."""

    def __init__(
        self,
        subscription: Subscription,
        handler: Handler,
        *,
        concluding: Concluding,
        holding: Holding,
        observer: Observer,
        pace: Pace | None,
        stop: asyncio.Event,
        quarantine: asyncio.Lock,
        rng: random.Random,
    ) -> None:
        self._subscription, self._handler, self._concluding = subscription, handler, concluding
        self._holding, self._observer, self._pace, self._stop = holding, observer, pace, stop
        self._quarantine, self._rng = quarantine, rng
        self._loop_time = asyncio.get_running_loop().time
        self.stalled = 0
        """Batches that wait for the world to come back; until it is 0 again nothing is read."""
        self.unfinished: list[Message] = []
        """Begun, but cut off by the end of the worker."""

    async def run(self, batch: Batch) -> None:
        """Work on a batch until nothing of it is left, or the worker stops."""
        try:
            if batch.suspect:
                async with self._quarantine:  # one in the whole process, so that only the culprit's count grows
                    await self._work(batch)
            else:
                await self._work(batch)
        finally:
            if self._stop.is_set():
                self.unfinished += filter(self._holding.holds, batch.messages)
            self._holding.release(batch.lane, batch.messages)

    async def _work(self, batch: Batch) -> None:
        if batch.suspect and batch.messages[0].crashes >= self._subscription.crash_limit:
            await self._concluding.bury(batch.lane, batch.messages, Poison(batch.messages[0].crashes))
            return
        fit = await self._without_expired(batch)
        left = await self._attempt(
            batch.lane, await self._concluding.still_ours(batch.lane, fit, claimed=batch.claimed)
        )
        if left:
            await self._outlast(batch.lane, left)

    async def _without_expired(self, batch: Batch) -> Sequence[Message]:
        expired = [message for message in batch.messages if self._concluding.is_expired(message)]
        if not expired:
            return batch.messages
        await self._concluding.expire(batch.lane, expired)
        return [message for message in batch.messages if message not in expired]

    async def _outlast(self, lane: str, left: Sequence[Message]) -> None:
        """Try what stalled again and again, until the world is back or the worker stops."""
        self.stalled += 1
        failures = 0
        try:
            while left and not self._stop.is_set():
                await pause(self._stop, backoff(failures, BASE_SECONDS, CAP_SECONDS, self._rng))
                failures += 1
                if not self._stop.is_set():
                    left = await self._attempt(lane, left)
        finally:
            self.stalled -= 1

    async def _attempt(self, lane: str, messages: Sequence[Message]) -> Sequence[Message]:
        """Call the handler once and act on what it says; return what stalled."""
        if not messages:
            return ()
        began = self._loop_time()
        said = await self._call(messages)
        done = len(messages) - len(said.errors)
        ended = self._loop_time()
        self._observer.handled(self._subscription.name, done, ended - began)
        if self._pace is not None and done:  # what failed at once says nothing of what the work takes
            self._pace.handled(len(messages), began, ended)
        return await self._concluding.settle(lane, messages, said)

    async def _call(self, messages: Sequence[Message]) -> Said:
        limit = asyncio.timeout(self._subscription.timeout_seconds)
        try:
            async with limit:
                return _said(await self._handler(messages))
        except BaseException as error:  # whatever a handler raises is its answer about these messages
            if limit.expired():
                told: Exception = TimedOut(self._subscription.timeout_seconds or 0.0)
            else:
                told = as_exception(error)
            return Said(dict.fromkeys((message.id for message in messages), told))


def _said(answer: object) -> Said:
    """A handler's answer, unless it is none: taken for success, a mistaken answer would lose messages."""
    match answer:
        case None:
            return Said()
        case Said():
            return answer
        case Mapping() if all(isinstance(error, Exception) for error in answer.values()):
            return Said(answer)
    raise TypeError(f"a handler answers None or its errors by message id, not {answer!r:.200}")
