"""Questions to deciders in shadow: sent after everything that is served, and dropped before anything else.

Nothing waits for them. What is expected is counted as soon as the decision is durable, whether or not the question
can be sent; the worker counts what came of it. So a shadow that does not run is noticed (promise 8).
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from adjudge.engine import slips
from adjudge.engine.slips import Slip
from adjudge.store import shadows
from adjudge.store.connecting import UNAVAILABLE, Pool
from adjudge.store.shadows import Bucket, minute_of
from adjudge.streams import Full, Streams, Unavailable
from adjudge.telemetry import names

log = structlog.get_logger()

MOST_WAITING: Final = 2_000
"""Questions that wait to be sent; what comes after them is dropped."""
SEND_AT_ONCE: Final = 100
PAUSE_SECONDS: Final = 0.5
"""After a broker that did not answer."""
TALLY_SECONDS: Final = 1.0


class Shadows:
    """Asks on the side, for one API process."""

    def __init__(self, pool: Pool, streams: Streams) -> None:
        """`streams`: connections of its own, so that nothing served stands behind a large question."""
        self._pool = pool
        self._streams = streams
        self._waiting: deque[Slip] = deque()
        self._wake = asyncio.Event()
        self._expected: Counter[Bucket] = Counter()
        self._dropped: Counter[Bucket] = Counter()

    def ask(self, asked: Sequence[Slip]) -> None:
        """Send these some time, or drop them; their decisions are durable."""
        for slip in asked:
            self._expected[_bucket(slip)] += 1
            names.SHADOW_EXPECTED.labels(slip.decider).inc()
        room = MOST_WAITING - len(self._waiting)
        self._waiting.extend(asked[:room])
        self._drop(asked[room:], "load")
        self._wake.set()

    async def run(self, is_pressed: Callable[[], bool]) -> None:
        """Send and count until cancelled; while what is served waits, drop."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._send(is_pressed), name="shadow-send")
            group.create_task(self._tally(), name="shadow-tally")

    async def tally(self) -> None:
        """Write down what was counted; kept where that fails. Raises what the connection raises."""
        if not self._expected and not self._dropped:
            return
        expected, dropped = self._expected, self._dropped
        self._expected, self._dropped = Counter(), Counter()
        try:
            async with self._pool.acquire() as connection:
                await shadows.expect(connection, expected, dropped)
        except BaseException:
            self._expected.update(expected)
            self._dropped.update(dropped)
            raise

    async def _send(self, is_pressed: Callable[[], bool]) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                sending = [self._waiting.popleft() for _ in range(min(len(self._waiting), SEND_AT_ONCE))]
                if is_pressed():
                    self._drop(sending, "load")
                elif not await self._publish(sending):
                    await asyncio.sleep(PAUSE_SECONDS)

    async def _publish(self, sending: Sequence[Slip]) -> bool:
        """Send, and drop what is not taken; return whether the broker answered."""
        answers = await self._streams.publish([slips.aside(slip) for slip in sending])
        sent = list(zip(sending, answers, strict=True))
        lost = [slip for slip, answer in sent if isinstance(answer, Unavailable)]
        self._drop([slip for slip, answer in sent if isinstance(answer, Full)], "full")
        self._drop(lost, "unavailable")
        return not lost

    async def _tally(self) -> None:
        while True:
            await asyncio.sleep(TALLY_SECONDS)
            try:
                await self.tally()
            except UNAVAILABLE as error:
                log.warning("shadow.stalled", error=repr(error))

    def _drop(self, dropped: Sequence[Slip], why: str) -> None:
        for slip in dropped:
            self._dropped[_bucket(slip)] += 1
            names.SHADOW_DROPPED.labels(slip.decider, why).inc()


def _bucket(slip: Slip) -> Bucket:
    return slip.decider, minute_of(slip.decision)
