"""Carries verdicts out on the server: messages are acknowledged, parked for another try, buried, or handed back."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from adjudge.streams import results
from adjudge.streams.broker import Streams
from adjudge.streams.consuming.holding import Holding
from adjudge.streams.consuming.judging import Failed, Verdict, judge
from adjudge.streams.group import Again, Group
from adjudge.streams.messages import Message
from adjudge.streams.observing import Observer
from adjudge.streams.reasons import reasons_of
from adjudge.streams.results import Answered, Ending, Reply
from adjudge.streams.retrying import backoff, trail_after
from adjudge.streams.signals import Expired, NoGroup, Unavailable
from adjudge.streams.subscriptions import Said, Subscription

BASE_SECONDS, CAP_SECONDS = 0.1, 5.0
_T = TypeVar("_T")


class Concluding:
    """Ends the messages of one subscription, however long the broker takes to let it."""

    def __init__(
        self, subscription: Subscription, *, streams: Streams, group: Group, holding: Holding, observer: Observer
    ) -> None:
        self._subscription, self._streams, self._group = subscription, streams, group
        self._holding, self._observer = holding, observer
        self._loop_time = asyncio.get_running_loop().time

    async def settle(self, lane: str, messages: Sequence[Message], said: Said) -> Sequence[Message]:
        """Carry out what their handler's verdict means for these messages; return those that stalled.

        Answers are told before their messages end, so that a crash repeats them.
        """
        verdict = judge(messages, said.errors, self._subscription.retries, self._streams.rng, self._group.now())
        await self._conclude(lane, verdict, said.answers)
        return [failed.message for failed in verdict.stalled]

    async def _conclude(self, lane: str, verdict: Verdict, answers: Mapping[str, bytes]) -> None:
        if answers:
            await self._answer(verdict.done, answers)
        if verdict.done:
            await self._insist(lambda: self._group.acknowledge(lane, verdict.done))
            self._holding.release(lane, verdict.done)
        if verdict.again:
            await self._try_again(lane, verdict.again)
        if verdict.crashed:
            await self._hand_back(lane, verdict.crashed)
        for error, failed in _by_error(verdict.dead):
            await self.bury(lane, [each.message for each in failed], error)
        if verdict.stalled:
            self._observer.stalled(self._subscription.name, verdict.stalled[0].error)

    async def bury(self, lane: str, messages: Sequence[Message], error: Exception) -> None:
        """Move messages to the dead letters, once `on_dead` has returned; whoever asked learns it."""
        await self._announce_death(messages, error)
        await self._tell_failure(messages, error)
        at = self._streams.now()
        letters = [(message, reasons_of(message, error, at)) for message in messages]
        with suppress(NoGroup):  # flushed: nothing is left to move
            await self._insist(lambda: self._group.bury(lane, letters, self._subscription.keep_dead_seconds))
        self._holding.release(lane, messages)
        for message in messages:
            self._observer.dead(message, error)

    async def expire(self, lane: str, messages: Sequence[Message]) -> None:
        """End messages whose deadline was over before they were begun."""
        for message in messages:
            self._observer.expired(message)
        error = Expired("its deadline was over")
        if self._subscription.expired == "dead":
            await self.bury(lane, messages, error)
            return
        await self._tell_failure(messages, error)
        await self._insist(lambda: self._group.acknowledge(lane, messages))
        self._holding.release(lane, messages)

    def is_expired(self, message: Message) -> bool:
        """Whether its deadline is over, on the server's clock."""
        return message.expires_at is not None and self._group.now() >= message.expires_at

    @property
    def leases_last_until(self) -> float:
        """Loop time from which on the leases of what is in hand must be asked for before it is begun."""
        return self._holding.confirmed_at + self._subscription.lease_seconds / 2

    async def still_ours(self, lane: str, messages: Sequence[Message], *, claimed: bool) -> Sequence[Message]:
        """What of these may be begun. The leases of what was just read need no asking."""
        if not claimed and self._loop_time() <= self.leases_last_until:
            return messages
        try:
            lost = await self._insist(lambda: self._group.start(lane, messages))
        except NoGroup:
            lost = {message.id for message in messages}
        if lost:
            self._observer.lost(self._subscription.name, self._holding.lose(lane, lost))
            # Else they would count as in hand for ever, and be kept from all if they came back.
            self._holding.release(lane, [message for message in messages if message.id in lost])
        return [message for message in messages if message.id not in lost]

    async def _answer(self, done: Sequence[Message], answers: Mapping[str, bytes]) -> None:
        asked: list[tuple[Message, Ending]] = [
            (message, Answered(answers[message.id])) for message in done if message.id in answers
        ]
        await self._tell(results.replies(asked, self._subscription.keep_result_seconds))

    async def _tell_failure(self, messages: Iterable[Message], error: Exception) -> None:
        failed = results.failure(error)
        await self._tell(
            results.replies(((message, failed) for message in messages), self._subscription.keep_result_seconds)
        )

    async def _tell(self, replies: Sequence[Reply]) -> None:
        if replies:
            await self._insist(lambda: self._streams.reply(self._subscription.name, replies))

    async def _try_again(self, lane: str, failed: Sequence[Failed]) -> None:
        at = self._streams.now()
        again = [Again(each.message, each.seconds, trail_after(each.message, each.error, at)) for each in failed]
        with suppress(NoGroup):  # flushed: nothing is left to try again
            await self._insist(lambda: self._group.retry(lane, again))
        self._holding.release(lane, [each.message for each in failed])
        for each in failed:
            self._observer.failed(each.message, each.error, each.seconds)

    async def _hand_back(self, lane: str, crashed: Sequence[Failed]) -> None:
        counts = {each.message.id: each.message.crashes + 1 for each in crashed}
        with suppress(NoGroup):  # flushed: nothing is left to hand back
            await self._insist(lambda: self._group.hand_back(lane, counts))
        self._holding.release(lane, [each.message for each in crashed])
        for each in crashed:
            self._observer.crashed(each.message, each.error)

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
            await asyncio.sleep(backoff(failures, BASE_SECONDS, CAP_SECONDS, self._streams.rng))
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
            await asyncio.sleep(backoff(failures, BASE_SECONDS, CAP_SECONDS, self._streams.rng))
            failures += 1


def _by_error(failed: Sequence[Failed]) -> list[tuple[Exception, list[Failed]]]:
    """Grouped by the error object: a handler that raised has one for all its messages."""
    groups: dict[int, list[Failed]] = {}
    for each in failed:
        groups.setdefault(id(each.error), []).append(each)
    return [(group[0].error, group) for group in groups.values()]
