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
from pathlib import Path
from typing import Final, cast

import msgspec
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from load.messages import Template

HEAD_END: Final = b"\r\n\r\n"
LENGTH: Final = b"content-length: "
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


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    began: float
    ended: float
    """The timed window, in seconds since the epoch."""
    answered: int
    """Requests answered with success within the window."""
    sent: int
    """Requests sent at all: the numbers after `first` that are used up, in units of the template's items."""
    succeeded: int
    """Requests answered with success, outside the window too."""
    refused: dict[str, int]
    """Other answers by status, outside the window too."""
    latencies_ms: list[float]
    """Of successes within the window, in the order of answers."""
    cpu_share: float
    """Of one core, used by this process within the window."""


class Load:
    """Counts what all connections together do."""

    def __init__(self, order: Order) -> None:
        self._pattern = order.template.pattern
        self._slots = order.template.items * order.template.places
        self._template = order.template
        self._next = order.first
        self.pause_seconds = order.pause_seconds
        self.is_timed = False
        self.is_over = False
        self.sent = 0
        self.succeeded = 0
        self.refused: Counter[str] = Counter()
        self.latencies: list[float] = []

    def request(self) -> bytes:
        """Return the next request; a single question's numbers are written in directly."""
        number, self._next = self._next, self._next + self._template.items
        self.sent += 1
        if self._template.items == 1:
            return self._pattern % ((number,) * self._slots)
        return self._template.filled(number)

    def answered(self, status: bytes, seconds: float) -> None:
        if status[:1] != b"2":
            self.refused[status.decode("latin-1")] += 1
            return
        self.succeeded += 1
        if self.is_timed:
            self.latencies.append(seconds)


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._loop = asyncio.get_running_loop()
        self._began = 0.0
        self._part = b""
        self.ended: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own does not derive from it
        self._post()

    def data_received(self, data: bytes) -> None:
        if self._part:
            data = self._part + data
        if not is_whole(data):
            self._part = data
            return
        self._part = b""
        self._load.answered(data[9:12], time.perf_counter() - self._began)
        if self._load.is_over:
            self._transport.close()
        elif self._load.pause_seconds:
            self._loop.call_later(self._load.pause_seconds, self._post)
        else:
            self._post()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._load.is_over:
            self._load.refused["connection lost"] += 1
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
    await asyncio.sleep(order.window_seconds)
    load.is_timed = False
    ended, used = time.time(), _cpu_seconds() - used
    load.is_over = True
    async with asyncio.timeout(ANSWER_SECONDS):
        await asyncio.gather(*(connection.ended for _, connection in made))
    return Result(
        began=began,
        ended=ended,
        answered=len(load.latencies),
        sent=load.sent,
        succeeded=load.succeeded,
        refused=dict(load.refused),
        latencies_ms=[round(seconds * 1000, 3) for seconds in load.latencies],
        cpu_share=used / (ended - began),
    )


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(order))))
