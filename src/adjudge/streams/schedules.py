"""Periodic messages: when their ticks are due, and which missed ticks are still published when workers come back.

Nothing here looks at a clock or a broker: `due` decides, `timekeeping.py` acts.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import assert_never

import msgspec

from adjudge.streams import cron as _cron
from adjudge.streams.cron import CronExpression
from adjudge.streams.keys import Keys

GRACE_SECONDS = 10.0
"""A tick this late counts as punctual: it covers the time in which another worker takes over."""


class Missed(StrEnum):
    """What becomes of ticks that fell into a time without workers, or into a pause."""

    SKIP = "skip"
    """The latest is published if it is no later than `GRACE_SECONDS`; the others are dropped."""
    ONE = "one"
    """The latest is published, the others are dropped."""
    ALL = "all"
    """The latest `limit` are published, oldest first."""


class Tick(msgspec.Struct, frozen=True):
    """The body of a periodic message that has none of its own, as JSON."""

    schedule: str
    at: float
    """Unix seconds at which it was due, clock of the server."""


@dataclass(frozen=True, slots=True)
class Every:
    """Due at all multiples of an interval since 1970 UTC: all workers agree, and nothing drifts."""

    seconds: float

    def __post_init__(self) -> None:
        if not 0.001 <= self.seconds < math.inf:
            raise ValueError(f"an interval takes at least a millisecond: {self.seconds:g}")

    def between(self, after_ms: int, until_ms: int) -> Sequence[int]:
        """Ticks after one instant and up to another, Unix milliseconds, in order."""
        return range(self.following(after_ms), until_ms + 1, self._step)

    def following(self, after_ms: int) -> int:
        """The first tick after an instant."""
        return (after_ms // self._step + 1) * self._step

    @property
    def _step(self) -> int:
        return round(self.seconds * 1000)


@dataclass(frozen=True, slots=True)
class Cron:
    """Due when a clock of the zone shows what the five fields say; see `cron.py` for changes of the clocks."""

    expression: CronExpression

    @classmethod
    def parse(cls, text: str, timezone: str = "UTC") -> "Cron":
        """Read an expression. Raises InvalidCron."""
        return cls(_cron.parse(text, timezone))

    def between(self, after_ms: int, until_ms: int) -> Sequence[int]:
        """Ticks after one instant and up to another, Unix milliseconds, in order."""
        return list(itertools.takewhile(lambda tick: tick <= until_ms, self._after(after_ms)))

    def following(self, after_ms: int) -> float:
        """The first tick after an instant; infinity past the horizon of cron expressions."""
        return next(self._after(after_ms), math.inf)

    def _after(self, instant_ms: int) -> Iterator[int]:
        start = datetime.fromtimestamp(instant_ms / 1000, UTC)
        return (round(at.timestamp() * 1000) for at in self.expression.after(start))


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A message that is published at each tick, once, whatever the number of workers."""

    id: str
    """Unique within the name, and the same over restarts: under it the broker keeps the last tick."""
    lane: str
    when: Every | Cron
    body: Callable[[Tick], bytes] = msgspec.json.encode
    missed: Missed = Missed.ONE
    limit: int = 100
    """Most ticks that are published at once after a time without workers."""
    within_seconds: float = 86_400.0
    """A missed tick older than this is dropped."""
    max_length: int = 10_000
    """Where its lane holds so many unfinished entries, a tick waits."""

    def __post_init__(self) -> None:
        Keys("name").lane(self.lane)
        if not self.id or self.limit < 1 or self.within_seconds <= 0 or self.max_length < 1:
            raise ValueError(f"a schedule needs an id, and a positive limit, age and length: {self}")


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be published now, and when to look again."""

    ticks: Sequence[int]
    """Unix milliseconds, oldest first."""
    dropped: int
    """Missed ticks that the policy leaves out, among those of the last `within_seconds`."""
    reached: int
    """The latest tick that is over, published or not; what `last` becomes."""
    next_ms: float
    """The next tick; infinity: there is none."""


def due(schedule: Schedule, last_ms: int, now_ms: int) -> Due:
    """Everything after `last_ms` and up to `now_ms`, by the schedule's policy."""
    start = max(last_ms, now_ms - round(schedule.within_seconds * 1000))
    over = schedule.when.between(start, now_ms)
    kept = _kept(schedule, over[-schedule.limit :], now_ms)
    return Due(
        ticks=kept,
        dropped=len(over) - len(kept),
        reached=over[-1] if over else last_ms,
        next_ms=schedule.when.following(max(last_ms, now_ms)),
    )


def _kept(schedule: Schedule, over: Sequence[int], now_ms: int) -> Sequence[int]:
    match schedule.missed:
        case Missed.ALL:
            return over
        case Missed.ONE:
            return over[-1:]
        case Missed.SKIP:
            return [tick for tick in over[-1:] if now_ms - tick <= GRACE_SECONDS * 1000]
        case _:
            assert_never(schedule.missed)
