"""Makes sure that a process that was told to end does end after its drain, whatever still hangs."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from typing import Final, Protocol

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


class Server(Protocol):
    """What uvicorn's does: it stops soon after this was set."""

    should_exit: bool


def cancelled_by_sigterm(seconds: float) -> Callable[[Server], None]:
    """Let SIGTERM cancel this task, and end what hangs so long after; return how to name the server to stop instead.

    A handler that raised would end whatever callback the signal came upon. Transports swallow that: the signal
    would be lost, and the process go on.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    servers: list[Server] = []

    def told(*_: object) -> None:
        if servers:
            servers[0].should_exit = True
        else:
            end_within(seconds)
            loop.call_soon_threadsafe(task.cancel)

    signal.signal(signal.SIGTERM, told)
    return servers.append


def _overran(seconds: float) -> None:
    log.error("process.overran", seconds=seconds)
    os._exit(OVERRAN)
