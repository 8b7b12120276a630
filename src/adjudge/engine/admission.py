"""Admission: decided before the insert, from what each replica already has (systems.md, rule 14).

Each lane is bounded in time: what nobody has read yet in its streams, divided by how fast it drains.
Before that bound is reached, and while rows crowd before the database, locations that take more than
their share are refused, so that one store's burst does not make the others wait.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from adjudge.core.errors import AdjudgeError
from adjudge.engine.flushing import LARGEST_BATCH, Flusher
from adjudge.telemetry import names

WINDOW_SECONDS: Final = 1.0
BOUND_SECONDS: Final[Mapping[str, float]] = {"realtime": 15.0, "standard": 60.0, "bulk": 30.0}
"""How far a lane may be behind; bulk is shed before standard."""
CROWDED_SECONDS: Final = 0.5
"""How far behind a lane is when shares begin to count."""
CROWD: Final = 2 * LARGEST_BATCH
"""Rows waiting for a flush at which shares begin to count: more than the next two flushes take."""
LEAST_SHARE: Final = 16
"""What one location may always have on its way."""
LEAST_RATE: Final = 200.0
"""Questions a second that a lane is trusted to drain until it was seen under load."""
MOST_OPEN: Final = 500_000
"""Hard bound of decisions that wait for models."""
LONGEST_QUEUE: Final = 20 * LARGEST_BATCH
"""Rows that wait for a flush."""


class Overloaded(AdjudgeError):
    """More is asked than can be answered in time."""

    kind = "overloaded"

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Admission:
    """Refuses before anything is promised."""

    def __init__(self, flusher: Flusher, *, monotonic: Callable[[], float]) -> None:
        self._flusher = flusher
        self._monotonic = monotonic
        self._window_ends = 0.0
        self._admitted: Counter[str] = Counter()
        """By location, in the present window."""
        self._seen: set[str] = set()
        """Locations that asked in this window or the one before, or wait for the database."""
        self._by_lane: Counter[str] = Counter()
        """Admitted since the streams were last measured."""
        self._on_the_way: Counter[str] = Counter()
        """By location, requests whose rows are not durable yet."""
        self._lag: dict[str, int] = {}
        self._rate: dict[str, float] = {}
        self._open = 0

    def measured(self, lag: Mapping[str, int], seconds: float) -> None:
        """Take over what upkeep has measured: unread questions by lane; `seconds` since it last did."""
        for lane, unread in lag.items():
            drained = (self._by_lane[lane] + self._lag.get(lane, 0) - unread) / max(seconds, 0.1)
            if unread and drained > 0:  # only a lane with something left to do shows how fast it can
                known = self._rate.get(lane, drained)
                self._rate[lane] = max(LEAST_RATE, 0.5 * known + 0.5 * drained)
        self._lag = dict(lag)
        self._by_lane.clear()

    def counted(self, waiting: int) -> None:
        """Take over how many decisions wait for models, as the database has it."""
        self._open = waiting

    def seconds_behind(self, lane: str) -> float:
        """Return how long the unread questions of a lane will take."""
        return self._lag.get(lane, 0) / self._rate.get(lane, LEAST_RATE)

    def enter(self, lane: str, location: str) -> None:
        """Count a question in, until it leaves. Raises Overloaded, and then it has not entered."""
        self._roll()
        behind = self.seconds_behind(lane)
        if self._open > MOST_OPEN or len(self._flusher) > LONGEST_QUEUE or behind > BOUND_SECONDS.get(lane, 15.0):
            self._refuse(lane, "full", behind)
        if self._is_greedy(lane, location, behind):
            self._refuse(lane, "share", behind)
        self._admitted[location] += 1
        self._by_lane[lane] += 1
        self._on_the_way[location] += 1

    def leave(self, location: str) -> None:
        """Its row is durable, or was refused."""
        self._on_the_way[location] -= 1
        if not self._on_the_way[location]:
            del self._on_the_way[location]

    def share(self, most: int) -> int:
        """Return how many of `most` questions one caller may have on their way at once."""
        active = len(self._seen)
        return most if active <= 1 else max(LEAST_SHARE, min(most, CROWD // active))

    def _is_greedy(self, lane: str, location: str, behind: float) -> bool:
        """Return whether a location takes more than its share while others want theirs."""
        active = self._active(location)
        if active <= 1:
            return False
        crowded = len(self._flusher) >= CROWD and self._on_the_way[location] >= max(LEAST_SHARE, CROWD // active)
        rate = self._rate.get(lane, LEAST_RATE)
        return crowded or (behind > CROWDED_SECONDS and self._admitted[location] >= rate * WINDOW_SECONDS / active)

    def _active(self, location: str) -> int:
        """Return how many locations have asked lately, this one included."""
        self._seen.add(location)
        return len(self._seen)

    def _roll(self) -> None:
        now = self._monotonic()
        if now >= self._window_ends:
            recent = self._admitted.keys() if now < self._window_ends + WINDOW_SECONDS else set()
            self._seen = set(recent) | self._on_the_way.keys()
            self._admitted = Counter()
            self._window_ends = now + WINDOW_SECONDS

    def _refuse(self, lane: str, why: str, behind: float) -> None:
        names.SHED.labels(lane, why).inc()
        detail = f"lane {lane} is {behind:.1f} s behind" if why == "full" else "this location takes more than its share"
        raise Overloaded(detail, retry_after=max(1, min(30, round(behind))))


def loop_time() -> float:
    """Return the running loop's time."""
    return asyncio.get_running_loop().time()
