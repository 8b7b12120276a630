"""Long computations beside the event loop, so that requests served meanwhile hardly notice."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, ParamSpec, TypeVar

from adjudge.config.documents.pausing import Pause

SWITCH_SECONDS: Final = 0.0005
"""How soon the loop gets the interpreter while something is computed aside; Python would take 5 ms."""
NICENESS: Final = 10
"""With this niceness a thread gets a tenth of a core that others want too. With less it could hold the interpreter
while it waits for the core, and keep its own loop waiting."""
SLICE_SECONDS: Final = 0.0005
"""How long work runs between two of its pauses."""
PAUSE_SECONDS: Final = 0.0015
PAUSED_SECONDS: Final = 0.75
"""The most that all its pauses take together. After that it goes on without pauses, because somebody waits for it."""

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


async def giving_way(
    work: Callable[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs
) -> Result:
    """Return what the work returns, computed in a thread that gives way to this loop and to other processes.

    Raises what the work raises. A thread that was begun ends by itself, even where nobody waits for it any longer.
    """
    # for one use: a thread may give way, but only root could make it urgent again
    thread = ThreadPoolExecutor(1, "giving-way", _give_way)
    try:
        with _interpreter.lent():
            return await asyncio.get_running_loop().run_in_executor(thread, lambda: work(*arguments, **named))
    finally:
        thread.shutdown(wait=False)


async def sparingly(work: Callable[[Pause], Result]) -> Result:
    """Return what the work returns, computed aside by a quarter of a core at most, for as long as that takes no second.

    Several processes that have the same to compute at the same moment leave some core to whoever is served, however
    the system shares them out. Work that nobody waits for any longer ends at its next pause.
    """
    ended = threading.Event()
    try:
        return await giving_way(work, Pace(ended.wait))
    finally:
        ended.set()


class NotWanted(Exception):
    """Nobody waits for the work any longer."""


class Pace:
    """The pause of work that is done in short slices."""

    def __init__(self, wait: Callable[[float], bool], *, clock: Callable[[], float] = time.monotonic) -> None:
        """`wait`: sleeps for some seconds, or none; returns true, and early, where the work is wanted no longer."""
        self._wait = wait
        self._clock = clock
        self._left = PAUSED_SECONDS
        self._since = clock()

    def __call__(self) -> None:
        """Sleep where a slice is over. Raises NotWanted."""
        if self._clock() - self._since < SLICE_SECONDS:
            return
        seconds = min(PAUSE_SECONDS, self._left)
        self._left -= seconds
        if self._wait(seconds):
            raise NotWanted
        self._since = self._clock()


def _give_way() -> None:
    """Make this thread less urgent than its process, where threads are scheduled singly."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)


class _SharedInterpreter:
    """Lets the loop have the interpreter again soon, for as long as some thread computes."""

    def __init__(self) -> None:
        self._computing = 0
        self._usual = 0.0

    @contextmanager
    def lent(self) -> Iterator[None]:
        if self._computing == 0:
            self._usual = sys.getswitchinterval()
            sys.setswitchinterval(min(self._usual, SWITCH_SECONDS))
        self._computing += 1
        try:
            yield
        finally:
            self._computing -= 1
            if self._computing == 0:
                sys.setswitchinterval(self._usual)


_interpreter = _SharedInterpreter()
