"""How many messages a batch may have, so that one in work does not keep others waiting for long."""

import math
from dataclasses import dataclass
from typing import Final

NEWEST_WEIGHS: Final = 0.4
"""Of a batch, in what is known of batches of its size."""
FADING: Final = 0.85
"""What a size weighs beside another that a batch had one later."""
MEMORY: Final = 50
"""Batches after which a size that none of them had is forgotten."""
WORTH_SHARING: Final = 3
"""Messages may take so many times what any batch costs: three quarters of the highest rate are reached then."""


@dataclass(slots=True)
class _Size:
    """What batches of about one size took lately."""

    count: float
    seconds: float
    last: int

    def note(self, count: int, seconds: float, batch: int) -> None:
        is_otherwise = not self.seconds / 2 <= seconds <= 2 * self.seconds  # then what was known is no longer so
        weight = 1.0 if is_otherwise else NEWEST_WEIGHS
        self.count += weight * (count - self.count)
        self.seconds += weight * (seconds - self.seconds)
        self.last = batch


class Pace:
    """Learns what a batch costs by itself and what each of its messages adds.

    A batch gets as many as it can handle within `aim_seconds`; more where a call costs so much by itself that
    sharing it pays. The first has one, and none is much larger than those that were tried.
    """

    def __init__(self, most: int, aim_seconds: float) -> None:
        self._limit, self._aim = most, aim_seconds
        self._sizes: dict[int, _Size] = {}
        """By the power of two that a size reaches."""
        self._batches = 0
        self.most = 1
        """Messages that the next batch may have."""

    def handled(self, count: int, seconds: float) -> None:
        """Note a batch of so many messages."""
        self._batches += 1
        power = count.bit_length()
        known = self._sizes.get(power)
        if known is None:
            self._sizes[power] = _Size(count, seconds, self._batches)
        else:
            known.note(count, seconds, self._batches)
        self._sizes = {power: size for power, size in self._sizes.items() if self._batches - size.last < MEMORY}
        self.most = max(1, min(self._limit, self._within(), self._next()))

    def _next(self) -> int:
        """Return how far it may grow: to twice the largest tried, or to what will do if none adds more than those."""
        tried = max(self._sizes.values(), key=lambda size: size.count)
        return max(math.ceil(2 * tried.count), int(self._aim / max(tried.seconds, 1e-6) * tried.count))

    def _within(self) -> int:
        fixed, each = self._line()
        if each <= 0:
            return self._limit
        return int(min(self._limit, max(self._aim - fixed, WORTH_SHARING * fixed) / each))

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
