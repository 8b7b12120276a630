"""Token buckets: so much a second, and up to a second's worth at once."""


class Bucket:
    """What may still be taken. More than is left may be taken, too: it is paid off first."""

    __slots__ = ("_at", "_left", "_rate")

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._left = self._size
        self._at = now

    @property
    def _size(self) -> float:
        return max(1.0, self._rate)

    def refill(self, rate: float, now: float) -> None:
        """Let in what has come since the last time, at the rate until now; from now on at `rate`, units a second."""
        self._left = min(self._size, self._left + (now - self._at) * self._rate)
        self._at, self._rate = now, rate
        self._left = min(self._size, self._left)

    def seconds_until_one(self, now: float) -> float:
        """Return how long it takes until there is one to take; 0: now."""
        self.refill(self._rate, now)
        return max(0.0, (1 - self._left) / self._rate)

    def take(self, amount: float) -> None:
        """Take, also what is not there yet."""
        self._left -= amount
