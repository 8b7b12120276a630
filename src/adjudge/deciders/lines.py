"""Lines: the places in which calls of one decider run, one at a time in each.

A line becomes available again by itself. A function that overran its time-out cannot be stopped in a thread, and an
async one may refuse to stop. Until it returns, its line is lost, which is counted and shown; so the number of stuck
calls is bounded by the decider's `concurrency`.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeAlias

from adjudge.deciders.functions import Function
from adjudge.deciders.questions import Question
from adjudge.deciders.threads import Thread

PARTING_SECONDS: Final = 1.0
"""How long a cancelled async function may clean up when the decider is closed."""


class Line(Protocol):
    """A place for one call."""

    @property
    def is_lost(self) -> bool:
        """Whether its last caller has gone without the line being free again."""

    async def ask(self, questions: Sequence[Question]) -> list[Any]:
        """Call the function. Raises Raised, Garbled. Cancelled, it goes back when that is possible."""

    async def close(self) -> None:
        """End what runs in it, or leave it behind."""


class Asked(Protocol):
    """Something that can be asked on our loop: an async function, a model server."""

    async def ask_async(self, questions: Sequence[Question]) -> list[Any]:
        """Return a result for each question, in order."""


GiveBack: TypeAlias = Callable[[Line], None]


class NoLine(Exception):
    """No line came free for as long as a call may take: all are lost."""


class Lines:
    """The lines of a decider, and the queue for those that are free."""

    def __init__(self, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._all: list[Line] = []
        self._free: asyncio.Queue[Line] = asyncio.Queue()
        self._given = 0

    @property
    def count(self) -> int:
        return len(self._all)

    @property
    def busy(self) -> int:
        """How many are not free."""
        return len(self._all) - self._free.qsize()

    @property
    def lost(self) -> int:
        return sum(line.is_lost for line in self._all)

    def add(self, line: Line) -> None:
        """Have a new line, which is free."""
        self._all.append(line)
        self._free.put_nowait(line)

    def give(self, line: Line) -> None:
        """Take back a line that is free again."""
        self._given += 1
        self._free.put_nowait(line)

    async def take(self) -> Line:
        """Wait for a line as long as any come free at all. Raises NoLine."""
        while True:
            given = self._given
            try:
                async with asyncio.timeout(self._patience_seconds):
                    return await self._free.get()
            except TimeoutError:
                if given == self._given:
                    raise NoLine from None

    async def close(self) -> None:
        """End what runs in them, or leave it behind."""
        await asyncio.gather(*(line.close() for line in self._all), return_exceptions=True)


class ThreadLine:
    """A thread of our process, for plain functions."""

    def __init__(self, function: Function, thread: Thread, give_back: GiveBack) -> None:
        self._function = function
        self._thread = thread
        self._give_back = give_back
        self.is_lost = False

    async def ask(self, questions: Sequence[Question]) -> list[Any]:
        call = self._thread.run(lambda: self._function.ask(questions))
        call.add_done_callback(self._returned)
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            self.is_lost = not call.done()
            raise

    async def close(self) -> None:
        self._thread.close()

    def _returned(self, _: asyncio.Future[list[Any]]) -> None:
        self.is_lost = False
        self._give_back(self)


class TaskLine:
    """A task on our loop. An async function that blocks, blocks the worker: use `isolate: process`."""

    def __init__(self, asked: Asked, give_back: GiveBack) -> None:
        self._asked = asked
        self._give_back = give_back
        self._task: asyncio.Task[list[Any]] | None = None
        self.is_lost = False

    async def ask(self, questions: Sequence[Question]) -> list[Any]:
        task = self._task = asyncio.create_task(self._asked.ask_async(questions))
        task.add_done_callback(self._returned)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self.is_lost = task.cancel()
            raise

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=PARTING_SECONDS)

    def _returned(self, _: asyncio.Task[list[Any]]) -> None:
        self.is_lost = False
        self._give_back(self)
