"""How the receivers of webhooks are treated: when a delivery is tried again, and when a receiver is left alone.

Nothing here waits or sends. One `Line` for each endpoint and process: a receiver that is dead or slow takes
no more than its own share, and one attempt now and then, until it answers.
"""

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

import msgspec

from adjudge.store.webhooks.deliveries import Claimed
from adjudge.store.webhooks.endpoints import Receiver

REFRESH_SECONDS: Final = 1.0
"""How often each process looks for new, changed and removed endpoints."""
NOTICED_SECONDS: Final = 2 * REFRESH_SECONDS
"""After which a change is known wherever webhooks are sent, and what was signed before has left."""
AT_ONCE: Final = 32
"""Attempts under way at one receiver, in one process."""
IN_HAND: Final = 4 * AT_ONCE
"""Deliveries claimed for one receiver, those under way included."""
FAILURES: Final = 5
"""In a row, after which a receiver is left alone."""
FIRST_SHUT_SECONDS: Final = 1.0
LONGEST_SHUT_SECONDS: Final = 60.0
LONGEST_RETRY_AFTER: Final = 3_600.0
"""Seconds that a receiver may ask us to stay away."""
PAUSES: Final = (5, 30, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds between attempts at one delivery, each up to a fifth longer or shorter: three days in all."""
GIVE_UP: Final = timedelta(hours=78)
"""After which a delivery is parked; what only waited for a receiver that was left alone, too."""
_GONE: Final = 410
_OVERLOADED: Final = frozenset({408, 425, 429})


class Answered(msgspec.Struct, frozen=True, gc=False):
    """What came of one attempt."""

    status: int | None
    """None: no answer."""
    error: str | None
    seconds: float
    retry_after: float | None = None
    """Seconds."""

    @property
    def is_delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def asked_to_wait(self) -> float:
        """Seconds for which the receiver asked us to stay away, within reason."""
        return min(self.retry_after or 0.0, LONGEST_RETRY_AFTER)

    @property
    def is_gone(self) -> bool:
        """The receiver wants nothing more, ever."""
        return self.status == _GONE

    @property
    def is_receivers_fault(self) -> bool:
        """Another message would have failed as well: not one that the receiver alone refuses."""
        return self.status is None or self.status < 400 or self.status >= 500 or self.status in _OVERLOADED


def pause_after(failures: int, age: timedelta, chance: float) -> timedelta | None:
    """Return how long to wait after this many failures in a row (from 1); None: the delivery is given up.

    By age alone: a receiver that comes and goes fails more often than it has days.
    """
    pause = timedelta(seconds=PAUSES[min(failures, len(PAUSES)) - 1] * (0.8 + 0.4 * chance))
    return None if age + pause > GIVE_UP else pause


@dataclass(slots=True)
class Line:
    """One receiver, as this process knows it."""

    receiver: Receiver
    in_hand: int = 0
    """Claimed and not done with: waiting, or under way."""
    waiting: deque[tuple[float, Claimed]] = field(default_factory=deque)
    """What no sender has taken yet, and since when, monotonic; the oldest first."""
    senders: int = 0
    _failed_in_row: int = 0
    _shut_until: float = 0.0
    """Monotonic."""
    _shuts: int = 0
    _refused_in_row: int = 0
    _said: str | None = None
    """What it refuses with, as far as that is told."""

    def is_shut(self, now: float) -> bool:
        """Return whether the receiver is left alone; `now` is monotonic."""
        return now < self._shut_until

    def room(self, now: float) -> int:
        """Return how many more deliveries to take: none, one to find out, or a good batch."""
        if self.is_shut(now):
            return 0
        if self._is_doubted:
            return int(self.in_hand == 0)
        return IN_HAND - self.in_hand if self.in_hand <= IN_HAND // 2 else 0

    def succeeded(self) -> bool:
        """Count an attempt that was answered well; return whether the receiver is back after failing."""
        was_failing = self._is_doubted or self._refuses_all or self.receiver.is_failing
        if self.receiver.is_failing:
            self.receiver = replace(self.receiver, is_failing=False)  # until it is read again
        self._failed_in_row, self._shuts, self._shut_until = 0, 0, 0.0
        self._refused_in_row, self._said = 0, None
        return was_failing

    def failed(self, now: float, chance: float, asked_to_wait: float) -> bool:
        """Count an attempt that failed by the receiver's fault; return whether it is left alone from now on."""
        self._failed_in_row += 1
        if self.is_shut(now) or not (self._is_doubted or asked_to_wait):
            return False
        pause = min(FIRST_SHUT_SECONDS * 2**self._shuts, LONGEST_SHUT_SECONDS) * (0.5 + 0.5 * chance)
        self._shuts = min(self._shuts + 1, 10)
        self._said = None  # what is told of it now is this failure
        self.leave_alone(now + max(pause, asked_to_wait))
        return True

    def refused(self, error: str | None) -> bool:
        """Count an attempt that failed by its message alone; return whether that is news: it takes none, or says why.

        It is not left alone: the next message may be another matter.
        """
        self._refused_in_row += 1
        if error == self._said or not (self._refuses_all or self._is_doubted):
            return False
        self._said = error
        return True

    def wanted_senders(self) -> int:
        """Return how many more senders what waits has work for."""
        return min(AT_ONCE - self.senders, len(self.waiting))

    def leave_alone(self, until: float) -> None:
        """Send nothing until then, monotonic."""
        self._shut_until = until

    @property
    def _refuses_all(self) -> bool:
        return self._refused_in_row >= FAILURES

    @property
    def _is_doubted(self) -> bool:
        return self._shuts > 0 or self._failed_in_row >= FAILURES
