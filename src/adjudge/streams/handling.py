"""One batch from the handler's hands to its end: acknowledged, to be retried, or dead."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from adjudge.streams.broker import Streams
from adjudge.streams.group import Again, Group
from adjudge.streams.holding import Holding
from adjudge.streams.judging import Failed, Verdict, judge
from adjudge.streams.lanes import Batch
from adjudge.streams.messages import Message
from adjudge.streams.observing import Observer
from adjudge.streams.pausing import pause
from adjudge.streams.reasons import reasons_of
from adjudge.streams.retrying import backoff, trail_after
from adjudge.streams.signals import NoGroup, Poison, Unavailable
from adjudge.streams.subscriptions import Subscription

_BASE_SECONDS, _CAP_SECONDS = 0.1, 5.0
_T = TypeVar("_T")


class Handling:
    """Runs the batches of one subscription."""

    def __init__(
        self,
        subscription: Subscription,
        *,
        streams: Streams,
        group: Group,
        holding: Holding,
        observer: Observer,
        stop: asyncio.Event,
        quarantine: asyncio.Lock,
    ) -> None:
        self._subscription, self._streams, self._group = subscription, streams, group
        self._holding, self._observer, self._stop = holding, observer, stop
        self._quarantine = quarantine
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
            dead = [Failed(message, Poison(message.crashes)) for message in batch.messages]
            await self._conclude(batch.lane, Verdict(dead=dead))
            return
        left = await self._attempt(batch.lane, await self._still_ours(batch))
        if left:
            await self._outlast(batch.lane, left)

    async def _still_ours(self, batch: Batch) -> Sequence[Message]:
        """What of a batch may be begun. The leases of what was just read need no asking."""
        overdue = self._loop_time() - self._holding.confirmed_at > self._subscription.lease_seconds / 2
        if not batch.claimed and not overdue:
            return batch.messages
        try:
            lost = await self._insist(lambda: self._group.start(batch.lane, batch.messages))
        except NoGroup:
            lost = {message.id for message in batch.messages}
        if lost:
            self._observer.lost(self._subscription.name, self._holding.lose(batch.lane, lost))
        return [message for message in batch.messages if message.id not in lost]

    async def _outlast(self, lane: str, left: Sequence[Message]) -> None:
        """Try what stalled again and again, until the world is back or the worker stops."""
        self.stalled += 1
        failures = 0
        try:
            while left and not self._stop.is_set():
                await self._back_off(failures)
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
        errors = await self._call(messages)
        verdict = judge(messages, errors, self._subscription.retries, self._streams.rng)
        self._observer.handled(self._subscription.name, len(verdict.done), self._loop_time() - began)
        await self._conclude(lane, verdict)
        return [failed.message for failed in verdict.stalled]

    async def _call(self, messages: Sequence[Message]) -> Mapping[str, Exception]:
        try:
            return _errors_of(await self._subscription.handler(messages))
        except Exception as error:  # whatever a handler raises is its answer about these messages
            return dict.fromkeys((message.id for message in messages), error)

    async def _conclude(self, lane: str, verdict: Verdict) -> None:
        """Make a verdict true on the server, however long that takes."""
        if verdict.done:
            await self._insist(lambda: self._group.acknowledge(lane, verdict.done))
            self._holding.release(lane, verdict.done)
        if verdict.again:
            await self._try_again(lane, verdict.again)
        for error, failed in _by_error(verdict.dead):
            await self._bury(lane, [each.message for each in failed], error)
        if verdict.stalled:
            self._observer.stalled(self._subscription.name, verdict.stalled[0].error)

    async def _try_again(self, lane: str, failed: Sequence[Failed]) -> None:
        at = self._streams.now()
        again = [Again(each.message, each.seconds, trail_after(each.message, each.error, at)) for each in failed]
        await self._insist(lambda: self._group.retry(lane, again))
        self._holding.release(lane, [each.message for each in failed])
        for each in failed:
            self._observer.failed(each.message, each.error, each.seconds)

    async def _bury(self, lane: str, messages: Sequence[Message], error: Exception) -> None:
        await self._announce_death(messages, error)
        at = self._streams.now()
        letters = [(message, reasons_of(message, error, at)) for message in messages]
        await self._insist(lambda: self._group.bury(lane, letters, self._subscription.keep_dead_seconds))
        self._holding.release(lane, messages)
        for message in messages:
            self._observer.dead(message, error)

    async def _announce_death(self, messages: Sequence[Message], error: Exception) -> None:
        """Call `on_dead` until it returns: what it does for the messages must not be missed."""
        failures = 0
        while self._subscription.on_dead:
            try:
                await self._subscription.on_dead(messages, error)
            except Exception as trouble:  # counted and seen through the observer; the messages are still ours
                self._observer.stalled(self._subscription.name, trouble)
            else:
                return
            await asyncio.sleep(backoff(failures, _BASE_SECONDS, _CAP_SECONDS, self._streams.rng))
            failures += 1

    async def _insist(self, action: Callable[[], Awaitable[_T]]) -> _T:
        """Do it as soon as the broker lets us. Ends by cancellation when the time to drain is over."""
        failures = 0
        while True:
            try:
                return await action()
            except NoGroup:
                raise
            except Unavailable as error:
                self._observer.disconnected(self._subscription.name, error)
            await asyncio.sleep(backoff(failures, _BASE_SECONDS, _CAP_SECONDS, self._streams.rng))
            failures += 1

    async def _back_off(self, failures: int) -> None:
        await pause(self._stop, backoff(failures, _BASE_SECONDS, _CAP_SECONDS, self._streams.rng))


def _errors_of(answer: object) -> Mapping[str, Exception]:
    """A handler's answer, unless it is none: taken for success, a mistaken answer would lose messages."""
    if answer is None:
        return {}
    if isinstance(answer, Mapping) and all(isinstance(error, Exception) for error in answer.values()):
        return answer
    raise TypeError(f"a handler answers None or its errors by message id, not {answer!r:.200}")


def _by_error(failed: Sequence[Failed]) -> list[tuple[Exception, list[Failed]]]:
    """Grouped by the error object: a handler that raised has one for all its messages."""
    groups: dict[int, list[Failed]] = {}
    for each in failed:
        groups.setdefault(id(each.error), []).append(each)
    return [(group[0].error, group) for group in groups.values()]
