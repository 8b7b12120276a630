"""Token buckets: so much a second, and up to a second's worth at once."""


class Bucket:
    """What may still be taken. One may take more than is left; the debt is then paid off before anything else."""

    __slots__ = ("_at", "_left", "_rate")

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._left = self._size
        self._at = now

    @property
    def _size(self) -> float:
        return max(1.0, self._rate)

    def refill(self, rate: float, now: float) -> None:
        """Add what came in since the last call at the rate until now. From now on it is `rate`, units a second."""
        self._left = min(self._size, self._left + (now - self._at) * self._rate)
        self._at, self._rate = now, rate
        self._left = min(self._size, self._left)

    def seconds_until_one(self, now: float) -> float:
        """Return the seconds until one unit can be taken; 0: at once."""
        self.refill(self._rate, now)
        return max(0.0, (1 - self._left) / self._rate)

    def take(self, amount: float) -> None:
        """Take units, even those that are not there yet."""
        self._left -= amount
