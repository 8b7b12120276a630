"""Messages that runners have finished, on their way to the server: many in one write."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from adjudge.streams.consuming.concluding import Concluding
from adjudge.streams.consuming.pausing import pause
from adjudge.streams.messages import Message
from adjudge.streams.subscriptions import Said, Subscription

LINGER_SECONDS = 0.01
"""How long what is finished waits for company, while other messages run."""


@dataclass(slots=True)
class _Lot:
    """Of one lane."""

    messages: list[Message] = field(default_factory=list)
    errors: dict[str, Exception] = field(default_factory=dict)
    answers: dict[str, bytes] = field(default_factory=dict)


class Finished:
    """What is done, or has failed, and is not written yet. `written` is called after each write with their number."""

    def __init__(
        self, subscription: Subscription, *, concluding: Concluding, written: Callable[[int, float], None]
    ) -> None:
        self._concluding, self._written = concluding, written
        self._enough = max(1, min(subscription.batch, subscription.prefetch // 2))
        self._lots: dict[str, _Lot] = {lane: _Lot() for lane in subscription.lanes}
        self._count, self._writing, self._seconds = 0, 0, 0.0
        self._some, self._hurry = asyncio.Event(), asyncio.Event()
        self._is_closed = False

    def __len__(self) -> int:
        return self._count + self._writing

    def done(self, message: Message, answer: bytes | None, seconds: float) -> None:
        """The handler returned, after so many seconds."""
        lot = self._lots[message.lane]
        lot.messages.append(message)
        if answer is not None:
            lot.answers[message.id] = answer
        self._add(seconds)

    def failed(self, message: Message, error: Exception, seconds: float) -> None:
        """The handler raised, after so many seconds."""
        lot = self._lots[message.lane]
        lot.messages.append(message)
        lot.errors[message.id] = error
        self._add(seconds)

    def hurry(self) -> None:
        """Nothing else runs: wait for no more."""
        self._hurry.set()

    async def run(self) -> None:
        """Write what comes, until it is closed and all is written."""
        while not (self._is_closed and not self._count):
            await self._some.wait()
            if self._count < self._enough and not self._hurry.is_set() and not self._is_closed:
                await pause(self._hurry, LINGER_SECONDS)
            self._some.clear()
            self._hurry.clear()
            await self._write()

    def close(self) -> None:
        """Nothing more comes: `run` may end."""
        self._is_closed = True
        self._some.set()
        self._hurry.set()

    def _add(self, seconds: float) -> None:
        self._seconds += seconds
        self._count += 1
        if self._count == 1:
            self._some.set()
        if self._count >= self._enough:
            self._hurry.set()

    async def _write(self) -> None:
        if not self._count:
            return
        lots, seconds, self._writing = self._lots, self._seconds, self._count
        self._lots = {lane: _Lot() for lane in lots}
        self._count, self._seconds = 0, 0.0
        for lane, lot in lots.items():
            if lot.messages:
                await self._concluding.settle(lane, lot.messages, Said(lot.errors, lot.answers))
        written, self._writing = self._writing, 0
        self._written(written, seconds)
