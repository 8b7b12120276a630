"""After the commit: slips go to their streams, outcomes to those who wait, both to the figures.

Nothing here may fail what was committed. A slip that cannot be sent stays due and is sent later.
"""

from collections import Counter
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
            count(effects.finished)
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


def count(finished: Sequence[Finished]) -> None:
    """Count and log outcomes, each label once a batch."""
    settled = Counter((each.type, each.outcome.source, each.outcome.code) for each in finished)
    for (question_type, source, code), number in settled.items():
        names.SETTLED.labels(question_type, source, code).inc(number)
        if source == "fallback":
            names.FALLBACKS.labels(question_type, code).inc(number)
    for each in finished:
        seconds = (each.settled_at - each.asked_at).total_seconds()
        names.TIME_TO_OUTCOME.labels(each.outcome.source).observe(seconds)
        log.debug(
            "decision.settled", decision=each.decision, source=each.outcome.source, open_seconds=round(seconds, 3)
        )
