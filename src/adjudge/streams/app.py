"""Handlers declared by a decorator, published to in one line, and run together.

app = App("redis://127.0.0.1:6379/0")

@app.handler()
async def welcome(message: Welcome, context: Context) -> None: ...

await welcome.publish(Welcome("a@b.example"))
await app.run(stop=asyncio.Event())
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import replace
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar, overload

from adjudge.streams.broker import Streams
from adjudge.streams.codecs import codec_for
from adjudge.streams.consuming.worker import Worker
from adjudge.streams.handlers.contexts import BatchContext, Context
from adjudge.streams.handlers.declaring import NotAHandler, shape_of
from adjudge.streams.handlers.employing import Employed
from adjudge.streams.observing import Observer
from adjudge.streams.schedules import Cron, Every, Missed, Schedule
from adjudge.streams.session import Session
from adjudge.streams.tasks import Options, Task

M = TypeVar("M")
R = TypeVar("R")

Beside = Callable[[Streams, asyncio.Event], Awaitable[None]]
"""Runs next to the handlers until the event is set."""

Lifespan = Callable[["App"], AbstractAsyncContextManager[Any]]


class App:
    """Handlers that share a broker. Making one connects nothing."""

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "adjudge",
        rng: random.Random | None = None,
        now: Callable[[], float] = time.time,
        timeout_seconds: float = 2.0,
        lifespan: Lifespan | None = None,
        traceparent: Callable[[], str] = str,
        observer: Observer | None = None,
    ) -> None:
        """`lifespan` opens what handlers need (`context.state`); `traceparent` tells what goes on, to be sent along."""
        self.url, self._prefix, self._rng, self._now = url, prefix, rng or random.SystemRandom(), now
        self._timeout_seconds, self._lifespan = timeout_seconds, lifespan or _nothing
        self.traceparent, self._observer = traceparent, observer or Observer()
        self._handlers: dict[str, Task[Any, Any]] = {}
        self._beside: list[Beside] = []
        self._given: Streams | None = None
        self._session: Session | None = None
        self.worker: Worker | None = None
        """The one at work, for probes: its `trouble` and `silent_seconds`."""

    @property
    def handlers(self) -> Mapping[str, Task[Any, Any]]:
        """All, by name."""
        return MappingProxyType(self._handlers)

    @property
    def session(self) -> Session:
        """The connections of the running event loop."""
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.loop is not loop:
            self._session = Session(self._given or self._new_streams(), is_ours=self._given is None)
        return self._session

    @property
    def streams(self) -> Streams:
        """The broker: depth, dead letters, hints."""
        return self.session.streams

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; whatever is published later opens them anew."""
        session, self._session = self._session, None
        if session and session.loop is asyncio.get_running_loop():
            await session.close()

    @contextmanager
    def on(self, streams: Streams) -> Iterator[None]:
        """Use this ready broker within the block, and open none: for tests."""
        before = self._given, self._session
        self._given, self._session = streams, None
        try:
            yield
        finally:
            self._hush()
            self._given, self._session = before

    def handler(self, *, name: str | None = None, **options: Any) -> "Declare":
        """Declare a handler; its first parameter's annotation says what it takes. `Options` has what may be said.

        A handler that takes `list[Welcome]` gets batches. Raises `NotAHandler` for a signature that cannot be one.
        """
        return Declare(self, name, options)

    def every(
        self, seconds: float, *, name: str | None = None, missed: Missed = Missed.ONE, limit: int = 100, **options: Any
    ) -> "Declare":
        """Declare a handler that runs at each multiple of an interval: once, whatever the number of workers.

        It takes a `Tick`; see `Missed` for ticks that nobody was there for. Options as of `handler`.
        """
        return self._periodic(Every(seconds), name, missed, limit, options)

    def cron(
        self,
        text: str,
        *,
        timezone: str = "UTC",
        name: str | None = None,
        missed: Missed = Missed.ONE,
        limit: int = 100,
        **options: Any,
    ) -> "Declare":
        """Declare a handler that runs when five fields say so; else as `every`. Raises InvalidCron.

        When clocks change, what runs at fixed times runs once, what runs at intervals keeps to real time: `cron.py`.
        """
        return self._periodic(Cron.parse(text, timezone), name, missed, limit, options)

    def schedule(
        self,
        task: Task[M, Any],
        when: Every | Cron,
        message: M,
        *,
        id: str,
        missed: Missed = Missed.ONE,
    ) -> None:
        """Publish this message to a handler at each tick. Under `id`, unique within the handler, it is remembered."""
        body = task.takes.encode(message)
        schedule = Schedule(id=id, lane=task.options.usual_lane, when=when, body=lambda _: body, missed=missed)
        task.options = replace(task.options, schedules=(*task.options.schedules, schedule))

    def beside(self, function: Beside) -> Beside:
        """Run this next to the handlers, with the broker and the event that ends it."""
        self._beside.append(function)
        return function

    def add(self, task: Task[Any, Any]) -> None:
        """Take a handler in."""
        if task.name in self._handlers:
            raise ValueError(f"two handlers are named {task.name!r}")
        self._handlers[task.name] = task

    async def run(
        self,
        *,
        stop: asyncio.Event,
        only: Collection[str] = (),
        drain_seconds: float = 10.0,
        observer: Observer | None = None,
        **watching: Any,
    ) -> None:
        """Handle messages until `stop` is set and what runs has drained. Signals are the program's affair.

        `only` names the handlers to run, else all; `watching` goes to `Worker`. A broker that is away is waited for.
        """
        if unknown := set(only) - set(self._handlers):
            raise ValueError(f"no handler is named {', '.join(sorted(unknown))}")
        tasks = [task for name, task in self._handlers.items() if not only or name in only]
        streams = self.session.streams
        async with self._lifespan(self) as state:
            employed = Employed(streams, state)
            try:
                self.worker = Worker(
                    streams,
                    [employed.subscription(task) for task in tasks],
                    stop=stop,
                    drain_seconds=drain_seconds,
                    observer=observer or self._observer,
                    **watching,
                )
                await self._run(self.worker, employed, stop)
            finally:
                self.worker = None
                await employed.close()

    async def _run(self, worker: Worker, employed: Employed, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(employed.tell(), name="progress")
            beside = [group.create_task(_awaited(each(self.streams, stop))) for each in self._beside]
            await worker.run()
            for task in (telling, *beside):
                task.cancel()

    def _periodic(
        self, when: Every | Cron, name: str | None, missed: Missed, limit: int, options: Mapping[str, Any]
    ) -> "Declare":
        lane = next(iter(options.get("lanes", ("standard",))))
        schedule = Schedule(id="tick", lane=lane, when=when, missed=missed, limit=limit)
        return Declare(self, name, {**options, "schedules": (schedule,)})

    def _hush(self) -> None:
        if self._session:
            self._session.hearing.stop()

    def _new_streams(self) -> Streams:
        return Streams(
            self.url, prefix=self._prefix, rng=self._rng, now=self._now, timeout_seconds=self._timeout_seconds
        )


class Declare:
    """Makes a `Task` of a function."""

    def __init__(self, app: App, name: str | None, options: Mapping[str, Any]) -> None:
        self._app, self._name, self._options = app, name, options

    @overload
    def __call__(self, function: Callable[[list[M], BatchContext], Awaitable[list[R] | None]]) -> Task[M, R]: ...
    @overload
    def __call__(self, function: Callable[[list[M]], Awaitable[list[R] | None]]) -> Task[M, R]: ...
    @overload
    def __call__(self, function: Callable[[M, Context], Awaitable[R]]) -> Task[M, R]: ...
    @overload
    def __call__(self, function: Callable[[M], Awaitable[R]]) -> Task[M, R]: ...
    @overload
    def __call__(self, function: Callable[[M, Context], R]) -> Task[M, R]: ...
    @overload
    def __call__(self, function: Callable[[M], R]) -> Task[M, R]: ...
    def __call__(self, function: Callable[..., Any]) -> Task[Any, Any]:
        """Declare the function."""
        shape = shape_of(function)
        given = {"concurrency": 2, **self._options} if shape.is_batch else self._options
        options = Options(name=self._name or function.__name__, **given)
        if options.pool and shape.is_async:
            raise NotAHandler(f"{options.name} is async: pools are for functions that are not")
        takes, answers = codec_for(shape.takes), codec_for(shape.answers)
        task = Task[Any, Any](function, shape, options, takes=takes, answers=answers, host=self._app)
        self._app.add(task)
        return task


@asynccontextmanager
async def _nothing(_: App) -> AsyncIterator[None]:
    yield None


async def _awaited(awaitable: Awaitable[None]) -> None:
    await awaitable
