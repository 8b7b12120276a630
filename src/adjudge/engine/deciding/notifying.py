"""Tells callers that wait for an outcome. Hints may be lost, so each replica also asks the database once a second."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import msgspec
import structlog

from adjudge.store.connecting import UNAVAILABLE
from adjudge.streams import Streams
from adjudge.telemetry import names

log = structlog.get_logger()

EVERYBODY = "settled"
"""Channel of settlements whose asker is not known: by people, timers and questions sent again."""
POLL_SECONDS = 1.0
MOST_WAITERS = 10_000

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[UUID]).decode


async def within(future: "asyncio.Future[None]", seconds: float) -> bool:
    """Return whether the future ended within the time."""
    try:
        async with asyncio.timeout(seconds):
            await future
    except TimeoutError:
        return False
    return True


def channel_of(replica: str) -> str:
    """Return the channel of one API replica."""
    return f"settled:{replica}"


async def tell(streams: Streams, settled: Sequence[tuple[UUID, str | None]]) -> None:
    """Hint to replicas which decisions have an outcome; None: whoever waits for it."""
    by_channel: dict[str, list[UUID]] = {}
    for decision, replica in settled:
        by_channel.setdefault(channel_of(replica) if replica else EVERYBODY, []).append(decision)
    await streams.hints([(channel, _encode(ids)) for channel, ids in by_channel.items()])


class Waiters:
    """Callers of this replica that wait for outcomes."""

    def __init__(self, replica: str, settled_among: Callable[[Sequence[UUID]], Awaitable[Sequence[UUID]]]) -> None:
        self.replica = replica
        self._settled_among = settled_among
        self._waiting: dict[UUID, set[asyncio.Future[None]]] = {}
        self.is_closed = False
        """Nobody may wait here any more: callers are answered with what there is."""

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= MOST_WAITERS

    @contextmanager
    def expecting(self, decision: UUID) -> "Iterator[asyncio.Future[None]]":
        """Yield a future that ends with the decision's next outcome, or because nobody may wait any more.

        Entered before the question is sent, so that no hint is missed.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.is_closed:
            future.set_result(None)
        self._waiting.setdefault(decision, set()).add(future)
        try:
            yield future
        finally:
            futures = self._waiting[decision]
            futures.discard(future)
            if not futures:
                del self._waiting[decision]

    def wake(self, decisions: Sequence[UUID]) -> None:
        """Wake those who wait for any of them."""
        for decision in decisions:
            for future in self._waiting.get(decision, ()):
                if not future.done():
                    future.set_result(None)

    def close(self) -> None:
        """Send all home who wait, and who will: the process ends, and they come back to another."""
        self.is_closed = True
        self.wake(list(self._waiting))

    async def run(self, streams: Streams) -> None:
        """Listen to hints and ask the database, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for channel in (channel_of(self.replica), EVERYBODY):
                group.create_task(streams.listen(channel, self._heard), name=f"listen-{channel}")
            group.create_task(self._poll(), name="poll-waiters")

    def _heard(self, payload: bytes) -> None:
        if not self._waiting:  # nearly always, under load: whoever begins to wait looks first
            return
        try:
            self.wake(_decode(payload))
        except msgspec.DecodeError:
            log.warning("hint.malformed", size=len(payload))

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            names.WAITERS.set(len(self._waiting))
            if self._waiting:
                try:
                    self.wake(await self._settled_among(list(self._waiting)))
                except UNAVAILABLE as error:
                    log.warning("waiters.poll_failed", error=repr(error))
