"""Keeps two lists up to date: the worker's of paused lanes, and the broker's of lanes that have a worker."""

import asyncio
from collections.abc import Mapping, Sequence

from adjudge.streams.broker import Streams
from adjudge.streams.consuming.lanes import Lanes
from adjudge.streams.observing import Observer
from adjudge.streams.pauses import closed
from adjudge.streams.signals import Unavailable

LOOK_SECONDS = 0.4
"""How long an order to pause may stay unseen; a read that is under way may last half a second longer."""

_ENROL_SECONDS = 10.0


class Gates:
    """One for all subscriptions of a worker: one question, whatever their number."""

    def __init__(self, streams: Streams, lanes: Mapping[str, Lanes], observer: Observer) -> None:
        self._streams, self._observer = streams, observer
        self._lanes: dict[str, Lanes] = {}
        self._told: dict[str, frozenset[str]] = {}
        self._loop_time = asyncio.get_running_loop().time
        self._enrolled_at = float("-inf")
        for name, each in lanes.items():
            self.add(name, each)

    def add(self, name: str, lanes: Lanes) -> None:
        """Keep another list fresh: nothing is read before the orders are known."""
        lanes.closed = frozenset(lanes.names)
        self._lanes[name], self._told[name] = lanes, frozenset()
        self._enrolled_at = float("-inf")

    def remove(self, name: str) -> None:
        self._lanes.pop(name, None)

    async def run(self) -> None:
        """Look again and again, until cancelled. Without a broker the last orders hold."""
        while True:
            try:
                await self.look()
                await self._enrol()
            except Unavailable:  # the consumers see it too and say so
                self._enrolled_at = float("-inf")
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Take the standing orders over. Raises `Unavailable`."""
        looked_at = dict(self._lanes)
        if not looked_at:
            return
        orders = await self._streams.pauses.of(tuple(looked_at))
        for name, lanes in looked_at.items():
            found = closed(orders[name], lanes.names)
            lanes.closed = found
            if found != self._told[name]:
                self._told[name] = found
                self._observer.paused(name, sorted(found))

    async def _enrol(self) -> None:
        now = self._loop_time()
        if now - self._enrolled_at >= _ENROL_SECONDS:
            names: dict[str, Sequence[str]] = {name: lanes.names for name, lanes in self._lanes.items()}
            await self._streams.registry.enrol(names)
            self._enrolled_at = now
