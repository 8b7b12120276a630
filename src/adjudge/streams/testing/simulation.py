"""An app on an in-memory broker in virtual time, for the tests of those who write handlers."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from adjudge.streams.app import App
from adjudge.streams.messages import DeadLetter
from adjudge.streams.tasks import Task
from adjudge.streams.testing import clock
from adjudge.streams.testing.broker import MemoryStreams
from adjudge.streams.testing.clock import Process, VirtualLoop
from adjudge.streams.testing.server import MemoryServer

_LOOK_SECONDS = 0.05
_SELDOMER, _SELDOMEST_SECONDS = 1.1, 1.0
"""Who waits for an hour does not look every instant of it."""

Story = Callable[["Simulation"], Coroutine[Any, Any, Any]]


class Simulation:
    """One server and, on demand, workers of it. Times are virtual: an hour of an idle worker takes seconds."""

    def __init__(self, seed: int = 0) -> None:
        self.seed, self.server = seed, MemoryServer()
        self.streams = MemoryStreams(self.server, rng=random.Random(seed))  # noqa: S311
        self._started = 0

    @asynccontextmanager
    async def working(
        self, app: App, *, only: Sequence[str] = (), drain_seconds: float = 10.0
    ) -> AsyncIterator["Worker"]:
        """A worker of the app for the length of the block; within it the app also publishes to this broker."""
        with app.on(self.streams):
            worker = Worker(self._next_process())
            stop = asyncio.Event()
            with worker.process.running():
                task = asyncio.create_task(app.run(stop=stop, only=only, drain_seconds=drain_seconds))
            try:
                yield worker
            finally:
                stop.set()
                if worker.process.alive:
                    await task

    async def drained(self, app: App, *, seconds: float = 3600.0) -> None:
        """Until nothing of the app is unfinished: handled, or among the dead letters. Raises TimeoutError."""
        pause = _LOOK_SECONDS
        async with asyncio.timeout(seconds):
            while not await self._is_drained(app):
                await asyncio.sleep(pause)
                pause = min(pause * _SELDOMER, _SELDOMEST_SECONDS)

    async def advance(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    async def dead_letters(self, of: Task[Any, Any] | str) -> list[DeadLetter]:
        """What was given up, oldest first; the first 1,000."""
        return await self.streams.dead_letters.page(of if isinstance(of, str) else of.name, limit=1000)

    async def _is_drained(self, app: App) -> bool:
        for name, task in app.handlers.items():
            depth = await self.streams.depth(name, list(task.options.lanes))
            if depth.delayed or any(lane.length or lane.waiting for lane in depth.lanes.values()):
                return False
        return True

    def _next_process(self) -> Process:
        self._started += 1
        return Process(f"worker {self._started}")


class Worker:
    """A simulated worker process."""

    def __init__(self, process: Process) -> None:
        self.process = process

    def crash(self) -> None:
        """Run nothing of it any more, as after `kill -9`; what it had in hand comes back when its lease is over."""
        _loop().kill(self.process)

    def freeze(self) -> None:
        """Run nothing of it until `thaw`, as after SIGSTOP."""
        _loop().freeze(self.process)

    def thaw(self) -> None:
        """Go on."""
        _loop().thaw(self.process)


def simulated(story: Story, *, seeds: Iterable[int] = (0,)) -> None:
    """Run the story once for each seed; each is another order of what happens at the same time.

    An error says in a note which seed brought it about; that seed alone brings it about again.
    """
    for seed in seeds:
        try:
            clock.run(partial(_told, story, seed), seed)
        except Exception as error:
            error.add_note(f"seed {seed} of the simulation")
            raise


def _loop() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


async def _told(story: Story, seed: int) -> None:
    await story(Simulation(seed))
