"""How many questions each location has on their way to the database at once, and who waits for a turn.

While several locations ask, each has only so many on its way; the others of a burst wait outside, where they cost
nobody anything. Alone, or where all ask alike, nobody waits.
"""

import asyncio
import math
from collections import Counter, deque
from typing import Final

AT_WORK: Final = 32
"""Questions on their way to the database at which shares begin to count: what comes behind them would wait."""
LEAST_SHARE: Final = 8
"""What one location may always have on its way."""
TIMES_IN_BULK: Final = 4
"""Times the share of single posts that of bulk posts: an item costs less, and a flush of few much for each row."""
TIMES_THE_OTHERS: Final = 2
"""Times what each of the others has on its way on average: where all ask much, nobody waits for a turn."""
LONGEST_LINE: Final = 2_000
"""Questions of one location that wait for their turn."""
LONGEST_TURN_SECONDS: Final = 5.0
"""How long they wait before they are refused."""
WINDOW_SECONDS: Final = 1.0
"""For so long, and for as long again, who has asked is one of those who ask."""


class Turns:
    """Of the locations whose questions one replica takes in."""

    def __init__(self) -> None:
        self._on_the_way: Counter[str] = Counter()
        """By location, requests whose rows are not durable yet."""
        self._lines: dict[str, deque[tuple[asyncio.Future[None], int]]] = {}
        """By location, who waits for a turn, and with how many times the share."""
        self._called: Counter[str] = Counter()
        """By location, whose turn has come and who has not moved since."""
        self._window_ends = 0.0
        self._recent: set[str] = set()
        """Locations that asked in this window."""
        self._asking: set[str] = set()
        """Locations that asked in this window or the one before, or wait for the database."""

    def note(self, location: str, now: float) -> None:
        """Remember that a location asks."""
        if now >= self._window_ends:
            recent = self._recent if now < self._window_ends + WINDOW_SECONDS else set()
            self._asking = recent | self._on_the_way.keys()
            self._recent = set()
            self._window_ends = now + WINDOW_SECONDS
        self._recent.add(location)
        self._asking.add(location)

    def begin(self, location: str) -> None:
        """Count in a question that is on its way now, until it has ended."""
        self._on_the_way[location] += 1

    def end(self, location: str) -> None:
        """A question's row is durable, or was refused: who waits for a turn may come."""
        _one_less(self._on_the_way, location)
        self._call(location)

    def has_to_wait(self, location: str, times: int = 1) -> bool:
        """Return whether a question must wait for its location's turn; alone a location never has to.

        `times`: TIMES_IN_BULK for an item of a bulk post.
        """
        return location in self._lines or self._free(location, times) <= 0

    async def come(self, location: str, times: int = 1) -> bool:
        """Wait until the location may have one more on its way; False: the line is too long, or the wait."""
        if not self.has_to_wait(location, times):
            return True
        line = self._lines.setdefault(location, deque())
        if len(line) >= LONGEST_LINE:
            return False
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        line.append((turn, times))
        try:
            async with asyncio.timeout(LONGEST_TURN_SECONDS):
                await turn
        except TimeoutError:
            return False
        finally:
            if turn.done() and not turn.cancelled():
                _one_less(self._called, location)
                loop.call_soon(self._call, location)  # who came may go without having begun
        return True

    def _call(self, location: str) -> None:
        line = self._lines.get(location)
        while line and self._free(location, line[0][1]) > 0:
            turn, _ = line.popleft()
            if not turn.done():
                turn.set_result(None)
                self._called[location] += 1
        if not line:
            self._lines.pop(location, None)

    def _free(self, location: str, times: int) -> float:
        """Return how many more a location may have on their way; those that were called count."""
        return times * self._share(location) - self._on_the_way.get(location, 0) - self._called.get(location, 0)

    def _share(self, location: str) -> float:
        self._asking.add(location)
        others = len(self._asking) - 1
        if not others:
            return math.inf
        of_others = self._on_the_way.total() - self._on_the_way.get(location, 0)
        return max(LEAST_SHARE, AT_WORK // (others + 1), TIMES_THE_OTHERS * of_others // others)


def _one_less(counts: Counter[str], location: str) -> None:
    counts[location] -= 1
    if not counts[location]:
        del counts[location]
