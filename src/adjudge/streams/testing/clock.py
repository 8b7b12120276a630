"""An event loop of its own time: when nothing is ready, the clock jumps to the next timer.

With a seed, what is ready runs in an order drawn from it, so that one seed is one interleaving. Each task belongs to a
`Process`; one that is frozen or killed is not run at all, which is what a crash looks like from outside.
"""

import asyncio
import itertools
import random
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Any, ClassVar, TypeVar

_T = TypeVar("_T")


class Deadlock(Exception):
    """Every task waits for something that no timer and no other task will bring about."""


class Process:
    """What lives and dies together. Tasks made within `running` and their children belong to it."""

    current: ClassVar[ContextVar["Process | None"]] = ContextVar("process", default=None)

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.frozen = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Tasks made in this block belong to the process."""
        token = self.current.set(self)
        try:
            yield
        finally:
            self.current.reset(token)


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs tasks and timers, no sockets, signals or child processes. `time()` begins at 0.

    Functions sent to an executor run at once, where they stand: threads would bring the real clock back.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__()
        self._now = 0.0
        self._clock_resolution = 1e-7
        self._selector = self
        self._ready = _Ready(random.Random(seed) if seed is not None else None)  # noqa: S311
        self._numbers = itertools.count()
        self.set_task_factory(self._numbered_task)
        self.set_debug(False)  # its slow-callback warnings read this clock

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        """What the base class asks when nothing is ready: let the time pass."""
        if timeout is None:
            raise Deadlock("every task waits, and no timer is set")
        self._now += timeout
        return []

    def freeze(self, process: Process) -> None:
        """Run nothing of it until `thaw`; its timers go off late."""
        process.frozen = True
        self._ready.set_aside(process)

    def thaw(self, process: Process) -> None:
        """Let a frozen process go on."""
        process.frozen = False
        self._ready.bring_back(process)

    def kill(self, process: Process) -> None:
        """Run nothing of it any more, not even its clean-up."""
        process.alive = False
        self.freeze(process)

    def release(self) -> None:
        """Let all that is frozen or dead go on, so that the loop can be taken away; the dead get no further calls."""
        for process in self._ready.processes():
            self.thaw(process)

    def run_in_executor(  # type: ignore[override]  # the base's own types need more than Python 3.11 can say
        self, executor: object, func: Callable[..., _T], *args: Any
    ) -> "asyncio.Future[_T]":
        """Call the function now, whatever the executor."""
        future: asyncio.Future[_T] = self.create_future()
        try:
            future.set_result(copy_context().run(func, *args))
        except Exception as error:
            future.set_exception(error)
        return future

    def _numbered_task(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> "_Task":
        return _Task(next(self._numbers), coroutine, loop=loop, **options)

    def _process_events(self, event_list: list[Any]) -> None:
        assert not event_list

    def _write_to_self(self) -> None:
        """Nobody else's thread needs to wake a loop that never sleeps."""


class _Task(asyncio.Task[Any]):
    """A task that sets keep in the same order every time: by default they sort by address."""

    def __init__(self, number: int, coroutine: Coroutine[Any, Any, Any], **options: Any) -> None:
        self._number = number
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self._number


class _Ready:
    """Callbacks that may run: first in, first out, or in an order drawn by `rng`."""

    def __init__(self, rng: random.Random | None) -> None:
        self._rng = rng
        self._handles: list[asyncio.Handle] = []
        self._aside: dict[Process, list[asyncio.Handle]] = {}

    def __len__(self) -> int:
        return len(self._handles)

    def append(self, handle: asyncio.Handle) -> None:
        process = _process_of(handle)
        if process is not None and process.frozen:
            self._aside.setdefault(process, []).append(handle)
        else:
            self._handles.append(handle)

    def popleft(self) -> asyncio.Handle:
        if self._rng is None:
            return self._handles.pop(0) if self._handles else _nothing()
        if not self._handles:
            return _nothing()
        place = int(self._rng.random() * len(self._handles))
        self._handles[place], self._handles[-1] = self._handles[-1], self._handles[place]
        return self._handles.pop()

    def clear(self) -> None:
        self._handles.clear()
        self._aside.clear()

    def set_aside(self, process: Process) -> None:
        self._handles, mine = _parted(self._handles, process)
        self._aside.setdefault(process, []).extend(mine)

    def processes(self) -> list[Process]:
        return list(self._aside)

    def bring_back(self, process: Process) -> None:
        self._handles += self._aside.pop(process, [])


def _parted(handles: Iterable[asyncio.Handle], process: Process) -> tuple[list[asyncio.Handle], list[asyncio.Handle]]:
    others: list[asyncio.Handle] = []
    mine: list[asyncio.Handle] = []
    for handle in handles:
        (mine if _process_of(handle) is process else others).append(handle)
    return others, mine


def _process_of(handle: asyncio.Handle) -> Process | None:
    context: Context = handle._context  # type: ignore[attr-defined]
    return context.get(Process.current)


def _nothing() -> asyncio.Handle:
    """For the loop, which counts what is ready before it runs it: the rest was set aside meanwhile."""
    handle = asyncio.Handle(lambda: None, (), asyncio.get_running_loop())
    handle.cancel()
    return handle


def run(main: Callable[[], Coroutine[Any, Any, _T]], seed: int | None = None) -> _T:
    """Run the coroutine of `main` in a virtual loop, and take the loop away."""

    async def whole() -> _T:
        try:
            return await main()
        finally:
            loop.release()

    loop = VirtualLoop(seed)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(whole())
