"""After the commit: slips go to their streams, outcomes to those who wait, both to the figures.

Nothing here may fail what was committed. A slip that cannot be sent stays due and is sent later.
"""

from collections.abc import Sequence

import structlog

from adjudge.engine import notifying, slips
from adjudge.engine.slips import Slip
from adjudge.engine.stepping import Effects, Finished
from adjudge.streams import Entry, Full, Streams, Unavailable
from adjudge.telemetry import names

log = structlog.get_logger()


class Sender:
    """Sends for one process."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    async def perform(self, effects: Effects) -> None:
        """Do what a committed step asks for."""
        await self.send(effects.slips)
        if effects.finished:
            for finished in effects.finished:
                count(finished)
            await notifying.tell(self._streams, [(finished.decision, None) for finished in effects.finished])

    async def send(self, sending: Sequence[tuple[Slip, str]]) -> None:
        """Publish slips, each in its lane, in one write."""
        await self.publish([slips.entry(slip, lane) for slip, lane in sending])

    async def publish(self, entries: Sequence[Entry]) -> None:
        """Publish entries in one write; those not taken stay due in the database."""
        if not entries:
            return
        answers = await self._streams.publish(entries)
        unsent = [answer for answer in answers if isinstance(answer, Full | Unavailable)]
        if unsent:
            log.warning("slips.unsent", count=len(unsent), why=repr(unsent[0]))


def count(finished: Finished) -> None:
    """Count and log one outcome."""
    outcome, seconds = finished.outcome, (finished.settled_at - finished.asked_at).total_seconds()
    names.SETTLED.labels(finished.type, outcome.source, outcome.code).inc()
    names.TIME_TO_OUTCOME.labels(outcome.source).observe(seconds)
    if outcome.source == "fallback":
        names.FALLBACKS.labels(finished.type, outcome.code).inc()
    log.debug(
        "decision.settled",
        decision=str(finished.decision),
        source=outcome.source,
        version=outcome.version,
        open_seconds=round(seconds, 3),
    )
