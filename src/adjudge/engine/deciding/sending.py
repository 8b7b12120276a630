"""What follows a commit: slips are sent to their streams, waiting callers are told of outcomes, and both are counted.

Nothing here may undo what was committed. A slip that cannot be sent stays due and is sent later.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Sequence
from uuid import UUID

import structlog

from adjudge.engine import slips
from adjudge.engine.deciding import notifying
from adjudge.engine.deciding.stepping import Effects, Finished
from adjudge.engine.slips import Slip
from adjudge.streams import Entry, Full, Streams, Unavailable
from adjudge.telemetry import names
from adjudge.telemetry.histograms import observe_all

log = structlog.get_logger()

MOST_WAITING = 20_000
SEND_AT_ONCE = 400
PAUSE_SECONDS = 0.5
"""Pause after the broker did not answer."""
AGAIN_SECONDS = 4.0
"""How long what it did not answer to is kept here: it may be starting anew. Keepers look at it a second later."""


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

    async def publish(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Publish entries in one write; those not taken stay due. Return those to which the broker did not answer."""
        answers = await self._streams.publish(entries)
        unsent = [answer for answer in answers if isinstance(answer, Full | Unavailable)]
        if unsent:
            log.warning("slips.unsent", count=len(unsent), why=repr(unsent[0]))
        return [entry for entry, answer in zip(entries, answers, strict=True) if isinstance(answer, Unavailable)]


class BackgroundSender(Sender):
    """Sends from a task of its own: no caller waits for a broker that hangs.

    What it may have taken without an answer is sent again, too: of two answers to a question the first counts.
    """

    def __init__(self, streams: Streams) -> None:
        super().__init__(streams)
        self._entries: deque[Entry] = deque(maxlen=MOST_WAITING)
        self._settled: deque[UUID] = deque(maxlen=MOST_WAITING)
        self._wake = asyncio.Event()
        self._away_since: float | None = None

    async def tell(self, settled: Sequence[UUID]) -> None:
        self._settled.extend(settled)
        self._wake.set()

    async def publish(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        self._entries.extend(entries)
        self._wake.set()
        return ()

    async def run(self) -> None:
        """Send what waits, until cancelled; what cannot be sent is dropped here, and still due."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._entries or self._settled:
                settled, self._settled = self._settled, deque(maxlen=MOST_WAITING)
                entries = [self._entries.popleft() for _ in range(min(len(self._entries), SEND_AT_ONCE))]
                unanswered = await super().publish(entries) if entries else ()
                if settled:
                    await super().tell(tuple(settled))
                if unanswered:
                    self._keep(unanswered, asyncio.get_running_loop().time())
                    await asyncio.sleep(PAUSE_SECONDS)
                elif entries:
                    self._away_since = None

    def _keep(self, unanswered: Sequence[Entry], now: float) -> None:
        """Keep for the next try what the broker did not answer to, and nothing once it has been away for long."""
        if self._away_since is None:
            self._away_since = now
        if now - self._away_since < AGAIN_SECONDS:
            self._entries.extendleft(reversed(unanswered))
        else:
            self._entries.clear()


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
            log.debug("decision.settled", trace=each.trace, **told)
    for label, values in seconds.items():
        observe_all(names.TIME_TO_OUTCOME.labels(label), values)
