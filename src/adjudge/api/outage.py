"""How an outage is logged: a line a second, because callers try again, and a line for each would fill the disk."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog

log = structlog.get_logger()

EVERY_SECONDS: Final = 1.0


def _later(seconds: float, call: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, call)


class Outage:
    """Logs that requests are answered with 503, the first at once, then once a second how many there were.

    Those of its last second are told at that second's end, and not when the next outage begins.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        later: Callable[[float, Callable[[], None]], None] = _later,
    ) -> None:
        self._clock = clock
        self._later = later
        self._told_at = -EVERY_SECONDS
        self._untold = 0
        self._latest = ("", "")

    def refused(self, path: str, error: Exception) -> None:
        """Note one more request."""
        self._untold += 1
        self._latest = path, repr(error)
        wait = self._told_at + EVERY_SECONDS - self._clock()
        if wait <= 0:
            self._tell()
        elif self._untold == 1:
            self._later(wait, self._tell)

    def _tell(self) -> None:
        if self._untold:
            path, error = self._latest
            log.warning("api.unavailable", path=path, error=error, requests=self._untold)
            self._told_at, self._untold = self._clock(), 0
