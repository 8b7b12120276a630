"""When to start again what ended by itself, and how its end is told."""

import signal
from typing import Final

FIRST_SECONDS: Final = 0.25
LONGEST_SECONDS: Final = 5.0
HEALTHY_SECONDS: Final = 5.0
"""Whoever lived this long is restarted as if for the first time."""


def delay_after(previous: float, *, lived_seconds: float) -> float:
    """Seconds to wait before the next start: twice the previous wait, within bounds."""
    if lived_seconds >= HEALTHY_SECONDS or previous == 0:
        return FIRST_SECONDS
    return min(previous * 2, LONGEST_SECONDS)


def described(status: int) -> str:
    """An exit status in words; above 128 it is a signal."""
    if status <= 128:
        return f"status {status}"
    try:
        return f"killed by {signal.Signals(status - 128).name}"
    except ValueError:
        return f"status {status}"
