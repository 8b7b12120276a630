"""Group commit of what is asked: by one flusher for what is in no hurry, and by one for everything else.

So nobody waits until a burst of bulk posts is flushed. And while others ask, bulk rests between its flushes, because
everybody's commits, models and answers share the machine (docs/adr/0066).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

from adjudge.engine.intake.flushing import Flusher
from adjudge.engine.intake.pending import Pending, Sheaf
from adjudge.engine.slips import Slip
from adjudge.store.connecting import Connection
from adjudge.store.intake import NewDecision
from adjudge.streams import Entry

BULK = "bulk"
"""The lane of what is in no hurry."""
LATELY_SECONDS = 1.0
"""For how long after a flush of others bulk gives way."""


class GroupCommit:
    """Commits rows in batches."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        key_window_seconds: float,
        rng: random.Random,
        publish: Callable[[Sequence[Entry]], Awaitable[object]],
        ask_aside: Callable[[Sequence[Slip]], None] = lambda _: None,
    ) -> None:
        def flusher(others_ask: Callable[[], bool]) -> Flusher:
            return Flusher(
                connect,
                key_window_seconds=key_window_seconds,
                rng=rng,
                publish=publish,
                ask_aside=ask_aside,
                others_ask=others_ask,
            )

        self._others = flusher(lambda: False)
        self._bulk = flusher(lambda: self._others.has_flushed_within(LATELY_SECONDS))

    def waiting(self, lane: str) -> int:
        """Return how many rows wait to be flushed with those of this lane."""
        return len(self._of(lane))

    def seconds_behind(self, lane: str) -> float:
        """Return how long these will take, if flushes take as long as the last one did: PostgreSQL may be slow."""
        return self._of(lane).seconds_behind

    def submit(
        self, row: NewDecision, sheaf: Sheaf, entries: Sequence[Entry] = (), shadows: Sequence[Slip] = ()
    ) -> Pending:
        """Have a row committed; it has its answer once its sheaf has all."""
        return self._of(row.terms.lane).submit(row, sheaf, entries, shadows)

    async def run(self) -> None:
        """Flush until cancelled."""
        async with asyncio.TaskGroup() as group:
            for flusher in (self._others, self._bulk):
                group.create_task(flusher.run())

    def _of(self, lane: str) -> Flusher:
        return self._bulk if lane == BULK else self._others
