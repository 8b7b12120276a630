"""Measures the backlogs of deciders: once a second, and sooner where much has been let in since the last look."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from adjudge.core.specifications import DeciderSpec
from adjudge.engine.admission.admitting import Admission
from adjudge.engine.admission.backlogs import Length
from adjudge.engine.slips import STREAM_PREFIX
from adjudge.store.measuring import LANES
from adjudge.streams import LaneDepth, Streams, Unavailable

EVERY_SECONDS: Final = 1.0
AT_MOST_EVERY_SECONDS: Final = 0.1


class BacklogWatch:
    """Tells the admission of one process."""

    def __init__(
        self, streams: Streams, admission: Admission, *, deciders: Callable[[], Mapping[str, DeciderSpec]]
    ) -> None:
        self._streams = streams
        self._admission = admission
        self._deciders = deciders

    async def run(self) -> None:
        """Look until cancelled."""
        now = asyncio.get_running_loop().time
        while True:
            whole_at = now() + EVERY_SECONDS
            while (left := whole_at - now()) > 0:
                try:
                    async with asyncio.timeout(left):
                        hurried = await self._admission.hurried()
                except TimeoutError:
                    break
                await self._measure({name: spec for name, spec in self._deciders().items() if name in hurried})
                await asyncio.sleep(AT_MOST_EVERY_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Measure all deciders once."""
        deciders = self._deciders()
        self._admission.keep(deciders.keys())
        await self._measure(deciders)

    async def _measure(self, deciders: Mapping[str, DeciderSpec]) -> None:
        """Measure some; a broker that does not answer leaves what was known."""
        with suppress(Unavailable):
            for decider, spec in deciders.items():
                depth = await self._streams.depth(f"{STREAM_PREFIX}{decider}", LANES)
                lengths = {lane: _length(found) for lane, found in depth.lanes.items()}
                self._admission.measured(decider, lengths, spec.timeout.total_seconds())
        self._admission.looked()


def _length(found: LaneDepth) -> Length:
    return Length(found.lag, found.length, found.added, found.oldest_seconds or 0.0)
