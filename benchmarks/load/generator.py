"""The load: a process of its own that posts prebuilt bytes over kept connections and counts the answers.

    python benchmarks/load/generator.py < order.json > result.json

A closed loop: each connection posts again once it is answered. It parses no more of an answer than status
and length, in about 15 µs of CPU, so that the server is the limit; its share of a core is reported.
"""

import asyncio
import resource
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Final, cast

import msgspec
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from load.messages import Template

HEAD_END: Final = b"\r\n\r\n"
LENGTH: Final = b"content-length: "
ITEM_ACCEPTED: Final = b'{"status":202'
ANSWER_SECONDS: Final = 30.0
"""How long the last answers may take once no more is sent."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What load to make."""

    host: str
    port: int
    template: Template
    first: int
    """Number of the first question; later orders must not repeat it."""
    connections: int
    warm_seconds: float
    window_seconds: float
    pause_seconds: float = 0.0
    """Between an answer and the next request of its connection."""
    most: int | None = None
    """The window ends early when so many requests have been answered in it."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    began: float
    ended: float
    """The timed window, in seconds since the epoch."""
    latencies_ms: list[float]
    """Of requests answered with success within the window."""
    next: int
    """The first number not used."""
    accepted: int
    """Questions accepted, outside the window too."""
    statuses: dict[str, int]
    """Answers by status, outside the window too."""
    cpu_share: float
    """Of one core, used by this process within the window."""

    @property
    def rate(self) -> float:
        """Requests answered with success a second, within the window."""
        return len(self.latencies_ms) / (self.ended - self.began)

    @property
    def refused(self) -> int:
        return sum(count for status, count in self.statuses.items() if not status.startswith("2"))


class Load:
    """Counts what all connections together do."""

    def __init__(self, order: Order) -> None:
        self._template, self._most = order.template, order.most
        self._pattern, self._places = order.template.pattern, order.template.places
        self.next = order.first
        self.pause_seconds = order.pause_seconds
        self.is_timed = False
        self.is_over = False
        self.has_enough = asyncio.Event()
        self.accepted = 0
        self.statuses: Counter[bytes] = Counter()
        self.latencies: list[float] = []

    def request(self) -> bytes:
        """Return the next request, its numbers written in."""
        number, self.next = self.next, self.next + self._template.items
        if self._template.items == 1:
            return self._pattern % ((number,) * self._places)
        return self._template.filled(number)

    def answered(self, answer: bytes, seconds: float) -> None:
        """Count an answer."""
        status = answer[9:12]
        self.statuses[status] += 1
        if status[:1] != b"2":
            return
        self.accepted += 1 if self._template.items == 1 else answer.count(ITEM_ACCEPTED)
        if self.is_timed:
            self.latencies.append(seconds)
            if len(self.latencies) == self._most:
                self.has_enough.set()


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._loop = asyncio.get_running_loop()
        self._began = 0.0
        self._part = b""
        self.ended: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own does not derive from it
        self._post()

    def data_received(self, data: bytes) -> None:
        if self._part:
            data = self._part + data
        if not is_whole(data):
            self._part = data
            return
        self._part = b""
        self._load.answered(data, time.perf_counter() - self._began)
        if self._load.is_over:
            self._transport.close()
        elif self._load.pause_seconds:
            self._loop.call_later(self._load.pause_seconds, self._post)
        else:
            self._post()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._load.is_over:
            self._load.statuses[b"connection lost"] += 1
        if not self.ended.done():
            self.ended.set_result(None)

    def _post(self) -> None:
        if self._load.is_over:
            self._transport.close()
            return
        request = self._load.request()
        self._began = time.perf_counter()
        self._transport.write(request)


def is_whole(answer: bytes) -> bool:
    """Return whether an answer is there to the end of its body."""
    end = answer.find(HEAD_END)
    if end < 0:
        return False
    at = answer.find(LENGTH, 0, end) + len(LENGTH)
    return len(answer) >= end + len(HEAD_END) + int(answer[at : answer.find(b"\r", at)])


async def run(order: Order) -> Result:
    """Warm up, time a window, let the last answers in."""
    loop, load = asyncio.get_running_loop(), Load(order)
    async with asyncio.timeout(ANSWER_SECONDS):
        made = [
            await loop.create_connection(lambda: Connection(load), order.host, order.port)
            for _ in range(order.connections)
        ]
    await asyncio.sleep(order.warm_seconds)
    began, used = time.time(), _cpu_seconds()
    load.is_timed = True
    with suppress(TimeoutError):
        async with asyncio.timeout(order.window_seconds):
            await load.has_enough.wait()
    load.is_timed = False
    ended, used = time.time(), _cpu_seconds() - used
    load.is_over = True
    async with asyncio.timeout(ANSWER_SECONDS):
        await asyncio.gather(*(connection.ended for _, connection in made))
    return Result(
        began=began,
        ended=ended,
        latencies_ms=[round(seconds * 1000, 3) for seconds in load.latencies],
        next=load.next,
        accepted=load.accepted,
        statuses={status.decode("latin-1"): count for status, count in load.statuses.items()},
        cpu_share=used / (ended - began),
    )


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(order))))
