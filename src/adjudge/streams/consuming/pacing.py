"""How many messages a batch may have, so that one in work does not keep others waiting for long."""

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

NEWEST_WEIGHS: Final = 0.4
"""Of a batch, in what is known of batches of its size."""
FADING: Final = 0.85
"""What a size weighs beside another that a batch had one later."""
TOGETHER: Final = 16
"""Batches at most whose mean counts."""
MEMORY: Final = 50
"""Batches after which a size that none of them had is forgotten."""
WORTH_SHARING: Final = 3
"""Messages may take so many times what any batch costs: three quarters of the highest rate are reached then."""
BETWEEN: Final = 0.4
"""Of the time that a batch should take: one which others wait for."""
WORTH_SHARING_BETWEEN: Final = 1
"""As above, of one which others wait for: half of the highest rate is reached then."""


@dataclass(slots=True)
class _Size:
    """What batches of about one size took lately."""

    count: float
    seconds: float
    last: int

    def note(self, count: float, seconds: float, batch: int) -> None:
        is_otherwise = not self.seconds / 2 <= seconds <= 2 * self.seconds  # then what was known is no longer so
        weight = 1.0 if is_otherwise else NEWEST_WEIGHS
        self.count += weight * (count - self.count)
        self.seconds += weight * (seconds - self.seconds)
        self.last = batch


class Pace:
    """Learns what a batch costs by itself and what each of its messages adds.

    A batch gets as many as it can handle within `aim_seconds`; more where a call costs so much by itself that
    sharing it pays. The first has one, and none is much larger than those that were tried.

    Batches that are in work at once may wait for each other. What a small one took then holds the wait for a large
    one, which is no cost of its own and would call for larger ones, that wait longer: so of those that went together
    it is the mean that counts.
    """

    def __init__(self, most: int, aim_seconds: float) -> None:
        self._limit, self._aim = most, aim_seconds
        self._ended: deque[tuple[float, int, float]] = deque(maxlen=TOGETHER)
        """The last ones: when, and how many messages took how long."""
        self._sizes: dict[int, _Size] = {}
        """By the power of two that a size reaches."""
        self._batches = 0
        self.most = 1
        """Messages that the next batch may have."""
        self.most_between = 1
        """Messages that one may have which is handled between batches of what is more urgent."""

    def handled(self, count: int, began: float, ended: float) -> None:
        """Note a batch of so many messages, when it has ended."""
        seconds = ended - began
        together = [(count, seconds), *(each for at, *each in self._ended if at > began)]
        self._ended.append((ended, count, seconds))
        self._batches += 1
        self._note(*(sum(each) / len(together) for each in zip(*together, strict=True)))
        self._sizes = {power: size for power, size in self._sizes.items() if self._batches - size.last < MEMORY}
        self.most = self._within(self._aim, WORTH_SHARING)
        self.most_between = self._within(BETWEEN * self._aim, WORTH_SHARING_BETWEEN)

    def _note(self, count: float, seconds: float) -> None:
        power = round(count).bit_length()
        known = self._sizes.get(power)
        if known is None:
            self._sizes[power] = _Size(count, seconds, self._batches)
        else:
            known.note(count, seconds, self._batches)

    def _next(self) -> int:
        """Return how far it may grow: to twice the largest tried, or to what will do if none adds more than those."""
        tried = max(self._sizes.values(), key=lambda size: size.count)
        return max(math.ceil(2 * tried.count), int(self._aim / max(tried.seconds, 1e-6) * tried.count))

    def _within(self, aim: float, worth_sharing: float) -> int:
        most = min(self._limit, self._next())
        fixed, each = self._line()
        if each <= 0:
            return most
        return max(1, int(min(most, max(aim - fixed, worth_sharing * fixed) / each)))

    def _line(self) -> tuple[float, float]:
        """Return the seconds of any batch, and those that each message adds: weighted least squares over the sizes."""
        sizes = [(FADING ** (self._batches - size.last), size) for size in self._sizes.values()]
        total = sum(weight for weight, _ in sizes)
        count = sum(weight * size.count for weight, size in sizes) / total
        seconds = sum(weight * size.seconds for weight, size in sizes) / total
        if len(sizes) == 1:  # shows no slope: it may be all slope, but for one message that costs nothing to find out
            return (0.0, seconds / count) if count > 1 else (seconds, 0.0)
        spread = sum(weight * (size.count - count) ** 2 for weight, size in sizes)
        rise = sum(weight * (size.count - count) * (size.seconds - seconds) for weight, size in sizes)
        return max(0.0, seconds - rise / spread * count), rise / spread
