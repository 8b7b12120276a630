"""When a call is sent again, and after how long. Pure: the executors sleep."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

RETRIED_STATUSES = frozenset({429, 502, 503, 504})
REFUSED_STATUSES = frozenset({429, 503})
"""The server says that it did nothing: safe to repeat whatever was asked."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How hard a client tries: pauses double from the first to the longest, each shortened by chance."""

    total_seconds: float = 30.0
    """No attempt begins later than this after the first."""
    first_pause_seconds: float = 0.1
    longest_pause_seconds: float = 5.0

    def pause(self, attempt: int, chance: float, asked_for: float | None) -> float:
        """Return the seconds before attempt number `attempt` + 1; `chance` is 0 to 1.

        Retry-After is a lower bound: a little is added, so that clients turned away together
        do not come back together. 0 asks for nothing, and is no reason to come back at once for ever.
        """
        longest: float = min(self.longest_pause_seconds, self.first_pause_seconds * 2.0 ** min(attempt - 1, 30))
        jitter = longest * (0.5 + 0.5 * chance)
        return asked_for + chance * self.first_pause_seconds if asked_for else jitter


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that may be worth another."""

    status: int | None = None
    """None: no answer came."""
    was_sent: bool = True
    """False: the connection never stood."""
    retry_after_seconds: float | None = None

    def is_retryable(self, *, repeatable: bool) -> bool:
        if self.status is None:
            return repeatable or not self.was_sent
        return self.status in (RETRIED_STATUSES if repeatable else REFUSED_STATUSES)


@dataclass(slots=True)
class Attempts:
    """The attempts of one call."""

    patience: Patience
    repeatable: bool
    started: float
    """Monotonic seconds."""
    made: int = 0

    def pause_after(self, failure: Failure, now: float, chance: Callable[[], float]) -> float | None:
        """Return the seconds to wait before the next attempt; None when there is to be none."""
        self.made += 1
        if not failure.is_retryable(repeatable=self.repeatable):
            return None
        pause = self.patience.pause(self.made, chance(), failure.retry_after_seconds)
        return pause if now + pause - self.started <= self.patience.total_seconds else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After in seconds; the form with a date needs a common clock and is passed over."""
    text = headers.get("retry-after", "").strip()
    return float(text) if text.isdecimal() and len(text) < 10 else None
