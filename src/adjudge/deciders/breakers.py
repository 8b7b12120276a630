"""The circuit breaker of one decider: how long it is left alone after failing, and why.

Closed: asked. Open: not asked, for a while. Probing: one call finds out. A result that
comes in after the breaker has moved on says nothing of what holds now, and is not counted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NewType, TypeAlias

Position: TypeAlias = Literal["closed", "open", "probing"]
Ticket = NewType("Ticket", int)
"""Leave for one try; tells the era in which it was given."""


@dataclass(frozen=True, slots=True)
class BreakerState:
    """What the breaker does and why; UTC."""

    breaker: Position
    reason: str
    """What made it open last; empty while it is closed."""
    since: datetime
    until: datetime | None
    """When the next call is let through as a probe."""


class Breaker:
    """Opens after `failures` failed tries in a row; lets one through `seconds` later; closes when that succeeds."""

    def __init__(
        self, failures: int, seconds: float, *, clock: Callable[[], float], now: Callable[[], datetime]
    ) -> None:
        self._limit = failures
        self._seconds = seconds
        self._clock = clock
        self._now = now
        self._era = 0
        self._failed_in_row = 0
        self._opens_at = 0.0
        self._state = BreakerState("closed", "", now(), None)

    @property
    def state(self) -> BreakerState:
        return self._state

    def is_shut_out(self) -> bool:
        """Return whether a try would be refused now."""
        return self._state.breaker == "probing" or (self._state.breaker == "open" and self._clock() < self._opens_at)

    def admit(self) -> Ticket | None:
        """Give leave for one try, to be given back by one of the three below; None: not now."""
        if self.is_shut_out():
            return None
        if self._state.breaker == "open":
            self._move("probing", self._state.reason, None)
        return Ticket(self._era)

    def succeeded(self, ticket: Ticket) -> None:
        """Count a try that was answered."""
        if ticket != self._era:
            return
        self._failed_in_row = 0
        if self._state.breaker == "probing":
            self._move("closed", "", None)

    def failed(self, ticket: Ticket, reason: str) -> None:
        """Count a try that was not."""
        if ticket != self._era:
            return
        self._failed_in_row += 1
        if self._state.breaker == "probing" or self._failed_in_row >= self._limit:
            self._open(reason, self._seconds)

    def withdrawn(self, ticket: Ticket) -> None:
        """Count nothing: the try was given up by who wanted it. The next one probes."""
        if ticket == self._era and self._state.breaker == "probing":
            self._open(self._state.reason, 0.0)

    def _open(self, reason: str, seconds: float) -> None:
        self._failed_in_row = 0
        self._opens_at = self._clock() + seconds
        self._move("open", reason, seconds)

    def _move(self, position: Position, reason: str, seconds: float | None) -> None:
        now = self._now()
        until = None if seconds is None else now + timedelta(seconds=seconds)
        self._era += 1
        self._state = BreakerState(position, reason, now, until)
