"""One decider: its function, loaded once, or its server, with its lines, its breaker and its figures."""

import asyncio
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from adjudge.core.events import FaultKind
from adjudge.core.specifications import DeciderKind, DeciderSpec
from adjudge.deciders.breakers import Breaker, BreakerState, Position
from adjudge.deciders.calls import Call, Equipment, Overhear
from adjudge.deciders.frames import Orders
from adjudge.deciders.functions import LOADING_SECONDS, Function, Unusable, load
from adjudge.deciders.lines import Asked, Lines, TaskLine, ThreadLine
from adjudge.deciders.processes import ProcessLine
from adjudge.deciders.questions import Answered, Failed, Question
from adjudge.deciders.threads import Thread

GRACE_SECONDS: Final = 0.5
"""How much longer than a call may take we wait for a line before all are taken to be lost."""
SHADOW_BOUNDS: Final = {"niceness": 19, "largest": 1024 * 1024}
"""Of the processes of a decider in shadow: those that serve come first, and their loop reads no flood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeciderState:
    """What a decider is doing, as operators are shown it. Instants in UTC; counts since it was opened."""

    id: str
    kind: DeciderKind = "python"
    breaker: Position
    reason: str
    """Why the breaker is not closed; empty where it is."""
    since: datetime
    fault: FaultKind | None = None
    """Of what kind the fault was that opened it; None where it is closed, or the decider cannot be loaded."""
    until: datetime | None
    """When an open breaker lets a probe through; None: it does not, of itself."""
    calls: int
    """Calls made, those put again in parts counted once."""
    questions: int
    failures: int
    """Questions that got no answer; those refused by an open breaker included."""
    places: int
    """Calls that can run at once."""
    busy: int
    """Places in use, lost ones included."""
    lost: int
    """Places whose call overran and has not returned, or whose process is starting again."""


class Decider:
    """A decider that can be asked between `open` and `close`."""

    def __init__(
        self,
        spec: DeciderSpec,
        *,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        rng: random.Random,
        asked: Asked | None = None,
        overhear: Overhear | None = None,
    ) -> None:
        """`asked`: what is asked, where it is no Python function."""
        self.spec = spec
        self._opened = now()
        self._rng = rng
        self._lines = Lines(patience_seconds=spec.timeout.total_seconds() + GRACE_SECONDS)
        self._breaker = Breaker(spec.breaker_failures, spec.breaker_seconds, clock=clock, now=now)
        self._equipment = Equipment(
            spec, self._lines, self._breaker, clock, rng, overhear if spec.remote is None else None
        )
        self._largest_call = spec.batch
        self._asked = asked
        self._unusable: str | None = None
        self._calls = self._questions = self._failures = 0

    async def open(self) -> None:
        """Load the function. Raises Unusable; whoever asks all the same is told so."""
        try:
            is_single = await self._open_lines()
        except Unusable as error:
            self._unusable = f"cannot be imported: {error}"
            raise
        if is_single:
            self._largest_call = 1

    async def close(self) -> None:
        await self._lines.close()

    async def ask(self, questions: Sequence[Question]) -> list[Answered | Failed]:
        """Ask in as many calls as needed, at most `concurrency` at once; answers in order."""
        answers = await self._answers(questions)
        self._questions += len(answers)
        self._failures += sum(isinstance(answer, Failed) for answer in answers)
        return answers

    def state(self) -> DeciderState:
        breaker = self._breaker.state
        if self._unusable is not None:
            breaker = BreakerState("open", self._unusable, self._opened, None)
        return DeciderState(
            id=self.spec.id,
            kind=self.spec.kind,
            breaker=breaker.breaker,
            reason=breaker.reason,
            fault=breaker.fault,
            since=breaker.since,
            until=breaker.until,
            calls=self._calls,
            questions=self._questions,
            failures=self._failures,
            places=self._lines.count,
            busy=self._lines.busy,
            lost=self._lines.lost,
        )

    async def _answers(self, questions: Sequence[Question]) -> list[Answered | Failed]:
        if self._unusable is not None:
            return [self._unasked(self._unusable)] * len(questions)
        starts = range(0, len(questions), self._largest_call)
        if len(starts) == 1:
            return await self._call(questions)
        answers: list[list[Answered | Failed]] = [[] for _ in starts]

        async def ask_next(turns: Iterator[tuple[int, int]]) -> None:
            for turn, start in turns:
                answers[turn] = await self._call(questions[start : start + self._largest_call])

        turns = iter(enumerate(starts))  # shared: who is free takes the next
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.spec.concurrency, len(starts))):
                group.create_task(ask_next(turns))
        return [answer for part in answers for answer in part]

    async def _call(self, questions: Sequence[Question]) -> list[Answered | Failed]:
        self._calls += 1
        return await Call(self._equipment, questions).outcome()

    def _unasked(self, detail: str) -> Failed:
        return Failed(
            fault="error", detail=detail, recorded=detail, seconds=0.0, cost_micros=0, currency=self.spec.currency
        )

    async def _open_lines(self) -> bool:
        """Make the places for calls; return whether a call has one question at most."""
        if self._asked is not None:
            return self._open_asked(self._asked)
        return await (self._open_processes() if self.spec.isolate == "process" else self._open_here())

    def _open_asked(self, asked: Asked) -> bool:
        """Nothing is sent yet: a server that is down now may be up when it is asked."""
        for _ in range(self.spec.concurrency):
            self._lines.add(TaskLine(asked, self._lines.give))
        return self.spec.remote is not None and not self.spec.remote.takes_many

    async def _open_here(self) -> bool:
        threads = [Thread(f"decider {self.spec.id}")]
        function = await self._load(threads[0])
        if function.is_async:
            threads.pop().close()
            for _ in range(self.spec.concurrency):
                self._lines.add(TaskLine(function, self._lines.give))
        else:
            threads += [Thread(f"decider {self.spec.id}") for _ in range(self.spec.concurrency - 1)]
            for thread in threads:
                self._lines.add(ThreadLine(function, thread, self._lines.give))
        return function.is_single

    async def _load(self, thread: Thread) -> Function:
        """Import in a thread: that of a large model would hold up the loop."""
        python, settings = self.spec.python, self.spec.settings
        try:
            async with asyncio.timeout(LOADING_SECONDS):
                return await thread.run(lambda: load(python, settings))
        except BaseException as error:
            thread.close()
            if isinstance(error, TimeoutError):
                raise Unusable(f"{python}: it could not be loaded within {LOADING_SECONDS:g} s") from None
            raise

    async def _open_processes(self) -> bool:
        bounds = SHADOW_BOUNDS if self.spec.is_shadow else {}
        orders = Orders(self.spec.python, dict(self.spec.settings), list(sys.path), **bounds)
        lines = [
            ProcessLine(orders, self._lines.give, jitter=lambda: self._rng.uniform(0.5, 1.0))
            for _ in range(self.spec.concurrency)
        ]
        for line in lines:
            self._lines.add(line)
        opened = await asyncio.gather(*(line.open() for line in lines), return_exceptions=True)
        for result in opened:
            if isinstance(result, BaseException):
                raise result
        return opened[0] is True
