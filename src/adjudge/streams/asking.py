"""Waiting for what handlers answer.

One Pub/Sub connection for the whole process says when to look; the answers themselves are kept at the broker. So a
lost hint costs `LOOK_SECONDS`, and a connection that was cut costs no more than its reconnection.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Generic, TypeVar

from adjudge.streams.broker import Streams
from adjudge.streams.codecs import Codec
from adjudge.streams.results import Answered, Kept, ending_of, read_progress
from adjudge.streams.signals import Unavailable

LOOK_SECONDS = 2.0
"""How often a waiting caller looks without a hint."""

_READY_SECONDS = 1.0

R = TypeVar("R")


class HandlerFailed(Exception):
    """The message was given up: rejected, out of retries, poison, or expired. `error` is the name of a class."""

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(f"{error}: {detail}")
        self.error, self.detail = error, detail


class ResultTimeout(Exception):
    """No answer came in time. The message is still there, and may be handled yet."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:g} s")


class Hearing:
    """Hears for all callers of a process that something new is kept for their tokens.

    Listens while somebody waits, and for the rest of the block in which it was opened.
    """

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self.channel = f"results:{streams.rng.getrandbits(96):024x}"
        self._news: dict[str, asyncio.Event] = {}
        self._ready = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None

    def expect(self, token: str) -> None:
        """Remember hints for this token from now on."""
        self._news[token] = asyncio.Event()
        if self._listener is None:
            self._listener = asyncio.get_running_loop().create_task(
                self._streams.listen(self.channel, self._hear, self._ready), name="listen for results"
            )

    def forget(self, token: str) -> None:
        """Nobody waits for it any more."""
        self._news.pop(token, None)

    async def be_ready(self) -> None:
        """Wait a moment for the subscription, so that the first hint is heard."""
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await self._ready.wait()
        except TimeoutError:
            return

    async def news(self, token: str) -> None:
        """Wait for a hint, or until it is time to look without one."""
        event = self._news.setdefault(token, asyncio.Event())
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await event.wait()
        except TimeoutError:
            return
        event.clear()

    def stop(self) -> asyncio.Task[None] | None:
        """Listen no longer; what is about to end."""
        listener, self._listener = self._listener, None
        if listener:
            listener.cancel()
        return listener

    async def close(self) -> None:
        """Listen no longer."""
        if listener := self.stop():
            await asyncio.wait([listener])

    def _hear(self, payload: bytes) -> None:
        if event := self._news.get(payload.decode()):
            event.set()


class Receipt(Generic[R]):
    """A published message whose answer is kept for its sender."""

    def __init__(self, id: str, token: str, name: str, streams: Streams, hearing: Hearing, codec: Codec[R]) -> None:
        self.id = id
        """What `publish` answered."""
        self._token, self._name, self._streams, self._hearing, self._codec = token, name, streams, hearing, codec

    async def result(self, timeout_seconds: float) -> R:
        """What the handler returned. Raises `HandlerFailed`, or `ResultTimeout`."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while (kept := await self._look()).final is None:
                    await self._hearing.news(self._token)
        except TimeoutError:
            raise ResultTimeout(timeout_seconds) from None
        self._hearing.forget(self._token)
        return self._read(kept.final)

    async def progress(self, timeout_seconds: float) -> AsyncIterator[Any]:
        """What the handler says of its progress, the latest each time, until it has ended. Raises `ResultTimeout`."""
        last, until = None, asyncio.get_running_loop().time() + timeout_seconds
        while (kept := await self._look()).final is None:
            if kept.progress is not None and kept.progress != last:
                last = kept.progress
                yield read_progress(last)
                continue
            try:
                async with asyncio.timeout_at(until):
                    await self._hearing.news(self._token)
            except TimeoutError:
                raise ResultTimeout(timeout_seconds) from None

    async def _look(self) -> Kept:
        try:
            return (await self._streams.replies(self._name, [self._token]))[0]
        except Unavailable:
            return Kept()  # a broker that is away for a moment; the caller's time-out is the end

    def _read(self, final: bytes) -> R:
        ending = ending_of(final)
        if isinstance(ending, Answered):
            return self._codec.decode(ending.value)
        raise HandlerFailed(ending.error, ending.detail)
