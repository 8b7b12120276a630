"""Admission: decided before the insert, from what each replica already has (systems.md, rule 14).

Each lane is bounded in time: what nobody has read yet in its streams, divided by how fast it drains.
Before that bound is reached, locations that take more than their share are refused. And while several
ask, each has only so many questions on their way at once; the others of a burst wait for their turn
outside, where they cost nobody anything.
"""

import asyncio
import math
from collections import Counter, deque
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
AT_WORK: Final = 128
"""Questions on their way to the database at which shares begin to count: what comes behind them would wait."""
LEAST_SHARE: Final = 16
"""What one location may always have on its way."""
LONGEST_LINE: Final = 2_000
"""Questions of one location that wait for their turn."""
LONGEST_TURN_SECONDS: Final = 5.0
"""How long they wait before they are refused."""
TOO_MUCH: Final = "this location takes more than its share"
LEAST_RATE: Final = 200.0
"""Questions a second that a lane is trusted to drain until it was seen under load."""
MOST_OPEN: Final = 500_000
"""Hard bound of decisions that wait for models."""
LONGEST_QUEUE: Final = 20 * LARGEST_BATCH
"""Rows that wait for a flush."""
PRESSING_QUEUE: Final = 5 * LARGEST_BATCH
"""Rows that wait for a flush while nothing is asked on the side any more."""


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
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}
        """By location, who waits for a turn."""
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
        for location in list(self._lines):  # somebody called may have gone, and nobody else was
            self._let_in(location)

    def counted(self, waiting: int) -> None:
        """Take over how many decisions wait for models, as the database has it."""
        self._open = waiting

    def seconds_behind(self, lane: str) -> float:
        """Return how long the unread questions of a lane will take."""
        return self._lag.get(lane, 0) / self._rate.get(lane, LEAST_RATE)

    def is_pressed(self) -> bool:
        """Return whether what is served has begun to wait: whatever else there is to do has to go first."""
        return len(self._flusher) > PRESSING_QUEUE or any(
            self.seconds_behind(lane) > CROWDED_SECONDS for lane in self._lag
        )

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

    def enter_unasked(self, lane: str, location: str) -> None:
        """Count in a question that its fallback answers, and that takes no room in the lane. Raises Overloaded."""
        self._roll()
        if self._open > MOST_OPEN or len(self._flusher) > PRESSING_QUEUE:
            self._refuse(lane, "full", self.seconds_behind(lane))
        names.SHED.labels(lane, "fallback").inc()
        self._admitted[location] += 1
        self._on_the_way[location] += 1

    def leave(self, location: str) -> None:
        """Its row is durable, or was refused: who waits for a turn may come."""
        self._on_the_way[location] -= 1
        if not self._on_the_way[location]:
            del self._on_the_way[location]
        self._let_in(location)

    def has_to_wait(self, location: str) -> bool:
        """Return whether a question must wait for its location's turn; alone a location never has to."""
        return location in self._lines or self._on_the_way.get(location, 0) >= self._share(location)

    async def turn(self, lane: str, location: str) -> None:
        """Wait until the location may have one more on its way. Raises Overloaded."""
        if not self.has_to_wait(location):
            return
        line = self._lines.setdefault(location, deque())
        if len(line) >= LONGEST_LINE:
            self._refuse(lane, "share", LONGEST_TURN_SECONDS)
        turn = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            async with asyncio.timeout(LONGEST_TURN_SECONDS):
                await turn
        except TimeoutError:
            self._refuse(lane, "share", LONGEST_TURN_SECONDS)

    def _let_in(self, location: str) -> None:
        """Call those in a location's line whose turn it is."""
        line = self._lines.get(location)
        free = self._share(location) - self._on_the_way.get(location, 0) if line else 0
        while line and free > 0:
            turn = line.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1
        if not line:
            self._lines.pop(location, None)

    def _share(self, location: str) -> float:
        active = self._active(location)
        return math.inf if active <= 1 else max(LEAST_SHARE, AT_WORK // active)

    def _is_greedy(self, lane: str, location: str, behind: float) -> bool:
        """Return whether a location takes more than its share of what drains while others want theirs."""
        active = self._active(location)
        rate = self._rate.get(lane, LEAST_RATE)
        return active > 1 and behind > CROWDED_SECONDS and self._admitted[location] >= rate * WINDOW_SECONDS / active

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
        detail = f"lane {lane} is {behind:.1f} s behind" if why == "full" else TOO_MUCH
        raise Overloaded(detail, retry_after=max(1, min(30, round(behind))))


def loop_time() -> float:
    """Return the running loop's time."""
    return asyncio.get_running_loop().time()
