"""Lets delayed messages, retries and keys under a rate limit into their lanes when their time has come."""

import asyncio

from adjudge.streams.group import Group
from adjudge.streams.observing import Observer
from adjudge.streams.signals import Unavailable

TICK_SECONDS = 0.5
"""The longest between two looks, so that a lost wake costs no more; see `keyed_scripts.TICK_MS`."""
_SHORTEST_SECONDS = 0.002


class Mover:
    """Looks when the next is due, and when `wake` says that something is due sooner. Runs until it is cancelled."""

    def __init__(self, group: Group, name: str, observer: Observer) -> None:
        self._group, self._name, self._observer = group, name, observer
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look again at once."""
        self._woken.set()

    async def run(self) -> None:
        """Trouble with the broker is seen by the reader, which reports it; here it is survived."""
        while True:
            self._woken.clear()
            try:
                moved = await self._group.move_due()
            except Unavailable:
                await asyncio.sleep(TICK_SECONDS)
                continue
            if moved.freed:
                self._observer.freed(self._name, moved.freed)
            await self._rest(moved.next_seconds)

    async def _rest(self, next_seconds: float) -> None:
        await asyncio.sleep(_SHORTEST_SECONDS)  # many that fall due one by one are moved together
        try:
            async with asyncio.timeout(max(0.0, min(TICK_SECONDS, next_seconds) - _SHORTEST_SECONDS)):
                await self._woken.wait()
        except TimeoutError:
            return
