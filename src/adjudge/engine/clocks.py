"""PostgreSQL's clock, as this process sees it: the only one that is stored or compared."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Returns an aware instant in UTC."""

LARGEST_OFFSET = timedelta(seconds=1)
"""Beyond it a process is not ready: its ids and deadlines would be wrong."""


def machine_time() -> datetime:
    """Return this machine's own time."""
    return datetime.now(UTC)


def loop_time() -> float:
    """Return the running loop's time."""
    return asyncio.get_running_loop().time()


class DatabaseClock:
    """This machine's time, corrected by the offset last measured."""

    def __init__(self, machine: Clock = machine_time) -> None:
        self._machine = machine
        self.offset = timedelta()

    def __call__(self) -> datetime:
        return self._machine() + self.offset

    @property
    def is_trusted(self) -> bool:
        """Whether the machine's clock is near enough for ids and deadlines."""
        return abs(self.offset) <= LARGEST_OFFSET


class TurnClock:
    """One instant for all that a turn of the event loop does: what is taken in together is taken in at one moment."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._now: datetime | None = None

    def __call__(self) -> datetime:
        now = self._now
        if now is None:
            now = self._now = self._clock()
            asyncio.get_running_loop().call_soon(self._pass)
        return now

    def _pass(self) -> None:
        self._now = None
