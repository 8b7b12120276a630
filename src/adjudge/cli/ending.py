"""A process that was told to end does end: after its drain, and whatever hangs then."""

import os
import threading
from typing import Final

import structlog

log = structlog.get_logger()

CLOSING_SECONDS: Final = 10.0
"""After the drain: for connections to close and children to end."""
OVERRAN: Final = 75
"""Exit status: EX_TEMPFAIL of sysexits.h."""


def end_within(seconds: float) -> None:
    """End this process after so long unless it has ended by itself, as a blocked event loop never would."""
    timer = threading.Timer(seconds, _overran, (seconds,))
    timer.daemon = True
    timer.start()


def _overran(seconds: float) -> None:
    log.error("process.overran", seconds=seconds)
    os._exit(OVERRAN)
