"""Runs sync functions in threads that can be abandoned, because a thread that hangs cannot be ended.

`concurrent.futures` would count a hung thread among its workers for ever, and wait for it when the process ends.
"""

import asyncio
import threading
from collections.abc import Callable
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any

Work = tuple[Callable[[], Any], asyncio.Future[Any]]

THREADS_FOR_ONE = 4
"""For each call that may run at once so many threads may be in use, most of them by calls that were given up and
hang; when these are used up, calls wait for one to come back."""


class Threads:
    """Runs at most `size` functions at once."""

    def __init__(self, size: int, name: str) -> None:
        self._name, self._loop = name, asyncio.get_running_loop()
        self._work: SimpleQueue[Work | None] = SimpleQueue()
        self._free, self._count = 0, 0
        self._slots = asyncio.Semaphore(size)
        self._unused = asyncio.Semaphore(THREADS_FOR_ONE * size)

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call it in a thread. Cancelled, it returns at once, and the thread goes on by itself."""
        async with self._slots:
            await self._unused.acquire()  # given back by the thread, however late
            done = self._loop.create_future()
            context = copy_context()
            if not self._free:
                self._start()
            self._free -= 1
            self._work.put((lambda: context.run(function, *arguments), done))
            return await done

    def close(self) -> None:
        """Let idle threads end."""
        for _ in range(self._count):
            self._work.put(None)

    def _start(self) -> None:
        self._count += 1
        self._free += 1
        threading.Thread(target=self._serve, name=f"{self._name}-{self._count}", daemon=True).start()

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            function, done = work
            try:
                outcome, error = function(), None
            except BaseException as raised:  # told to whoever waits, whatever it is
                outcome, error = None, raised
            try:
                self._loop.call_soon_threadsafe(self._tell, done, outcome, error)
            except RuntimeError:  # the loop is closed: nobody waits any more
                return

    def _tell(self, done: asyncio.Future[Any], outcome: Any, error: BaseException | None) -> None:
        self._free += 1
        self._unused.release()
        if done.cancelled():
            return
        if error is None:
            done.set_result(outcome)
        elif isinstance(
            error, StopIteration | GeneratorExit | asyncio.CancelledError
        ):  # what a future cannot carry as it is
            done.set_exception(RuntimeError(f"the handler raised {error!r}"))
        else:
            done.set_exception(error)
