"""Pipelined calls over one open connection: commands asked at the same time go together, answers come in order.

This is an `asyncio.Protocol` rather than a reader and a writer: it carries four times as many single calls, and
concurrent callers share a round trip instead of waiting for each other.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, cast

import hiredis

from adjudge.streams.connections.refusals import Refusal
from adjudge.streams.connections.script import Command
from adjudge.streams.signals import Unavailable

_NOTHING: Final = object()
# The stub takes a tuple of exactly one element for what is a tuple of any length.
_pack: Final = cast("Callable[[Command], bytes]", hiredis.pack_command)


@dataclass(slots=True)
class _Exchange:
    """Commands on their way."""

    done: "asyncio.Future[list[Any]]"
    left: int
    until: float
    answers: list[Any] = field(default_factory=list)


class Pipeline(asyncio.Protocol):
    """Of one connection. Once anything goes wrong it is at its end."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(replyError=Refusal, notEnoughData=_NOTHING)
        self._asked: deque[_Exchange] = deque()
        self._unsent: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._said: deque[Any] = deque()
        self._hearing: asyncio.Future[None] | None = None
        self._listens = False
        self._fault: Unavailable | None = None

    @property
    def is_open(self) -> bool:
        """Whether it works, as far as this side knows."""
        return self._fault is None

    def ask(self, packed: bytes, count: int, until: float) -> "asyncio.Future[list[Any]]":
        """Send so many commands; the future has their answers, errors in their places, or raises `Unavailable`.

        Past `until` (loop time) the connection is at its end. Who gives up waiting does not harm those behind.
        """
        if self._fault is not None:
            raise self._fault
        exchange = _Exchange(self._loop.create_future(), count, until)
        if not self._asked:
            self._transport.write(packed)
        else:  # it would wait for its answer behind others: what else is asked in this turn of the loop goes along
            if not self._unsent:
                self._loop.call_soon(self._send)
            self._unsent.append(packed)
        self._asked.append(exchange)
        if self._timer is None or self._timer.when() > until:
            self._watch(until)
        return exchange.done

    def tell(self, packed: bytes) -> None:
        """Send a command whose answer comes through `hear`. Raises `Unavailable`."""
        if self._fault is not None:
            raise self._fault
        self._listens = True
        self._transport.write(packed)

    async def hear(self, wait_seconds: float) -> Any:
        """The next thing said unasked; None after silence. Raises `Unavailable`."""
        if not self._said:
            if self._fault is not None:
                raise self._fault
            self._hearing = self._loop.create_future()
            try:
                async with asyncio.timeout(wait_seconds):
                    await self._hearing
            except TimeoutError:
                return None
            finally:
                self._hearing = None
        return self._said.popleft()

    def end(self, why: str) -> None:
        """Close now; all who wait get `Unavailable`."""
        if self._fault is not None:
            return
        self._fault = Unavailable(why)
        if self._timer is not None:
            self._timer.cancel()
        waiting: list[asyncio.Future[Any]] = [exchange.done for exchange in self._asked]
        for future in (*waiting, self._hearing):
            if future is not None and not future.done():
                future.set_exception(Unavailable(why))
        self._asked.clear()
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (answer := self._reader.gets()) is not _NOTHING:
                self._take(answer)
        except hiredis.HiredisError as error:
            self.end(f"the broker speaks another language: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(str(exc) if exc else "the broker has closed the connection")

    def _send(self) -> None:
        if self._fault is None:
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def _take(self, answer: Any) -> None:
        if self._asked:
            exchange = self._asked[0]
            exchange.answers.append(answer)
            exchange.left -= 1
            if not exchange.left:
                self._asked.popleft()
                if not exchange.done.done():
                    exchange.done.set_result(exchange.answers)
        elif self._listens:
            self._said.append(answer)
            if self._hearing is not None and not self._hearing.done():
                self._hearing.set_result(None)
        else:
            self.end("the broker answered what nobody asked")

    def _watch(self, until: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(until, self._look)

    def _look(self) -> None:
        """One timer for all: it looks whether the oldest is late, and else when it would be."""
        self._timer = None
        if not self._asked:
            return
        until = min(exchange.until for exchange in self._asked)
        if until <= self._loop.time():
            self.end("no answer in time")
        else:
            self._watch(until)


def packed(commands: Iterable[Command]) -> bytes:
    """Commands as they are sent."""
    return b"".join(map(_pack, commands))
