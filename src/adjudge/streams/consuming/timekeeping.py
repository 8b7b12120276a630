"""Publishes the ticks of one name's schedules while this worker is their timekeeper."""

import asyncio
import math
import random
from collections.abc import Sequence

from adjudge.streams.consuming.pausing import pause
from adjudge.streams.observing import Observer
from adjudge.streams.retrying import backoff
from adjudge.streams.schedules import Due, Schedule, Tick, due
from adjudge.streams.signals import Unavailable
from adjudge.streams.ticking import Ticking, Watch

LEASE_SECONDS = 5.0
"""A timekeeper silent for this long is followed by another."""

_LOOKS_PER_LEASE = 5
_SHORTEST_SECONDS = 0.001
_BASE_SECONDS, _CAP_SECONDS = 0.05, 1.0


class Timekeeper:
    """One for each worker and name; they agree by the broker which of them publishes."""

    def __init__(
        self, name: str, schedules: Sequence[Schedule], *, ticking: Ticking, observer: Observer, rng: random.Random
    ) -> None:
        if len({schedule.id for schedule in schedules}) < len(schedules):
            raise ValueError(f"{name}: two schedules have the same id")
        self._name, self._schedules = name, schedules
        self._ticking, self._observer, self._rng = ticking, observer, rng
        self._seen = {schedule.id: -1 for schedule in schedules}
        self._loop_time = asyncio.get_running_loop().time

    async def run(self, stop: asyncio.Event) -> None:
        """Keep time until `stop`; then let another do it."""
        failures = 0
        while not stop.is_set():
            try:
                wait = await self._round()
                failures = 0
            except Unavailable as error:
                self._observer.disconnected(self._name, error)
                wait = backoff(failures, _BASE_SECONDS, _CAP_SECONDS, self._rng)
                failures += 1
            await pause(stop, wait)
        try:
            await self._ticking.resign()
        except Unavailable as error:  # the lease ends by itself
            self._observer.disconnected(self._name, error)

    async def _round(self) -> float:
        """Publish what is due, if it is ours to do; return how long the next look may wait."""
        watch = await self._ticking.keep(self._seen)
        heard = self._loop_time()
        self._seen = dict(watch.lasts)
        longest = LEASE_SECONDS / _LOOKS_PER_LEASE
        if not watch.is_ours:
            return longest
        following = math.inf
        for schedule in self._schedules:
            if not watch.is_paused(schedule.lane):
                following = min(following, await self._publish(schedule, watch))
        left = (following - watch.now_ms) / 1000 - (self._loop_time() - heard)
        return max(_SHORTEST_SECONDS, min(longest, left))

    async def _publish(self, schedule: Schedule, watch: Watch) -> float:
        """Publish the due ticks of a schedule; return when the next is due, Unix milliseconds."""
        last = watch.lasts[schedule.id]
        found = due(schedule, last, watch.now_ms)
        if found.reached > last and await self._ticking.tick(
            schedule.id, schedule.lane, last, found.reached, _bodies(schedule, found), schedule.max_length
        ):
            self._seen[schedule.id] = found.reached
            self._observer.ticked(self._name, schedule.id, len(found.ticks), found.dropped)
        return found.next_ms


def _bodies(schedule: Schedule, found: Due) -> list[bytes]:
    return [schedule.body(Tick(schedule.id, tick / 1000)) for tick in found.ticks]
