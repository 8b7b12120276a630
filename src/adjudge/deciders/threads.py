"""A thread that can be left behind.

The executors of the standard library wait for their threads when Python exits; a model that never
returns would keep the worker from ending. These threads are daemons, and one call is all they hold.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class _Job(Generic[T]):
    def __init__(self, act: Callable[[], T]) -> None:
        self._act = act
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self._loop.create_future()

    def run(self) -> None:
        try:
            result = self._act()
        except BaseException as error:
            self._tell(self.future.set_exception, error)
        else:
            self._tell(self.future.set_result, result)

    def _tell(self, settle: Callable[[Any], None], value: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._settle, settle, value)

    def _settle(self, settle: Callable[[Any], None], value: object) -> None:
        if not self.future.done():
            settle(value)


class Thread:
    """Runs one thing after another, away from the loop."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def run(self, act: Callable[[], T]) -> asyncio.Future[T]:
        """Have it run; a future that is cancelled does not stop it. `act` must not raise StopIteration."""
        job = _Job(act)
        self._jobs.put(job)
        return job.future

    def close(self) -> None:
        """End the thread once it is idle; never waits for it."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.run()
