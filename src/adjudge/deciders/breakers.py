"""The circuit breaker of one decider: how long it is left alone after failing, and why.

Closed: the decider is asked. Open: for a while it is not asked. Probing: one call finds out whether it works again. A
result that comes in after the breaker has changed says nothing about the present, and is not counted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NewType, TypeAlias

from adjudge.core.events import FaultKind

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
    fault: FaultKind | None = None
    """Of what kind the fault was that made it open last; None while it is closed."""


class Breaker:
    """Opens after `failures` failed tries in a row; lets one through `seconds` later; closes when that succeeds.

    Time-outs, errors and garbage are failures. A refusal is an answer: the server lives, and the question was to
    blame. Where a quota is used up it opens at once, for as long as the server says.
    """

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
        """Give leave for one try, to be given back by one of the four below; None: not now."""
        if self.is_shut_out():
            return None
        if self._state.breaker == "open":
            self._move("probing", self._state.reason, self._state.fault, None)
        return Ticket(self._era)

    def succeeded(self, ticket: Ticket) -> None:
        """Count a try that was answered."""
        if ticket != self._era:
            return
        self._failed_in_row = 0
        if self._state.breaker == "probing":
            self._move("closed", "", None, None)

    def failed(self, ticket: Ticket, reason: str, fault: FaultKind | None = None) -> None:
        """Count a try that was not."""
        if ticket != self._era:
            return
        self._failed_in_row += 1
        if self._state.breaker == "probing" or self._failed_in_row >= self._limit:
            self._open(reason, fault, self._seconds)

    def refused(self, ticket: Ticket, reason: str, fault: FaultKind, seconds: float) -> None:
        """Leave it alone for as long as it wants to be."""
        if ticket == self._era:
            self._open(reason, fault, seconds)

    def withdrawn(self, ticket: Ticket) -> None:
        """Count nothing: the try was given up by who wanted it. The next one probes."""
        if ticket == self._era and self._state.breaker == "probing":
            self._open(self._state.reason, self._state.fault, 0.0)

    def _open(self, reason: str, fault: FaultKind | None, seconds: float) -> None:
        self._failed_in_row = 0
        self._opens_at = self._clock() + seconds
        self._move("open", reason, fault, seconds)

    def _move(self, position: Position, reason: str, fault: FaultKind | None, seconds: float | None) -> None:
        now = self._now()
        until = None if seconds is None else now + timedelta(seconds=seconds)
        self._era += 1
        self._state = BreakerState(position, reason, now, until, fault)
