"""The server's clock as a worker knows it. The worker's own clock may be wrong, or jump."""

import math
from collections.abc import Callable


class ServerClock:
    """Continues from the server's last answer by a monotonic clock, so it is late by a round trip at most."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._ahead = -math.inf

    def heard(self, seconds: float) -> None:
        """The server just said that it is so many Unix seconds."""
        self._ahead = seconds - self._monotonic()

    def now(self) -> float:
        """Unix seconds; minus infinity before the first word, when nothing can be known to be too late."""
        return self._ahead + self._monotonic()
