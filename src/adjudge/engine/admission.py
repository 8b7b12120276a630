"""Admission: decided before the insert, from what each replica already has (systems.md, rule 14).

Each lane is bounded in time: what is open before models, divided by how fast it drains. Past its bound
the locations that ask for more than their share are refused first, so that one store's burst does not
make the others wait; past twice the bound everybody is.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from adjudge.core.errors import AdjudgeError
from adjudge.engine.flushing import Flusher
from adjudge.telemetry import names

WINDOW_SECONDS: Final = 1.0
BOUND_SECONDS: Final[Mapping[str, float]] = {"realtime": 2.0, "standard": 2.0, "bulk": 1.0}
"""Of backlog before models; bulk is shed first."""
LEAST_RATE: Final = 500.0
"""Decisions a second that are taken for granted until a drain has been measured."""
MOST_OPEN: Final = 200_000
"""Hard bound of decisions that wait for models."""
LONGEST_QUEUE: Final = 2_000
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
        self._last: Counter[str] = Counter()
        self._waiting: dict[str, int] = {}
        """By lane, decisions that wait for a model, as last counted."""
        self._since_count: Counter[str] = Counter()
        self._rate = LEAST_RATE

    def counted(self, waiting: Mapping[str, int], drained_per_second: float) -> None:
        """Take over what upkeep has counted in the database, about once a second."""
        self._waiting = dict(waiting)
        self._since_count.clear()
        if drained_per_second > 0:
            self._rate = max(LEAST_RATE, 0.7 * self._rate + 0.3 * drained_per_second)

    def admit(self, lane: str, location: str) -> None:
        """Count a question in. Raises Overloaded."""
        self._roll()
        backlog = self._waiting.get(lane, 0) + self._since_count[lane]
        seconds = backlog / self._rate
        bound = BOUND_SECONDS.get(lane, 1.0)
        if sum(self._waiting.values()) > MOST_OPEN or len(self._flusher) > LONGEST_QUEUE or seconds > 2 * bound:
            self._refuse(lane, "full", seconds)
        if (seconds > bound or len(self._flusher) > LONGEST_QUEUE // 8) and self._is_greedy(location):
            self._refuse(lane, "share", seconds)
        self._admitted[location] += 1
        self._since_count[lane] += 1

    def _is_greedy(self, location: str) -> bool:
        """Return whether a location has had more than its share of what can be drained."""
        active = len(self._admitted.keys() | self._last.keys() | {location})
        return self._admitted[location] >= max(1.0, self._rate * WINDOW_SECONDS / active)

    def _roll(self) -> None:
        now = self._monotonic()
        if now >= self._window_ends:
            fresh = now < self._window_ends + WINDOW_SECONDS
            self._last = self._admitted if fresh else Counter()
            self._admitted = Counter()
            self._window_ends = now + WINDOW_SECONDS

    def _refuse(self, lane: str, why: str, seconds: float) -> None:
        names.SHED.labels(lane, why).inc()
        raise Overloaded(f"lane {lane} is {seconds:.1f} s behind", retry_after=max(1, min(30, round(seconds))))


def loop_time() -> float:
    """Return the running loop's time."""
    return asyncio.get_running_loop().time()
