"""How an outage is logged: a line a second, because callers try again, and a line for each would fill the disk."""

import time
from collections.abc import Callable
from typing import Final

import structlog

log = structlog.get_logger()

EVERY_SECONDS: Final = 1.0


class Outage:
    """Logs that requests are answered with 503, the first at once, then how many there were, once a second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told_at = -EVERY_SECONDS
        self._untold = 0

    def refused(self, path: str, error: Exception) -> None:
        """Note one more request."""
        self._untold += 1
        if (now := self._clock()) - self._told_at >= EVERY_SECONDS:
            log.warning("api.unavailable", path=path, error=repr(error), requests=self._untold)
            self._told_at, self._untold = now, 0
