"""What follows a commit: slips are sent to their streams, waiting callers are told of outcomes, and both are counted.

Nothing here may undo what was committed. A slip that cannot be sent stays due and is sent later.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Sequence
from uuid import UUID

import structlog

from adjudge.engine import notifying, slips
from adjudge.engine.slips import Slip
from adjudge.engine.stepping import Effects, Finished
from adjudge.streams import Entry, Full, Streams, Unavailable
from adjudge.telemetry import names
from adjudge.telemetry.histograms import observe_all

log = structlog.get_logger()

MOST_WAITING = 20_000
SEND_AT_ONCE = 400
PAUSE_SECONDS = 0.5
"""Pause after the broker did not answer."""


class Sender:
    """Sends for one process."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    async def perform(self, effects: Effects) -> None:
        """Do what a committed step asks for."""
        await self.send(effects.slips)
        if effects.finished:
            count(effects.finished)
            await self.tell([finished.decision for finished in effects.finished])

    async def send(self, sending: Sequence[tuple[Slip, str]]) -> None:
        """Publish slips, each in its lane, in one write."""
        if sending:
            await self.publish([slips.entry(slip, lane) for slip, lane in sending])

    async def tell(self, settled: Sequence[UUID]) -> None:
        """Hint to whoever waits for these decisions."""
        await notifying.tell(self._streams, [(decision, None) for decision in settled])

    async def publish(self, entries: Sequence[Entry]) -> bool:
        """Publish entries in one write; those not taken stay due. Return whether the broker answered."""
        answers = await self._streams.publish(entries)
        unsent = [answer for answer in answers if isinstance(answer, Full | Unavailable)]
        if unsent:
            log.warning("slips.unsent", count=len(unsent), why=repr(unsent[0]))
        return not any(isinstance(answer, Unavailable) for answer in unsent)


class BackgroundSender(Sender):
    """Sends from a task of its own: no caller waits for a broker that hangs."""

    def __init__(self, streams: Streams) -> None:
        super().__init__(streams)
        self._entries: deque[Entry] = deque(maxlen=MOST_WAITING)
        self._settled: deque[UUID] = deque(maxlen=MOST_WAITING)
        self._wake = asyncio.Event()

    async def tell(self, settled: Sequence[UUID]) -> None:
        self._settled.extend(settled)
        self._wake.set()

    async def publish(self, entries: Sequence[Entry]) -> bool:
        self._entries.extend(entries)
        self._wake.set()
        return True

    async def run(self) -> None:
        """Send what waits, until cancelled; what cannot be sent is dropped here, and still due."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._entries or self._settled:
                settled, self._settled = self._settled, deque(maxlen=MOST_WAITING)
                entries = [self._entries.popleft() for _ in range(min(len(self._entries), SEND_AT_ONCE))]
                answered = await super().publish(entries) if entries else True
                if settled:
                    await super().tell(tuple(settled))
                if not answered:
                    self._entries.clear()
                    await asyncio.sleep(PAUSE_SECONDS)


def count(finished: Sequence[Finished]) -> None:
    """Count and log outcomes, each label once a batch."""
    settled = Counter((each.type, each.outcome.source, each.outcome.code) for each in finished)
    for (question_type, source, code), number in settled.items():
        names.SETTLED.labels(question_type, source, code).inc(number)
        if source == "fallback":
            names.FALLBACKS.labels(question_type, code).inc(number)
    seconds: dict[str, list[float]] = {}
    is_told = log.is_enabled_for(logging.DEBUG)
    for each in finished:
        open_seconds = (each.settled_at - each.asked_at).total_seconds()
        seconds.setdefault(each.outcome.source, []).append(open_seconds)
        if is_told:
            told = {"decision": each.decision, "source": each.outcome.source, "open_seconds": round(open_seconds, 3)}
            log.debug("decision.settled", **told)
    for label, values in seconds.items():
        observe_all(names.TIME_TO_OUTCOME.labels(label), values)
