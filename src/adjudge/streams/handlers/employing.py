"""Puts tasks to work in one process: where each runs, and what surrounds its calls."""

import math
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from adjudge.streams.broker import Streams
from adjudge.streams.handlers import calling
from adjudge.streams.handlers.crossing import Orders
from adjudge.streams.handlers.declaring import NotAHandler
from adjudge.streams.handlers.processes import Processes
from adjudge.streams.handlers.telling import Telling
from adjudge.streams.handlers.threads import Threads
from adjudge.streams.messages import Message
from adjudge.streams.subscriptions import Handler, Said, Single, Subscription
from adjudge.streams.tasks import Task

_KEEP_PROGRESS_SECONDS = 3600.0


class Employed:
    """The tasks of one run of an app, with their threads and processes."""

    def __init__(self, streams: Streams, state: Any) -> None:
        self.state = state
        """What the app's `lifespan` yielded."""
        self._streams = streams
        self._telling = Telling(streams, _KEEP_PROGRESS_SECONDS)
        self.progress, self.tell = self._telling.progress, self._telling.run
        self._threads: list[Threads] = []
        self._processes: list[Processes] = []

    def server_now(self) -> float:
        """Unix seconds of the server; minus infinity before its first word."""
        return self._streams.server_now()

    def subscription(self, task: Task[Any, Any]) -> Subscription:
        """What the worker is asked to do for a task."""
        options = task.options
        return Subscription(
            name=options.name,
            lanes=options.lanes,
            handler=self._handler(task),
            batch=options.batch,
            linger_ms=options.linger_ms,
            batch_ms=options.batch_ms,
            prefetch=options.prefetch,
            concurrency=options.concurrency,
            timeout_seconds=None if _in_child(task) else options.timeout_seconds,
            expired=options.expired,
            keep_result_seconds=options.keep_result_seconds,
            lease_seconds=options.lease_seconds,
            retries=options.retries,
            crash_limit=options.crash_limit,
            keep_dead_seconds=options.keep_dead_seconds,
            on_dead=options.on_dead,
            keys=options.keys,
            schedules=options.schedules,
        )

    async def close(self) -> None:
        """End threads and processes."""
        for threads in self._threads:
            threads.close()
        for processes in self._processes:
            await processes.close()

    def _handler(self, task: Task[Any, Any]) -> Handler | Single:
        if _in_child(task):
            return self._in_process(task)
        function = task.function if task.shape.is_async else self._in_thread(task)
        return (calling.batched if task.shape.is_batch else calling.single)(task, function, self)

    def _in_thread(self, task: Task[Any, Any]) -> Callable[..., Awaitable[Any]]:
        threads = Threads(task.options.concurrency, task.name)
        self._threads.append(threads)
        return partial(threads.run, task.function)

    def _in_process(self, task: Task[Any, Any]) -> Handler | Single:
        processes = Processes(
            _orders(task),
            task.options.concurrency,
            max_calls=task.options.max_calls,
            timeout_seconds=task.options.timeout_seconds,
        )
        self._processes.append(processes)

        async def handle(messages: Sequence[Message]) -> Said:
            now = self.server_now()
            return await processes.run(messages, now if math.isfinite(now) else 0.0, self.progress)

        async def call(message: Message) -> bytes | None:
            said = await handle([message])
            if error := said.errors.get(message.id):
                raise error
            return said.answers.get(message.id)

        return handle if task.shape.is_batch else Single(call)


def _in_child(task: Task[Any, Any]) -> bool:
    """Whether it runs in a process of its own, which keeps the time of its calls itself."""
    return not task.shape.is_async and task.options.pool == "process"


def _orders(task: Task[Any, Any]) -> Orders:
    if task.__module__ == "__main__" or "<locals>" in task.__qualname__:
        raise NotAHandler(f"{task.name} must be at the top of a module that can be imported, for a process to find it")
    return Orders(path=sys.path, module=task.__module__, name=task.__qualname__)
